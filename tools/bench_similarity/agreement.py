"""How far lists of neighbours agree with the lists they are held against.

A list is `[(place, score), …]`, best first. Both sides rank the same candidates.
"""

import itertools
from dataclasses import dataclass


@dataclass(frozen=True)
class Agreement:
    lists: int
    #: Mean share of the neighbours that both lists hold.
    overlap: float
    #: Share of lists with the same neighbours, in whatever order.
    same_members: float
    #: Share of lists with the same neighbours in the same order.
    same_order: float
    #: Mean of Kendall's tau over the neighbours that both lists hold.
    kendall: float
    #: Of the scores of neighbours that both lists hold.
    mean_difference: float
    largest_difference: float
    #: Largest difference between the reference's scores of two neighbours that changed places.
    widest_swap: float


def compare(reference, found):
    if len(reference) != len(found) or not reference:
        raise ValueError(f"{len(reference)} lists against {len(found)}")
    pairs = list(zip(reference, found))
    differences = [difference for pair in pairs for difference in score_differences(*pair)]
    orders = [order(*pair) for pair in pairs]
    taus = [tau for tau, _ in orders if tau is not None]
    return Agreement(
        lists=len(pairs),
        overlap=mean(overlap(*pair) for pair in pairs),
        same_members=mean(places(a) == places(b) for a, b in pairs),
        same_order=mean([p for p, _ in a] == [p for p, _ in b] for a, b in pairs),
        kendall=mean(taus) if taus else 1.0,
        mean_difference=mean(differences) if differences else 0.0,
        largest_difference=max(differences, default=0.0),
        widest_swap=max(swap for _, swap in orders),
    )


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def places(ranked):
    return {place for place, _ in ranked}


def overlap(reference, found):
    """Share of the reference's neighbours that were found; 1 when it has none."""
    if not reference:
        return 1.0
    return len(places(reference) & places(found)) / len(reference)


def score_differences(reference, found):
    scores = dict(reference)
    return [abs(score - scores[place]) for place, score in found if place in scores]


def order(reference, found):
    """Kendall's tau over the common neighbours, `None` below two of them, and the widest swap."""
    rank = {place: position for position, (place, _) in enumerate(found)}
    common = [(rank[place], score) for place, score in reference if place in rank]
    swapped, pairs, widest = 0, 0, 0.0
    for (first, above), (second, below) in itertools.combinations(common, 2):
        pairs += 1
        if first > second:
            swapped += 1
            widest = max(widest, above - below)
    return (1 - 2 * swapped / pairs if pairs else None), widest
