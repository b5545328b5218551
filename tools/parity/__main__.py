"""Pixels, embeddings and token ids held against Pillow, Hugging Face and open_clip.

Renders files of every kind, has both sides read them, and writes what differs into
target/bench/parity.json and the section of docs/encoders.md between the marks `parity`.
Exit code 1 when something is further apart than promised.
"""

import argparse
import json
import os
import shlex
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
# What the benchmarks need, too.
sys.path.append(str(REPOSITORY / "tools" / "bench_similarity"))

import packages  # noqa: E402
import program  # noqa: E402
import sections  # noqa: E402
from report import replace_section  # noqa: E402

PHOTOGRAPHS = REPOSITORY.parent / "shared" / "data" / "eth80" / "images"
DEMO = REPOSITORY / "assets" / "demo-encoder"


def arguments():
    what = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="make parity ARGS=…", description=what)
    parser.add_argument(
        "--encoder", type=Path, action="append", default=[], help="a further model directory to embed with"
    )
    parser.add_argument("--photographs", type=Path, default=PHOTOGRAPHS, help="a folder of JPEG files")
    parser.add_argument("--fixtures", action="store_true", help="only write the files that tests are held against anew")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "target" / "bench" / "parity.json")
    parser.add_argument("--docs", type=Path, default=REPOSITORY / "docs" / "encoders.md")
    return parser.parse_args()


def say(text):
    print(f"parity: {text}", file=sys.stderr, flush=True)


def command():
    """As this run can be repeated."""
    return "make parity" + (f' ARGS="{shlex.join(sys.argv[1:])}"' if sys.argv[1:] else "")


def main():
    options = arguments()
    packages.install(one_thread=False, name="parity", complete=True)
    if options.fixtures:
        import fixtures

        fixtures.write(REPOSITORY)
        return
    say("building")
    executables = program.build()
    # These need the packages.
    import comparison

    encoders = [DEMO, *(path.resolve() for path in options.encoder)]
    folder = options.out.parent / "parity"
    results = comparison.run(executables, encoders, options.photographs, folder, say)
    results = {"machine": sections.describe(command(), comparison.versions())} | results
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=1) + "\n")
    say(f"results: {os.path.relpath(options.out)}")
    text = replace_section(options.docs.read_text(), "parity", sections.parity(results))
    options.docs.write_text(text)
    say(f"figures: {os.path.relpath(options.docs)}")
    failures = list(sections.failures(results))
    for failure in failures:
        say(failure)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
