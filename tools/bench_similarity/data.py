"""Sets of unit vectors that lie as those of a catalogue do.

An image's vector is a sum of four random directions: one that all images share (the
vectors of CLIP and its like lie in a cone), one of its cluster, one of its article and
one of its own. Their shares of the squared length are the cosines to expect: two
images of different clusters have `common`, of one cluster `common + cluster`, of one
article `common + cluster + article`. Clusters and articles differ in `INTRINSIC`
directions only, so that some are much closer than others.
"""

import json
from dataclasses import dataclass

import numpy as np

INTRINSIC = 32
#: Vectors made or searched at a time, to bound memory.
CHUNK = 1 << 15


@dataclass(frozen=True)
class Shares:
    """Of the squared length; the image's own share is what is left to 1."""

    common: float
    cluster: float
    article: float

    @property
    def image(self):
        return 1.0 - self.common - self.cluster - self.article


class Sets:
    """Sets of images in one array, a view a set."""

    def __init__(self, vectors, sizes):
        self.vectors, self.sizes = vectors, np.asarray(sizes)
        self.ends = np.cumsum(self.sizes)
        self.views = np.split(vectors, self.ends[:-1])

    @property
    def dimension(self):
        return self.vectors.shape[1]

    def __len__(self):
        return len(self.sizes)

    def write(self, path, lists=None):
        """The two files that the executable loads."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.vectors.astype("<f4", copy=False).tofile(path.with_suffix(".vectors"))
        index = {"dimension": self.dimension, "sizes": self.sizes.tolist(), "lists": lists or {}}
        path.with_suffix(".json").write_text(json.dumps(index))


def directions(rng, count, dimension):
    """Random unit vectors within a random space of few dimensions."""
    intrinsic = min(INTRINSIC, dimension)
    weights = rng.standard_normal((count, intrinsic), dtype=np.float32)
    basis = rng.standard_normal((intrinsic, dimension), dtype=np.float32)
    vectors = weights @ basis
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def catalogue(rng, sizes, dimension, clusters, shares):
    """Articles of the given sizes, each in a random one of the clusters."""
    of_all = directions(rng, 1, dimension) * np.sqrt(shares.common, dtype=np.float32)
    of_clusters = directions(rng, clusters, dimension) * np.sqrt(shares.cluster, dtype=np.float32)
    centres = directions(rng, len(sizes), dimension) * np.sqrt(shares.article, dtype=np.float32)
    centres += of_all + of_clusters[rng.integers(0, clusters, len(sizes))]
    article_of = np.repeat(np.arange(len(sizes)), sizes)
    vectors = np.empty((len(article_of), dimension), np.float32)
    own = np.float32(np.sqrt(shares.image / dimension))
    for start in range(0, len(vectors), CHUNK):
        chunk = vectors[start : start + CHUNK]
        rng.standard_normal(dtype=np.float32, out=chunk)
        chunk *= own
        chunk += centres[article_of[start : start + CHUNK]]
        chunk /= np.linalg.norm(chunk, axis=1, keepdims=True)
    return Sets(vectors, sizes)


def mixed_sizes(rng, articles):
    """1 to 10 images, each as often."""
    return rng.integers(1, 11, articles)


def random_lists(rng, sets, length):
    """Every set once as a candidate, in random order; the last, shorter list left out."""
    order = rng.permutation(len(sets))
    whole = [order[start : start + length] for start in range(0, len(order) - length + 1, length)]
    queries = rng.integers(0, len(sets), len(whole))
    return [as_list(query, candidates) for query, candidates in zip(queries, whole)]


def dense_lists(rng, sets, length):
    """For few sets: each as a query against random others."""
    others = [np.delete(np.arange(len(sets)), query) for query in range(len(sets))]
    return [as_list(query, rng.choice(other, length)) for query, other in enumerate(others)]


def searched_lists(rng, sets, queries, length):
    """Candidates as a search by image finds them: those with the best single pair, in
    random order, because a union of searches has no order by score."""
    chosen = rng.choice(len(sets), queries, replace=False)
    best = best_pairs(sets, chosen)
    best[np.arange(queries), chosen] = -2.0
    nearest = np.argpartition(-best, length - 1, axis=1)[:, :length]
    return [as_list(query, rng.permutation(found)) for query, found in zip(chosen, nearest)]


def cut(lists, length):
    """The same candidates, in random order already, in lists of another length."""
    return [
        {"query": whole["query"], "candidates": whole["candidates"][start : start + length]}
        for whole in lists
        for start in range(0, len(whole["candidates"]) - length + 1, length)
    ]


def best_pairs(sets, queries):
    """Largest cosine of each query with each set."""
    images = np.concatenate([sets.views[query] for query in queries])
    firsts = np.concatenate([[0], np.cumsum(sets.sizes[queries])[:-1]])
    of_vectors = np.empty((len(queries), len(sets.vectors)), np.float32)
    for start in range(0, len(sets.vectors), CHUNK):
        cosines = images @ sets.vectors[start : start + CHUNK].T
        of_vectors[:, start : start + CHUNK] = np.maximum.reduceat(cosines, firsts, axis=0)
    return np.maximum.reduceat(of_vectors, np.concatenate([[0], sets.ends[:-1]]), axis=1)


def as_list(query, candidates):
    return {"query": int(query), "candidates": [int(place) for place in candidates]}
