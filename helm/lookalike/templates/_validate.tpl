{{/* What the values' schema cannot say: one setting against another. */}}
{{- define "lookalike.validate" -}}
{{- $values := .Values }}
{{- range $place, $config := dict "config" $values.config "embed.config" $values.embed.config "rank.config" $values.rank.config "all.config" $values.all.config }}
{{- include "lookalike.noSecrets" (dict "place" $place "config" $config) }}
{{- range $key, $from := dict "directory" "model.source and model.directory" "execution_provider" "embed.gpu" }}
{{- if dig "encoder" $key "" $config }}
{{- fail (printf "%s.encoder.%s is filled in by the chart, from %s" $place $key $from) }}
{{- end }}
{{- end }}
{{- end }}
{{- include "lookalike.noUnused" . }}
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
{{- $tls := $values.secrets.kafkaTls }}
{{- if and (or $tls.caKey $tls.certKey $tls.keyKey) (not $tls.name) }}
{{- fail "secrets.kafkaTls has keys, but no name: name the Secret that they are in" }}
{{- end }}
{{- if and (eq $values.model.source "volume") (not $values.model.volume) }}
{{- fail "model.source is volume, but model.volume is empty: name a volume's source, say persistentVolumeClaim: {claimName: models}" }}
{{- end }}
{{- if and (eq $values.model.source "s3") (not $values.model.s3.uri) }}
{{- fail "model.source is s3, but model.s3.uri is empty: give s3://bucket/prefix" }}
{{- end }}
{{- if and (ne $values.model.source "image") (hasPrefix "/" $values.model.directory) }}
{{- fail (printf "model.directory is %s, but model.source is %s: give the model's folder in the volume, without a slash before it" $values.model.directory $values.model.source) }}
{{- end }}
{{- end }}

{{/* Values that would change nothing. */}}
{{- define "lookalike.noUnused" -}}
{{- $values := .Values }}
{{- if eq $values.mode "all" }}
{{- range list "embed" "rank" }}
{{- if (index $values .).config }}
{{- fail (printf "%s.config is not used in mode all: put it into all.config" .) }}
{{- end }}
{{- end }}
{{- if $values.rank.autoscaling.enabled }}
{{- fail "rank.autoscaling is not used in mode all: embed.autoscaling scales the one Deployment" }}
{{- end }}
{{- else if $values.all.config }}
{{- fail "all.config is only used in mode all: put it into config, embed.config or rank.config" }}
{{- end }}
{{- $alerts := list }}
{{- range (.Files.Get "files/rules.yaml" | fromYaml).groups }}
{{- range .rules }}{{ with .alert }}{{ $alerts = append $alerts . }}{{ end }}{{ end }}
{{- end }}
{{- range $values.prometheusRule.disabled }}
{{- if not (has . $alerts) }}
{{- fail (printf "prometheusRule.disabled names %s, but the alerts are %s" . (join ", " $alerts)) }}
{{- end }}
{{- end }}
{{- end }}

{{/* A ConfigMap is no place for secrets. Takes {place, config}. */}}
{{- define "lookalike.noSecrets" -}}
{{- if dig "qdrant" "api_key" "" .config }}
{{- fail (printf "%s.qdrant.api_key is a secret: put it into a Secret and name that in secrets.qdrant" .place) }}
{{- end }}
{{- range include "lookalike.leaves" (dict "path" "" "value" (dig "kafka" "properties" dict .config)) | lower | splitList "\n" }}
{{- if and (regexMatch "password|passphrase|secret|token|credential|jaas|key[.]pem|oauthbearer[.]config" .) (not (regexMatch "[.](location|file|url|method|extensions|client[.]id)$" .)) }}
{{- fail (printf "%s.kafka.properties: %s is a secret: put it into a Secret and name that in secrets.kafka, mount it with secrets.kafkaTls, or make it a variable in extraEnv" $.place (trimPrefix "." .)) }}
{{- end }}
{{- end }}
{{- range include "lookalike.leaves" (dict "path" "" "value" (dig "objects" "stores" list .config)) | lower | splitList "\n" }}
{{- if and (regexMatch "password|secret|token|credential|key" .) (not (regexMatch "_(file|path|uri|url|enabled|kms_key_id|application_credentials)$" .)) }}
{{- fail (printf "%s.objects.stores: %s is a secret: put it into a Secret and name that in secrets.objectStores" $.place (trimPrefix "." .)) }}
{{- end }}
{{- end }}
{{- end }}

{{/* The path of everything in a value, a line each: librdkafka's properties may be nested.
     Takes {path, value}. */}}
{{- define "lookalike.leaves" -}}
{{- if kindIs "map" .value }}
{{- range $key, $inner := .value }}
{{- include "lookalike.leaves" (dict "path" (printf "%s.%s" $.path $key) "value" $inner) }}
{{- end }}
{{- else if kindIs "slice" .value }}
{{- range .value }}
{{- include "lookalike.leaves" (dict "path" $.path "value" .) }}
{{- end }}
{{- else }}
{{ .path }}
{{- end }}
{{- end }}
