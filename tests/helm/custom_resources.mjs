// Validates the custom resources among rendered manifests: kubernetes-validate knows Kubernetes' own kinds only.
// Takes a JSON list of manifests on standard input.
import { readFileSync } from "node:fs";
import { HTTPRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/HTTPRoute";
import { PrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule";
import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";

const models = { HTTPRoute, PrometheusRule, ServiceMonitor };
const seen = new Set();
for (const manifest of JSON.parse(readFileSync(0, "utf8"))) {
  if (manifest.kind in models) {
    new models[manifest.kind](manifest).validate();
    seen.add(manifest.kind);
  }
}
const unseen = Object.keys(models).filter((kind) => !seen.has(kind));
if (unseen.length > 0) {
  throw new Error(`nothing was rendered of the kind ${unseen.join(", ")}`);
}
console.log(`${[...seen].join(", ")} are as their projects define them`);
