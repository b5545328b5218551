"""A catalogue that changes: every change is an event to feed and the state to expect.

The state is written out again as a catalogue file, so the lists that a changed
catalogue should have always come from the whole catalogue, never from the events.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

BUCKET = "catalogue"
PREFIX = "products"


@dataclass(frozen=True)
class Upload:
    """An object that has to be in S3 before its event is fed."""

    key: str
    file: Path


def object_key(article, image):
    return f"{PREFIX}/{article}/{image}.jpg"


def uri_of(key):
    return f"s3://{BUCKET}/{key}"


class Catalogue:
    def __init__(self, path):
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines()
        self.articles = {a["article_id"]: a for a in map(json.loads, lines)}
        for article in self.articles.values():
            for image in article["images"]:
                image["file"] = str((path.parent / image["file"]).resolve())
        # One growing sequence an article, shared by all its events.
        self.versions = {}

    @property
    def image_count(self):
        return sum(len(a["images"]) for a in self.articles.values())

    def write(self, folder):
        """The state now, as a catalogue file with its images beside it."""
        lines = []
        for name, article in self.articles.items():
            (folder / "images" / name).mkdir(parents=True)
            images = []
            for image in article["images"]:
                file = f"images/{name}/{image['image_id']}.jpg"
                shutil.copyfile(image["file"], folder / file)
                images.append({**image, "file": file})
            lines.append(json.dumps({**article, "images": images}, ensure_ascii=False))
        path = folder / "catalog.jsonl"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def event(self, kind, article, **fields):
        """The next event of an article, as the (key, value) of its record."""
        version = self.versions[article] = self.versions.get(article, 0) + 1
        return article, {"type": kind, "article_id": article, "version": version, **fields}

    def whole(self):
        """The uploads and events that make the catalogue from nothing."""
        uploads, events = [], []
        for article in self.articles.values():
            events.append(self.article_event(article))
            for image in article["images"]:
                upload, event = self.image_event(article["article_id"], image)
                uploads.append(upload)
                events.append(event)
        return uploads, events

    def article_event(self, article):
        names = ("title", "description", "categories", "group")
        fields = {name: article[name] for name in names if name in article}
        return self.event("article.upserted", article["article_id"], **fields)

    def image_event(self, article, image, key=None):
        upload = Upload(key or object_key(article, image["image_id"]), Path(image["file"]))
        fields = {"view": image["view"]} if "view" in image else {}
        uri = uri_of(upload.key)
        return upload, self.event("image.upserted", article, image_id=image["image_id"], uri=uri, **fields)

    def set_image(self, article, image_id, file):
        """Adds an image, or gives an image other bytes under another object key."""
        images = self.articles[article]["images"]
        image = next((i for i in images if i["image_id"] == image_id), None)
        if image is None:
            image = {"image_id": image_id}
            images.append(image)
        image["file"] = str(file)
        version = self.versions.get(article, 0) + 1
        return self.image_event(article, image, object_key(article, f"{image_id}-{version}"))

    def delete_image(self, article, image_id):
        images = self.articles[article]["images"]
        images.remove(next(i for i in images if i["image_id"] == image_id))
        return self.event("image.deleted", article, image_id=image_id)

    def set_title(self, article, title):
        self.articles[article]["title"] = title
        return self.article_event(self.articles[article])

    def delete_by_null(self, article):
        """A record without a value: an `article.deleted` ordered by its offset."""
        del self.articles[article]
        return article, None

    def delete(self, article):
        del self.articles[article]
        return self.event("article.deleted", article)

    def raw_image(self, article, uri):
        """The bytes of an image event that the state does not follow."""
        _, value = self.event("image.upserted", article, image_id="poison", uri=uri)
        return json.dumps(value).encode()
