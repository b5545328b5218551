"""`make deploy-check`: images, compose, chart, rules and dashboard, without cluster or container engine.

Prints one line a check and ends with 1 when one fails. What a tool that cannot be had
would have checked is a failure too, never left out in silence.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import unittest
from pathlib import Path

import chart
import chart_tests
import dashboard
import dashboard_lint
import images
import manifests
import metric_names
import rules
import tools
import values_readme

REPOSITORY = tools.REPOSITORY
OUT = REPOSITORY / "target" / "deploy-check"
# Files of compose.yaml that the worker reads.
COMPOSE_CONFIGURATION = REPOSITORY / "deploy" / "compose" / "lookalike.yaml"


class Checks:
    """Each check returns what it found right; it raises, or returns complaints as a list."""

    def __init__(self, binary):
        self.binary = binary
        self.chart = None
        self.rules = None
        self.promtool = None

    def tools(self):
        """pinned tools are in .cache/deploy"""
        tools.python_packages()
        self.chart = chart.Chart(tools.program("helm"))
        self.loader = tools.program("compose-go")
        self.custom = manifests.custom_schemas(tools.schema_files())
        self.promtool = tools.promtool()
        self.rules = rules.read()
        return ", ".join(
            [*(f"{name} {version}" for name, (_, version) in tools.PROGRAMS.items()), "hadolint", "promtool"]
        )

    def rule_tests(self):
        """rules and scrape configuration are sound, each alert is tested both ways"""
        complaints = rules.promtool_complaints(self.promtool)
        complaints += rules.untested(self.promtool, self.rules, OUT / "mutants")
        return complaints or f"{len(rules.alerts(self.rules))} alerts, {len(rules.every(self.rules))} rules"

    def runbooks(self):
        """every alert has its section in docs/operations.md"""
        return rules.runbook_complaints(self.rules) or "all there"

    def dashboard_file(self):
        """the dashboard is what its program writes, and keeps the linter's rules"""
        if dashboard.OUTPUT.read_text(encoding="utf-8") != dashboard.text():
            return ["deploy/grafana/lookalike.json is outdated: python3 tools/deploy/dashboard.py"]
        made = dashboard.dashboard()
        complaints = dashboard_lint.complaints(made)
        complaints += rules.expression_complaints(self.promtool, dashboard_lint.expressions(made), OUT)
        return (
            complaints
            or f"{len(dashboard_lint.panels(made))} panels, {len(dashboard_lint.expressions(made))} expressions"
        )

    def names(self):
        """dashboard and rules name only what the worker exports, README all of it"""
        source = (REPOSITORY / "src" / "metrics" / "families.rs").read_text(encoding="utf-8")
        known = {**metric_names.exported(source), **metric_names.OWN}
        known = metric_names.with_recordings(known, rules.every(self.rules))
        expressions = [
            (f"rule {r.get('alert', r.get('record'))}", r["expr"]) for r in rules.every(self.rules)
        ]
        expressions += dashboard_lint.expressions(dashboard.dashboard())
        expressions += dashboard_lint.variables(dashboard.dashboard())
        complaints = [c for place, text in expressions for c in metric_names.complaints(place, text, known)]
        readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
        complaints += metric_names.undocumented(source, readme)
        return complaints or f"{len(expressions)} expressions, {len(known)} series"

    def lint(self):
        """helm lint --strict takes every file of ci/"""
        results = {case: self.chart.lint(case) for case in chart.CASES}
        return [said for code, _, said in results.values() if code] or ", ".join(results)

    def schemas(self):
        """rendered manifests fit the schemas of Kubernetes and of the operators, strictly"""
        complaints, count = [], 0
        for case in chart.CASES:
            rendered = self.chart.render(case)
            count += len(rendered)
            complaints += [f"{case}: {line}" for line in manifests.complaints(rendered, self.custom)]
        return complaints or f"{count} manifests, Kubernetes {' and '.join(manifests.VERSIONS)}"

    def chart_tests(self):
        """the chart's own tests, and what its schema refuses"""
        chart_tests.CHART, chart_tests.RULES = self.chart, self.rules
        suite = unittest.defaultTestLoader.loadTestsFromModule(chart_tests)
        with (OUT / "chart-tests.log").open("w", encoding="utf-8") as log:
            result = unittest.TextTestRunner(stream=log).run(suite)
        failed = [text for _, text in [*result.failures, *result.errors]]
        return failed or f"{result.testsRun} tests, {len(chart_tests.Refusals.WRONG) + 1} refusals"

    def configurations(self):
        """lookalike check --offline takes every rendered configuration"""
        texts = {"compose.yaml": COMPOSE_CONFIGURATION.read_text(encoding="utf-8")}
        for case in chart.CASES:
            rendered = chart.configurations(self.chart.render(case))
            texts |= {f"{case}: {name}": text for name, text in rendered}
        complaints = [said for name, text in texts.items() for said in self.refused(name, text)]
        return complaints or f"{len(texts)}, each with the demo encoder on the processor in its model's place"

    def refused(self, name, text):
        """What the worker has against a configuration."""
        import yaml

        values = yaml.safe_load(text)
        # Models and GPUs of the examples are not on this machine.
        encoder = values.setdefault("encoder", {})
        encoder |= {"directory": str(REPOSITORY / "assets" / "demo-encoder"), "execution_provider": "cpu"}
        encoder.pop("gpu", None)
        file = OUT / "lookalike.yaml"
        file.write_text(yaml.safe_dump(values), encoding="utf-8")
        command = [str(self.binary), "check", "--offline", "--config", str(file)]
        result = subprocess.run(command, capture_output=True, text=True)
        return [f"{name}: {result.stdout}{result.stderr}"] if result.returncode else []

    def sections(self):
        """values.schema.json knows the sections that the worker's own schema has"""
        command = [str(self.binary), "config", "schema"]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        # The chart fills these in.
        worker = set(json.loads(result.stdout)["properties"]) - {"role", "http"}
        overlay = json.loads((chart.CHART / "values.schema.json").read_text())["definitions"]["overlay"]
        different = sorted(worker ^ set(overlay["properties"]))
        return [f"only one of both has {name}" for name in different] or f"{len(worker)} sections"

    def readme(self):
        """the chart's README is what its values say"""
        same = values_readme.OUTPUT.read_text(encoding="utf-8") == values_readme.text()
        return (
            "up to date"
            if same
            else ["helm/lookalike/README.md is outdated: python3 tools/deploy/values_readme.py"]
        )

    def dockerfiles(self):
        """Dockerfiles: hadolint is content, sources are there, images pinned, builds alike"""
        complaints = images.hadolint_complaints(tools.hadolint()) + images.difference_complaints()
        for path, context in images.DOCKERFILES.items():
            complaints += images.dockerfile_complaints(path, context)
        return complaints or f"{len(images.DOCKERFILES)} Dockerfiles"

    def compose(self):
        """compose.yaml loads as Docker Compose loads it; files, hosts and images' versions are there"""
        complaints, services = images.compose_complaints(self.loader)
        if services:
            complaints += images.wiring_complaints(services)
        return complaints or f"{len(services)} services"

    def plain_directory(self):
        """what deploy/Dockerfile copies is enough to compile"""
        folder = images.plain_directory(OUT / "plain")
        # The target folder of `make lint` and `make test`: dependencies are compiled already.
        target = os.environ.get("CARGO_TARGET_DIR", str(REPOSITORY / "target"))
        environment = {**os.environ, "CARGO_TARGET_DIR": target}
        command = ["cargo", "check", "--quiet", "--locked", "--bin", "lookalike"]
        result = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
        return [result.stderr[-3000:]] if result.returncode else "cargo check --locked in an empty folder"


def play(checks):
    """Runs every check; returns how many failed."""
    failed = 0
    steps = [
        checks.tools,
        checks.rule_tests,
        checks.runbooks,
        checks.dashboard_file,
        checks.names,
        checks.lint,
        checks.schemas,
        checks.chart_tests,
        checks.configurations,
        checks.sections,
        checks.readme,
        checks.dockerfiles,
        checks.compose,
        checks.plain_directory,
    ]
    for step in steps:
        start = time.monotonic()
        try:
            result = step()
        except Exception as error:
            result = [f"{type(error).__name__}: {error}"]
        seconds = time.monotonic() - start
        if isinstance(result, list):
            failed += 1
            print(f"FAILED {seconds:6.1f} s  {step.__doc__}")
            print("\n".join(f"    {line}" for line in result), flush=True)
            if step == checks.tools:
                break
        else:
            print(f"ok     {seconds:6.1f} s  {step.__doc__}: {result}", flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(prog="make deploy-check", description=__doc__.splitlines()[0])
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    parser.add_argument("--binary", type=Path, default=target / "debug" / "lookalike")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    failed = play(Checks(options.binary))
    print("all checks passed" if not failed else f"{failed} checks failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
