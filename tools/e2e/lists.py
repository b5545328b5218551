"""Two sets of lists compared: the same articles, the same ids in the same order, equal scores."""

import json

# The contract's bound between two exact computations of one score.
SCORE_TOLERANCE = 1e-5


def read_file(path):
    """article_id → [(neighbour, score), …] of a lists file."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {row["article_id"]: neighbours(row) for row in rows}


def of_topic(records):
    """The last record of each key: (lists of those with a value, keys whose last value is null)."""
    last = {}
    for record in records:
        last[record.key.decode()] = record.value
    lists = {key: neighbours(json.loads(value)) for key, value in last.items() if value is not None}
    return lists, {key for key, value in last.items() if value is None}


def neighbours(row):
    return [(n["article_id"], n["score"]) for n in row["neighbours"]]


def differences(expected, found):
    """One line for each article whose lists differ."""
    lines = [f"{article}: no list" for article in sorted(expected.keys() - found.keys())]
    lines += [f"{article}: a list that should not be" for article in sorted(found.keys() - expected.keys())]
    for article in sorted(expected.keys() & found.keys()):
        lines += difference(article, expected[article], found[article])
    return lines


def difference(article, expected, found):
    expected_ids, found_ids = [n for n, _ in expected], [n for n, _ in found]
    if expected_ids != found_ids:
        return [f"{article}: expected {' '.join(expected_ids)}; found {' '.join(found_ids)}"]
    gaps = [abs(a - b) for (_, a), (_, b) in zip(expected, found)]
    if not all(gap <= SCORE_TOLERANCE for gap in gaps):
        return [f"{article}: scores differ by up to {max(gaps):.2e}"]
    return []
