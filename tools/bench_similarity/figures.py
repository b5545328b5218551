"""The timed part of a run: data, measurements, one dictionary of results."""

import data
import measures
import ways
from measures import ALIKE, CLUSTERED, LIST, UNCLUSTERED, Loaded

IMAGES = [1, 2, 4, 5, 8, 10, 16, 32, 64]
DIMENSIONS = [128, 256, 512, 768, 1024]
CANDIDATES = [50, 100, 500, 1000, 5000]
#: Between, within and above the cosines of articles of one cluster.
THRESHOLDS = [-1.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
CATALOGUES = {"clustered": CLUSTERED, "unclustered": UNCLUSTERED, "alike": ALIKE}
#: Queries whose candidates are searched; together these do not fit the last-level cache.
SEARCHES = 256
LONG_SEARCHES = 32


def measure(bench, say):
    """All figures but those of quality; `say` is told what comes next."""
    say("5 × 5 images, hot")
    hot = measures.five_by_five(bench)
    say("1 to 10 images, hot")
    mixed = measures.mixed(bench)
    say("growth with images and dimensions")
    growth = measures.growth(bench, IMAGES, DIMENSIONS)
    results = {"hot": hot, "mixed": mixed, "growth": growth, "top_k": []}
    for name, shares in CATALOGUES.items():
        say(f"the best {measures.K} of lists, {name}")
        sets = measures.large_catalogue(bench, shares)
        lists = lists_of(bench, sets)
        bench.load(name, sets, lists, ["half", "plain"])
        loaded = {kind: Loaded(name, sets, kind, found) for kind, found in lists.items()}
        results["articles"] = len(sets)
        for kind in ["searched"] if name == "alike" else ["searched", "random"]:
            records = measures.top_k(bench, loaded[kind], ways.IN_LISTS)
            results["top_k"].append({"catalogue": name, "candidates": kind, "records": records})
        if name == "clustered":
            say("pairs of 1 to 10 images, cold")
            results["cold"] = measures.cold(bench, loaded["random"])
            say("growth with candidates")
            growth["candidates"] = with_candidates(bench, loaded)
            say("growth with the threshold")
            growth["thresholds"] = with_thresholds(bench, loaded["searched"])
        bench.kernel.ask("drop", name=name)
    return results


def lists_of(bench, sets):
    """Candidates found by search, random ones, and long searches cut to each length."""
    searches = min(SEARCHES, len(sets) // 8)
    longest = min(max(CANDIDATES), len(sets) // 2)
    long = data.searched_lists(bench.rng, sets, LONG_SEARCHES, longest)
    return {
        "searched": data.searched_lists(bench.rng, sets, searches, LIST),
        "random": data.random_lists(bench.rng, sets, LIST),
        **{str(length): data.cut(long, length) for length in CANDIDATES if length <= longest},
    }


def with_candidates(bench, loaded):
    """The same candidates in lists of every length."""
    lengths = [length for length in CANDIDATES if str(length) in loaded]
    return [
        {"at": length, "records": measures.top_k(bench, loaded[str(length)], ways.SWEPT)}
        for length in lengths
    ]


def with_thresholds(bench, loaded):
    steps = []
    for threshold in THRESHOLDS:
        chosen = [way.changed(threshold=threshold) for way in ways.WITH_THRESHOLD]
        steps.append({"at": threshold, "records": measures.top_k(bench, loaded, chosen)})
    return steps
