"""What a churn left behind, read from Kafka and Qdrant and judged."""

import json
import re

import churn_checks as checks
import churn_settings as settings
import lists
from churn_settings import DEAD_LETTERS, EVENTS, GROUP, REFERENCE, REFERENCE_GROUP, REFERENCE_K, SIMILAR
from oracle import Oracle
from qdrant_points import stored_articles
from story import require
from worker import K, Worker


def final_catalogue(sent):
    """The oracle after all good records."""
    oracle = Oracle()
    for record in sent:
        if not record.code:
            oracle.apply(json.loads(record.value))
    return oracle


class Verdict:
    """Judges once everything is committed and the replicas are stopped."""

    def __init__(self, story, config, folder, quiet_seconds):
        self.story, self.config, self.folder = story, config, folder
        self.quiet_seconds = quiet_seconds

    def records(self, sent):
        """Every record is accounted for: (the records, the account in words)."""
        codes = {record.value: record.code for record in sent if record.code}
        records, letters = self.story.kafka.read(EVENTS), self.story.kafka.read(DEAD_LETTERS)
        checks.check_produced(records, sent)
        twice = checks.check_letters(EVENTS, records, letters, codes)
        url, prefix = self.story.qdrant.url, settings.collections(self.story, GROUP)
        stored = stored_articles(url, prefix, self.encoder())
        checks.check_stored(final_catalogue(sent).articles, stored)
        outcomes = sorted(checks.check_account(records, codes, stored).items())
        parts = " + ".join(f"{count} {outcome}" for outcome, count in outcomes)
        return records, f"{len(records)} records = {parts}, {twice} dead letters twice"

    def lists(self, sent):
        """Stored and published lists are those of the final catalogue."""
        code, said, error = self.story.command("rebuild", "-c", self.config, "--compare")
        require(code == 0, f"lookalike rebuild --compare: exit code {code}\n{said[-4000:]}{error[-2000:]}")
        records = self.story.kafka.read(SIMILAR)
        found, _ = lists.of_topic(records)
        checks.check_lists(found, self.exact(self.config), self.reference(final_catalogue(sent)), K)
        overtaken = checks.check_sequences(records)
        return f"{len(found)} lists, 0 differences, {overtaken} published after a newer one"

    def encoder(self):
        """Its fingerprint, which names the collections."""
        code, said, error = self.story.command("check", "-c", self.config, "--offline")
        found = re.search(r"encoder: ([0-9a-f]{16})", said)
        require(code == 0 and found, f"lookalike check: exit code {code}\n{said}{error}")
        return found[1]

    def exact(self, config):
        """Lists by brute force over a store."""
        path = config.with_suffix(".jsonl")
        code, said, error = self.story.command("rebuild", "-c", config, "--out", path)
        require(code == 0, f"lookalike rebuild: exit code {code}\n{said}{error}")
        return lists.read_file(path)

    def reference(self, oracle):
        """Lists by brute force over a new store that was given the final catalogue alone.

        Only role embed runs: nothing of the churn's store or of its ranking is in them.
        """
        own = settings.own(self.story, REFERENCE, REFERENCE_GROUP, REFERENCE_K)
        worker = Worker("churn-reference", self.story.binary, self.story, self.folder, own)
        kafka, events = self.story.kafka, oracle.final_events()
        kafka.feed(REFERENCE, [(event["article_id"], event) for event in events])
        letters = len(kafka.read(DEAD_LETTERS))
        worker.start("embed")
        groups = {f"{REFERENCE_GROUP}.embed": REFERENCE}
        kafka.wait_quiet(groups, {REFERENCE: len(events)}, self.quiet_seconds)
        worker.running.terminate()
        code = worker.running.wait(self.quiet_seconds)
        require(code == 0, f"{worker.name} ended with exit code {code}")
        more = len(kafka.read(DEAD_LETTERS)) - letters
        require(not more, f"{more} dead letters from the final catalogue")
        return self.exact(worker.config)
