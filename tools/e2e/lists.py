"""Two sets of lists compared: the same articles, the same ids in the same order, equal scores."""

import itertools
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


def differences_but_ties(expected, found, most):
    """As `differences`, for two computations whose scores differ by rounding.

    `expected` has more neighbours a list than `most`, so that it also holds those that
    just miss a list: neighbours whose scores are equal within the tolerance may
    stand in any order, and either of them may be the last.
    """
    lines = [f"{article}: no list" for article in sorted(expected.keys() - found.keys())]
    lines += [f"{article}: a list that should not be" for article in sorted(found.keys() - expected.keys())]
    for article in sorted(expected.keys() & found.keys()):
        longer, list_ = expected[article], found[article]
        scores, wanted = dict(longer), longer[:most]
        if len(list_) != len(wanted):
            lines.append(f"{article}: {len(list_)} neighbours, expected {len(wanted)}")
            continue
        wrong = [
            f"{other} {score:.6f}, expected {best} {highest:.6f}"
            for (other, score), (best, highest) in zip(list_, wanted)
            if abs(score - highest) > SCORE_TOLERANCE
            or abs(score - scores.get(other, -1.0)) > SCORE_TOLERANCE
        ]
        if wrong or len(dict(list_)) != len(list_):
            lines.append(f"{article}: {'; '.join(wrong) or 'a neighbour stands in it twice'}")
    return lines


def sequences(records):
    """(complaints, overtaken): of each key the last list has the highest sequence, and one
    sequence is one list. `overtaken` counts lists that came after a higher one."""
    lists, overtaken = {}, 0
    for record in records:
        if record.value is not None:
            row = json.loads(record.value)
            lists.setdefault(record.key.decode(), []).append((row["sequence"], neighbours(row)))
    complaints = []
    for key, rows in sorted(lists.items()):
        numbers = [sequence for sequence, _ in rows]
        overtaken += sum(n < highest for n, highest in zip(numbers, itertools.accumulate(numbers, max)))
        last, list_ = rows[-1]
        if last != max(numbers):
            complaints.append(f"{key}: the last list has sequence {last}, another {max(numbers)}")
        if any(sequence == last and other != list_ for sequence, other in rows):
            complaints.append(f"{key}: two lists of sequence {last}")
    return complaints, overtaken
