{{- /* Put a value at a path of a resource, as JSON Patch's "add" does (RFC 6902): in, path, value. */ -}}
{{- define "add" -}}
{{- $steps := splitList "/" (trimPrefix "/" .path) -}}
{{- $at := .in -}}
{{- range initial $steps -}}
{{- $at = index $at (ternary (atoi .) . (regexMatch "^[0-9]+$" .)) -}}
{{- end -}}
{{- $_ := set $at (last $steps) (deepCopy .value) -}}
{{- end -}}

{{- /* Do to one resource what kustomization.yaml says, but for its images: root, base, one. */ -}}
{{- define "kustomized" -}}
{{- $root := .root -}}
{{- $one := .one -}}
{{- range .base.patches -}}
{{- if regexMatch (printf "^(%s)$" .target.kind) $one.kind -}}
{{- range $root.Files.Get .path | fromYamlArray -}}
{{- include "add" (dict "in" $one "path" .path "value" .value) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range .base.labels -}}
{{- $_ := set $one.metadata "labels" (merge (default (dict) $one.metadata.labels) .pairs) -}}
{{- with (default (dict) $one.spec).template -}}
{{- $_ := set .metadata "labels" (merge (default (dict) .metadata.labels) $one.metadata.labels) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Put the values into a Deployment or a Job: root, one, process (its own values), settings (those of the ConfigMap). */ -}}
{{- define "valued" -}}
{{- $values := .root.Values -}}
{{- $template := .one.spec.template -}}
{{- $pod := $template.spec -}}
{{- $secrets := dict "booking-secrets" $values.secrets.booking "booking-flower" $values.secrets.flower "booking-traces" $values.secrets.traces -}}
{{- $image := printf "%s:%s" $values.image.repository (default .root.Chart.AppVersion $values.image.tag) -}}
{{- with $values.image.digest -}}{{- $image = printf "%s@%s" $values.image.repository . -}}{{- end -}}
{{- $hook := eq .one.kind "Job" -}}
{{- range $container := concat $pod.containers (default (list) $pod.initContainers) -}}
{{- $_ := set $container "image" $image -}}
{{- with $values.image.pullPolicy -}}{{- $_ := set $container "imagePullPolicy" . -}}{{- end -}}
{{- $sources := list -}}
{{- $env := list -}}
{{- range $container.envFrom -}}
{{- with .secretRef -}}{{- $_ := set . "name" (get $secrets .name) -}}{{- end -}}
{{- if not (and $hook .configMapRef) -}}{{- $sources = append $sources . -}}{{- end -}}
{{- end -}}
{{- $_ := set $container "envFrom" $sources -}}
{{- if $hook -}}
{{- range $name, $value := $.settings -}}{{- $env = append $env (dict "name" $name "value" $value) -}}{{- end -}}
{{- end -}}
{{- range $name, $key := $values.secretKeys -}}
{{- $env = append $env (dict "name" $name "valueFrom" (dict "secretKeyRef" (dict "name" $key.name "key" $key.key))) -}}
{{- end -}}
{{- with concat $env (default (list) $container.env) -}}{{- $_ := set $container "env" . -}}{{- end -}}
{{- end -}}
{{- $main := first $pod.containers -}}
{{- with .process.resources -}}{{- $_ := set $main "resources" . -}}{{- end -}}
{{- with .process.concurrency -}}
{{- $words := list -}}
{{- $number := toString (int .) -}}
{{- range $main.command -}}{{- $words = append $words (ternary $number . (eq (default "" (last $words)) "--concurrency")) -}}{{- end -}}
{{- $_ := set $main "command" $words -}}
{{- end -}}
{{- if $hook -}}
{{- /* Helm waits for its end, so nothing of the new release is there before; ConfigMaps of the release are not there yet either. */ -}}
{{- $_ := set .one.metadata "annotations" (dict "helm.sh/hook" "pre-install,pre-upgrade" "helm.sh/hook-delete-policy" "before-hook-creation") -}}
{{- else -}}
{{- $settings := dict "checksum/settings" (sha256sum (toJson .settings)) -}}
{{- $_ := set $template.metadata "annotations" (merge $settings (default (dict) $template.metadata.annotations)) -}}
{{- with .process.replicas -}}{{- $_ := set $.one.spec "replicas" . -}}{{- end -}}
{{- end -}}
{{- $_ := mergeOverwrite $pod (deepCopy $values.pod) (deepCopy (default (dict) .process.pod)) -}}
{{- end -}}
