"""Role rank measured as a whole: catalogues of several sizes under steady change.

Writes target/bench/rank.json, and the section of docs/performance.md between the marks
`rank`, or `rank-server` where QDRANT_URL names a server; without one, also what sizing
needs of it into docs/operations.md, between the marks `size`.
"""

import argparse
import json
import os
import shlex
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
# What both benchmarks need lies with the first.
sys.path.append(str(REPOSITORY / "tools" / "bench_similarity"))

import packages  # noqa: E402
from program import Program, build  # noqa: E402
from report import replace_section  # noqa: E402


def arguments():
    what = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="make bench-rank ARGS=…", description=what)
    sizes = [1_000, 10_000, 100_000]
    parser.add_argument("--sizes", type=numbers, default=sizes, help="articles (default 1000,10000,100000)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each measurement (default 3)")
    parser.add_argument("--seconds", type=float, default=20, help="of one turn, about (default 20)")
    parser.add_argument("--in-flight", type=int, default=64, help="events without own list (default 64)")
    parser.add_argument("--sample", type=int, default=500, help="lists held against exact ones (default 500)")
    parser.add_argument("--fan-out", type=int, default=10_000, help="lists with the hub (default 10000)")
    parser.add_argument("--hot", type=int, default=10_000, help="events at the hot article (default 10000)")
    parser.add_argument("--only", choices=["churn", "fan-out", "hot"], help="one part: no figures into docs")
    parser.add_argument("--set", type=json.loads, default={}, metavar="JSON", help="over the configuration")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="see that it runs: no figures into docs")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "target" / "bench" / "rank.json")
    parser.add_argument("--docs", type=Path, default=REPOSITORY / "docs" / "performance.md")
    return parser.parse_args()


def numbers(text):
    return [int(part) for part in text.split(",")]


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def command():
    """As this run can be repeated."""
    server = "QDRANT_URL=… " if os.environ.get("QDRANT_URL") else ""
    return f"{server}make bench-rank" + (f' ARGS="{shlex.join(sys.argv[1:])}"' if sys.argv[1:] else "")


def main():
    options = arguments()
    if options.quick:
        options.sizes, options.rounds, options.seconds, options.sample = [300], 1, 3, 50
        options.fan_out, options.hot = 300, 300
    server = os.environ.get("QDRANT_URL")
    say("building")
    executable = build()
    # The baseline that searches by brute force may use every core, as the others do.
    packages.install(one_thread=False)
    # These need the packages.
    import scenarios
    import sections

    folder = options.out.parent / "rank"
    with Program(executable) as program:
        results = scenarios.run(program, options, folder, server, say)
    results |= {"machine": sections.describe(command())}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=1) + "\n")
    say(f"results: {os.path.relpath(options.out)}")
    section = sections.rank(results)
    if options.quick or options.only:
        print(section)
        return
    name = "rank-server" if server else "rank"
    options.docs.write_text(replace_section(options.docs.read_text(), name, section))
    say(f"figures: {os.path.relpath(options.docs)}")
    if not server:
        sizes = options.docs.parent / "operations.md"
        sizes.write_text(replace_section(sizes.read_text(), "size", sections.sizing(results)))


if __name__ == "__main__":
    main()
