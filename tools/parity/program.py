"""This project's side: the program, and the executable that shows pixels and ids, built."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kernel import Kernel as Program

__all__ = ["Executables", "Program", "build"]

REPOSITORY = Path(__file__).resolve().parent.parent.parent
# As the tests are built: decoding and resizing are libraries, which are optimised there, too.
BUILD = ["cargo", "build", "--bin", "lookalike", "--bench", "parity"]


@dataclass(frozen=True)
class Executables:
    lookalike: Path
    parity: Path


def build():
    command = [*BUILD, "--message-format=json-render-diagnostics"]
    result = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        raise SystemExit("it does not build: cargo's message is above")
    messages = map(json.loads, result.stdout.splitlines())
    built = {one["target"]["name"]: Path(one["executable"]) for one in messages if one.get("executable")}
    return Executables(built["lookalike"], built["parity"])
