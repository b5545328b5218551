"""The ways of scoring that are compared."""

from dataclasses import asdict, dataclass, replace

import peers
from records import OURS, REFERENCE

PLAIN = "three loops in Rust"


@dataclass(frozen=True)
class Way:
    code: str
    method: str
    stored: str = "f32"
    summed: str = "f32"
    #: `pairs`: each by itself; `top_k_of_all`: the best of a list; `top_k`: the same,
    #: skipping what cannot be among them.
    operation: str = "pairs"
    #: −1 lets every pair match.
    threshold: float = -1.0

    @property
    def is_rust(self):
        return self.code in (OURS, PLAIN)

    def asked(self):
        """As the executable is told how to score."""
        storage = "plain" if self.code == PLAIN else self.stored
        asked = {"method": self.method, "threshold": self.threshold, "storage": storage}
        return {**asked, "double": self.summed == "f64"}

    def record(self, **more):
        return {**asdict(self), **more}

    def changed(self, **fields):
        return replace(self, **fields)


METHODS = ["greedy", "optimal"]
STORED_AND_SUMMED = [("f32", "f32"), ("f32", "f64"), ("half", "f32"), ("half", "f64")]

ALL_OURS = [Way(OURS, method, *how) for method in METHODS for how in STORED_AND_SUMMED]
ALL_PLAIN = [Way(PLAIN, method) for method in METHODS]

GATHERED = Way("NumPy, one product a list, + SciPy", "optimal")
PEERS = {
    Way(REFERENCE, "optimal"): peers.one_by_one(peers.numpy_scipy),
    Way("NumPy + lapx `lapjv`", "optimal"): peers.one_by_one(peers.numpy_lapx_lapjv),
    Way("NumPy + lapx `lapjvc`", "optimal"): peers.one_by_one(peers.numpy_lapx_lapjvc),
    Way("NumPy + Python", "greedy"): peers.one_by_one(peers.numpy_greedy),
    GATHERED: peers.gathered,
}
#: Gathering vectors that are in the cache already is work for nothing.
PEERS_OF_PAIRS = [way for way in PEERS if way != GATHERED]

IN_LISTS = [*ALL_OURS, Way(PLAIN, "greedy"), Way(REFERENCE, "optimal")]
SWEPT = [
    Way(OURS, "greedy", "f32", "f32"),
    Way(OURS, "greedy", "f32", "f64"),
    Way(OURS, "greedy", "half", "f32"),
    Way(OURS, "optimal", "f32", "f32"),
    Way(OURS, "optimal", "f32", "f64"),
    Way(REFERENCE, "optimal"),
]
WITH_THRESHOLD = SWEPT[:-1]


def best_of_lists(chosen):
    """The best of a list by all these ways, and by ours with skipping as well."""
    skipping = [way.changed(operation="top_k") for way in chosen if way.code == OURS]
    return [*skipping, *(way.changed(operation="top_k_of_all") for way in chosen)]
