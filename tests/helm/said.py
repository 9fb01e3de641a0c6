#!/usr/bin/env python3
"""Nothing that is said in values is lost on the way: it is in what these values render. And each value that there is, is
said in one of these sets.

    said.py RENDERED-FOLDER VALUES…     of tests/helm/values/VALUES.yaml, rendered as VALUES.yaml in the folder
"""

import pathlib
import re
import sys
import tomllib

import yaml

ROOT = pathlib.Path(__file__).parents[2]
# What leaves something out, or decides between kinds.
NOT_LITERAL = {"monitoring.alerts.disabled", "store.kind"}
# Where the chart's own names end and the operator's begin.
FREE = re.compile(r"\.(labels|from)\..*")
# Where secretName is given, `value` is empty, and the other way round.
EITHER = re.compile(r"\.(value|secretName|key)$")


def leaves(value, path=""):
    """Every single value, with the path to it; a list's values have the path of the list."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list) and value:
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def read(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def is_in(value, text):
    value = re.escape(str(value).strip())
    return re.search(rf"(?<![\w.]){value}(?![\w.])", text) is not None


def main():
    folder, *names = sys.argv[1:]
    paths = set()
    for name in names:
        (said,) = read(ROOT / "tests" / "helm" / "values" / f"{name}.yaml")
        rendered = list(leaves(read(pathlib.Path(folder) / f"{name}.yaml")))
        text = "\n".join(str(value) for _, value in rendered)
        (toml,) = [value for path, value in rendered if path == "data.escalator.toml"]
        if not holds(tomllib.loads(toml), said.get("settings", {})):
            sys.exit(f"{name}: escalator.toml has other settings")
        for path, value in leaves(said):
            paths.add(path)
            if not isinstance(value, bool) and not is_elsewhere(path) and not is_in(value, text):
                sys.exit(f"{name}: {path} is {value!r}, which is nowhere in what is rendered")
    (defaults,) = read(ROOT / "helm" / "values.yaml")
    defaults = {FREE.sub(r".\1", path) for path, _ in leaves(defaults) if not EITHER.search(path)}
    unsaid = {path for path in defaults if not any(is_under(said, path) for said in paths)}
    if unsaid:
        sys.exit(f"no set of values says {', '.join(sorted(unsaid))}")
    print(f"{len(paths)} values are said, and all reach what is rendered")


def is_elsewhere(path):
    """Not to be found as it was said: a Secret is encoded, which agreement.py and config check read."""
    return path in NOT_LITERAL or path.endswith(".value") or path.startswith("settings.")


def holds(whole, part):
    if isinstance(part, dict):
        return all(key in whole and holds(whole[key], value) for key, value in part.items())
    return whole == part


def is_under(said, path):
    return said == path or said.startswith(f"{path}.")


main()
