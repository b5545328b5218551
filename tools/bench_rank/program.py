"""The executable that measures, built; it is driven as that of the other benchmark."""

import json
import subprocess
from pathlib import Path

from kernel import Kernel as Program

__all__ = ["Program", "build"]

REPOSITORY = Path(__file__).resolve().parent.parent.parent
BUILD = ["cargo", "build", "--release", "--bench", "rank"]


def build():
    """Path of the executable; with it cargo builds the worker."""
    command = [*BUILD, "--message-format=json-render-diagnostics"]
    result = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        raise SystemExit("the benchmark does not build: cargo's message is above")
    messages = map(json.loads, result.stdout.splitlines())
    built = [one["executable"] for one in messages if one.get("executable") and one["target"]["name"] == "rank"]
    return Path(built[-1])
