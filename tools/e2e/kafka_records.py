"""What Kafka's and kcat's output says: records, and how far a group has come."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """One record as kcat printed it; key and value are bytes or None."""

    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: dict


@dataclass(frozen=True)
class Progress:
    """A group's standing on one partition; `committed` is None before the first commit."""

    group: str
    topic: str
    partition: int
    committed: int
    end: int
    member: str

    @property
    def done(self):
        return (self.committed or 0) == self.end


def parse_record(line):
    # kcat passes bytes that are no UTF-8 through its JSON: surrogateescape brings them back.
    record = json.loads(line.decode("utf-8", "surrogateescape"))
    flat = record.get("headers", [])
    return Record(
        record["partition"],
        record["offset"],
        as_bytes(record["key"]),
        as_bytes(record["payload"]),
        dict(zip(flat[::2], flat[1::2])),
    )


def as_bytes(text):
    return None if text is None else text.encode("utf-8", "surrogateescape")


def parse_progress(table):
    """Reads `GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID`."""
    rows, columns = [], None
    for line in table.splitlines():
        fields = line.split()
        if fields[:2] == ["GROUP", "TOPIC"]:
            columns = fields
        elif columns and len(fields) >= len(columns):
            rows.append(parse_row(dict(zip(columns, fields))))
    return rows


def parse_row(row):
    committed, end = row["CURRENT-OFFSET"], row["LOG-END-OFFSET"]
    return Progress(
        row["GROUP"],
        row["TOPIC"],
        int(row["PARTITION"]),
        None if committed == "-" else int(committed),
        0 if end == "-" else int(end),
        row["CONSUMER-ID"],
    )


def describe(progress):
    """Lag by partition, in one line."""
    behind = [f"{p.topic}[{p.partition}] {p.committed}/{p.end}" for p in progress if not p.done]
    return ", ".join(behind) or "no group yet"
