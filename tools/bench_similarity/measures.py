"""What is timed: each function makes its data, lets all ways take turns and returns records."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import data
import peers
import ways
from kernel import Kernel
from rounds import alternate

#: Pairs between two looks at the clock.
LIST = 500
#: Bytes of the vectors of a hot measurement: within every second-level cache of today.
HOT_BYTES = 512 << 10
#: Neighbours of a list: the worker's default.
K = 10
#: Articles of a cluster, on average.
CLUSTER = 250
#: Of all vectors together: .45 is the cosine of any two images, .65 within a cluster,
#: .85 within an article.
CLUSTERED = data.Shares(common=0.45, cluster=0.2, article=0.2)
#: The same within an article, but no clusters.
UNCLUSTERED = data.Shares(common=0.45, cluster=0.0, article=0.4)
#: All nearly the same: scores differ by less than bounds from 8 bits can tell apart.
ALIKE = data.Shares(common=0.98, cluster=0.0, article=0.01)

#: Mean difference of scores from NumPy's in f64 over a list.
TOLERANCE = {"f32": 1e-5, "half": 1e-3}


@dataclass(frozen=True)
class Settings:
    rounds: int
    milliseconds: int
    #: Bytes of the vectors of a large catalogue in f32.
    working_set: int
    folder: Path
    seed: int


@dataclass(frozen=True)
class Loaded:
    """Sets and one kind of lists that the executable has loaded, too."""

    name: str
    sets: data.Sets
    kind: str
    lists: list


class Bench:
    def __init__(self, kernel: Kernel, settings: Settings):
        self.kernel, self.settings = kernel, settings
        self.rng = np.random.default_rng(settings.seed)

    def load(self, name, sets, lists, storages):
        path = self.settings.folder / name
        sets.write(path, lists)
        self.kernel.ask("load", name=name, path=str(path), storages=storages)
        for suffix in [".vectors", ".json"]:
            path.with_suffix(suffix).unlink()

    def run(self, loaded, chosen, also=dict):
        """A record for each way; `also`: a function that takes its turn too, and its answers."""
        for way in chosen:
            self.check(loaded, way)
        turns = {way: self.turn(loaded, way) for way in chosen}
        results = alternate({**turns, also: also}, self.settings.rounds)
        dimension = loaded.sets.dimension
        records = [way.record(dimension=dimension, rounds=results[way]) for way in chosen]
        return records, results[also]

    def turn(self, loaded, way):
        """A function that runs one round."""
        milliseconds = self.settings.milliseconds
        if way.is_rust:
            asked = {"data": loaded.name, "lists": loaded.kind, "way": way.asked()}
            asked |= {"operation": way.operation, "milliseconds": milliseconds}
            return lambda: self.kernel.ask("time", **asked)
        run = ways.PEERS[way.changed(operation="pairs")]
        run = run if way.operation == "pairs" else peers.best(run, K)
        walk = peers.Walk(loaded.sets.views, loaded.lists, run)
        return lambda: walk.round(milliseconds)

    def check(self, loaded, way):
        """It scores the first list as NumPy does in f64, or the run ends."""
        views, first = loaded.sets.views, loaded.lists[0]
        query, candidates = views[first["query"]], [views[place] for place in first["candidates"]]
        if way.is_rust:
            any_cosine = way.changed(threshold=-1.0)
            asked = {"data": loaded.name, "lists": loaded.kind, "way": any_cosine.asked()}
            found = self.kernel.ask("scores", **asked)["scores"]
        else:
            found = ways.PEERS[way.changed(operation="pairs")](query, candidates)
        right = peers.numpy_scipy if way.method == "optimal" else peers.numpy_greedy
        expected = [right(query.astype(float), one.astype(float)) for one in candidates]
        difference = np.mean(np.abs(np.asarray(found, float) - expected))
        if not difference <= TOLERANCE[way.stored]:
            raise SystemExit(f"{loaded.name}: {way} is off by {difference:.2g} on average")


def hot(bench, sizes, dimension, chosen, also=dict):
    """Pairs of sets that stay in the second-level cache."""
    sets = data.catalogue(bench.rng, sizes, dimension, 1, UNCLUSTERED)
    loaded = Loaded("hot", sets, "dense", data.dense_lists(bench.rng, sets, LIST))
    bench.load(loaded.name, sets, {loaded.kind: loaded.lists}, ["half", "plain"])
    measured = bench.run(loaded, chosen, also)
    bench.kernel.ask("drop", name=loaded.name)
    return measured


def of_size(images, dimension):
    """Sizes of as many sets as fit."""
    return [images] * max(2, min(16, HOT_BYTES // (images * dimension * 4)))


def five_by_five(bench):
    return with_peak(bench, of_size(5, 512), [*ways.ALL_OURS, *ways.ALL_PLAIN, *ways.PEERS_OF_PAIRS])


def mixed(bench):
    """Sets of 1 to 10 images, as the cold ones, but in the cache."""
    return with_peak(bench, [*range(1, 11)] * 4, [*ways.ALL_OURS, *ways.PEERS_OF_PAIRS])


def with_peak(bench, sizes, chosen):
    """Records, and what the core can do at most."""

    def peak():
        return bench.kernel.ask("peak", milliseconds=bench.settings.milliseconds)

    records, peaks = hot(bench, sizes, 512, chosen, peak)
    return {"records": records, "peak": peaks}


def large_catalogue(bench, shares):
    """Sets of 1 to 10 images that together are much larger than the last-level cache."""
    articles = int(bench.settings.working_set / (5.5 * 512 * 4))
    sizes = data.mixed_sizes(bench.rng, articles)
    return data.catalogue(bench.rng, sizes, 512, max(1, articles // CLUSTER), shares)


def cold(bench, loaded):
    """Records of pairs by themselves and in lists, and what the memory can do at most."""
    in_lists = [way.changed(operation="top_k_of_all") for way in ways.ALL_OURS]
    chosen = [*ways.ALL_OURS, *in_lists, *ways.ALL_PLAIN, *ways.PEERS]
    settings = bench.settings

    def bandwidth():
        read = {"bytes": settings.working_set, "block": int(5.5 * 512 * 4)}
        return bench.kernel.ask("bandwidth", **read, milliseconds=settings.milliseconds)

    records, most = bench.run(loaded, chosen, bandwidth)
    return {"records": records, "bandwidth": most}


def top_k(bench, loaded, chosen):
    return bench.run(loaded, ways.best_of_lists(chosen))[0]


def growth(bench, images, dimensions):
    """How the time of a pair grows with the sets' size and with the dimension."""

    def records(n, d):
        return hot(bench, of_size(n, d), d, ways.SWEPT)[0]

    return {
        "images": [{"at": n, "records": records(n, 512)} for n in images],
        "dimensions": [{"at": d, "records": records(5, d)} for d in dimensions],
    }
