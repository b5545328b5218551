"""Rounds that take turns, and what they say together.

A machine that others use drifts, so the ways that are compared never run one after
the other but in turns, and a ratio is formed within a round before the median of all
rounds is taken.
"""

import gc
import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values):
        return cls(statistics.median(values), min(values), max(values))


def alternate(ways, rounds):
    """`{name: [result of each round]}`: in every round each way, a function, takes its turn."""
    results = {name: [] for name in ways}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, turn in ways.items():
                results[name].append(turn())
    finally:
        gc.enable()
    return results


def ratio(over, under):
    """How many times as large `over` is, round by round."""
    if len(over) != len(under):
        raise ValueError(f"{len(over)} rounds against {len(under)}")
    return Summary.of([above / below for above, below in zip(over, under)])
