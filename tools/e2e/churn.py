"""A churn: three replicas, random changes and random faults, and the judgement.

Everything random comes from one seed: the records and their order, and the faults
with their times. How many changes fit into the time depends on the machine, because
the feed waits while the replicas lag behind. `make churn` runs it; `make e2e` has a
short one as a step.
"""

import dataclasses
import heapq
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import churn_settings as settings
import fault_plan
from catalogue import BUCKET
from churn_faults import Ward
from churn_settings import (
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    GROUPS,
    PARTITIONS,
    RANK,
    REFERENCE,
    SESSION_SECONDS,
    SIMILAR,
)
from churn_verdict import Verdict
from pictures import picture
from story import require
from traffic import BAD_OBJECTS, Traffic
from watch import TRUNCATED, Watch
from waiting import until
from worker import Worker

UPLOADS_AT_ONCE = 8
# Pause of the loop that feeds, uploads and acts; none of them is due more often.
TICK = 0.02
LOOK_SECONDS, SAY_SECONDS = 2.0, 5.0
# Replicas tell a new lag every 5 s.
LAG_LOOKS = 3
# A churn with fewer changes says little.
FEWEST_CHANGES = 50


@dataclasses.dataclass(frozen=True)
class Options:
    seed: int = 1
    seconds: float = 600.0
    articles: int = 2000
    # Changes a second; most of them are one record.
    rate: float = 5.0
    # The feed waits while the groups have more records than this before them.
    most_lag: int = 3000
    kinds: tuple = fault_plan.KINDS
    quiet_seconds: float = 900.0


def short(story):
    """45 seconds of random changes and faults on 150 articles: nothing lost, 0 differences"""
    # Most of the lag is requests for the first lists, which soon become one for each article.
    options = Options(seconds=45.0, articles=150, most_lag=12_000, quiet_seconds=120.0)
    # It says what happens in a log of its own: a step has one line.
    with (story.out / "logs" / "churn.log").open("w") as log:
        return Churn(story, options, log).run()


class Churn:
    def __init__(self, story, options, progress):
        self.story, self.options, self.progress = story, options, progress
        kinds = [kind for kind in options.kinds if kind != "qdrant" or not story.qdrant.external]
        self.faults = fault_plan.draw(options.seed, options.seconds, SESSION_SECONDS, kinds)
        self.traffic = Traffic(options.seed, options.articles)
        names = (*fault_plan.REPLICAS, fault_plan.GUEST)
        folder = story.out / "churn"
        folder.mkdir()
        own = settings.own(story, EVENTS, GROUP)
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
            requests = self.settle()
            return self.judge(requests)
        except Exception:
            self.say(f"failed with seed {self.options.seed}, which draws these faults:")
            print(*self.faults, sep="\n", file=self.progress, flush=True)
            raise

    def say(self, text):
        print(f"{self.now:6.1f} s  {text}", file=self.progress, flush=True)

    @property
    def now(self):
        return time.monotonic() - self.begin

    def prepare(self):
        topics = {name: {} for name in (EVENTS, RANK, DEAD_LETTERS, REFERENCE)}
        topics[SIMILAR] = {"cleanup_policy": "compact"}
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
        if not self.story.qdrant.external:
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
        """Until the first catalogue is taken in. Counters are of now, but a lag is some seconds
        old: it has to be low at several looks after the last record was resolved."""
        wanted, looks = len(self.sent), 0

        def low():
            nonlocal looks
            self.tick()
            resolved, lag = sum(self.watch.resolved(EVENTS).values()), self.watch.lag
            self.say(f"{resolved} of {wanted} records resolved, lag {lag}")
            looks = looks + 1 if resolved >= wanted and lag <= self.options.most_lag else 0
            return looks > LAG_LOOKS

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
        quiet = self.story.kafka.wait_quiet(GROUPS, {EVENTS: len(self.sent)}, self.options.quiet_seconds)
        self.tick()
        for name in fault_plan.REPLICAS:
            self.ward.do("terminate", name)
        for name in fault_plan.REPLICAS:
            code = self.ward.running(name).wait(self.options.quiet_seconds)
            require(code == 0, f"{name} ended with exit code {code}")
        return sum(partition.end for partition in quiet if partition.topic == RANK)

    def judge(self, requests):
        """One line of figures; anything that is not as promised is an error."""
        verdict = Verdict(self.story, self.config, self.folder, self.options.quiet_seconds)
        records, account = verdict.records(self.sent)
        self.say(account)
        published = verdict.lists(self.sent)
        changed = f"{self.traffic.changes} changes, {self.suffered()}, feed paused {self.paused:.0f} s"
        counted = f"the replicas counted {self.counted(len(records))}, {requests} rank requests"
        truncated = f"{self.watch.total(TRUNCATED)} searches truncated"
        return f"{changed}; {account}; {counted}; {published}, {truncated}"

    def counted(self, produced):
        """The sum of the replicas' own counters; whole only where no process took some with it."""
        counted = sum(self.watch.resolved(EVENTS).values())
        if {fault.kind for fault in self.faults} & {"kill", "join"}:
            return f"at least {counted}"
        require(counted >= produced, f"the replicas count {counted} of {produced} records")
        return counted

    def suffered(self):
        counts = Counter(fault.kind for fault in self.faults)
        spared = ", none of Qdrant, which is external" if self.story.qdrant.external else ""
        return f"{', '.join(f'{n} {kind}' for kind, n in sorted(counts.items()))}{spared}"
