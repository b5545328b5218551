"""How far two lists of unit vectors agree."""


def cosine(first, second):
    return sum(a * b for a, b in zip(first, second, strict=True))


def agreement(reference, found):
    """The least and the mean cosine of the vectors of the same pictures."""
    if not reference or len(reference) != len(found):
        raise ValueError(f"{len(found)} vectors against {len(reference)}")
    cosines = [cosine(*pair) for pair in zip(reference, found)]
    return {"least": min(cosines), "mean": sum(cosines) / len(cosines), "vectors": len(cosines)}
