"""Recording rules and alerts: sound, tested, and each alert with a section that tells what to do."""

import copy
import re
import subprocess

from tools import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "prometheus"
RULES, TESTS, SCRAPE = FOLDER / "rules.yaml", FOLDER / "rules_test.yaml", FOLDER / "prometheus.yaml"
RUNBOOKS = REPOSITORY / "docs" / "operations.md"
# An alert that always fires, and one that never does.
MUTANTS = {"always fires": "vector(1)", "never fires": "vector(1) > 2"}


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


def untested(promtool, document, folder):
    """Alerts whose tests would not notice that they always, or never, fire."""
    import yaml

    folder.mkdir(parents=True, exist_ok=True)
    (folder / TESTS.name).write_text(TESTS.read_text(encoding="utf-8"), encoding="utf-8")
    found = []
    for position, alert in enumerate(alerts(document)):
        for defect, expression in MUTANTS.items():
            mutant = copy.deepcopy(document)
            alerts(mutant)[position]["expr"] = expression
            (folder / RULES.name).write_text(yaml.safe_dump(mutant), encoding="utf-8")
            if not said_by(promtool, "test", "rules", TESTS.name, folder=folder):
                found.append(f"{TESTS.name} does not notice when {alert['alert']} {defect}")
    return found


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
