"""What every run from the command line begins with: its binary, its folder, its end."""

import os
import shutil
import signal
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def add_common(parser, folder):
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    parser.add_argument("--binary", type=absolute, default=target / "debug" / "lookalike")
    parser.add_argument("--out", type=absolute, default=REPOSITORY / "target" / folder)


def absolute(text):
    """The servers have working folders of their own."""
    return Path(text).resolve()


def prepare(out):
    """An empty folder for the run; returns the cache that outlives it."""
    shutil.rmtree(out, ignore_errors=True)
    (out / "logs").mkdir(parents=True)
    cache = REPOSITORY / ".cache" / "e2e"
    cache.mkdir(parents=True, exist_ok=True)
    # A polite end and a closed terminal unwind like an interrupt: the servers go too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    return cache
