"""Metric names: those that the worker exports, and those that an expression asks for. Pure.

`src/metrics/families.rs` is where every metric is registered; its calls are read, and a
name in that file that no call accounts for is an error, so none is overlooked.
"""

import re

REGISTRATION = re.compile(
    r"""(?:\br\s*\.\s*(?P<call>\w+)|IntGauge::new)\s*\(\s*"(?P<name>\w+)",\s*
        "(?:[^"\\]|\\.)*",?\s*(?:&\[(?P<labels>[^\]]*)\])?""",
    re.VERBOSE | re.DOTALL,
)
HISTOGRAMS = ("histogram", "histograms")
# What the `process` feature of the crate prometheus exports on Linux; a scrape in
# `make e2e` proves it.
PROCESS = (
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
)
# Of Prometheus itself.
OWN = {"up": frozenset()}
# Labels that a scrape adds to every series.
TARGET_LABELS = {"job", "instance"}

STRING = r'"(?:[^"\\]|\\.)*"'
SELECTOR = re.compile(rf"(?P<name>[a-zA-Z_:][\w:]*)\s*\{{(?P<matchers>(?:{STRING}|[^{{}}\"])*)\}}")
MATCHER = re.compile(rf"(\w+)\s*(?:=~|!~|!=|=)\s*{STRING}")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
WORD = re.compile(r"(?<![\w$])[a-zA-Z_:][\w:]*")
# Words of PromQL that these files use and that are no metrics.
LANGUAGE = {
    *("sum", "min", "max", "rate", "deriv", "histogram_quantile", "by", "on", "and", "or", "unless"),
}


def exported(families):
    """Series name → its labels, from the text of families.rs."""
    series = {name: frozenset() for name in PROCESS}
    names = set()
    for found in REGISTRATION.finditer(families):
        name = found["name"]
        names.add(name)
        labels = frozenset(re.findall(r'"(\w+)"', found["labels"] or ""))
        if found["call"] in HISTOGRAMS:
            series |= {f"{name}_sum": labels, f"{name}_count": labels, f"{name}_bucket": labels | {"le"}}
        else:
            series[name] = labels
    overlooked = set(re.findall(r'"(lookalike_\w+)"', families)) - names
    if overlooked:
        raise ValueError(f"families.rs registers these in a way that is not understood: {sorted(overlooked)}")
    return series


def undocumented(families, readme):
    """Where the README's table and what is registered tell different names or labels."""
    made = {
        found["name"]: frozenset(re.findall(r'"(\w+)"', found["labels"] or ""))
        for found in REGISTRATION.finditer(families)
    }
    rows = re.findall(r"^\| `(lookalike_\w+)` \| \w+ \| ([\w, ]*) ?\|", readme, re.MULTILINE)
    told = {name: frozenset(re.findall(r"\w+", labels)) for name, labels in rows}
    different = sorted(name for name in made.keys() | told.keys() if made.get(name) != told.get(name))
    return [f"README.md, Metrics: {name} is not there as it is registered" for name in different]


def asked(expression):
    """Series name → the labels that the expression matches it by."""
    found = {}
    for selector in SELECTOR.finditer(expression):
        labels = set(MATCHER.findall(selector["matchers"]))
        found.setdefault(selector["name"], set()).update(labels)
    rest = GROUPING.sub(" ", SELECTOR.sub(" ", expression))
    rest = re.sub(rf"\[[^\]]*\]|{STRING}", " ", rest)
    for word in WORD.findall(rest):
        if word not in LANGUAGE:
            found.setdefault(word, set())
    return found


def grouped(expression):
    """Labels that the expression groups or joins by."""
    groups = GROUPING.findall(expression)
    return {label.strip() for group in groups for label in group.split(",") if label.strip()}


def complaints(place, expression, known):
    """What an expression asks for that no series of `known` has."""
    found = []
    names = asked(expression)
    if not names:
        found.append(f"{place}: no metric in {expression}")
    for name, labels in names.items():
        if name not in known:
            found.append(f"{place}: nothing exports {name}")
        elif strange := labels - known[name] - TARGET_LABELS:
            found.append(f"{place}: {name} has no label {', '.join(sorted(strange))}")
    carried = set().union(*(known.get(name, set()) for name in names)) | TARGET_LABELS
    if strange := grouped(expression) - carried:
        found.append(f"{place}: nothing has the label {', '.join(sorted(strange))} to group by")
    return found


def with_recordings(known, rules):
    """`known` and what the recording rules make; the labels that they group by are theirs."""
    more = dict(known)
    for rule in rules:
        if "record" in rule:
            more[rule["record"]] = frozenset(grouped(rule["expr"]))
    return more
