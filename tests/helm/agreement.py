#!/usr/bin/env python3
"""The parts of a rendered chart agree with one another, and nothing is open that should be shut.

    tests/helm/agreement.py RENDERED…
"""

import pathlib
import re
import sys
import tomllib
import urllib.parse

import yaml

DOCKERFILE = (pathlib.Path(__file__).parents[2] / "Dockerfile").read_text()
# Of a Service, and of everything else as well.
LONGEST_NAME = 63
# Kubernetes labels the pods of a StatefulSet with its name and a hash.
LONGEST_STATEFULSET_NAME = 52
WEBHOOK_PATH = "/webhooks/gitlab"


class Chart:
    """The rendered manifests of one set of values."""

    def __init__(self, path):
        with open(path) as rendered:
            self.manifests = [manifest for manifest in yaml.safe_load_all(rendered) if manifest]
        (self.workload,) = self.of_kind("StatefulSet") + self.of_kind("Deployment")
        self.pod = self.workload["spec"]["template"]
        (self.container,) = self.pod["spec"]["containers"]
        self.ports = {port["name"]: port["containerPort"] for port in self.container["ports"]}
        self.mounts = {mount["name"]: mount["mountPath"] for mount in self.container["volumeMounts"]}
        self.volumes = {volume["name"]: volume for volume in self.pod["spec"]["volumes"]}
        config_map = self.named("ConfigMap", self.volumes["config"]["configMap"]["name"])
        self.config = tomllib.loads(config_map["data"]["escalator.toml"])

        (self.service,) = self.of_kind("Service")

    def of_kind(self, kind):
        return [manifest for manifest in self.manifests if manifest["kind"] == kind]

    def named(self, kind, name):
        (manifest,) = [manifest for manifest in self.of_kind(kind) if manifest["metadata"]["name"] == name]
        return manifest


def names_are_no_longer_than_kubernetes_allows(chart):
    for manifest in chart.manifests:
        assert len(manifest["metadata"]["name"]) <= LONGEST_NAME, manifest["metadata"]
    assert len(chart.workload["metadata"]["name"]) <= LONGEST_STATEFULSET_NAME


def the_container_serves_with_the_configuration(chart):
    assert chart.container["args"] == ["serve"]
    environment = {variable["name"]: variable["value"] for variable in chart.container["env"]}
    assert environment["ESCALATOR_CONFIG"] == f"{chart.mounts['config']}/escalator.toml", environment
    if "authority" in chart.volumes:
        (item,) = chart.volumes["authority"]["configMap"]["items"]
        assert environment["SSL_CERT_FILE"] == f"{chart.mounts['authority']}/{item['path']}", environment
    assert chart.config["log"]["format"] == "json"
    # Else there would be variables that begin with ESCALATOR_, for each Service of the namespace that is named so.
    assert chart.pod["spec"]["enableServiceLinks"] is False


def probes_ask_what_they_are_for(chart):
    probes = {name: chart.container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    assert all(probe["httpGet"]["port"] == "admin" for probe in probes.values())
    # A store that is away is no reason to be killed.
    paths = {name: probe["httpGet"]["path"] for name, probe in probes.items()}
    assert paths == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}, paths
    patience = {name: probe["periodSeconds"] * probe["failureThreshold"] for name, probe in probes.items()}
    assert patience["startup"] >= 600, "a migration takes minutes"
    assert patience["liveness"] >= 30 and patience["readiness"] <= 10, patience


def files_can_be_read_by_the_image_s_user_and_no_other(chart):
    (user, group) = map(int, re.search("^USER ([0-9]+):([0-9]+)$", DOCKERFILE, re.MULTILINE).groups())
    (test,) = chart.of_kind("Pod")
    for spec in (chart.pod["spec"], test["spec"]):
        security = spec["securityContext"]
        assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (user, group, group), security
        (secrets,) = [volume for volume in spec["volumes"] if volume["name"] == "secrets"]
        assert secrets["projected"]["defaultMode"] == 0o440, secrets


def the_configuration_names_the_ports(chart):
    assert chart.config["server"]["listen"] == f"0.0.0.0:{chart.ports['http']}", chart.config["server"]
    assert chart.config["admin"]["listen"] == f"0.0.0.0:{chart.ports['admin']}", chart.config["admin"]


def the_admin_port_is_published_nowhere(chart):
    for service in chart.of_kind("Service"):
        assert [port["targetPort"] for port in service["spec"]["ports"]] == ["http"], service["spec"]
    for policy in chart.of_kind("NetworkPolicy"):
        for rule in policy["spec"]["ingress"]:
            admin = any(port["port"] != "http" for port in rule["ports"])
            assert not admin or rule["from"], "everybody could read the metrics"


