{{- define "lookalike.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "lookalike.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "lookalike.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "lookalike.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "lookalike.selectorLabels" -}}
app.kubernetes.io/name: {{ include "lookalike.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "lookalike.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "lookalike.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "lookalike.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "lookalike.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The roles that have a Deployment, in their order. */}}
{{- define "lookalike.roles" -}}
{{- if eq .Values.mode "all" }}all{{ else }}embed rank{{ end }}
{{- end }}

{{/* The values that set up the Deployment of a role: those of embed for mode all.
     Takes {root, role}, gives YAML. */}}
{{- define "lookalike.roleValues" -}}
{{- $values := eq .role "rank" | ternary .root.Values.rank .root.Values.embed }}
{{- toYaml $values }}
{{- end }}

{{/* Takes {root, role}: rank has an image of its own size, embed may have another. */}}
{{- define "lookalike.image" -}}
{{- $image := .root.Values.image }}
{{- $own := eq .role "rank" | ternary dict .root.Values.embed.image }}
{{- $repository := default $image.repository $own.repository }}
{{- $digest := $own.digest }}
{{- if not (or $own.repository $own.tag $own.digest) }}{{ $digest = $image.digest }}{{ end }}
{{- if $digest }}
{{- printf "%s@%s" $repository $digest }}
{{- else }}
{{- printf "%s:%s" $repository (default (default .root.Chart.AppVersion $image.tag) $own.tag) }}
{{- end }}
{{- end }}

{{/* Where the model lies in the container. */}}
{{- define "lookalike.modelDirectory" -}}
{{- $model := .Values.model }}
{{- if eq $model.source "image" }}{{ $model.directory }}
{{- else }}{{ printf "/models/current/%s" (trimPrefix "/" $model.directory) | trimSuffix "/" }}
{{- end }}
{{- end }}

{{/* The worker's configuration of a role, as the worker reads it. Takes {root, role}. */}}
{{- define "lookalike.config" -}}
{{- $values := .root.Values }}
{{- $own := (index $values .role).config }}
{{- $config := mustMergeOverwrite (deepCopy $values.config) (deepCopy $own) }}
{{- $encoder := dict "directory" (include "lookalike.modelDirectory" .root) }}
{{- if and (ne .role "rank") $values.embed.gpu.enabled }}
{{- $_ := set $encoder "execution_provider" $values.embed.gpu.provider }}
{{- if $values.embed.gpu.engineCache }}
{{- $_ := set $encoder "gpu" (dict "engine_cache" "/var/cache/lookalike") }}
{{- end }}
{{- end }}
{{- $filled := dict "role" .role "http" (dict "listen" "0.0.0.0:8080") "encoder" $encoder }}
{{- with $values.generation }}
{{- $topics := default dict $config.kafka.topics }}
{{- $renamed := dict
      "rank" (printf "%s.%s" (default "lookalike.rank" $topics.rank) .)
      "similar" (printf "%s.%s" (default "lookalike.similar" $topics.similar) .)
      "dead_letters" (printf "%s.%s" (default "lookalike.dead-letters" $topics.dead_letters) .) }}
{{- $kafka := dict "topics" $renamed "group_prefix" (printf "%s-%s" (default "lookalike" $config.kafka.group_prefix) .) }}
{{- $_ := set $filled "kafka" $kafka }}
{{- end }}
{{- mustMergeOverwrite $config $filled | toYaml }}
{{- end }}

{{/* Seconds from SIGTERM to SIGKILL: the worker's own deadline comes first. Takes {root, role}. */}}
{{- define "lookalike.gracePeriod" -}}
{{- $config := include "lookalike.config" . | fromYaml }}
{{- $deadline := dig "shutdown" "deadline_ms" 35000 $config | int }}
{{- add (div (add $deadline 999) 1000) 10 }}
{{- end }}

{{- define "lookalike.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "lookalike.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Secrets, by reference, as the worker's environment. */}}
{{- define "lookalike.secretEnv" -}}
{{- with .Values.secrets.kafka }}{{ if .name }}
- name: LOOKALIKE__KAFKA__PROPERTIES__SASL__USERNAME
  valueFrom: {secretKeyRef: {name: {{ .name }}, key: {{ .usernameKey }}}}
- name: LOOKALIKE__KAFKA__PROPERTIES__SASL__PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .name }}, key: {{ .passwordKey }}}}
{{- end }}{{ end }}
{{- with .Values.secrets.qdrant }}{{ if .name }}
- name: LOOKALIKE__QDRANT__API_KEY
  valueFrom: {secretKeyRef: {name: {{ .name }}, key: {{ .apiKeyKey }}}}
{{- end }}{{ end }}
{{- end }}

{{/* Variables of a container: secrets and what the values add. Takes {root, own, stores}:
     whether it reads objects or models. */}}
{{- define "lookalike.environment" -}}
{{- $secrets := include "lookalike.secretEnv" .root | trim }}
{{- if or $secrets .own.extraEnv }}
env:
  {{- with $secrets }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .own.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- $stores := .stores | ternary .root.Values.secrets.objectStores.name "" }}
{{- if or $stores .own.extraEnvFrom }}
envFrom:
  {{- with $stores }}
  - secretRef: {name: {{ . }}}
  {{- end }}
  {{- with .own.extraEnvFrom }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Nodes of a pod. Takes the values of its role. */}}
{{- define "lookalike.nodes" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Configuration and certificates; takes {root, file}: the file of the ConfigMap. */}}
{{- define "lookalike.configMounts" -}}
- {name: config, mountPath: /etc/lookalike/lookalike.yaml, subPath: {{ .file }}, readOnly: true}
{{- if .root.Values.secrets.kafkaTls.name }}
- {name: kafka-tls, mountPath: /etc/lookalike/kafka-tls, readOnly: true}
{{- end }}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "lookalike.commonVolumes" -}}
{{- with .Values.secrets.kafkaTls.name }}
- name: kafka-tls
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- end }}

{{/* The model's volume and its mount; nothing when it is in the image. */}}
{{- define "lookalike.modelMount" -}}
{{- if ne .Values.model.source "image" }}
- {name: model, mountPath: /models/current, readOnly: true}
{{- end }}
{{- end }}

{{- define "lookalike.modelVolume" -}}
{{- if ne .Values.model.source "image" }}
- name: model
  {{- eq .Values.model.source "volume" | ternary .Values.model.volume .Values.model.cache | toYaml | nindent 2 }}
{{- end }}
{{- end }}

{{/* Copies the model from S3 into its cache. The network's files are only ever read. */}}
{{- define "lookalike.modelCopy" -}}
- name: model
  image: {{ .Values.model.s3.image }}
  args:
    - s3
    - sync
    - --no-progress
    - {{ .Values.model.s3.uri }}
    - {{ include "lookalike.modelDirectory" . }}
    {{- with .Values.model.s3.extraArgs }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  env:
    - {name: HOME, value: /tmp}
  {{- with .Values.secrets.objectStores.name }}
  envFrom:
    - secretRef: {name: {{ . }}}
  {{- end }}
  resources:
    requests: {cpu: 100m, memory: 256Mi}
    limits: {memory: 512Mi}
  securityContext:
    {{- include "lookalike.securityContext" . | nindent 4 }}
  volumeMounts:
    - {name: model, mountPath: /models/current}
    - {name: tmp, mountPath: /tmp}
{{- end }}
