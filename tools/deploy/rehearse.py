"""`make deploy-rehearse`: the build commands of deploy/Dockerfile, in a plain directory.

What the stages before the last one copy is copied, what they run is run, in order, in
target/deploy-rehearse. Left out is apt-get, which changes the machine (`make deps` has
installed what a build needs), and the last stage, which needs base images.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time

import images
from tools import REPOSITORY

OUT = REPOSITORY / "target" / "deploy-rehearse"
DOCKERFILE = REPOSITORY / "deploy" / "Dockerfile"
TOOLS = REPOSITORY / ".cache" / "deploy" / "cargo"


def stages(text):
    """name → its (keyword, arguments), for the stages that have one."""
    found, current = {}, None
    for keyword, rest in images.instructions(text):
        if keyword == "FROM":
            current = found.setdefault(rest.split(" AS ")[1], []) if " AS " in rest else []
        else:
            current.append((keyword, rest))
    return found


def copy(rest, folder, built):
    """One COPY, from the repository or from another stage's folder."""
    ((flags, sources, target),) = images.copied(f"COPY {rest}")
    origin = next((built[flag.split("=")[1]] for flag in flags if flag.startswith("--from=")), REPOSITORY)
    for source in sources:
        # In an image the stages work in /build.
        path = origin / source.removeprefix("/build/")
        into = folder / target / path.name if target.endswith("/") else folder / target
        into.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, into, dirs_exist_ok=True)
        else:
            shutil.copyfile(path, into)


def play(name, steps, built, environment):
    folder = built[name] = OUT / name
    folder.mkdir(parents=True)
    for keyword, rest in steps:
        if keyword == "COPY":
            copy(rest, folder, built)
        elif keyword == "RUN" and rest.startswith("apt-get"):
            print(f"left out in stage {name}: {rest[:60]}…", flush=True)
        elif keyword == "RUN":
            start = time.monotonic()
            command = ["bash", "-o", "pipefail", "-e", "-c", rest]
            code = subprocess.run(command, cwd=folder, env=environment).returncode
            verdict = "FAILED" if code else "ok    "
            print(f"{verdict} {time.monotonic() - start:6.0f} s  {name}: {rest[:100]}", flush=True)
            if code:
                return code
    return 0


def main():
    parser = argparse.ArgumentParser(prog="make deploy-rehearse", description=__doc__.splitlines()[0])
    parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    environment = {
        **os.environ,
        "CARGO_INSTALL_ROOT": str(TOOLS),
        "PATH": f"{TOOLS}/bin:{os.environ['PATH']}",
    }
    # Each stage compiles in its own folder, as in the image.
    environment.pop("CARGO_TARGET_DIR", None)
    built = {}
    for name, steps in stages(DOCKERFILE.read_text(encoding="utf-8")).items():
        if code := play(name, steps, built, environment):
            return code
    program = OUT / "build" / "image" / "usr" / "local" / "bin" / "lookalike"
    print(subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
