"""The executable that times this project's code, built and driven line by line."""

import json
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
# That crate only: none of the worker's dependencies.
BUILD = ["cargo", "build", "--release", "-p", "set-similarity", "--bench", "similarity"]


def build(command=BUILD, target="similarity"):
    """Path of the executable that cargo builds for this target."""
    command = [*command, "--message-format=json-render-diagnostics"]
    result = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        raise SystemExit("the benchmark does not build: cargo's message is above")
    messages = map(json.loads, result.stdout.splitlines())
    built = [one["executable"] for one in messages if one.get("executable") and one["target"]["name"] == target]
    return Path(built[-1])


class Kernel:
    """The running executable. Only one side works at a time: a question, then its answer."""

    def __init__(self, *command, environment=None):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

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

