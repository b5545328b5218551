"""The executable that measures, built and driven line by line."""

import json
import subprocess
from pathlib import Path

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


class Program:
    """The running executable: a question, then its answer."""

    def __init__(self, executable):
        self.process = subprocess.Popen(
            [executable], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, command, **fields):
        self.process.stdin.write(json.dumps({"command": command, **fields}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the benchmark ended while it was asked to {command}")
        answer = json.loads(line)
        if "error" in answer:
            raise SystemExit(f"the benchmark could not {command}: {answer['error']}")
        return answer
