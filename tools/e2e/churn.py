"""A churn: three replicas, random changes and random faults, and the judgement.

Everything random comes from one seed: the records and their order, and the faults
with their times. How many changes fit into the time depends on the machine, because
the feed waits while the replicas lag behind. `make churn` runs it; `make e2e` has a
short one as a step.
"""

import dataclasses
import heapq
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import churn_checks as checks
import fault_plan
import lists
from catalogue import BUCKET
from churn_faults import Ward
from oracle import Oracle
from pictures import picture
from qdrant_points import stored_articles
from story import require
from traffic import BAD_OBJECTS, Traffic
from watch import TRUNCATED, Watch
from waiting import until
from worker import K, Worker

# Kafka's least for a group; longer freezes make zombies.
SESSION_SECONDS = 6
EVENTS, RANK, SIMILAR, DEAD_LETTERS, REFERENCE = (
    "churn.events",
    "churn.rank",
    "churn.similar",
    "churn.dead-letters",
    "churn.reference",
)
GROUPS = {"churn.embed": EVENTS, "churn.rank": RANK}
REFERENCE_GROUPS = {"reference.embed": REFERENCE}
PARTITIONS = 6
# The reference lists hold what just misses a list, so that ties can be told.
REFERENCE_K = K + 20
UPLOADS_AT_ONCE = 8
# Pause of the loop that feeds, uploads and acts; none of them is due more often.
TICK = 0.02
LOOK_SECONDS, SAY_SECONDS = 2.0, 5.0
FEWEST_CHANGES = 20


@dataclasses.dataclass(frozen=True)
class Options:
    seed: int = 1
    seconds: float = 600.0
    articles: int = 2000
    # Changes a second; most of them are one record.
    rate: float = 5.0
    # The feed waits while the groups have more records than this before them.
    most_lag: int = 1000
    kinds: tuple = fault_plan.KINDS
    quiet_seconds: float = 900.0


def short(story):
    """45 seconds of random changes and faults on 200 articles: nothing lost, 0 differences"""
    return Churn(story, Options(seconds=45.0, articles=200, quiet_seconds=120.0)).run()


def changes(story, events, group, k=K):
    """What the replicas' configuration has of its own: topics, groups and collections."""
    topics = {"events": events, "rank": RANK, "similar": SIMILAR, "dead_letters": DEAD_LETTERS}
    return {
        "kafka": {
            "topics": topics,
            "group_prefix": group,
            "properties": {"session.timeout.ms": str(SESSION_SECONDS * 1000)},
        },
        "objects": {"missing_retry_delays_ms": [500, 2000, 8000]},
        "qdrant": {"prefix": f"{story.qdrant.prefix}-{group}"},
        # A threshold keeps one kind of picture from being a candidate of all others.
        "ranking": {"k": k, "threshold": 0.5},
    }


