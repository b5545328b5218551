"""A page of metrics held against the Prometheus conventions.

`promtool` judges it as well where the machine has it; the rules that Lookalike
promises beyond those (no ids in labels) are only here.
"""

import os
import re
import shutil
import subprocess

METRIC = re.compile(r"[a-z][a-z0-9_]*")
SERIES = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
# Prometheus asks for base units: seconds and bytes, never their parts or multiples.
FORBIDDEN_UNITS = ("_ms", "_millis", "_milliseconds", "_us", "_micros", "_ns", "_kb", "_mb", "_percent")
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


def total(page, name):
    """The sum of a metric's series."""
    values = [line.rsplit(" ", 1)[1] for line in page.splitlines() if re.match(rf"{name}[ {{]", line)]
    return sum(map(float, values))


def promtool(cache):
    """Prometheus' own checker: the machine's, or unpacked from its Debian package; None without both."""
    installed = shutil.which("promtool")
    if installed or not shutil.which("apt-get"):
        return installed
    binary = cache / "promtool" / "usr" / "bin" / "promtool"
    if binary.exists():
        return binary
    partial = cache / "promtool.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    # Unpacked, not installed: the package would start a server.
    steps = "apt-get --quiet=2 download prometheus && dpkg-deb --extract ./*.deb . && rm ./*.deb"
    if subprocess.run(steps, shell=True, cwd=partial, capture_output=True).returncode != 0:
        return None
    os.replace(partial, binary.parents[2])
    return binary


def promtool_complaints(binary, text):
    result = subprocess.run([binary, "check", "metrics"], input=text, capture_output=True, text=True)
    return (result.stdout + result.stderr).splitlines()
