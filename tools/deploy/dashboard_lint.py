"""The rules of Grafana's dashboard-linter, as far as they concern Prometheus. Pure.

The linter itself is no Go module that can be had, so its rules stand here under its
names. Whether an expression is PromQL at all is promtool's to say (`expressions`).
"""

import re

from metric_names import MATCHER, SELECTOR, STRING

# Counters end in _total; histograms' parts only ever grow, too.
COUNTERS = re.compile(r"\w+_(total|bucket|sum|count)$")
RANGE = re.compile(r"\[([^\]]+)\]")


def complaints(dashboard):
    """What is wrong, a line each, beginning with the rule's name."""
    found = [*template_complaints(dashboard)]
    if dashboard.get("editable") is not False:
        found.append("uneditable-dashboard: editable must be false")
    for panel in panels(dashboard):
        found += panel_complaints(panel)
        for target in panel["targets"]:
            found += [f"{rule} in {panel['title']}: {text}" for rule, text in target_complaints(target)]
    return found


def panels(dashboard):
    """Panels that show something; rows do not."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(dashboard):
    """(title, PromQL) of every target, with Grafana's variables replaced by values."""
    return [
        (panel["title"], plain(target["expr"])) for panel in panels(dashboard) for target in panel["targets"]
    ]


def variables(dashboard):
    """(name, PromQL) of what each variable's values are read from."""
    for variable in dashboard["templating"]["list"]:
        if "definition" in variable:
            source, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"]).groups()
            yield f"variable {variable['name']}", plain(f"sum by ({label}) ({source})")


def plain(expression):
    return expression.replace("$__rate_interval", "5m").replace("$job", ".+").replace("$instance", ".+")


def template_complaints(dashboard):
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    source = variables.get("datasource", {})
    if source.get("type") != "datasource" or source.get("query") != "prometheus":
        yield "template-datasource: the variable datasource must choose a Prometheus"
    for name in ("job", "instance"):
        variable = variables.get(name)
        if variable is None:
            yield f"template-{name}: there is no variable {name}"
            continue
        if variable["datasource"]["uid"] != "${datasource}":
            yield f"template-{name}: not of the chosen data source"
        if not (variable["multi"] and variable["includeAll"] and variable["allValue"] == ".+"):
            yield f"template-{name}: several must be selectable, and all of them as .+"
        if variable["refresh"] != 2:
            yield f"template-on-time-change-reload: {name} is not read again when the time changes"


def panel_complaints(panel):
    title = panel["title"]
    if not title or not panel["description"]:
        yield f"panel-title-description: {title!r} needs both"
    if not panel["fieldConfig"]["defaults"].get("unit"):
        yield f"panel-units: {title} has no unit"
    if panel["datasource"]["uid"] != "${datasource}":
        yield f"panel-datasource: {title} is not of the chosen data source"
    if not panel["targets"]:
        yield f"panel-no-targets: {title} shows nothing"


def target_complaints(target):
    expression = target["expr"]
    selectors = list(SELECTOR.finditer(expression))
    for selector in selectors:
        matched = dict(re.findall(r'(\w+)=~"(\$\w+)"', selector["matchers"]))
        for name in ("job", "instance"):
            if matched.get(name) != f"${name}":
                yield f"target-{name}", f'{selector["name"]} lacks {name}=~"${name}"'
        labels = MATCHER.findall(selector["matchers"])
        if len(set(labels)) != len(labels):
            yield "target-promql", f"{selector['name']} matches a label twice"
        ranged = expression[selector.end() :].startswith("[")
        if COUNTERS.fullmatch(selector["name"]) and not ranged:
            yield "target-counter-agg", f"{selector['name']} only ever grows: take its rate"
    for window in RANGE.findall(re.sub(STRING, "", expression)):
        if window != "$__rate_interval":
            yield "target-rate-interval", f"[{window}] must be [$__rate_interval]"
    if target["datasource"]["uid"] != "${datasource}":
        yield "target-datasource", "not of the chosen data source"
