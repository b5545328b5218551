"""`make churn`: Apache Kafka, an S3 server, Qdrant and three replicas through a churn.

Prints what happens while it runs, then one line of figures; exit code 1 when
anything is not as promised, with the seed and the plan that repeat it. Logs and data
stay in target/churn.
"""

import argparse
import sys
import time

import churn
import fault_plan
import kafka
import qdrant
import s3
from catalogue import BUCKET
from command_line import REPOSITORY, add_common, prepare
from processes import Processes
from story import Story


def arguments():
    parser = argparse.ArgumentParser(prog="make churn ARGS=…", description=__doc__.splitlines()[0])
    add_common(parser, "churn")
    usual = churn.Options()
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--minutes", type=float, default=usual.seconds / 60)
    parser.add_argument("--articles", type=int, default=usual.articles)
    parser.add_argument("--rate", type=float, default=usual.rate, help="changes a second")
    parser.add_argument("--lag", type=int, default=usual.most_lag, help="at which the feed waits")
    parser.add_argument("--faults", default=",".join(usual.kinds), help="some of them, by comma")
    given = parser.parse_args()
    kinds = tuple(filter(None, given.faults.split(",")))
    if not kinds or not set(kinds) <= set(fault_plan.KINDS):
        parser.error(f"--faults: one or more of {', '.join(fault_plan.KINDS)}")
    if given.minutes * 60 < fault_plan.LEAST_SECONDS:
        parser.error(f"--minutes: at least {fault_plan.LEAST_SECONDS / 60:.2f}")
    return given, churn.Options(
        seed=given.seed,
        seconds=given.minutes * 60,
        articles=given.articles,
        rate=given.rate,
        most_lag=given.lag,
        kinds=kinds,
    )


def main():
    given, options = arguments()
    cache = prepare(given.out)
    processes = Processes(given.out / "logs")
    start = time.monotonic()
    try:
        story = Story(REPOSITORY, given.binary, given.out, cache, processes, None)
        story.kafka = kafka.Kafka(kafka.install(cache), given.out / "kafka", processes)
        story.s3 = s3.S3(s3.install(cache), given.out / "s3", processes)
        story.qdrant = qdrant.Qdrant(given.binary, given.out / "qdrant", processes)
        for server in (story.s3, story.qdrant, story.kafka):
            server.start()
        story.s3.create_bucket(BUCKET)
        report = churn.Churn(story, options, sys.stdout).run()
        print(f"ok     {report}; {time.monotonic() - start:.0f} s in all")
        return 0
    except Exception as error:
        print(f"FAILED {time.monotonic() - start:6.1f} s\n{type(error).__name__}: {error}")
        print(processes.tails(), flush=True)
        return 1
    finally:
        processes.stop_all()


if __name__ == "__main__":
    sys.exit(main())
