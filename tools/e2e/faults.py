"""Steps with something broken: a replica killed in the middle, input that cannot be used."""

import dataclasses
from pathlib import Path

from story import require
from waiting import NotYet, until
from worker import DEAD_LETTERS, EVENTS, GROUPS, READY_SECONDS, SIMILAR

# The headers of a dead letter that this story reads, and what the code of each poison must be.
HEADERS = {
    "class": "dlq.class",
    "code": "dlq.code",
    "message": "dlq.message",
    "topic": "dlq.topic",
    "partition": "dlq.partition",
    "offset": "dlq.offset",
}
CLASS = "dead_letter"
TRUNCATED, NOT_A_PICTURE, BROKEN_JSON, FORBIDDEN = (
    "truncated",
    "unsupported_format",
    "schema",
    "forbidden_uri",
)
LIST_SECONDS = 60
FED_AFTER_THE_KILL = 8


def crash(story):
    """each replica is killed in the middle of a feed and starts again: nothing lost"""
    behind = [kill_in_the_middle(story, victim) for victim in story.workers]
    letters = story.kafka.read(DEAD_LETTERS)
    require(not letters, f"{len(letters)} dead letters from good events: {letters[:1]}")
    return f"{' and '.join(map(str, behind))} records open at the kills; {story.check_lists()}"


def kill_in_the_middle(story, victim):
    """Feeds changes of every article and kills at the first list that they bring."""
    uploads, events = rewrite_all(story.catalogue)
    story.upload(uploads)
    listener = listen(story)
    with story.kafka.producer(EVENTS) as producer:
        # Most of it before the kill: what the victim holds then must come back by itself,
        # and no later event of the same article repairs it.
        producer.write(events[:-FED_AFTER_THE_KILL])
        until("a list from the changes", lambda: listener.process.poll() is not None, LIST_SECONDS)
        victim.running.kill()
        producer.write(events[-FED_AFTER_THE_KILL:])
    story.fed += len(events)
    behind = sum(p.end - (p.committed or 0) for p in story.kafka.progress(*GROUPS))
    require(behind > 0, "nothing was open when the replica was killed: the feed is too short")
    victim.start()
    victim.wait_ready()
    story.wait_quiet()
    return behind


def rewrite_all(catalogue):
    """Every article's first image gets the bytes of the next article's."""
    names = sorted(catalogue.articles)
    files = [catalogue.articles[name]["images"][0]["file"] for name in names]
    uploads, events = [], []
    for position, name in enumerate(names):
        image = catalogue.articles[name]["images"][0]["image_id"]
        upload, event = catalogue.set_image(name, image, files[(position + 1) % len(files)])
        uploads.append(upload)
        events.append(event)
        events.append(catalogue.article_event(catalogue.articles[name]))
    return uploads, events


def listen(story):
    """A reader at the end of every partition of the lists' topic; it ends with the next list."""
    listener, partitions = story.kafka.next_record(SIMILAR), story.kafka.partitions[SIMILAR]

    def at_end():
        if listener.output().count("Reached end of topic") < partitions:
            raise NotYet("kcat is not at the end of every partition")
        return True

    until("the reader to reach the end of the topic", at_end, LIST_SECONDS)
    return listener


def records_lost(story):
    """records that retention removed before they were read: the worker says so and fails"""
    story.feed([story.catalogue.set_title(name, "never read") for name in story.catalogue.articles])
    progress = story.kafka.progress(*GROUPS)
    unread = {(p.topic, p.partition): p.end for p in progress if p.topic == EVENTS and not p.done}
    require(unread, "every record was read although no replica runs")
    story.kafka.delete_records(unread)
    worker = story.workers[0]
    worker.start()
    code = worker.running.wait(READY_SECONDS)
    # A negative code is a signal: that would be a crash, not a decision.
    require(code > 0, f"{worker.name} ended with exit code {code}")
    said = [line for line in worker.running.output().splitlines() if "offset" in line]
    require(said, f"{worker.name} ended with exit code {code} and did not name the offset")
    return f"exit code {code}"


@dataclasses.dataclass(frozen=True)
class Poison:
    """A record that must become a dead letter, and the code that says why."""

    key: str
    value: bytes
    code: str


def poisons(story, articles):
    """The four records, one an article; the objects that they name are in S3."""
    first, second, third, fourth = articles
    photo = Path(story.catalogue.articles[first]["images"][0]["file"]).read_bytes()
    truncated = story.raw_image_at(first, photo[: len(photo) // 2])
    text = story.raw_image_at(second, b"This is a text, not a picture.\n")
    # Bytes that are no UTF-8: a dead letter carries them all the same.
    broken = b'{"type": "image.upserted", "article_id": \xff\xfe'
    forbidden = story.catalogue.raw_image(fourth, "s3://catalogue/private/secret.jpg")
    return [
        Poison(first, truncated, TRUNCATED),
        Poison(second, text, NOT_A_PICTURE),
        Poison(third, broken, BROKEN_JSON),
        Poison(fourth, forbidden, FORBIDDEN),
    ]


def poison(story):
    """four records that cannot be used become dead letters, the good ones around them count"""
    names = sorted(story.catalogue.articles)
    made = poisons(story, [names[i * len(names) // 4] for i in range(4)])
    for bad in made:
        story.feed([story.catalogue.set_title(bad.key, f"before {bad.code}")])
        story.kafka.feed_raw(EVENTS, bad.key, bad.value)
        story.fed += 1
    story.feed([story.catalogue.set_title(name, f"after {name}") for name in names])
    story.wait_quiet()
    letters = story.kafka.read(DEAD_LETTERS)
    require(len(letters) == len(made), f"{len(letters)} dead letters, not {len(made)}: {letters}")
    origins = {record.value: record for record in story.kafka.read(EVENTS)}
    for bad in made:
        check_letter(bad, origins[bad.value], letters)
    return f"{', '.join(bad.code for bad in made)}; {story.check_lists()}"


def check_letter(bad, origin, letters):
    """One letter has the original's bytes, and tells its origin and the reason."""
    found = [letter for letter in letters if letter.value == bad.value]
    require(len(found) == 1, f"{len(found)} dead letters with the bytes of {bad.code}: {letters}")
    (letter,) = found
    require(letter.key == bad.key.encode(), f"{bad.code}: the key became {letter.key!r}")
    said = {name: letter.headers.get(header) for name, header in HEADERS.items()}
    message = said.pop("message")
    wanted = {
        "class": CLASS,
        "code": bad.code,
        "topic": EVENTS,
        "partition": str(origin.partition),
        "offset": str(origin.offset),
    }
    require(said == wanted, f"{bad.code}: the headers say {said}, not {wanted}; all: {letter.headers}")
    require(message, f"{bad.code}: no message in {HEADERS['message']}")
