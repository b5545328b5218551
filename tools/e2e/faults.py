"""Steps with something broken: a replica killed in the middle, input that cannot be used."""

import dataclasses

from catalogue import object_key, uri_of
from story import require
from waiting import NotYet, until
from worker import DEAD_LETTERS, EVENTS, GROUPS, SIMILAR

# The names of the dead letter's headers that this story reads.
HEADERS = {
    "class": "dlq.class",
    "code": "dlq.code",
    "message": "dlq.message",
    "topic": "dlq.topic",
    "partition": "dlq.partition",
    "offset": "dlq.offset",
    "stage": "dlq.stage",
}
LIST_SECONDS = 60


def crash(story):
    """a replica is killed in the middle of a feed and starts again: nothing lost"""
    uploads, events = rewrite_all(story.catalogue)
    story.upload(uploads)
    victim, half = story.workers[0], len(events) // 2
    listener = listen(story)
    with story.kafka.producer(EVENTS) as producer:
        producer.write(events[:half])
        until("a list from the first half", lambda: listener.process.poll() is not None, LIST_SECONDS)
        victim.running.kill()
        producer.write(events[half:])
    story.fed += len(events)
    behind = sum(p.end - (p.committed or 0) for p in story.kafka.progress(*GROUPS))
    require(behind > 0, "nothing was open when the replica was killed: the feed is too short")
    victim.start()
    victim.wait_ready()
    story.wait_quiet()
    letters = story.kafka.read(DEAD_LETTERS)
    require(not letters, f"{len(letters)} dead letters from good events: {letters[:1]}")
    return f"{behind} records open at the kill; {story.check_lists()}"


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
    listener = story.kafka.next_record(SIMILAR)

    def at_end():
        if listener.log.read_text(errors="replace").count("Reached end of topic") < 6:
            raise NotYet("kcat is not at the end of every partition")
        return True

    until("the reader to reach the end of the topic", at_end, LIST_SECONDS)
    return listener


@dataclasses.dataclass(frozen=True)
class Poison:
    """A record that must become a dead letter, with the class and code that say why."""

    key: str
    value: bytes
    kind: str
    code: str


def poisons(story, articles):
    """The four records; their objects are uploaded."""
    first, second, third, fourth = articles
    photo = story.catalogue.articles[first]["images"][0]["file"]
    with open(photo, "rb") as file:
        picture = file.read()
    bodies = {first: picture[: len(picture) // 2], second: b"This is a text, not a picture.\n"}
    made = []
    for article, body in bodies.items():
        key = object_key(article, "poison")
        story.s3.upload("catalogue", key, body)
        made.append(Poison(article, story.catalogue.raw_image(article, uri_of(key)), "image_rejected", ""))
    # Bytes that are no UTF-8: a dead letter carries them all the same.
    broken = b'{"type": "image.upserted", "article_id": \xff\xfe'
    made.append(Poison(third, broken, "schema", ""))
    outside = story.catalogue.raw_image(fourth, "s3://catalogue/private/secret.jpg")
    made.append(Poison(fourth, outside, "forbidden_uri", ""))
    return made


def poison(story):
    """four records that cannot be used become dead letters, the good ones around them count"""
    names = sorted(story.catalogue.articles)
    articles = [names[i * len(names) // 4] for i in range(4)]
    for bad in poisons(story, articles):
        story.feed([story.catalogue.set_title(bad.key, f"before {bad.kind}")])
        story.kafka.feed_raw(EVENTS, bad.key, bad.value)
        story.fed += 1
        story.feed([story.catalogue.set_title(bad.key, f"after {bad.kind}")])
    story.wait_quiet()
    return story.check_lists()
