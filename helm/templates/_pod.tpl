{{- /* The pod, the same for both kinds of store. */ -}}
{{- define "escalator.pod" -}}
metadata:
  labels:
    {{- include "escalator.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # Read once, at start: a change restarts the pod. Of Secrets that the chart did not make it sees no change.
    checksum/config: {{ include (print $.Template.BasePath "/configmap.yaml") . | sha256sum }}
    checksum/secrets: {{ include (print $.Template.BasePath "/secret.yaml") . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "escalator.name" . }}
  automountServiceAccountToken: false
  # The variables that Kubernetes would make for each Service of the namespace begin with the Service's name, as ours do.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "escalator.gracePeriodSeconds" . }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "escalator.podSecurity" . | nindent 4 }}
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
  containers:
    - name: escalator
      image: {{ include "escalator.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve]
      env:
        {{- include "escalator.env" . | nindent 8 }}
      ports:
        - name: http
          containerPort: 8080
          protocol: TCP
        - name: admin
          containerPort: 9090
          protocol: TCP
      {{- include "escalator.lifetime" . | nindent 6 }}
      securityContext:
        {{- include "escalator.containerSecurity" . | nindent 8 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        {{- if eq .Values.store.kind "sqlite" }}
        # The only place that can be written.
        - name: data
          mountPath: /data
        {{- end }}
        {{- include "escalator.mounts" . | nindent 8 }}
  volumes:
    {{- include "escalator.volumes" . | nindent 4 }}
  {{- if eq .Values.store.kind "postgresql" }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: {{ $.Values.topologySpread.whenUnsatisfiable }}
      labelSelector:
        matchLabels:
          {{- include "escalator.selector" $ | nindent 10 }}
      # Each rollout is spread by itself, whatever is left of the one before.
      matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- include "escalator.nodes" . | nindent 2 }}
{{- end -}}

{{- /* Where the image runs, and the pod of `helm test` with it. */ -}}
{{- define "escalator.nodes" -}}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "escalator.drainSeconds" -}}
{{- ternary .Values.shutdown.drainSeconds 0 (eq .Values.store.kind "postgresql") | int -}}
{{- end -}}

{{- /* Kubernetes must not kill a pod that is still draining or stopping; five seconds are to spare. */ -}}
{{- define "escalator.gracePeriodSeconds" -}}
{{- add (include "escalator.drainSeconds" . | int) (int .Values.shutdown.timeoutSeconds) 5 -}}
{{- end -}}

{{- define "escalator.lifetime" -}}
startupProbe:
  httpGet:
    path: /livez
    port: admin
  periodSeconds: 1
  # Ten minutes: it answers when the store is migrated, by itself or by another replica, and a kill would begin that anew.
  failureThreshold: 600
livenessProbe:
  httpGet:
    path: /livez
    port: admin
  periodSeconds: 10
  failureThreshold: 3
# Ready is who can keep a webhook. It never depends on GitLab.
readinessProbe:
  httpGet:
    path: /readyz
    port: admin
  periodSeconds: 5
  # Escalator itself gives its store two seconds.
  timeoutSeconds: 3
  failureThreshold: 2
{{- with include "escalator.drainSeconds" . | int }}
lifecycle:
  preStop:
    # The kubelet sleeps; the image has nothing that could.
    sleep:
      seconds: {{ . }}
{{- end }}
{{- end -}}

{{- define "escalator.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "escalator.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "escalator.env" -}}
- name: ESCALATOR_CONFIG
  value: /etc/escalator/config/escalator.toml
{{- if .Values.gitlab.caConfigMap.name }}
- name: SSL_CERT_FILE
  value: /etc/escalator/authority/ca.crt
{{- end }}
{{- range $name, $value := .Values.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{- define "escalator.mounts" -}}
- name: config
  mountPath: /etc/escalator/config
  readOnly: true
{{- if .Values.templates }}
- name: templates
  mountPath: /etc/escalator/templates
  readOnly: true
{{- end }}
{{- if .Values.gitlab.caConfigMap.name }}
- name: authority
  mountPath: /etc/escalator/authority
  readOnly: true
{{- end }}
- name: secrets
  mountPath: {{ include "escalator.secretsPath" . }}
  readOnly: true
{{- end -}}

{{- define "escalator.volumes" -}}
- name: config
  configMap:
    name: {{ include "escalator.name" . }}
{{- if .Values.templates }}
- name: templates
  configMap:
    name: {{ include "escalator.name" . }}-templates
{{- end }}
{{- with .Values.gitlab.caConfigMap }}
{{- if .name }}
- name: authority
  configMap:
    name: {{ .name }}
    items:
      - key: {{ .key }}
        path: ca.crt
{{- end }}
{{- end }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $file, $secret := include "escalator.secrets" . | fromJson }}
      - secret:
          name: {{ $secret.secretName | default (include "escalator.secretName" $) }}
          items:
            - key: {{ ternary $secret.key $file (ne $secret.secretName "") }}
              path: {{ $file }}
      {{- end }}
{{- end -}}
