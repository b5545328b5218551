"""Helm, on the chart: lint, render, and what it refuses."""

import re
import subprocess

from manifests import documents
from tools import REPOSITORY

CHART = REPOSITORY / "helm" / "lookalike"
CASES = ("minimal", "cpu", "gpu", "everything")


class Chart:
    def __init__(self, helm):
        self.helm = helm

    def command(self, *arguments):
        """(exit code, standard output, everything said) of a helm command."""
        command = [str(self.helm), *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True)
        return result.returncode, result.stdout, result.stdout + result.stderr

    def lint(self, case):
        return self.command("lint", "--strict", CHART, "--values", values_of(case))

    def render(self, case, *settings):
        """The manifests of a file of `ci/`, with further `--set` settings."""
        code, output, said = self.template(case, *settings)
        if code != 0:
            raise AssertionError(f"helm template of {case} {settings}: {said}")
        return documents(output)

    def refusal(self, case, *settings):
        """What helm says when it refuses the values; AssertionError when it takes them."""
        code, _, said = self.template(case, *settings)
        if code == 0:
            raise AssertionError(f"helm template of {case} takes {settings}")
        return said

    def template(self, case, *settings):
        given = [part for setting in settings for part in ("--set-json", setting)]
        return self.command("template", "lookalike", CHART, "--values", values_of(case), *given)


def values_of(case):
    return CHART / "ci" / f"{case}-values.yaml"


def of_kind(manifests, kind, ending=""):
    """The one manifest of a kind whose name ends so."""
    found = [m for m in manifests if m["kind"] == kind and m["metadata"]["name"].endswith(ending)]
    if len(found) != 1:
        names = [f"{m['kind']} {m['metadata']['name']}" for m in manifests]
        raise AssertionError(f"{len(found)} of kind {kind} with {ending!r} among {names}")
    return found[0]


def pods(manifests):
    """(kind and name, pod specification) of everything that runs."""
    found = []
    for manifest in manifests:
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        if manifest["kind"] == "Pod":
            found.append((name, manifest["spec"]))
        elif manifest["kind"] in ("Deployment", "Job"):
            found.append((name, manifest["spec"]["template"]["spec"]))
    return found


def configurations(manifests):
    """(name, text) of every worker configuration in a ConfigMap."""
    for manifest in manifests:
        if manifest["kind"] == "ConfigMap":
            for file, text in manifest["data"].items():
                if re.fullmatch(r"(all|embed|rank)\.yaml", file):
                    yield f"{manifest['metadata']['name']}/{file}", text
