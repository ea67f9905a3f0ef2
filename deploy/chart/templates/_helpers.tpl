{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* Service kube-dns must not choose pods in mode own: what answers there is the card's address, not the pod's. */}}
{{- define "burst53.app" -}}
{{ get (dict "nodelocal" "node-local-dns" "own" "burst53") .Values.mode | default "kube-dns" }}
{{- end }}
{{- define "burst53.labels" -}}
k8s-app: {{ include "burst53.app" . }}
app.kubernetes.io/name: burst53
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "burst53.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- define "burst53.probes" -}}
livenessProbe:
  httpGet: {path: /health, port: 8080, scheme: HTTP}
  initialDelaySeconds: 60
  timeoutSeconds: 5
  failureThreshold: 5
readinessProbe:
  httpGet: {path: /ready, port: 8181, scheme: HTTP}
  periodSeconds: 1
{{- end }}
{{- define "burst53.ports" -}}
- {containerPort: 53, name: dns, protocol: UDP}
- {containerPort: 53, name: dns-tcp, protocol: TCP}
- {containerPort: 9153, name: metrics, protocol: TCP}
{{- end }}
{{- define "burst53.spread" -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchExpressions:
            - {key: k8s-app, operator: In, values: [kube-dns]}
{{- end }}
