"""Packages, pinned, in a folder of their own below .cache: the peers' unless told otherwise."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent

# Read once, when the libraries are loaded.
ONE_THREAD = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]


def install(one_thread=True, name="bench", complete=False):
    """Makes `import numpy` find the version that tools/requirements-`name`.txt pins. Gives
    the folder. A complete file names all that is needed: pip then adds nothing that its
    packages ask for."""
    requirements = REPOSITORY / "tools" / f"requirements-{name}.txt"
    if one_thread:
        os.environ.update({variable: "1" for variable in ONE_THREAD})
    # Wheels belong to one version of Python.
    version = "{}.{}".format(*sys.version_info)
    folder = REPOSITORY / ".cache" / f"{name}-python-{version}"
    # Written last: a folder without it is a download that was cut off.
    done = folder / requirements.name
    if not done.exists() or done.read_text() != requirements.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--root-user-action=ignore", "--only-binary=:all:", "--target", str(folder)]
        command += ["--no-deps"] if complete else []
        if subprocess.run([*command, "-r", str(requirements)]).returncode != 0:
            raise SystemExit("could not install the packages to compare with: pip's message is above")
        shutil.copyfile(requirements, done)
    sys.path.insert(0, str(folder))
    return folder
