"""The events of a churn: a catalogue's life, out of order, twice, late and malformed.

Guarantee: the same seed gives the same records in the same order, whatever the time
they are sent at. Every version of an article is given once; only a repeated record
has the version of another.
"""

import json
import random
from dataclasses import dataclass

from catalogue import BUCKET, PREFIX, uri_of

VIEWS = 8
ARTICLES_A_KIND = 25
COLOURS = ("red", "blue", "green", "grey", "black", "white", "yellow", "brown", "pink")
THINGS = ("mug", "lamp", "chair", "shoe", "bag", "bottle", "clock", "plate", "scarf", "spoon", "vase")
# Out of 100 changes: image, new article, deletion, text.
WEIGHTS = (60, 20, 10, 10)
REPEATED, OVERTAKEN, LATE, MALFORMED = 0.06, 0.08, 0.03, 0.05
# A repeated or overtaken record comes after this many changes at most.
HELD_FOR = 40
FEWEST_IMAGES, MOST_IMAGES = 2, 8
# Seconds by which an object appears after its event; well within the worker's patience.
LATE_SECONDS = (0.3, 2.0)
# Articles that are never deleted: nothing can supersede a malformed event of theirs.
STEADY = 10


@dataclass(frozen=True)
class Sent:
    """One record: its text, the code of its dead letter if it must become one, the
    (object key, kind, view, seconds after the event) of a picture that is late."""

    key: str
    value: str
    code: str = None
    late: tuple = None


def picture_key(kind, view):
    return f"{PREFIX}/{kind:03}-{view}.png"


# Objects that are there and no pictures, by the code of the dead letter they lead to.
BAD_OBJECTS = {
    "truncated": f"{PREFIX}/truncated.png",
    "unsupported_format": f"{PREFIX}/text.png",
}
# What can be wrong with a record, by the code of its dead letter; they take turns.
BAD = ("schema", "key", "forbidden_uri", "missing", *BAD_OBJECTS)


