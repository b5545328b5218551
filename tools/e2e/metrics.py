"""A page of metrics held against the Prometheus conventions.

`promtool` judges it as well where the machine has it; the rules that Lookalike
promises beyond those (no ids in labels) are only here.
"""

import re
import shutil
import subprocess

METRIC = re.compile(r"[a-z][a-z0-9_]*")
SERIES = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
# Prometheus asks for base units: seconds and bytes, never their parts or multiples.
FORBIDDEN_UNITS = ("_ms", "_millis", "_milliseconds", "_us", "_micros", "_ns", "_kb", "_mb", "_mib", "_percent")
ID_LABELS = {"article_id", "article", "image_id", "image", "uri", "key", "offset"}


def metric_complaints(text, ids):
    """What is wrong with a page of metrics: names, units, help, types, ids in labels."""
    kinds, helped, complaints = {}, set(), []
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped.add(line.split(" ")[2])
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            kinds[name] = kind
        elif line:
            complaints += series_complaints(line, ids)
    for name, kind in kinds.items():
        base = name[: -len("_total")] if name.endswith("_total") else name
        if name not in helped:
            complaints.append(f"{name} has no help")
        if (kind == "counter") != name.endswith("_total"):
            complaints.append(f"{name} is a {kind}: counters, and only they, end in _total")
        if not METRIC.fullmatch(name) or base.endswith(FORBIDDEN_UNITS):
            complaints.append(f"{name} is no snake_case name in a base unit")
    if not any(name.startswith("lookalike_") for name in kinds):
        complaints.append("no metric begins with lookalike_")
    return complaints


def series_complaints(line, ids):
    series = SERIES.match(line)
    if series is None:
        return [f"not a metric line: {line}"]
    labels = LABEL.findall(series[2] or "")
    return [
        f"{series[1]} carries an id in its label {name}={value!r}"
        for name, value in labels
        if name in ID_LABELS or value in ids
    ]


def promtool_complaints(text):
    """What `promtool check metrics` says, or None where there is no promtool."""
    promtool = shutil.which("promtool")
    if promtool is None:
        return None
    result = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    return (result.stdout + result.stderr).splitlines()
