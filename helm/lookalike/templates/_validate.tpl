{{/* What the values' schema cannot say: one setting against another. */}}
{{- define "lookalike.validate" -}}
{{- $values := .Values }}
{{- range list "embed" "rank" }}
{{- $own := index $values . }}
{{- if and $own.autoscaling.enabled (gt (int $own.autoscaling.maxReplicas) (int $values.topics.partitions)) }}
{{- fail (printf "%s.autoscaling.maxReplicas is %d, but a topic has %d partitions: further workers would get none; raise topics.partitions or lower maxReplicas" . (int $own.autoscaling.maxReplicas) (int $values.topics.partitions)) }}
{{- end }}
{{- if gt (int $own.autoscaling.minReplicas) (int $own.autoscaling.maxReplicas) }}
{{- fail (printf "%s.autoscaling.minReplicas is above maxReplicas" .) }}
{{- end }}
{{- end }}
{{- if and (ne $values.keda.sasl "none") (not $values.secrets.kafka.name) }}
{{- fail "keda.sasl needs a user: name its Secret in secrets.kafka.name" }}
{{- end }}
{{- if and (eq $values.model.source "volume") (not $values.model.volume) }}
{{- fail "model.source is volume, but model.volume is empty: name a volume's source, say persistentVolumeClaim: {claimName: models}" }}
{{- end }}
{{- if and (eq $values.model.source "s3") (not $values.model.s3.uri) }}
{{- fail "model.source is s3, but model.s3.uri is empty: give s3://bucket/prefix" }}
{{- end }}
{{- end }}
