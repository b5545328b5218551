"""The programs and schemas that the checks are made with, pinned, in `.cache/deploy`.

Each is fetched or built once for each version, appears under its final name only when
it is whole, and is then used without the network. Helm and the compose loader are Go
modules, promtool is Debian's, custom resources' schemas lie in their operators' modules.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CACHE = REPOSITORY / ".cache" / "deploy"
REQUIREMENTS = Path(__file__).resolve().parent / "requirements.txt"

# The name of the built program → module, version.
PROGRAMS = {
    "helm": ("helm.sh/helm/v4/cmd/helm", "v4.3.1"),
    "compose-go": ("github.com/compose-spec/compose-go/v2/cmd", "v2.16.2"),
}
# Module and version → the schemas in it.
SCHEMAS = {
    ("github.com/kedacore/keda/v2", "v2.21.0"): [
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
    ],
    ("github.com/prometheus-operator/prometheus-operator", "v0.85.0"): [
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ],
}


class Missing(Exception):
    """Something could not be had; the message says what and why."""


def run(command, what, **options):
    """The standard output of a command; Missing with its complaints when it fails."""
    command = [str(part) for part in command]
    try:
        result = subprocess.run(command, capture_output=True, text=True, **options)
    except FileNotFoundError as error:
        raise Missing(f"{what}: {command[0]} is not installed") from error
    if result.returncode != 0:
        raise Missing(f"{what}: {' '.join(command)}\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return result.stdout


def kept(path, make):
    """`path`, made by `make(partial)` when it is not there yet."""
    if not path.exists():
        partial = path.with_name(f"{path.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        make(partial)
        os.replace(partial, path)
    return path


def program(name):
    """A program that is built from its Go module."""
    module, version = PROGRAMS[name]

    def build(folder):
        # CGO off: none of them needs C.
        environment = {**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "0"}
        run(["go", "install", f"{module}@{version}"], f"cannot build {name} {version}", env=environment)
        (built,) = folder.iterdir()
        built.rename(folder / name)

    return kept(CACHE / f"{name}-{version}", build) / name


def schema_files():
    """The files of all custom resources' schemas."""
    files = []
    for (module, version), paths in SCHEMAS.items():

        def fetch(folder, module=module, version=version, paths=paths):
            # In a folder of its own: this repository is no Go module.
            command = ["go", "mod", "download", "-json", f"{module}@{version}"]
            described = run(command, f"cannot download {module} {version}", cwd=folder)
            source = Path(json.loads(described)["Dir"])
            for path in paths:
                shutil.copyfile(source / path, folder / Path(path).name)

        folder = kept(CACHE / f"{Path(module).name.replace('v2', 'keda')}-{version}", fetch)
        files += [folder / Path(path).name for path in paths]
    return files


def python_packages():
    """The folder of the Python packages, put on the path of this process and its children."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    pins = [line for line in REQUIREMENTS.read_text().splitlines() if line]
    name = f"python{version}-" + "-".join(pin.replace("==", "-") for pin in pins)

    def install(folder):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--only-binary=:all:", "--target", folder, "--requirement", REQUIREMENTS]
        run(command, "cannot install Python packages", env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"})

    folder = kept(CACHE / name, install)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return folder


def promtool():
    """Debian's promtool, as `make e2e` has it too."""
    sys.path.insert(0, str(REPOSITORY / "tools" / "e2e"))
    import metrics

    cache = REPOSITORY / ".cache" / "e2e"
    cache.mkdir(parents=True, exist_ok=True)
    found = metrics.promtool(cache)
    if found is None:
        raise Missing("promtool: neither installed nor to be had as Debian package `prometheus`")
    return found


def hadolint():
    return python_packages() / "bin" / "hadolint"
