"""The other baseline that one writes first: all lists anew, every now and then.

A search by brute force with every image (Faiss, exact, all cores), then the exact scores
of what was found (NumPy). Both are linear in the articles whose lists are made, so a
large catalogue is timed on a sample and multiplied.
"""

import time

import numpy as np

#: Hits of an image, as the worker asks for.
LIMIT = 256
#: Articles whose lists are made in one search.
TOGETHER = 100


def measure(catalogue, seconds):
    """Lists made within about so many seconds, at least one search of them."""
    import faiss

    index = faiss.IndexFlatIP(catalogue.vectors.shape[1])
    begun = time.perf_counter()
    index.add(np.ascontiguousarray(catalogue.vectors))
    built = time.perf_counter() - begun
    made, searching, scoring = 0, 0.0, 0.0
    while made < len(catalogue.articles) and searching + scoring < seconds:
        places = range(made, min(made + TOGETHER, len(catalogue.articles)))
        begun = time.perf_counter()
        images = catalogue.vectors[catalogue.begins[places.start] : catalogue.ends[places.stop - 1]]
        similarities, hits = index.search(np.ascontiguousarray(images), min(LIMIT, len(catalogue.vectors)))
        searched = time.perf_counter()
        for place in places:
            of_place = slice(*(bound[place] - catalogue.begins[places.start] for bound in (catalogue.begins, catalogue.ends)))
            near = hits[of_place][similarities[of_place] >= catalogue.threshold]
            catalogue.best(place, np.unique(np.searchsorted(catalogue.ends, near, side="right")))
        searching += searched - begun
        scoring += time.perf_counter() - searched
        made += len(places)
    scale = len(catalogue.articles) / made
    return {
        "lists": made,
        "of": len(catalogue.articles),
        "seconds": built + (searching + scoring) * scale,
        "searching": searching * scale,
        "scoring": scoring * scale,
        "faiss": faiss.__version__,
    }
