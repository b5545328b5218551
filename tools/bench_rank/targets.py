"""The figures that the project set itself to reach, and whether a run did."""

from dataclasses import dataclass

from rounds import Summary, ratio

SEARCHES_AN_EVENT = 1.2
RECALL = 0.99
SHARE_OF_SEARCHES = 0.8
HOT_EMBEDDINGS = 100
HOT_TIMES = 1.5
FAN_OUT_SECONDS = 60
FAN_OUT_TIMES = 2


@dataclass(frozen=True)
class Target:
    what: str
    at: str
    wanted: str
    found: float
    is_reached: bool


def at_least(what, at, wanted, found):
    return Target(what, at, f"≥ {wanted}", found, found >= wanted)


def at_most(what, at, wanted, found):
    return Target(what, at, f"≤ {wanted}", found, found <= wanted)


def all_of(results):
    for size in results.get("sizes", []):
        yield from of_size(size)
    if "hot" in results:
        found, events = results["hot"], f"{results['hot']['events']:,} events"
        yield at_most("hot article: embeddings made for it", events, HOT_EMBEDDINGS, found["busy"]["hot_embeddings"])
        times = found["busy"]["own_list"]["p99"] / found["quiet"]["own_list"]["p99"]
        yield at_most("hot article: others' p99, times", events, HOT_TIMES, times)
    if "fan_out" in results:
        found, lists = results["fan_out"], f"{results['fan_out']['holders']:,} lists"
        left = found["holders_left"]
        converged = float("inf") if left else found["converged_seconds"]
        yield at_most("fan-out: seconds until no list holds it", lists, FAN_OUT_SECONDS, converged)
        times = found["own_list"]["p99"] / found["before"]["own_list"]["p99"]
        yield at_most("fan-out: others' p99, times", lists, FAN_OUT_TIMES, times)


def of_size(size):
    at, turns = f"{size['start']['articles']:,} articles", size["rounds"]

    def rates(name):
        return [turn[name]["events"] / turn[name]["seconds"] for turn in turns]

    searches = Summary.of([turn["churn"]["worker"]["searches"] / turn["churn"]["events"] for turn in turns])
    yield at_most("searches an event", at, SEARCHES_AN_EVENT, searches.median)
    yield at_least("recall@10 of stored lists", at, RECALL, size["recall"]["stored"])
    share = ratio(rates("prepared"), rates("searches")).median
    yield at_least("ranking alone, of the rate of its searches alone", at, SHARE_OF_SEARCHES, share)
