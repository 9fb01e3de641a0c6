#!/usr/bin/env python3
"""What the chart speaks of exists: alerts have their section, their tests and their name in the schema, the
README's values render, and the metrics with their labels are the program's.

    documented.py alerts RENDERED
    documented.py metrics
    documented.py names             the values that README and runbooks speak of
    documented.py values FOLDER     writes the values that helm/README.md shows into files, and prints their names
    documented.py jq FOLDER         the same for the programs of jq in its commands
"""

import collections
import json
import pathlib
import re
import sys
import textwrap

import yaml

ROOT = pathlib.Path(__file__).parents[2]
CHART = ROOT / "helm"
TESTS = ROOT / "tests" / "helm" / "alerts.test.yaml"
VALUES = ROOT / "tests" / "helm" / "values" / "everything.yaml"
SEVERITIES = ("page", "ticket", "info")
# A histogram is described once and read by its parts.
HISTOGRAM_PART = re.compile("_(bucket|count|sum)$")


def alerts(rendered):
    names = [alert["alert"] for alert in yaml.safe_load((CHART / "alerts.yaml").read_text())]

    sections = re.findall("^#+ (Escalator[A-Za-z]+)$", (CHART / "README.md").read_text(), re.MULTILINE)
    same("sections of helm/README.md", sections, names)
    (rules,) = [
        manifest["spec"]["groups"][0]["rules"]
        for manifest in yaml.safe_load_all(pathlib.Path(rendered).read_text())
        if manifest and manifest["kind"] == "PrometheusRule"
    ]
    for rule in rules:
        notes = rule["annotations"]
        if not (rule["labels"]["severity"] in SEVERITIES and notes["summary"] and notes["description"] and notes["runbook"]):
            sys.exit(f"{rule['alert']} does not tell all that it should")
        # A heading's anchor is in small letters.
        if notes["runbook_url"].partition("#")[2] not in [section.lower() for section in sections]:
            sys.exit(f"{notes['runbook_url']} leads nowhere")
    said = yaml.safe_load(VALUES.read_text())["monitoring"]["alerts"]["disabled"]
    same("alerts that are rendered", [rule["alert"] for rule in rules], set(names) - set(said))

    schema = json.loads((CHART / "values.schema.json").read_text())
    disabled = schema["properties"]["monitoring"]["properties"]["alerts"]["properties"]["disabled"]
    same("names in helm/values.schema.json", disabled["items"]["enum"], names)

    moments = [
        moment for test in yaml.safe_load(TESTS.read_text())["tests"] for moment in test.get("alert_rule_test", [])
    ]
    same("alerts tested to fire", {moment["alertname"] for moment in moments if moment.get("exp_alerts")}, names)
    same("alerts tested not to", {moment["alertname"] for moment in moments if not moment.get("exp_alerts")}, names)
    print(f"{len(names)} alerts, each with its section and tests of both kinds")


def metrics():
    board = json.loads((CHART / "dashboard.json").read_text())
    panels = board["panels"]
    same("numbers of panels", [panel["id"] for panel in panels], {panel["id"] for panel in panels})
    taken = [cell for panel in panels for cell in cells(panel)]
    same("places of panels", taken, set(taken))
    program = "".join(path.read_text() for path in (ROOT / "src").rglob("*.rs"))
    known = set(re.findall('"([a-z_]+)"', program))
    text = (CHART / "alerts.yaml").read_text() + (CHART / "dashboard.json").read_text().replace('\\"', '"')
    selected = re.findall(r"escalator_[a-z_]+\{(SELECTOR|namespace=.\$namespace.)", text)
    asked = [name for name in re.findall("escalator_[a-z_]+", text) if name != "escalator_build_info"]
    if len(selected) < len(asked):
        sys.exit("alerts or dashboard count other releases as well")
    names = {HISTOGRAM_PART.sub("", name) for name in re.findall("escalator_[a-z_]+", text)}
    labels = re.findall('(?:outcome|reason|scope|state)=~?"([^"]+)"', text)
    words = names | {word for label in labels for word in label.split("|")}
    if not words <= known:
        sys.exit(f"alerts or dashboard speak of what the program does not: {', '.join(sorted(words - known))}")
    print(f"{len(names)} metrics in alerts and dashboard, all of them Escalator's")


def names():
    schema = json.loads((CHART / "values.schema.json").read_text())
    top = "|".join(schema["properties"])
    spoken = re.findall(rf"`((?:{top})\.[A-Za-z_.]+[A-Za-z_])", (CHART / "README.md").read_text())
    spoken += re.findall(r"\b((?:settings|monitoring|networkPolicy)\.[A-Za-z_.]+[A-Za-z_])", (CHART / "alerts.yaml").read_text())
    for name in spoken:
        place = schema
        for key in name.split("."):
            place = resolved(place, schema)
            if key not in place.get("properties", {}) and place.get("additionalProperties", True) is False:
                sys.exit(f"{name} is spoken of, and no value")
            place = place.get("properties", {}).get(key, {})
    print(f"{len(set(spoken))} values are spoken of, and all of them are some")


def resolved(place, schema):
    return schema["$defs"][place["$ref"].rpartition("/")[2]] if "$ref" in place else place


def cells(panel):
    """The places of the dashboard's grid that a panel takes."""
    place = panel["gridPos"]
    columns = range(place["x"], place["x"] + place["w"])
    return [(column, row) for column in columns for row in range(place["y"], place["y"] + place["h"])]


def values(folder):
    shown(r"^ *```yaml\n(.*?)^ *```$", folder, "yaml")


def jq(folder):
    shown(r"\| jq '(.*?)'", folder, "jq")


def shown(pattern, folder, kind):
    readme = (CHART / "README.md").read_text()
    for number, example in enumerate(re.findall(pattern, readme, re.MULTILINE | re.DOTALL)):
        path = pathlib.Path(folder) / f"readme.{number}.{kind}"
        path.write_text(textwrap.dedent(example))
        print(path)


def same(what, found, expected):
    found, expected = collections.Counter(found), collections.Counter(expected)
    if found != expected:
        sys.exit(f"{what}: too many {sorted(found - expected)}, missing {sorted(expected - found)}")


{"alerts": alerts, "metrics": metrics, "names": names, "values": values, "jq": jq}[sys.argv[1]](*sys.argv[2:])