def only_the_webhook_path_is_routed(chart):
    for ingress in chart.of_kind("Ingress"):
        for rule in ingress["spec"]["rules"]:
            assert rule["host"]
            assert [(path["path"], path["pathType"]) for path in rule["http"]["paths"]] == [(WEBHOOK_PATH, "Exact")]
    for route in chart.of_kind("HTTPRoute"):
        for rule in route["spec"]["rules"]:
            paths = [match["path"] for match in rule["matches"]]
            assert paths == [{"type": "Exact", "value": WEBHOOK_PATH}], paths


def what_leads_here_leads_to_the_service(chart):
    name = chart.service["metadata"]["name"]
    (port,) = chart.service["spec"]["ports"]
    for ingress in chart.of_kind("Ingress"):
        (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
        assert path["backend"]["service"] == {"name": name, "port": {"name": port["name"]}}, path
    for route in chart.of_kind("HTTPRoute"):
        (rule,) = route["spec"]["rules"]
        assert rule["backendRefs"] == [{"name": name, "port": port["port"]}], rule
        assert [match["method"] for match in rule["matches"]] == ["POST"], "nothing else is delivered"
    (test,) = chart.of_kind("Pod")
    assert test["metadata"]["annotations"]["helm.sh/hook"] == "test"
    (configuration, door) = test["spec"]["containers"]
    assert configuration["args"] == ["config", "check"]
    url = f"http://{name}.{chart.service['metadata']['namespace']}.svc:{port['port']}{WEBHOOK_PATH}"
    assert door["env"] == [{"name": "WEBHOOK", "value": url}], door
    (script,) = door["args"]
    assert '--request POST "$WEBHOOK"' in script and script.rstrip().endswith('test "$answer" = 401'), script


def the_test_runs_where_the_service_does(chart):
    (test,) = chart.of_kind("Pod")
    for key in ("nodeSelector", "tolerations", "priorityClassName", "imagePullSecrets"):
        assert test["spec"].get(key) == chart.pod["spec"].get(key), key
    assert test["spec"]["containers"][0]["resources"] == chart.container["resources"]
    nodes = [spec.get("affinity", {}).get("nodeAffinity") for spec in (test["spec"], chart.pod["spec"])]
    assert nodes[0] == nodes[1], nodes


def the_network_policy_lets_through_what_is_needed(chart):
    for policy in chart.of_kind("NetworkPolicy"):
        spec = policy["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"], "what is not named would be open"
        (test,) = chart.of_kind("Pod")
        (knocking,) = [rule for rule in spec["ingress"] if rule["ports"][0]["port"] == "http"]
        selectors = [peer.get("podSelector", {}).get("matchLabels", {}) for peer in knocking.get("from", [])]
        assert not selectors or any(
            selector and selector.items() <= test["metadata"]["labels"].items() for selector in selectors
        ), "`helm test` could not knock"
        measured = any(rule["ports"][0]["port"] == "admin" for rule in spec["ingress"])
        assert measured or not chart.of_kind("ServiceMonitor"), "Prometheus could not get in"
        ports = [(port["port"], port["protocol"]) for rule in spec["egress"] for port in rule["ports"]]
        needed = [(53, "UDP"), (53, "TCP"), (port_of(chart.config["gitlab"]["url"]), "TCP")]
        if "otlp_endpoint" in chart.config.get("telemetry", {}):
            needed.append((port_of(chart.config["telemetry"]["otlp_endpoint"]), "TCP"))
        proxies = [variable["value"] for variable in chart.container["env"] if variable["name"] == "HTTPS_PROXY"]
        needed += [(port_of(proxy), "TCP") for proxy in proxies]
        assert set(needed) <= set(ports), (needed, ports)


def port_of(url):
    parts = urllib.parse.urlsplit(url)
    return parts.port or {"http": 80, "https": 443}[parts.scheme]


def secrets_are_files_where_the_configuration_looks(chart):
    folder = chart.mounts["secrets"]
    sources = [source["secret"] for source in chart.volumes["secrets"]["projected"]["sources"]]
    mounted = {f"{folder}/{item['path']}" for source in sources for item in source["items"]}
    gitlab, webhook, store = chart.config["gitlab"], chart.config["webhook"], chart.config["store"]
    named = {table[key] for table in (gitlab, webhook, store) for key in table if key.endswith("_file")}
    assert mounted == named, (mounted, named)

    made = {manifest["metadata"]["name"]: set(manifest["data"]) for manifest in chart.of_kind("Secret")}
    for source in sources:
        if source["name"] in made:
            assert {item["key"] for item in source["items"]} <= made[source["name"]], source
    assert not [variable for variable in chart.container["env"] if "valueFrom" in variable]


def the_store_is_on_the_volume_or_in_postgresql(chart):
    if chart.workload["kind"] == "StatefulSet":
        assert chart.workload["spec"]["replicas"] == 1
        assert chart.workload["spec"]["serviceName"] == chart.service["metadata"]["name"]
        (claim,) = chart.workload["spec"]["volumeClaimTemplates"]
        assert claim["metadata"]["name"] == "data" and "data" not in chart.volumes
        retained = chart.workload["spec"]["persistentVolumeClaimRetentionPolicy"]
        assert set(retained.values()) == {"Retain"}, "the history would go with the release"
        assert chart.config["store"]["url"].startswith(f"sqlite://{chart.mounts['data']}/"), chart.config["store"]
        assert not chart.of_kind("PodDisruptionBudget") and not chart.of_kind("HorizontalPodAutoscaler")
    else:
        assert list(chart.config["store"]) == ["url_file"], chart.config["store"]
        assert "data" not in chart.mounts
        assert chart.workload["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        (budget,) = chart.of_kind("PodDisruptionBudget")
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow", "a sick replica would hold up maintenance"
        for scaler in chart.of_kind("HorizontalPodAutoscaler"):
            target, workload = scaler["spec"]["scaleTargetRef"], chart.workload
            assert (target["kind"], target["name"]) == (workload["kind"], workload["metadata"]["name"]), target
        spread = chart.pod["spec"]["topologySpreadConstraints"]
        assert [constraint["topologyKey"].partition("/")[2] for constraint in spread] == ["zone", "hostname"]
        for constraint in spread:
            assert constraint["labelSelector"]["matchLabels"].items() <= chart.pod["metadata"]["labels"].items()
            assert constraint["matchLabelKeys"] == ["pod-template-hash"]
    scaled = bool(chart.of_kind("HorizontalPodAutoscaler"))
    assert scaled != ("replicas" in chart.workload["spec"]), "the autoscaler and a number of replicas would fight"


def templates_are_mounted_where_the_configuration_looks(chart):
    folder = chart.config.get("comment", {}).get("templates")
    assert folder == chart.mounts.get("templates"), folder
    if folder:
        assert chart.named("ConfigMap", chart.volumes["templates"]["configMap"]["name"])["data"]


def nothing_is_killed_while_it_stops(chart):
    drain = chart.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert (drain > 0) == (chart.workload["kind"] == "Deployment"), "only where another replica serves meanwhile"
    stop = int(chart.config["server"]["shutdown_timeout"].removesuffix("s"))
    spare = chart.pod["spec"]["terminationGracePeriodSeconds"] - drain - stop
    assert spare >= 5, spare


def pods_may_do_nothing_that_they_need_not(chart):
    (test,) = chart.of_kind("Pod")
    for spec in (chart.pod["spec"], test["spec"]):
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            mounts = container.get("volumeMounts", [])
            assert {mount["name"] for mount in mounts if not mount.get("readOnly")} <= {"data"}, mounts


def selectors_find_the_pods_and_no_others(chart):
    (test,) = chart.of_kind("Pod")
    selectors = [chart.workload["spec"]["selector"]["matchLabels"]]
    selectors += [service["spec"]["selector"] for service in chart.of_kind("Service")]
    selectors += [policy["spec"]["podSelector"]["matchLabels"] for policy in chart.of_kind("NetworkPolicy")]
    selectors += [budget["spec"]["selector"]["matchLabels"] for budget in chart.of_kind("PodDisruptionBudget")]
    for selector in selectors:
        assert set(selector) == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}, "several releases fit in a namespace"
        assert selector.items() <= chart.pod["metadata"]["labels"].items(), selector
        assert not selector.items() <= test["metadata"]["labels"].items(), "the test pod would be served to GitLab"
    for monitor in chart.of_kind("ServiceMonitor"):
        assert monitor["spec"]["selector"]["matchLabels"].items() <= chart.service["metadata"]["labels"].items()
        assert monitor["spec"]["namespaceSelector"] == {"matchNames": [chart.service["metadata"]["namespace"]]}
        (endpoint,) = monitor["spec"]["endpoints"]
        assert (endpoint["targetPort"], endpoint["path"]) == ("admin", "/metrics"), endpoint


CHECKS = (
    names_are_no_longer_than_kubernetes_allows,
    the_container_serves_with_the_configuration,
    probes_ask_what_they_are_for,
    files_can_be_read_by_the_image_s_user_and_no_other,
    the_configuration_names_the_ports,
    the_admin_port_is_published_nowhere,
    only_the_webhook_path_is_routed,
    what_leads_here_leads_to_the_service,
    the_test_runs_where_the_service_does,
    the_network_policy_lets_through_what_is_needed,
    secrets_are_files_where_the_configuration_looks,
    the_store_is_on_the_volume_or_in_postgresql,
    templates_are_mounted_where_the_configuration_looks,
    nothing_is_killed_while_it_stops,
    pods_may_do_nothing_that_they_need_not,
    selectors_find_the_pods_and_no_others,
)


def main():
    for path in sys.argv[1:]:
        chart = Chart(path)
        for check in CHECKS:
            try:
                check(chart)
            except AssertionError:
                print(f"{path}: not so: {check.__name__.replace('_', ' ')}", file=sys.stderr)
                raise
    for check in CHECKS:
        print(check.__name__.replace("_", " "))


main()
