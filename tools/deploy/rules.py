"""Recording rules and alerts: sound, tested, and each alert with a section that tells what to do."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from tools import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "prometheus"
RULES, TESTS, SCRAPE = FOLDER / "rules.yaml", FOLDER / "rules_test.yaml", FOLDER / "prometheus.yaml"
RUNBOOKS = REPOSITORY / "docs" / "operations.md"
# A threshold in an alert's expression.
THRESHOLD = re.compile(r"(?:>=|<=|==|>|<)\s*-?\d[\d.]*(?:\s*\*\s*\d[\d.]*)?")


def read():
    import yaml

    return yaml.safe_load(RULES.read_text(encoding="utf-8"))


def every(document):
    return [rule for group in document["groups"] for rule in group["rules"]]


def alerts(document):
    return [rule for rule in every(document) if "alert" in rule]


def said_by(promtool, *arguments, folder=FOLDER):
    """What promtool complains of; empty when it is content."""
    command = [str(promtool), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    return "" if result.returncode == 0 else (result.stdout + result.stderr).strip()


def promtool_complaints(promtool):
    calls = [("check", "config", SCRAPE.name), ("check", "rules", RULES.name), ("test", "rules", TESTS.name)]
    said = [(" ".join(call), said_by(promtool, *call)) for call in calls]
    return [f"promtool {call}: {text}" for call, text in said if text]


def mutants(alert):
    """(what is wrong, the alert with it): it never fires, a threshold always holds, it does not wait."""
    yield "never fires", {**alert, "expr": "vector(1) > 2"}
    for found in THRESHOLD.finditer(alert["expr"]):
        expression = f"{alert['expr'][: found.start()]}> -Inf{alert['expr'][found.end() :]}"
        yield f"fires whether or not {found[0]}", {**alert, "expr": expression}
    yield "does not wait", {key: value for key, value in alert.items() if key != "for"}


def untested(promtool, document, folder):
    """What could be wrong with an alert without a test that notices it."""
    import yaml

    # As text: to YAML, the values 0x30 (zero, thirty times again) are a number.
    tests = yaml.load(TESTS.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    recordings = [rule for rule in every(document) if "record" in rule]

    def survivors(alert):
        own = folder / alert["alert"]
        own.mkdir(parents=True, exist_ok=True)
        # Only what is about this alert: that is much faster.
        (own / TESTS.name).write_text(yaml.safe_dump(about(tests, alert["alert"])), encoding="utf-8")
        for defect, variant in [("", alert), *mutants(alert)]:
            groups = {"groups": [{"name": "all", "rules": [*recordings, variant]}]}
            (own / RULES.name).write_text(yaml.safe_dump(groups), encoding="utf-8")
            said = said_by(promtool, "test", "rules", TESTS.name, folder=own)
            if defect and not said:
                yield f"{TESTS.name} does not notice when {alert['alert']} {defect}"
            elif said and not defect:
                yield f"{alert['alert']} alone: {said}"

    # promtool runs in processes of its own.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda alert: list(survivors(alert)), alerts(document))
        return [line for lines in found for line in lines]


def about(tests, name):
    """The tests with an alert of a name, and of those only what concerns it."""
    kept = []
    for test in tests["tests"]:
        cases = [case for case in test.get("alert_rule_test", []) if case["alertname"] == name]
        if cases:
            kept.append({**test, "alert_rule_test": cases})
    return {**tests, "tests": kept}


def expression_complaints(promtool, expressions, folder):
    """(place, PromQL) pairs that promtool cannot parse."""
    import yaml

    folder.mkdir(parents=True, exist_ok=True)
    rules = [{"record": f"expression:{number}", "expr": text} for number, (_, text) in enumerate(expressions)]
    file = folder / "expressions.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    said = said_by(promtool, "check", "rules", file)
    return [f"the dashboard's expressions: {said}"] if said else []


def runbook_complaints(document):
    """Alerts without a section, sections without an alert."""
    text = RUNBOOKS.read_text(encoding="utf-8")
    sections = set(re.findall(r"^### (Lookalike\w+)$", text, re.MULTILINE))
    found = []
    for alert in alerts(document):
        name, url = alert["alert"], alert["annotations"]["runbook_url"]
        if url != f"docs/operations.md#{name.lower()}":
            found.append(f"{name}: runbook_url is {url}")
        if name not in sections:
            found.append(f"{name} has no section in docs/operations.md")
    names = {alert["alert"] for alert in alerts(document)}
    return found + [f"docs/operations.md: {name} is no alert" for name in sorted(sections - names)]