class Churn:
    def __init__(self, story, options):
        self.story, self.options = story, options
        kinds = [kind for kind in options.kinds if kind != "qdrant" or not story.qdrant.external]
        self.faults = fault_plan.draw(options.seed, options.seconds, SESSION_SECONDS, kinds)
        self.traffic = Traffic(options.seed, options.articles)
        names = (*fault_plan.REPLICAS, fault_plan.GUEST)
        folder = story.out / "churn"
        folder.mkdir()
        own = changes(story, EVENTS, "churn")
        workers = {name: Worker(f"churn-{name}", story.binary, story, folder, own) for name in names}
        self.folder, self.ward, self.watch = folder, Ward(workers, story.qdrant), Watch()
        self.sent, self.late, self.paused = [], [], 0.0
        self.begin = time.monotonic()

    @property
    def config(self):
        return self.ward.workers[fault_plan.REPLICAS[0]].config

    def run(self):
        try:
            self.prepare()
            self.feed_and_break()
            progress = self.settle()
            return self.judge(progress)
        except Exception as error:
            plan = "\n".join(map(str, self.faults))
            raise type(error)(f"{error}\nseed {self.options.seed}, faults:\n{plan}") from error

    def say(self, text):
        print(f"       {time.monotonic() - self.begin:6.1f} s  {text}", flush=True)

    def prepare(self):
        topics = {EVENTS: {}, RANK: {}, DEAD_LETTERS: {}, REFERENCE: {}, SIMILAR: {"cleanup_policy": "compact"}}
        s3, pictures = self.story.s3, self.traffic.pictures()
        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
            work = [pool.submit(self.story.kafka.create_topic, t, PARTITIONS, **s) for t, s in topics.items()]
            work += [pool.submit(s3.upload, BUCKET, key, picture(*what)) for key, *what in pictures]
            whole = picture(0, 0)
            work.append(pool.submit(s3.upload, BUCKET, BAD_OBJECTS["truncated"], whole[: len(whole) // 2]))
            text = b"This is a text, not a picture.\n"
            work.append(pool.submit(s3.upload, BUCKET, BAD_OBJECTS["unsupported_format"], text))
            for done in work:
                done.result()
        self.ward.up.add("qdrant")
        for name in fault_plan.REPLICAS:
            self.ward.start(name)
        self.ward.healed()

    def feed_and_break(self):
        with self.story.kafka.producer(EVENTS) as producer:
            self.send(producer, self.traffic.initial())
            self.say(f"{len(self.sent)} records fed: {self.options.articles} articles")
            self.wait_for_lag()
            self.begin = time.monotonic()
            self.say(f"churn begins, seed {self.options.seed}, {len(self.faults)} faults")
            self.loop(producer, fault_plan.actions(self.faults))
            self.send(producer, self.traffic.finish())
            while self.late:
                self.upload_late(float("inf"))
        changed = self.traffic.changes
        require(changed >= FEWEST_CHANGES, f"{changed} changes only: the replicas were too slow for the feed")

    def wait_for_lag(self):
        """Until the first catalogue is taken in; lag alone is some seconds old, counters are not."""
        wanted = len(self.sent)

        def low():
            self.tick()
            resolved, lag = sum(self.watch.resolved(EVENTS).values()), self.watch.lag
            self.say(f"{resolved} of {wanted} records resolved, lag {lag}")
            return resolved >= wanted and lag <= self.options.most_lag

        until("the first catalogue to be taken in", low, self.options.quiet_seconds, LOOK_SECONDS)

    def tick(self):
        self.ward.check()
        for worker in self.ward.answering():
            self.watch.look(worker)

    def loop(self, producer, actions):
        look = say = feed = 0.0
        while actions or self.now < self.options.seconds:
            now = self.now
            while actions and actions[0][0] <= now:
                _, verb, fault = actions.pop(0)
                self.say(f"{verb} {fault.target} ({fault.kind})")
                self.ward.do(verb, fault.target)
            self.upload_late(now)
            if now >= look:
                look = now + LOOK_SECONDS
                self.tick()
            if now >= say:
                say = now + SAY_SECONDS
                self.say(f"{self.traffic.changes} changes, {len(self.sent)} records, lag {self.watch.lag}")
            if now >= feed:
                feed = now + 1 / self.options.rate
                if self.watch.lag <= self.options.most_lag:
                    self.send(producer, self.traffic.next_change())
                else:
                    self.paused += 1 / self.options.rate
            time.sleep(TICK)

    @property
    def now(self):
        return time.monotonic() - self.begin

    def send(self, producer, records):
        producer.write((record.key, record.value) for record in records)
        self.sent += records
        for record in records:
            if record.late:
                heapq.heappush(self.late, (self.now + record.late[-1], *record.late[:-1]))

    def upload_late(self, now):
        while self.late and self.late[0][0] <= now:
            _, key, *what = heapq.heappop(self.late)
            self.story.s3.upload(BUCKET, key, picture(*what))

    def settle(self):
        """All faults healed, all records committed, and the replicas stopped in good order."""
        self.say(f"all fed, faults healed: {len(self.sent)} records, lag {self.watch.lag}")
        self.ward.healed()
        progress = self.story.kafka.wait_quiet(GROUPS, {EVENTS: len(self.sent)}, self.options.quiet_seconds)
        self.tick()
        for name in fault_plan.REPLICAS:
            self.ward.do("terminate", name)
        for name in fault_plan.REPLICAS:
            code = self.ward.running(name).wait(self.options.quiet_seconds)
            require(code == 0, f"{name} ended with exit code {code}")
        return progress

    def judge(self, progress):
        kafka, codes = self.story.kafka, {r.value: r.code for r in self.sent if r.code}
        records, letters, published = map(kafka.read, (EVENTS, DEAD_LETTERS, SIMILAR))
        checks.check_produced(records, self.sent)
        twice = checks.check_letters(EVENTS, records, letters, codes)
        oracle = Oracle()
        for record in self.sent:
            if not record.code:
                oracle.apply(json.loads(record.value))
        stored = stored_articles(self.story.qdrant.url, f"{self.story.qdrant.prefix}-churn", self.encoder())
        checks.check_stored(oracle.articles, stored)
        outcomes = checks.check_account(records, codes, stored)
        overtaken = checks.check_sequences(published)
        self.say(f"{dict(outcomes)} of {len(records)} records; now the lists")
        code, said, error = self.story.command("rebuild", "-c", self.config, "--compare")
        require(code == 0, f"lookalike rebuild --compare: exit code {code}\n{said[-4000:]}{error[-2000:]}")
        self.say(said.splitlines()[-1])
        found = lists.of_topic(published)
        checks.check_lists(found, self.exact(self.config), self.reference(oracle), K)
        counted = self.counted(len(records))
        return (
            f"{self.traffic.changes} changes, {len(self.faults)} faults, feed paused {self.paused:.0f} s; "
            f"{len(records)} records = {' + '.join(f'{n} {what}' for what, n in sorted(outcomes.items()))}, "
            f"{twice} dead letters twice, counters {counted}; {len(found[0])} lists, 0 differences, "
            f"{overtaken} lists came late, {sum(p.end for p in progress if p.topic == RANK)} rank requests, "
            f"{self.watch.total(TRUNCATED)} searches truncated"
        )

    def counted(self, produced):
        """The sum of the replicas' own counters; whole only where no process took some with it."""
        sums = self.watch.resolved(EVENTS)
        whole = not {fault.kind for fault in self.faults} & {"kill", "join"}
        require(
            not whole or sum(sums.values()) >= produced,
            f"the replicas count {sums} records, fewer than {produced}",
        )
        return f"{sum(sums.values())}{'' if whole else ' at least'}"

    def encoder(self):
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
        """Lists by brute force over a new store that was given the final catalogue alone."""
        own = changes(self.story, REFERENCE, "reference", REFERENCE_K)
        worker = Worker("churn-reference", self.story.binary, self.story, self.folder, own)
        events = oracle.final_events()
        letters = len(self.story.kafka.read(DEAD_LETTERS))
        self.story.kafka.feed(REFERENCE, [(event["article_id"], event) for event in events])
        worker.start("embed")
        self.story.kafka.wait_quiet(REFERENCE_GROUPS, {REFERENCE: len(events)}, self.options.quiet_seconds)
        worker.running.terminate()
        code = worker.running.wait(self.options.quiet_seconds)
        require(code == 0, f"{worker.name} ended with exit code {code}")
        more = len(self.story.kafka.read(DEAD_LETTERS)) - letters
        require(not more, f"{more} dead letters from the final catalogue")
        return self.exact(worker.config)
