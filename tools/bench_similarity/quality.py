"""What storage at half width, and sums in f32, change in the lists.

Held against f32 vectors summed in f64. Every article is a query, all others are its
candidates.
"""

from dataclasses import asdict

import agreement
import data
from records import OURS
from ways import METHODS, Way

ARTICLES = 2000
CLUSTER = 50
K = 10

#: By what is expected to be hard: the closer the scores, the sooner rounding swaps them.
SPREADS = {
    "random, in clusters": data.Shares(common=0.45, cluster=0.2, article=0.2),
    "random, wide": data.Shares(common=0.0, cluster=0.3, article=0.4),
    "random, close together": data.Shares(common=0.8, cluster=0.1, article=0.06),
    "random, without clusters": data.Shares(common=0.45, cluster=0.0, article=0.4),
}

COMPARED = [("half", "f64"), ("half", "f32"), ("f32", "f32")]


def measure(bench, photographs, articles=ARTICLES):
    """Records; `photographs`: sets of real vectors, or `None`."""
    records = []
    for number, (name, shares) in enumerate(SPREADS.items()):
        sizes = data.mixed_sizes(bench.rng, articles)
        sets = data.catalogue(bench.rng, sizes, 512, articles // CLUSTER, shares)
        # The slower method on the first only: some millions of pairs each.
        records += compared(bench, name, sets, METHODS if number == 0 else METHODS[:1])
    if photographs:
        records += compared(bench, "ETH-80", photographs, METHODS)
    return records


def compared(bench, name, sets, methods):
    bench.load(name, sets, {}, ["half"])
    records = []
    for method in methods:
        right = neighbours(bench, name, Way(OURS, method, "f32", "f64"))
        for stored, summed in COMPARED:
            found = neighbours(bench, name, Way(OURS, method, stored, summed))
            record = {"data": name, "articles": len(sets), "dimension": sets.dimension}
            record |= {"method": method, "stored": stored, "summed": summed}
            records.append(record | asdict(agreement.compare(right, found)))
    bench.kernel.ask("drop", name=name)
    return records


def neighbours(bench, name, way):
    return bench.kernel.ask("neighbours", data=name, way=way.asked(), k=K)["lists"]
