{{- /*
escalator.toml: what the chart decides over what `settings` says. The schema keeps the two apart. Helm writes every number of
a values file as a float (8 as 8.0), which Escalator reads as the whole number that the schema has made sure it is.
*/ -}}
{{- define "escalator.settings" -}}
{{- $path := include "escalator.secretsPath" . -}}
{{- $secrets := include "escalator.secrets" . | fromJson -}}
{{- $gitlab := dict
      "url" .Values.gitlab.url
      "groups" .Values.gitlab.groups
      "projects" .Values.gitlab.projects
      "token_file" (printf "%s/gitlab-token" $path) -}}
{{- $webhook := dict -}}
{{- range $kind := list "signing" "secret" -}}
  {{- $file := printf "webhook-%s-tokens" $kind -}}
  {{- if hasKey $secrets $file -}}
    {{- $_ := set $webhook (printf "%s_tokens_file" $kind) (printf "%s/%s" $path $file) -}}
  {{- end -}}
{{- end -}}
{{- $store := ternary
      (dict "url" "sqlite:///data/escalator.db")
      (dict "url_file" (printf "%s/store-url" $path))
      (eq .Values.store.kind "sqlite") -}}
{{- $own := dict
      "mode" .Values.mode
      "server" (dict "listen" "0.0.0.0:8080" "shutdown_timeout" (printf "%ds" (int .Values.shutdown.timeoutSeconds)))
      "admin" (dict "listen" "0.0.0.0:9090")
      "store" $store
      "gitlab" $gitlab
      "webhook" $webhook -}}
{{- if .Values.templates -}}
  {{- $_ := set $own "comment" (dict "templates" "/etc/escalator/templates") -}}
{{- end -}}
{{- with .Values.telemetry.otlpEndpoint -}}
  {{- $_ := set $own "telemetry" (dict "otlp_endpoint" .) -}}
{{- end -}}
{{- $logs := dict "log" (dict "format" "json") -}}
{{- mergeOverwrite $logs (deepCopy .Values.settings) $own | toToml -}}
{{- end -}}
