"""Steps of the flow: servers up, a catalogue fed, lists right, changes followed."""

import kafka
import metrics
import qdrant
import s3
from catalogue import BUCKET
from story import require
from worker import GROUPS, RANK, Worker, create_topics

RECEIVED = "lookalike_records_received_total"


def installed(story):
    """Kafka's jars, the S3 server and promtool are in the cache"""
    jars, gateway = kafka.install(story.cache), s3.install(story.cache)
    story.promtool = metrics.promtool(story.cache)
    story.kafka = kafka.Kafka(jars, story.out / "kafka", story.processes)
    story.s3 = s3.S3(gateway, story.out / "s3", story.processes)
    story.qdrant = qdrant.Qdrant(story.binary, story.out / "qdrant", story.processes)
    return f"{jars.name}, {gateway.parent.name}, promtool {'too' if story.promtool else 'is not to be had'}"


def servers(story):
    """Kafka, an S3 server and Qdrant are up, and the worker's own command has created its topics"""
    for server in (story.s3, story.qdrant, story.kafka):
        server.start()
    story.workers = [Worker(f"replica-{n}", story.binary, story, story.out) for n in (1, 2)]
    create_topics(story.binary, story.config, story.kafka)
    story.s3.create_bucket(BUCKET)
    return "a Qdrant of QDRANT_URL" if story.qdrant.external else "Qdrant embedded, as its own process"


def replicas(story):
    """two replicas are ready, and check is content"""
    for worker in story.workers:
        worker.start()
    for worker in story.workers:
        worker.wait_ready()
    code, output, error = story.command("check", "-c", story.config)
    require(code == 0, f"lookalike check: exit code {code}\n{output}{error}")
    return f"ports {', '.join(str(worker.port) for worker in story.workers)}"


def feed_catalogue(story):
    """the catalogue is fed and both groups have committed all of it"""
    uploads, events = story.catalogue.whole()
    story.upload(uploads)
    story.feed(events)
    progress = story.wait_quiet()
    ranked = sum(p.end for p in progress if p.topic == RANK)
    return f"{len(uploads)} images, {len(events)} events, {ranked} rank requests"


def lists_right(story):
    """the published lists equal those of the embedded run, the stored ones brute force"""
    return story.check_lists()


def both_had_partitions(story):
    """both replicas own partitions of both topics and have received records"""
    shares = []
    for group in GROUPS:
        owned = {}
        for p in story.kafka.progress(group):
            owned.setdefault(p.member, []).append(p.partition)
        owned.pop("-", None)
        require(len(owned) == len(story.workers), f"{group}: partitions by member: {owned}")
        shares.append(f"{group} {'+'.join(str(len(partitions)) for partitions in owned.values())}")
    received = [metrics.total(worker.get("/metrics")[1], RECEIVED) for worker in story.workers]
    require(all(received), f"records received by replica: {received}")
    return f"{', '.join(shares)}, records {'+'.join(f'{count:.0f}' for count in received)}"


def roles_apart(story):
    """one process with role embed, one with role rank: the lists are as right"""
    for worker, role in zip(story.workers, ("embed", "rank")):
        worker.start(role)
    for worker in story.workers:
        worker.wait_ready()
    names = sorted(story.catalogue.articles)
    photo = story.catalogue.articles[names[0]]["images"][0]["file"]
    upload, event = story.catalogue.set_image(names[-1], "role", photo)
    story.upload([upload])
    story.feed([event, story.catalogue.set_title(names[0], "seen by two roles")])
    story.wait_quiet()
    members = {group: {p.member for p in story.kafka.progress(group)} for group in GROUPS}
    require(all(len(owners) == 1 for owners in members.values()), f"members by group: {members}")
    return story.check_lists()


def changes(story):
    """an image more, an image less, a title, two deleted articles: the lists follow"""
    catalogue = story.catalogue
    names = sorted(catalogue.articles)
    picks = [names[i * len(names) // 6] for i in range(6)]
    grown, shrunk, renamed, erased, deleted, donor = picks
    photo = catalogue.articles[donor]["images"][0]["file"]
    upload, image_more = catalogue.set_image(grown, "another", photo)
    story.upload([upload])
    shrinking = catalogue.articles[shrunk]["images"]
    require(len(shrinking) > 1, f"{shrunk} has but one image: the catalogue is too small for this step")
    story.feed(
        [
            image_more,
            catalogue.delete_image(shrunk, shrinking[-1]["image_id"]),
            catalogue.set_title(renamed, catalogue.articles[donor]["title"]),
            catalogue.delete_by_null(erased),
            catalogue.delete(deleted),
        ]
    )
    story.wait_quiet()
    report = story.check_lists()
    found, tombstones = story.published()
    for gone in (erased, deleted):
        require(gone in tombstones, f"the key of {gone}, deleted, has no null value in the topic")
        holders = [article for article, list_ in found.items() if gone in dict(list_)]
        require(not holders, f"{gone} is deleted and still in the lists of {holders}")
    return report
