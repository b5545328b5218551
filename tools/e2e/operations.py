"""Steps of running it: probes and metrics, a clean stop, what check says of a bad configuration."""

import copy
import json
import time

import metrics
from story import require
from worker import SHUTDOWN_SECONDS, write_settings

EX_UNAVAILABLE = 69
EX_CONFIG = 78


def probes(story):
    """probes answer, and the metrics keep the Prometheus conventions"""
    ids = set(story.catalogue.versions)
    for worker in story.workers:
        for path in ("/livez", "/readyz"):
            status, body = worker.get(path)
            require(status == 200, f"{worker.name} {path}: {status} {body}")
        status, page = worker.get("/metrics")
        require(status == 200, f"{worker.name} /metrics: {status}")
        complaints = metrics.metric_complaints(page, ids)
        complaints += metrics.promtool_complaints(story.promtool, page) if story.promtool else []
        require(not complaints, "\n".join(complaints))
    families = page.count("# TYPE ")
    return f"{families} metrics, promtool {'agrees' if story.promtool else 'was not asked'}"


def clean_stop(story):
    """SIGTERM without load: every replica ends with 0 within its deadline"""
    start = time.monotonic()
    for worker in story.workers:
        worker.running.terminate()
    for worker in story.workers:
        code = worker.running.wait(SHUTDOWN_SECONDS)
        require(code == 0, f"{worker.name} ended with exit code {code}")
    return f"{time.monotonic() - start:.1f} s"


def bad_configuration(story):
    """check refuses an unknown key and a missing field with 78, and names them"""
    good = json.loads(story.config.read_text())
    unknown = copy.deepcopy(good)
    unknown["ranking"]["text_wieght"] = unknown["ranking"].pop("text_weight")
    expect_check(story, "unknown-key", unknown, EX_CONFIG, ["text_wieght", "text_weight"])
    missing = copy.deepcopy(good)
    del missing["kafka"]["bootstrap_servers"]
    expect_check(story, "missing-field", missing, EX_CONFIG, ["bootstrap_servers"])
    return "two configurations refused"


def kafka_down(story):
    """check with Kafka down: exit code 69 and a line that says so"""
    story.kafka.stop()
    good = json.loads(story.config.read_text())
    return expect_check(story, "kafka-down", good, EX_UNAVAILABLE, ["kafka", story.kafka.bootstrap])


def expect_check(story, name, values, expected, words):
    """Runs check and wants the exit code, and one line with all the words in it."""
    config = write_settings(story.out / f"{name}.yaml", values)
    code, output, error = story.command("check", "-c", config)
    said = output + error
    require(code == expected, f"check of {name}: exit code {code}, not {expected}\n{said}")
    lines = [line for line in said.splitlines() if all(word in line.lower() for word in words)]
    require(len(lines) == 1, f"check of {name} has {len(lines)} lines with {' and '.join(words)}:\n{said}")
    return lines[0]
