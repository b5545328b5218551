"""What the rounds of one way of scoring say.

A record is a way, its dimension, and its rounds as they were answered.
"""

from rounds import ratio

OURS = "set-similarity"
#: What the targets are ratios to.
REFERENCE = "NumPy + SciPy"

BYTES = {"f32": 4, "half": 2}


def find(records, **fields):
    """The one record with these fields."""
    (found,) = [one for one in records if all(one[name] == value for name, value in fields.items())]
    return found


def nanoseconds_a_pair(record):
    return [one["nanoseconds"] / one["pairs"] for one in record["rounds"]]


def microseconds_a_list(record):
    return [one["nanoseconds"] / one["lists"] / 1e3 for one in record["rounds"]]


def operations(record):
    """Multiplications and additions of the matrices, thousands of millions a second."""
    return [2 * one["cells"] * record["dimension"] / one["nanoseconds"] for one in record["rounds"]]


def bytes_read(record):
    """Of the candidates' vectors, thousands of millions a second."""
    vector = record["dimension"] * BYTES[record["stored"]]
    return [one["vectors"] * vector / one["nanoseconds"] for one in record["rounds"]]


def times(records, record):
    """How many times as fast as the reference."""
    reference = find(records, code=REFERENCE)
    return ratio(nanoseconds_a_pair(reference), nanoseconds_a_pair(record))


def skipping(records, record):
    """The record of the same way with skipping, and how many times as fast that is."""
    same = {name: record[name] for name in ("code", "method", "stored", "summed")}
    found = find(records, **same, operation="top_k")
    return found, ratio(nanoseconds_a_pair(record), nanoseconds_a_pair(found))


def skipped(record):
    """Share of the pairs that were skipped."""
    rounds = record["rounds"]
    return sum(one["skipped"] for one in rounds) / sum(one["pairs"] for one in rounds)
