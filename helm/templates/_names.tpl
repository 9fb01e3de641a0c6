{{- define "escalator.name" -}}
{{- if not (regexMatch "^[a-z][-a-z0-9]*$" .Release.Name) -}}
{{- fail (printf "The release cannot be named %s: Kubernetes lets the name of a Service begin with a letter only, and hold no dot." .Release.Name) -}}
{{- end -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "escalator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* The pods of `helm test`: not to be found by the selector above. */ -}}
{{- define "escalator.testSelector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "escalator.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "escalator.labels" -}}
{{ include "escalator.selector" . }}
{{ include "escalator.commonLabels" . }}
{{- end -}}

{{- define "escalator.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- /* The fewest replicas there are when nothing is wrong. */ -}}
{{- define "escalator.leastReplicas" -}}
{{- if .Values.autoscaling.enabled }}{{ .Values.autoscaling.minReplicas }}{{ else }}{{ .Values.replicas }}{{ end -}}
{{- end -}}

{{- /* The port of a URL: port 443 of https://…, unless it names one. */ -}}
{{- define "escalator.port" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $port | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end -}}

{{- /* The seconds of a duration: 600 of 10m. */ -}}
{{- define "escalator.seconds" -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- mulf (trimSuffix $unit . | float64) (get (dict "ms" 0.001 "s" 1 "m" 60 "h" 3600) $unit) -}}
{{- end -}}

{{- /* The port of a database's URL, 5432 unless it names one; nothing of no URL. A password may hold what urlParse refuses. */ -}}
{{- define "escalator.databasePort" -}}
{{- with . -}}
{{- $address := regexReplaceAll "^[a-z]+://(.*@)?" . "" | regexFind "^[^/?]*" -}}
{{- regexFind ":[0-9]+$" $address | trimPrefix ":" | default "5432" -}}
{{- end -}}
{{- end -}}
