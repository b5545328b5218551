"""The figures that the project set itself to reach, and whether a run did."""

from dataclasses import dataclass

from records import OURS, find, nanoseconds_a_pair, skipping, times
from rounds import Summary

HOT_MICROSECONDS = 0.5
COLD_TIMES = {"f32": 6, "half": 10}
SKIPPING_TIMES = 2


@dataclass(frozen=True)
class Target:
    what: str
    wanted: str
    found: float
    is_reached: bool


def at_least(what, wanted, found):
    return Target(what, f"≥ {wanted}", found, found >= wanted)


def at_most(what, wanted, found):
    return Target(what, f"≤ {wanted}", found, found <= wanted)


def all_of(results, method, summed):
    """The targets as one way of matching and summing reaches them."""
    way = {"code": OURS, "method": method, "summed": summed}
    hot = find(results["hot"]["records"], **way, stored="f32")
    time = Summary.of(nanoseconds_a_pair(hot)).median / 1e3
    yield at_most("5 × 5 hot, microseconds a pair", HOT_MICROSECONDS, time)
    for stored, wanted in COLD_TIMES.items():
        for operation, how in [("pairs", "pair by pair"), ("top_k_of_all", "in lists")]:
            record = find(results["cold"]["records"], **way, stored=stored, operation=operation)
            gain = times(results["cold"]["records"], record).median
            yield at_least(f"cold, {stored}, {how}: times NumPy + SciPy", wanted, gain)
    searched = find(results["top_k"], catalogue="clustered", candidates="searched")["records"]
    for stored in COLD_TIMES:
        record = find(searched, **way, stored=stored, operation="top_k_of_all")
        gain = skipping(searched, record)[1].median
        yield at_least(f"`top_k`, clustered, {stored}: skipping, times scoring all", SKIPPING_TIMES, gain)
