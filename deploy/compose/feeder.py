"""Feeds a catalogue file as a shop would: pictures into S3, then events into Kafka.

Every article gets one `article.upserted` and one `image.upserted` a picture, keyed by
`article_id`, with a version that grows within the article and `occurred_at`. An event
goes out after its picture is stored. Running it again sends the same versions, which
count as applied again. Ends with 0 once Kafka has acknowledged every event.
"""

import argparse
import datetime
import json
import os
import sys
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from confluent_kafka import Producer

BUCKET = "catalogue"
PREFIX = "products"
TOPIC = "catalog.events"
# Both servers may still be starting; then the container fails and says so.
DELIVERY_SECONDS = 120


def article_events(article):
    """(picture file or None, object key or None, event) of an article, in order."""
    name, version = article["article_id"], 1
    names = ("title", "description", "categories", "group")
    fields = {field: article[field] for field in names if field in article}
    yield None, None, {"type": "article.upserted", "article_id": name, "version": version, **fields}
    for image in article["images"]:
        version += 1
        key = f"{PREFIX}/{name}/{image['image_id']}{Path(image['file']).suffix}"
        event = {"type": "image.upserted", "article_id": name, "image_id": image["image_id"]}
        event |= {"uri": f"s3://{BUCKET}/{key}", "version": version}
        event |= {field: image[field] for field in ("view", "position") if field in image}
        yield image["file"], key, event


def object_store():
    retries = {"total_max_attempts": 10, "mode": "standard"}
    store = boto3.client(
        "s3",
        endpoint_url=os.environ["S3_ENDPOINT"],
        region_name=os.environ.get("AWS_REGION", "us-east-1"),
        config=Config(retries=retries, s3={"addressing_style": "path"}),
    )
    try:
        store.create_bucket(Bucket=BUCKET)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
    return store


def feed(path, store, producer):
    """Sends everything; returns the number of events and the complaints of Kafka."""
    complaints, events = [], 0

    def delivered(error, record):
        if error is not None:
            complaints.append(f"{record.key().decode()}: {error}")

    for line in path.read_text(encoding="utf-8").splitlines():
        for file, key, event in article_events(json.loads(line)):
            if file is not None:
                store.put_object(Bucket=BUCKET, Key=key, Body=(path.parent / file).read_bytes())
            event["occurred_at"] = datetime.datetime.now(datetime.timezone.utc).isoformat()
            value = json.dumps(event, ensure_ascii=False)
            producer.produce(TOPIC, key=event["article_id"], value=value, on_delivery=delivered)
            producer.poll(0)
            events += 1
    if producer.flush(DELIVERY_SECONDS):
        complaints.append(f"records that were not acknowledged within {DELIVERY_SECONDS} s")
    return events, complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalogue", type=Path, help="one article a line, pictures beside it")
    path = parser.parse_args().catalogue
    settings = {
        "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        "enable.idempotence": True,
        # The partitioner of Java clients: all producers of a key must agree.
        "partitioner": "murmur2_random",
        "delivery.timeout.ms": DELIVERY_SECONDS * 1000,
    }
    events, complaints = feed(path, object_store(), Producer(settings))
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"{events} events of {path}, {len(complaints)} failed")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
