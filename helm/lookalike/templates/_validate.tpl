{{/* What the values' schema cannot say: one setting against another. */}}
{{- define "lookalike.validate" -}}
{{- $values := .Values }}
{{- range $place, $config := dict "config" $values.config "embed.config" $values.embed.config "rank.config" $values.rank.config "all.config" $values.all.config }}
{{- include "lookalike.noSecrets" (dict "place" $place "config" $config) }}
{{- end }}
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

{{/* A ConfigMap is no place for secrets. Names of keys are looked for wherever they stand:
     librdkafka's properties may be nested. Takes {place, config}. */}}
{{- define "lookalike.noSecrets" -}}
{{- if dig "qdrant" "api_key" "" .config }}
{{- fail (printf "%s.qdrant.api_key is a secret: put it into a Secret and name that in secrets.qdrant" .place) }}
{{- end }}
{{- $properties := dig "kafka" "properties" dict .config | toJson }}
{{- with regexFind "\"[^\"]*(password|secret|key[.]pem)[^\"]*\":" $properties }}
{{- fail (printf "%s.kafka.properties: %s is a secret: put it into a Secret and name that in secrets.kafka, or mount it with secrets.kafkaTls" $.place (trimSuffix ":" .)) }}
{{- end }}
{{- $stores := dig "objects" "stores" list .config | toJson }}
{{- with regexFind "\"[^\"]*(secret|access_key|account_key|session_token|bearer_token|password|sas_key)[^\"]*\":" $stores }}
{{- fail (printf "%s.objects.stores: %s is a secret: put it into a Secret and name that in secrets.objectStores" $.place (trimSuffix ":" .)) }}
{{- end }}
{{- end }}
