"""What the two benchmarks of the encoder have in common: messages, and where results go."""

import json
import os
import shlex
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
# What all benchmarks need lies with the first; the model comes from the exporter.
sys.path += [str(REPOSITORY / "tools" / name) for name in ("bench_similarity", "clip")]

from report import replace_section  # noqa: E402

#: The real model.
MODEL = "ViT-B/32"
PICTURES = "rendered, JPEG of quality 90, 4:2:0"


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def command(name):
    """As this run can be repeated."""
    return f"make {name}" + (f' ARGS="{shlex.join(sys.argv[1:])}"' if sys.argv[1:] else "")


def add_common(parser, name):
    parser.add_argument("--rounds", type=int, default=5, help="turns of each way (default 5)")
    parser.add_argument("--seconds", type=float, default=8, help="of one turn, about (default 8)")
    parser.add_argument("--trial", type=float, default=4, help="seconds of a trial of settings (default 4)")
    parser.add_argument("--pictures", type=int, default=48, help="of each size (default 48)")
    parser.add_argument("--quick", action="store_true", help="see that it runs: no figures into docs")
    out = REPOSITORY / "target" / "bench" / f"{name}.json"
    parser.add_argument("--out", type=Path, default=out)
    parser.add_argument("--docs", type=Path, default=REPOSITORY / "docs" / "encoders.md")


def settings(options):
    if options.quick:
        options.rounds, options.seconds, options.trial, options.pictures = 2, 1, 0.5, 24
    return {name: getattr(options, name) for name in ("rounds", "seconds", "trial", "pictures")}


def finish(options, results, section, name):
    """The results into files; a quick run's onto the screen only."""
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=1) + "\n")
    say(f"results: {os.path.relpath(options.out)}")
    if options.quick:
        print(section)
        return
    options.docs.write_text(replace_section(options.docs.read_text(), name, section))
    say(f"figures: {os.path.relpath(options.docs)}")
