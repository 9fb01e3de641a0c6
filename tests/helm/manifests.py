#!/usr/bin/env python3
"""Takes rendered manifests apart, for programs that each look at a part of them.

    manifests.py json RENDERED            all of them, as one JSON list
    manifests.py service RENDERED         all but the pod of `helm test`
    manifests.py test RENDERED            the pod of `helm test` alone
    manifests.py alerts RENDERED          the alerts as promtool reads them, the description as their only annotation
    manifests.py dashboard RENDERED       each query of the dashboard, as a recording rule
    manifests.py files RENDERED FOLDER    writes into a new folder the files that the pod would have
"""

import base64
import json
import pathlib
import sys

import yaml

# What an operator's own Secrets would hold: nobody's.
SECRETS = {
    "gitlab-token": "no-token-of-anybody",
    "webhook-signing-tokens": "whsec_" + base64.b64encode(bytes(range(32))).decode(),
    "webhook-secret-tokens": "no-secret-of-anybody",
    "store-url": "postgres://escalator@db.example.com:5432/escalator?sslmode=verify-full",
}


def as_json(manifests):
    print(json.dumps(manifests))


def service(manifests):
    print(yaml.safe_dump_all(manifest for manifest in manifests if manifest["kind"] != "Pod"))


def test(manifests):
    print(yaml.safe_dump_all(manifest for manifest in manifests if manifest["kind"] == "Pod"))


def alerts(manifests):
    (rule,) = [manifest for manifest in manifests if manifest["kind"] == "PrometheusRule"]
    (group,) = rule["spec"]["groups"]
    for alert in group["rules"]:
        alert["annotations"] = {"description": alert["annotations"]["description"]}
    print(yaml.safe_dump({"groups": [group]}))


def dashboard(manifests):
    board = json.loads(config_map_with("escalator.json", manifests))
    expressions = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    rules = [
        # Grafana puts the range in.
        {"record": f"query:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(expressions)
    ]
    print(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))


def files(manifests, folder):
    folder = pathlib.Path(folder).absolute()
    secrets, templates = folder / "secrets", folder / "templates"
    secrets.mkdir(parents=True)
    templates.mkdir()
    made = [manifest["data"] for manifest in manifests if manifest["kind"] == "Secret"]
    for name, secret in SECRETS.items():
        given = [base64.b64decode(data[name]).decode() for data in made if name in data]
        (secrets / name).write_text((given or [secret])[0])
    for manifest in manifests:
        if manifest["kind"] == "ConfigMap" and manifest["metadata"]["name"].endswith("-templates"):
            for name, text in manifest["data"].items():
                (templates / name).write_text(text)
    config = config_map_with("escalator.toml", manifests)
    config = config.replace("/run/secrets/escalator", str(secrets)).replace("/etc/escalator/templates", str(templates))
    (folder / "escalator.toml").write_text(config)


def config_map_with(name, manifests):
    (text,) = [m["data"][name] for m in manifests if m["kind"] == "ConfigMap" and name in m["data"]]
    return text


PARTS = {"json": as_json, "service": service, "test": test, "alerts": alerts, "dashboard": dashboard, "files": files}


def main():
    part, rendered, *folder = sys.argv[1:]
    manifests = [manifest for manifest in yaml.safe_load_all(pathlib.Path(rendered).read_text()) if manifest]
    PARTS[part](manifests, *folder)


main()
