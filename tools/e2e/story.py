"""What the steps share: the servers, the replicas, the catalogue, and what was fed so far."""

import dataclasses
from pathlib import Path

import lists
from catalogue import BUCKET, Catalogue, object_key, uri_of
from kafka import Kafka
from processes import Processes
from qdrant import Qdrant
from s3 import S3
from worker import EVENTS, GROUPS, SIMILAR, K, run_command

QUIET_SECONDS = 240
# Enough of a failure to see what kind it is.
SHOWN = 8


class Failed(AssertionError):
    """Something is not as promised; the message says what."""


def require(condition, message):
    if not condition:
        raise Failed(message)


@dataclasses.dataclass
class Story:
    repository: Path
    binary: Path
    out: Path
    cache: Path
    processes: Processes
    catalogue: Catalogue
    kafka: Kafka = None
    s3: S3 = None
    qdrant: Qdrant = None
    promtool: Path = None
    workers: list = dataclasses.field(default_factory=list)
    fed: int = 0
    references: int = 0

    @property
    def config(self):
        return self.workers[0].config

    def upload(self, uploads):
        for upload in uploads:
            self.s3.upload(BUCKET, upload.key, upload.file.read_bytes())

    def feed(self, events):
        self.kafka.feed(EVENTS, events)
        self.fed += len(events)

    def raw_image_at(self, article, body):
        """The bytes of an image event whose object, in S3, holds `body`."""
        key = object_key(article, "poison")
        self.s3.upload(BUCKET, key, body)
        return self.catalogue.raw_image(article, uri_of(key))

    def wait_quiet(self):
        return self.kafka.wait_quiet(GROUPS, {EVENTS: self.fed}, QUIET_SECONDS)

    def command(self, *arguments, env=None):
        return run_command(self.binary, *arguments, env=env)

    def reference(self):
        """The lists of the catalogue as it is now, from a run on embedded servers."""
        self.references += 1
        folder = self.out / f"reference-{self.references}"
        folder.mkdir()
        file = self.catalogue.write(folder)
        code, output, error = self.command("demo", "--once", "--catalog", file, "--out", folder)
        # A reference without some of the pictures would be a wrong one.
        complete = code == 0 and ", 0 events rejected" in output + error
        require(complete, f"lookalike demo --once: exit code {code}\n{error[-2000:]}")
        return lists.read_file(folder / "lists.jsonl")

    def published(self):
        """(lists, tombstones) as the topic holds them."""
        return lists.of_topic(self.kafka.read(SIMILAR))

    def check_lists(self):
        """The published lists equal the reference, the stored ones equal brute force."""
        expected = self.reference()
        articles = self.catalogue.articles.keys()
        require(expected.keys() == articles, "lookalike demo --once did not write a list for every article")
        found, tombstones = self.published()
        different = lists.differences(expected, found)
        shown = "\n".join(different[:SHOWN])
        require(not different, f"{len(different)} published lists differ from the reference:\n{shown}")
        require(not tombstones & articles, f"tombstones of living articles: {tombstones & articles}")
        code, output, error = self.command("rebuild", "-c", self.config, "--compare")
        require(code == 0, f"lookalike rebuild --compare: exit code {code}\n{output[-2000:]}{error[-2000:]}")
        full = min(K, len(articles) - 1)
        short = [article for article, neighbours in found.items() if len(neighbours) != full]
        require(not short, f"lists without {full} neighbours: {short}")
        return f"{len(found)} lists of {full}, 0 differences"