class Traffic:
    def __init__(self, seed, articles):
        self.dice = random.Random(f"traffic {seed}")
        self.kinds = max(4, articles // ARTICLES_A_KIND)
        self.versions = {}
        # Living articles: name → {image_id}; gone holds the names of deleted ones.
        self.images = {}
        self.names = []
        self.gone = []
        self.held = []
        self.changes = 0
        self.malformed = 0
        self.first = articles

    def pictures(self):
        """Every (object key, kind, view) that events name and that is there from the start."""
        return [(picture_key(k, v), k, v) for k in range(self.kinds) for v in range(VIEWS)]

    def initial(self):
        """The records of the first catalogue."""
        return [record for number in range(self.first) for record in self.new_article(f"art-{number:05}")]

    def next_change(self):
        """The records to send for one more change, those that were held until now included."""
        self.changes += 1
        action = self.dice.choices((self.image, self.arrival, self.deletion, self.text), WEIGHTS)[0]
        records = action()
        if self.dice.random() < REPEATED:
            self.hold(records[-1])
        if self.dice.random() < MALFORMED:
            records.append(self.bad())
        return records + self.due(self.changes)

    def finish(self):
        """What is still held."""
        return self.due(float("inf"))

    def due(self, now):
        ready = [record for when, record in self.held if when <= now]
        self.held = [entry for entry in self.held if entry[0] > now]
        return ready

    def hold(self, record):
        """Keeps a record back: what comes next of its article comes before it."""
        self.held.append((self.changes + self.dice.randint(1, HELD_FOR), record))

    def event(self, kind, article, late=None, **fields):
        version = self.versions[article] = self.versions.get(article, 0) + 1
        value = {"type": kind, "article_id": article, "version": version, **fields}
        return Sent(article, json.dumps(value), late=late)

    def kind_of(self, article):
        """Its kind of thing; the kinds take turns."""
        return int(article.rsplit("-", 1)[1]) % self.kinds

    def new_article(self, article):
        self.images[article] = set()
        self.names.append(article)
        count = self.dice.randint(FEWEST_IMAGES, MOST_IMAGES - 2)
        return [self.article_text(article)] + [self.upsert(article, f"i{n}") for n in range(count)]

    def article_text(self, article):
        kind, number = self.kind_of(article), int(article.rsplit("-", 1)[1])
        thing = THINGS[kind % len(THINGS)]
        title = f"{self.dice.choice(COLOURS)} {thing} {number}"
        group = f"model-{number // 3 + self.dice.randint(0, 1)}"
        return self.event("article.upserted", article, title=title, categories=[thing], group=group)

    def upsert(self, article, image):
        """An image, mostly of the article's own kind."""
        self.images[article].add(image)
        own = self.dice.random() < 0.9
        kind = self.kind_of(article) if own else self.dice.randrange(self.kinds)
        view = self.dice.randrange(VIEWS)
        key, late = picture_key(kind, view), None
        if self.changes and self.dice.random() < LATE:
            # A picture of its own: an object that changes later without an event stays unseen.
            key = f"{PREFIX}/late-{article}-{self.versions[article] + 1}.png"
            late = (key, kind, view, self.dice.uniform(*LATE_SECONDS))
        return self.event("image.upserted", article, late, image_id=image, uri=uri_of(key))

    def pick(self):
        return self.dice.choice(self.names)

    def image(self):
        article = self.pick()
        images = sorted(self.images[article])
        grow = len(images) < FEWEST_IMAGES or (len(images) < MOST_IMAGES and self.dice.random() < 0.15)
        image = f"i{self.changes}" if grow else self.dice.choice(images)
        record = self.upsert(article, image)
        if self.dice.random() >= OVERTAKEN:
            return [record]
        self.hold(record)
        return [self.upsert(article, image)]

    def arrival(self):
        if self.gone and self.dice.random() < 0.3:
            return self.new_article(self.gone.pop(self.dice.randrange(len(self.gone))))
        return self.new_article(f"art-{self.first + self.changes:05}")

    def deletion(self):
        article = self.pick()
        images = sorted(self.images[article])
        if self.steady(article) or self.dice.random() < 0.4:
            if len(images) <= FEWEST_IMAGES:
                return self.image()
            image = self.dice.choice(images)
            if self.dice.random() < 0.5:
                # The classic way to bring back what is gone: the upsert comes after the deletion.
                self.hold(self.upsert(article, image))
            self.images[article].discard(image)
            return [self.event("image.deleted", article, image_id=image)]
        if self.dice.random() < 0.5:
            self.hold(self.upsert(article, self.dice.choice(images)))
        del self.images[article]
        self.names.remove(article)
        self.gone.append(article)
        return [self.event("article.deleted", article)]

    def text(self):
        article = self.pick()
        record = self.article_text(article)
        if self.dice.random() >= OVERTAKEN:
            return [record]
        self.hold(record)
        return [self.article_text(article)]

    def steady(self, article):
        return int(article.rsplit("-", 1)[1]) % STEADY == 0

    def bad(self):
        """A record that must become a dead letter, of an article that is never deleted."""
        code = BAD[self.malformed % len(BAD)]
        self.malformed += 1
        article = f"art-{self.dice.randrange(0, self.first, STEADY):05}"
        if code == "schema":
            broken = f'{{"type": "image.deleted", "article_id": "{article}", {self.malformed}'
            return Sent(article, broken, code)
        # An image of its own: no other event decides about it.
        image = f"bad{self.malformed}"
        uris = {
            "forbidden_uri": f"s3://{BUCKET}/private/secret.png",
            "missing": uri_of(f"{PREFIX}/never-{self.malformed}.png"),
            "key": uri_of(picture_key(0, 0)),
            **{name: uri_of(key) for name, key in BAD_OBJECTS.items()},
        }
        good = self.event("image.upserted", article, image_id=image, uri=uris[code])
        key = f"{article}-other" if code == "key" else article
        return Sent(key, good.value, code)
