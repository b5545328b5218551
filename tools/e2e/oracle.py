"""What the catalogue must be after any set of events, from their versions alone.

Guarantee: the order, repetition and number of deliveries make no difference; of
each image and of the text the highest version counts, and a deletion of the article
takes what is older than itself. It shares no code with the program under test.
"""

from dataclasses import dataclass, field

TEXT_FIELDS = ("title", "description", "categories", "group")


@dataclass
class Article:
    """What is known of one article; versions of things never seen are -1."""

    deleted: int = -1
    text_version: int = -1
    text: dict = field(default_factory=dict)
    # image_id → (version, uri, or None for a deletion)
    images: dict = field(default_factory=dict)

    def live_text(self):
        """(version, fields), or None."""
        return (self.text_version, self.text) if self.text_version > self.deleted else None

    def live_images(self):
        """image_id → (version, uri)."""
        return {
            name: (version, uri)
            for name, (version, uri) in self.images.items()
            if uri is not None and version > self.deleted
        }

    @property
    def living(self):
        return self.live_text() is not None or bool(self.live_images())


class Oracle:
    def __init__(self):
        self.articles = {}

    def apply(self, event):
        """Takes one good event; one that must become a dead letter is never shown to it."""
        article = self.articles.setdefault(event["article_id"], Article())
        kind, version = event["type"], event["version"]
        if kind == "article.deleted":
            article.deleted = max(article.deleted, version)
        elif kind == "article.upserted":
            if version > article.text_version:
                article.text_version = version
                article.text = {name: event[name] for name in TEXT_FIELDS if name in event}
        elif version > article.images.get(event["image_id"], (-1, None))[0]:
            # An image.deleted has no uri.
            article.images[event["image_id"]] = (version, event.get("uri"))

    def living(self):
        return {name: article for name, article in self.articles.items() if article.living}

    def final_events(self):
        """Events that make the same living catalogue from nothing, each article's own in a row."""
        events = []
        for name, article in sorted(self.living().items()):
            text = article.live_text()
            if text:
                events.append({"type": "article.upserted", "article_id": name, "version": text[0], **text[1]})
            for image, (version, uri) in sorted(article.live_images().items()):
                upsert = {"type": "image.upserted", "article_id": name, "version": version}
                events.append({**upsert, "image_id": image, "uri": uri})
        return events


def outcome(event, stored):
    """What became of a good event, by the stored state: `applied`, `superseded` or `lost`.

    `stored` is an Article of what the store holds, or None.
    """
    version, kind = event["version"], event["type"]
    stored = stored or Article()
    if kind == "article.deleted":
        held = stored.deleted
    elif kind == "article.upserted":
        held = stored.text_version
    else:
        held = stored.images.get(event["image_id"], (-1, None))[0]
    # A later deletion of the article may have removed the very thing, with its version.
    held = max(held, stored.deleted)
    if held == version:
        return "applied"
    return "superseded" if held > version else "lost"
