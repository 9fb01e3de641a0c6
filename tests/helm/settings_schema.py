#!/usr/bin/env python3
"""The schema of the chart's `settings`: that of escalator.toml, without what other values of the chart decide.

    escalator config schema | tests/helm/settings_schema.py          complains if helm/values.schema.json has another
    escalator config schema | tests/helm/settings_schema.py --write  puts it there
"""

import json
import pathlib
import sys

SCHEMA = pathlib.Path(__file__).parents[2] / "helm" / "values.schema.json"
# None: the whole table.
DECIDED_BY_THE_CHART = {
    "mode": None,
    "server": None,
    "admin": None,
    "store": None,
    "webhook": {"secret_tokens", "secret_tokens_file", "signing_tokens", "signing_tokens_file"},
    "gitlab": {"url", "token", "token_file", "groups", "projects"},
    "comment": {"templates"},
    "telemetry": {"otlp_endpoint"},
}
# What the program says in words only. It understands more spellings; these are the ones that are documented.
PATTERNS = {"Period": "^0*[1-9][0-9]*(ms|s|m|h)$", "ByteSize": "^([1-9][0-9]{3,}|[1-9][0-9]*(KiB|MiB|GiB))$"}
WEBHOOK_URL = "^https?://[^/?#@]+(/[^?#]*)?/webhooks/gitlab$"
PREFIX = "settings_"


def settings_schema(program):
    """The object of settings, and the definitions that it refers to."""
    definitions = program["$defs"]
    for name, pattern in PATTERNS.items():
        definitions[name]["pattern"] = pattern
    definitions["Webhook"]["properties"]["url"]["pattern"] = WEBHOOK_URL
    tables = {}
    for name, table in program["properties"].items():
        if name in DECIDED_BY_THE_CHART and DECIDED_BY_THE_CHART[name] is None:
            continue
        definition = dict(definitions[table["$ref"].rpartition("/")[2]])
        # The defaults fill what is left out.
        definition.pop("required", None)
        decided = DECIDED_BY_THE_CHART.get(name, set())
        definition["properties"] = {
            key: value for key, value in definition["properties"].items() if key not in decided
        }
        if definition["properties"]:
            tables[name] = definition
    settings = {"type": "object", "additionalProperties": False, "properties": tables}
    return renamed(settings), renamed(reachable(settings, definitions))


def reachable(schema, definitions):
    """The definitions that a schema refers to, directly or not."""
    found, waiting = {}, [schema]
    while waiting:
        for name in references(waiting.pop()):
            if name not in found:
                found[name] = definitions[name]
                waiting.append(definitions[name])
    return dict(sorted(found.items()))


def references(schema):
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield value.rpartition("/")[2]
            else:
                yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def renamed(schema):
    """The same, with references to the definitions as the chart's schema names them."""
    if isinstance(schema, dict):
        return {
            key: "#/$defs/" + PREFIX + value.rpartition("/")[2] if key == "$ref" else renamed(value)
            for key, value in schema.items()
        }
    if isinstance(schema, list):
        return [renamed(value) for value in schema]
    return schema


def main():
    chart = json.loads(SCHEMA.read_text())
    settings, definitions = settings_schema(json.load(sys.stdin))
    expected = json.loads(json.dumps(chart))
    expected["properties"]["settings"] = settings
    own = {name: value for name, value in chart["$defs"].items() if not name.startswith(PREFIX)}
    expected["$defs"] = own | {PREFIX + name: value for name, value in definitions.items()}
    if sys.argv[1:] == ["--write"]:
        SCHEMA.write_text(json.dumps(expected, indent=2, ensure_ascii=False) + "\n")
    elif expected != chart:
        sys.exit("The settings in helm/values.schema.json are not the program's: escalator config schema | tests/helm/settings_schema.py --write")
    else:
        print("the chart's settings are the program's")


main()
