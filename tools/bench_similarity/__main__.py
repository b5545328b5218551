"""Set similarity timed against what users could pick instead, in one run on the same data.

Writes target/bench/similarity.json, and the sections of docs/performance.md between
the marks `similarity` and `storage`.
"""

import argparse
import json
import os
import shlex
import sys
from pathlib import Path

import packages
import report
from kernel import Kernel, build
from machine import available_memory, describe, last_level_cache, pin

REPOSITORY = packages.REPOSITORY
PHOTOGRAPHS = REPOSITORY.parent / "shared" / "data" / "eth80" / "catalog.jsonl"
#: Copies of the working set that are in memory at once: NumPy's, the sets in f32 and
#: in half, the plain vectors, the buffer that measures the bandwidth.
COPIES = 5
#: Compared with all others, in a run that only shows that it runs.
QUICK_ARTICLES = 200


def arguments():
    what = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="make bench-similarity ARGS=…", description=what)
    parser.add_argument("--rounds", type=int, default=9, help="turns of each way (default 9)")
    parser.add_argument("--milliseconds", type=int, default=60, help="of one turn (default 60)")
    parser.add_argument(
        "--working-set", type=int, metavar="MIB", help="vectors of the large catalogues in f32"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="see that it runs: no figures into docs")
    parser.add_argument("--lookalike", type=Path, help="the built program that embeds the photographs")
    parser.add_argument("--photographs", type=Path, help="their catalogue", default=PHOTOGRAPHS)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "target" / "bench" / "similarity.json")
    parser.add_argument("--docs", type=Path, default=REPOSITORY / "docs" / "performance.md")
    return parser.parse_args()


def working_set(given):
    """Bytes: the half as wide copy is larger than the last-level cache, too."""
    size = given << 20 if given else max(1 << 30, 3 * last_level_cache())
    memory = available_memory()
    if memory and COPIES * size > memory:
        raise SystemExit(
            f"{COPIES * size >> 20} MiB of memory are needed and {memory >> 20} free: "
            f"give --working-set {memory // COPIES >> 20} or less"
        )
    return size


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def command():
    """As this run can be repeated."""
    return "make bench-similarity" + (f' ARGS="{shlex.join(sys.argv[1:])}"' if sys.argv[1:] else "")


def run(options, size, executable):
    """Everything measured, as one dictionary."""
    # These need the packages.
    import figures
    import measures
    import photographs
    import quality

    folder = options.out.parent / "similarity"
    settings = {"rounds": options.rounds, "milliseconds": options.milliseconds, "working_set": size}
    with Kernel(executable) as kernel:
        bench = measures.Bench(kernel, measures.Settings(**settings, folder=folder, seed=options.seed))
        results = {"machine": describe(kernel.ask("about"), command()), "settings": settings}
        # First, so that it is seen at once when there are none.
        sets, sentence = photographs.find(options.lookalike, options.photographs, folder)
        say(sentence)
        results |= figures.measure(bench, say)
        say("rank agreement")
        found = quality.measure(bench, sets, QUICK_ARTICLES if options.quick else quality.ARTICLES)
    return results | {"quality": found, "photographs": sentence}


def main():
    options = arguments()
    if options.quick:
        options.rounds, options.milliseconds, options.working_set = 3, 5, 64
    size = working_set(options.working_set)
    say("building")
    executable = build()
    pin()
    packages.install()
    results = run(options, size, executable)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=1) + "\n")
    say(f"results: {os.path.relpath(options.out)}")
    sections = {"similarity": report.similarity(results), "storage": report.storage(results)}
    if options.quick:
        print("\n\n".join(sections.values()))
        return
    text = options.docs.read_text()
    for name, section in sections.items():
        text = report.replace_section(text, name, section)
    options.docs.write_text(text)
    say(f"figures: {os.path.relpath(options.docs)}")


if __name__ == "__main__":
    main()
