#!/usr/bin/env python3
"""The parts of a rendered chart agree with one another, and nothing is open that should be shut.

    tests/helm/agreement.py RENDERED…
"""

import sys
import tomllib

import yaml

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

    def of_kind(self, kind):
        return [manifest for manifest in self.manifests if manifest["kind"] == kind]

    def named(self, kind, name):
        (manifest,) = [manifest for manifest in self.of_kind(kind) if manifest["metadata"]["name"] == name]
        return manifest


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
        assert chart.config["store"]["url"].startswith(f"sqlite://{chart.mounts['data']}/"), chart.config["store"]
        assert not chart.of_kind("PodDisruptionBudget") and not chart.of_kind("HorizontalPodAutoscaler")
    else:
        assert list(chart.config["store"]) == ["url_file"], chart.config["store"]
        assert "data" not in chart.mounts
        assert chart.workload["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        assert chart.of_kind("PodDisruptionBudget")
    scaled = bool(chart.of_kind("HorizontalPodAutoscaler"))
    assert scaled != ("replicas" in chart.workload["spec"]), "the autoscaler and a number of replicas would fight"


def templates_are_mounted_where_the_configuration_looks(chart):
    folder = chart.config.get("comment", {}).get("templates")
    assert folder == chart.mounts.get("templates"), folder
    if folder:
        assert chart.named("ConfigMap", chart.volumes["templates"]["configMap"]["name"])["data"]


def nothing_is_killed_while_it_stops(chart):
    drain = chart.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    stop = int(chart.config["server"]["shutdown_timeout"].removesuffix("s"))
    assert drain + stop < chart.pod["spec"]["terminationGracePeriodSeconds"]


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
        assert selector.items() <= chart.pod["metadata"]["labels"].items(), selector
        assert not selector.items() <= test["metadata"]["labels"].items(), "the test pod would be served to GitLab"
    for monitor in chart.of_kind("ServiceMonitor"):
        (service,) = chart.of_kind("Service")
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert [endpoint["targetPort"] for endpoint in monitor["spec"]["endpoints"]] == ["admin"]


CHECKS = (
    the_configuration_names_the_ports,
    the_admin_port_is_published_nowhere,
    only_the_webhook_path_is_routed,
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
