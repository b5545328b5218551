"""The whole story from outside: real servers, two replicas, a client that is not ours.

Prints one line a step and ends with the counts. Logs, data and reference lists
stay in target/e2e; the tails of the logs are shown when a step fails.
"""

import argparse
import sys
import time
from pathlib import Path

import churn
import faults
import feeder
import flow
import operations
import prometheus
from catalogue import Catalogue
from command_line import REPOSITORY, add_common, prepare
from processes import Processes
from story import Story
from worker import run_command

PHOTOGRAPHS = REPOSITORY.parent / "shared" / "data" / "eth80" / "catalog.jsonl"

STEPS = [
    flow.installed,
    flow.servers,
    flow.replicas,
    flow.feed_catalogue,
    feeder.catalogue_again,
    flow.lists_right,
    flow.both_had_partitions,
    flow.changes,
    faults.crash,
    faults.poison,
    prometheus.alert_and_series,
    operations.probes,
    operations.bad_configuration,
    operations.clean_stop,
    flow.roles_apart,
    operations.clean_stop,
    churn.short,
    faults.records_lost,
    operations.kafka_down,
]


def arguments():
    parser = argparse.ArgumentParser(prog="make e2e ARGS=…", description=__doc__.splitlines()[0])
    add_common(parser, "e2e")
    parser.add_argument(
        "--catalog", type=Path, help="a catalogue file; else the photographs, else the demo's"
    )
    return parser.parse_args()


def choose_catalogue(given, binary, out):
    """The catalogue to feed, and one line that says which."""
    if given:
        return given, f"catalogue: {given}"
    if PHOTOGRAPHS.exists():
        return PHOTOGRAPHS, "catalogue: ETH-80 photographs"
    folder = out / "rendered"
    code, _, error = run_command(binary, "demo", "--once", "--out", folder)
    if code != 0:
        raise SystemExit(f"lookalike demo --once: exit code {code}\n{error}")
    left_out = f"left out, as {PHOTOGRAPHS} is not there: the ETH-80 photographs"
    return folder / "catalogue" / "catalog.jsonl", f"catalogue: the demo's rendered pictures ({left_out})"


def play(story):
    """Runs the steps until one fails; returns (passed, failed)."""
    for position, step in enumerate(STEPS):
        name, start = step.__doc__, time.monotonic()
        try:
            detail = step(story)
        except Exception as error:
            print(f"FAILED {time.monotonic() - start:6.1f} s  {name}\n{type(error).__name__}: {error}")
            print(story.processes.tails(), flush=True)
            return position, 1
        print(f"ok     {time.monotonic() - start:6.1f} s  {name}: {detail}", flush=True)
    return len(STEPS), 0


def main():
    options = arguments()
    out = options.out
    cache = prepare(out)
    processes = Processes(out / "logs")
    try:
        path, line = choose_catalogue(options.catalog, options.binary, out)
        catalogue = Catalogue(path)
        print(f"{line}: {len(catalogue.articles)} articles, {catalogue.image_count} images", flush=True)
        story = Story(REPOSITORY, options.binary, out, cache, processes, catalogue)
        passed, failed = play(story)
    finally:
        processes.stop_all()
    left_out = len(STEPS) - passed - failed
    print(f"{passed} passed, {failed} failed" + (f", {left_out} not run" if left_out else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
