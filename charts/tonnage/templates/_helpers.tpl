{{/* The name of all objects: the release's, with the chart's unless it is in there. At most 50, so that suffixes fit. */}}
{{- define "tonnage.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "tonnage.selectorLabels" -}}
app.kubernetes.io/name: tonnage
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "tonnage.labels" -}}
{{ include "tonnage.selectorLabels" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: tonnage
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "tonnage.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "tonnage.fullname" .) -}}
{{- else -}}
{{- required "serviceAccount.name: name the service account that exists, or set serviceAccount.create" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The namespace whose ModelDeployments are served; empty for all. */}}
{{- define "tonnage.watchedNamespace" -}}
{{- if and .Values.watch.allNamespaces .Values.watch.namespace -}}
{{- fail "watch.namespace names one namespace and watch.allNamespaces means all of them: set one of the two" -}}
{{- end -}}
{{- if not .Values.watch.allNamespaces -}}
{{- .Values.watch.namespace | default .Release.Namespace -}}
{{- end -}}
{{- end -}}

{{/* The size of a head's volume; empty for none. */}}
{{- define "tonnage.headStorage" -}}
{{- $storage := .Values.headStorage -}}
{{- $isWanted := or (eq $storage.mode "Always") (and (eq $storage.mode "Auto") (ne $storage.className "")) -}}
{{- if eq $storage.mode "Auto" -}}
{{- range (lookup "storage.k8s.io/v1" "StorageClass" "" "").items -}}
{{- if eq "true" (dig "annotations" "storageclass.kubernetes.io/is-default-class" "" .metadata) -}}
{{- $isWanted = true -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $isWanted -}}{{- $storage.size -}}{{- end -}}
{{- end -}}

{{- define "tonnage.rayTokenKeyName" -}}
{{- .Values.rayTokenKey.existingSecret | default (printf "%s-ray-token-key" (include "tonnage.fullname" .)) -}}
{{- end -}}

{{/* Takes (list . "<key in images>"); a digest wins over a tag. */}}
{{- define "tonnage.image" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $image := index $root.Values.images $name -}}
{{- $missing := printf "images.%s.repository: no image of Tonnage is published yet: build it, push it, and name it here" $name -}}
{{- $repository := required $missing $image.repository -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository ($image.tag | default $root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* What every container of the chart may do: nothing. */}}
{{- define "tonnage.containerSecurityContext" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
readOnlyRootFilesystem: true
{{- end -}}

{{- define "tonnage.podSecurityContext" -}}
runAsNonRoot: true
seccompProfile: {type: RuntimeDefault}
{{- end -}}
