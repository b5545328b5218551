"""The judgement after a churn: records, stored state, published lists.

What a killed process counted is lost with it, so the account is drawn up from
outside. Each record that Kafka holds has one outcome: dead-lettered, when a letter
names its origin; applied, when the store holds its very version; superseded, when
the store holds a higher one; else it is lost.
"""

import json
from collections import Counter

import lists
from oracle import outcome
from story import SHOWN, require


def refuse(what, complaints):
    shown = "\n".join(complaints[:SHOWN])
    require(not complaints, f"{len(complaints)} {what}:\n{shown}")


def check_produced(records, sent):
    """Kafka holds exactly what was sent."""
    held = Counter((record.key.decode(), record.value.decode()) for record in records)
    wanted = Counter((record.key, record.value) for record in sent)
    complaints = [f"{count} too few of {pair}" for pair, count in (wanted - held).items()]
    complaints += [f"{count} too many of {pair}" for pair, count in (held - wanted).items()]
    refuse("records differ between what was sent and what Kafka holds", complaints)


def check_letters(topic, records, letters, codes):
    """The dead letters are those of the malformed records, each with its code; returns how many
    came twice. `codes` maps the value of each malformed record to its code."""
    wanted = {
        (r.partition, r.offset): codes[r.value.decode()] for r in records if r.value.decode() in codes
    }
    found, complaints = {}, []
    for letter in letters:
        headers = letter.headers
        if headers["dlq.topic"] != topic:
            complaints.append(f"a dead letter of {headers['dlq.topic']}: {headers}")
        found[int(headers["dlq.partition"]), int(headers["dlq.offset"])] = headers["dlq.code"]
    for origin in sorted(wanted.keys() | found.keys()):
        if wanted.get(origin) != found.get(origin):
            complaints.append(f"{origin}: dead letter {found.get(origin)}, expected {wanted.get(origin)}")
    refuse("dead letters are wrong", complaints)
    return len(letters) - len(found)


def check_stored(expected, stored):
    """The store holds each article, text and image in its newest version, and nothing else lives."""
    complaints = []
    for name in sorted(expected.keys() | stored.keys()):
        if name not in expected or name not in stored:
            complaints.append(f"{name}: {'not expected' if name in stored else 'not stored'}")
            continue
        one, other = expected[name], stored[name]
        for what in ("live_text", "live_images"):
            wanted, held = getattr(one, what)(), getattr(other, what)()
            if wanted != held:
                complaints.append(f"{name}: {what} {held}, expected {wanted}")
        if one.deleted != other.deleted:
            complaints.append(f"{name}: deleted at {other.deleted}, expected {one.deleted}")
    refuse("articles are stored wrongly", complaints)


def check_account(records, codes, stored):
    """outcome → records; none is lost."""
    outcomes, lost = Counter(), []
    for record in records:
        value = record.value.decode()
        if value in codes:
            outcomes["dead-lettered"] += 1
            continue
        event = json.loads(value)
        became = outcome(event, stored.get(event["article_id"]))
        outcomes[became] += 1
        if became == "lost":
            lost.append(f"partition {record.partition}, offset {record.offset}: {value}")
    refuse("records are lost", lost)
    require(sum(outcomes.values()) == len(records), f"{dict(outcomes)} of {len(records)} records")
    return outcomes


def check_sequences(records):
    """Returns how many lists came after a newer one of their article."""
    complaints, overtaken = lists.sequences(records)
    refuse("articles whose last list is not their newest", complaints)
    return overtaken


def check_lists(found, exact, reference, most):
    """The published lists equal brute force over the store, and over a store that saw no churn."""
    refuse("published lists differ from brute force over the store", lists.differences(exact, found))
    complaints = lists.differences_but_ties(reference, found, most)
    refuse("published lists differ from those of the final catalogue in a new store", complaints)
