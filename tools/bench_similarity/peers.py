"""What users could pick instead: NumPy with SciPy, with lapx, or with Python alone.

Each is the quickest way found to write it, with one thread. Every function takes two
arrays of unit vectors, a row an image, and returns the image score.
"""

import time

import lap
import numpy as np
from scipy.optimize import linear_sum_assignment


def numpy_scipy(left, right):
    similarities = left @ right.T
    # Positional and without `.mean()`: keywords and ufunc overhead would add a half.
    rows, columns = linear_sum_assignment(similarities, True)
    return similarities[rows, columns].sum() / len(rows)


def numpy_lapx_lapjv(left, right):
    similarities = left @ right.T
    # With `extend_cost` the added cells cost nothing.
    cost, _, _ = lap.lapjv(1 - similarities, extend_cost=True)
    return 1 - cost / min(similarities.shape)


def numpy_lapx_lapjvc(left, right):
    """lapx's quickest solver at this size."""
    similarities = left @ right.T
    cost, _, _ = lap.lapjvc(1 - similarities)
    return 1 - cost / min(similarities.shape)


def numpy_greedy(left, right):
    similarities = left @ right.T
    columns = similarities.shape[1]
    most = min(similarities.shape)
    cells = similarities.ravel()
    rows_taken, columns_taken, total = set(), set(), 0.0
    for cell in cells.argsort()[::-1].tolist():
        row, column = divmod(cell, columns)
        if row in rows_taken or column in columns_taken:
            continue
        rows_taken.add(row)
        columns_taken.add(column)
        total += cells[cell]
        if len(rows_taken) == most:
            break
    return total / most


def one_by_one(score):
    """Scores of a query with each candidate, from the score of a pair."""
    return lambda query, candidates: [score(query, candidate) for candidate in candidates]


def gathered(query, candidates):
    """One product for the whole list instead of one a pair."""
    every = np.concatenate(candidates) @ query.T
    scores, start = [], 0
    for candidate in candidates:
        similarities = every[start : start + len(candidate)]
        start += len(candidate)
        rows, columns = linear_sum_assignment(similarities, True)
        scores.append(similarities[rows, columns].sum() / len(rows))
    return scores


def best(score_list, count):
    """The places of the best."""

    def ranked(query, candidates):
        scores = score_list(query, candidates)
        return sorted(range(len(scores)), key=scores.__getitem__, reverse=True)[:count]

    return ranked


class Walk:
    """Runs lists, going on where the last round ended."""

    def __init__(self, sets, lists, run):
        self.sets, self.lists, self.run, self.place = sets, lists, run, 0

    def round(self, milliseconds):
        """One round, answered as the executable does: the first list runs before the clock starts."""
        limit, elapsed, pairs, lists = milliseconds * 1_000_000, 0, 0, 0
        self.timed(self.lists[self.place])
        while elapsed < limit:
            self.place = (self.place + 1) % len(self.lists)
            elapsed += self.timed(self.lists[self.place])
            pairs += len(self.lists[self.place]["candidates"])
            lists += 1
        return {"pairs": pairs, "lists": lists, "nanoseconds": elapsed}

    def timed(self, wanted):
        query = self.sets[wanted["query"]]
        candidates = [self.sets[place] for place in wanted["candidates"]]
        start = time.thread_time_ns()
        self.run(query, candidates)
        return time.thread_time_ns() - start
