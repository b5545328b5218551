"""Exact lists by brute force over vectors that never went through the worker."""

import json
from dataclasses import dataclass

import numpy as np

#: Vectors compared at a time, to bound memory.
CHUNK = 1 << 16


@dataclass
class Catalogue:
    """A catalogue as the benchmark wrote it: sets of images, a text each."""

    articles: list
    sizes: np.ndarray
    vectors: np.ndarray
    texts: np.ndarray
    lists: list
    k: int
    threshold: float
    text_weight: float

    @classmethod
    def read(cls, path):
        index = json.loads(path.with_suffix(".json").read_text())
        shape = (-1, index["dimension"])
        vectors = np.memmap(path.with_suffix(".vectors"), "<f4", "r").reshape(shape)
        texts = np.memmap(path.with_suffix(".texts"), "<f4", "r").reshape(shape)
        rest = {name: index[name] for name in ("articles", "lists", "k", "threshold", "text_weight")}
        return cls(sizes=np.asarray(index["sizes"]), vectors=vectors, texts=texts, **rest)

    def __post_init__(self):
        self.ends = np.cumsum(self.sizes)
        self.begins = self.ends - self.sizes
        self.place = {article: place for place, article in enumerate(self.articles)}

    def images(self, place):
        return self.vectors[self.begins[place] : self.ends[place]]

    def score(self, place, other):
        """The fused score of two articles; `None` where no pair of images reaches the threshold."""
        cosines = self.images(place).astype(np.float64) @ self.images(other).astype(np.float64).T
        image = greedy(cosines, self.threshold)
        if image is None:
            return None
        text = self.texts[place].astype(np.float64) @ self.texts[other].astype(np.float64)
        return (1 - self.text_weight) * image + self.text_weight * text

    def best(self, place, candidates):
        """The best k of the candidates: `[(article, score), …]`."""
        scores = [(self.score(place, other), self.articles[other]) for other in candidates if other != place]
        ranked = sorted((-score, article) for score, article in scores if score is not None)
        return [(article, -score) for score, article in ranked[: self.k]]

    def exact(self, place):
        """The exact list of an article, among all."""
        own, found = self.images(place), []
        for start in range(0, len(self.vectors), CHUNK):
            highest = (own @ self.vectors[start : start + CHUNK].T).max(axis=0)
            # Room for rounding: what is a neighbour is decided in f64.
            found.append(start + np.flatnonzero(highest >= self.threshold - 1e-3))
        owners = np.unique(np.searchsorted(self.ends, np.concatenate(found), side="right"))
        return self.best(place, owners)


def greedy(cosines, threshold):
    """The mean of the pairs that are taken from the largest cosine down."""
    cosines, taken = cosines.copy(), []
    for _ in range(min(cosines.shape)):
        row, column = np.unravel_index(cosines.argmax(), cosines.shape)
        if cosines[row, column] < threshold:
            break
        taken.append(cosines[row, column])
        cosines[row, :] = cosines[:, column] = -np.inf
    return sum(taken) / len(taken) if taken else None


def recall(catalogue):
    """Of the exact neighbours of the sampled articles, the shares that the stored and the
    published lists hold; and the largest difference of a score."""
    wanted, stored, published, difference = 0, 0, 0, 0.0
    for one in catalogue.lists:
        exact = dict(catalogue.exact(catalogue.place[one["article"]]))
        found = dict(one["stored"] or [])
        wanted += len(exact)
        stored += len(exact.keys() & found.keys())
        published += len(exact.keys() & set(one["published"]))
        differences = [abs(exact[article] - found[article]) for article in exact.keys() & found.keys()]
        difference = max([difference, *differences])
    if not wanted:
        raise ValueError("no exact neighbour to find: this is no catalogue in clusters")
    shares = {"stored": stored / wanted, "published": published / wanted}
    return {"lists": len(catalogue.lists), **shares, "largest_difference": difference}
