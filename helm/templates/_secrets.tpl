{{- /*
Every secret that Escalator reads, as a JSON object from the name of its file to where it is: secretName, key, value.
Only those that are in use.
*/ -}}
{{- define "escalator.secrets" -}}
{{- $secrets := dict "gitlab-token" .Values.gitlab.token -}}
{{- range $file, $secret := dict
      "webhook-signing-tokens" .Values.webhook.signingTokens
      "webhook-secret-tokens" .Values.webhook.secretTokens
      "store-url" .Values.store.postgresql.url -}}
  {{- if or $secret.secretName $secret.value -}}
    {{- $_ := set $secrets $file $secret -}}
  {{- end -}}
{{- end -}}
{{- $secrets | toJson -}}
{{- end -}}

{{- /* The Secret of those that are given by value; not named as an operator would name one beside it. */ -}}
{{- define "escalator.secretName" -}}
{{ include "escalator.name" . }}-values
{{- end -}}

{{- /* The folder in which they are mounted. */ -}}
{{- define "escalator.secretsPath" -}}
/run/secrets/escalator
{{- end -}}
