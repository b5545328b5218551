"""A step with a real Prometheus: what rules and dashboard ask for is there, and an alert comes and goes.

The rules are those of deploy/prometheus, with a second in the place of each minute.
"""

import datetime
import json
import re
import shutil
import sys
import urllib.parse
import urllib.request
from pathlib import Path

from processes import free_port
from story import require
from waiting import NotYet, until

REPOSITORY = Path(__file__).resolve().parent.parent.parent
RULES = REPOSITORY / "deploy" / "prometheus" / "rules.yaml"
sys.path.append(str(REPOSITORY / "tools" / "deploy"))

import dashboard  # noqa: E402
import dashboard_lint  # noqa: E402
import metric_names  # noqa: E402

JOB = "lookalike"
ALERT = "LookalikeLagGrowing"
# Above the alert's threshold of 1000, whatever the catalogue.
STALLED_RECORDS = 1500
START_SECONDS = 30
RAISE_SECONDS = 60
# A wait between two attempts, half a minute at most, is part of it.
CLEAR_SECONDS = 120
# No replica of this run has a GPU.
ABSENT = ['lookalike_encoder_info{execution_provider=~"cuda|tensorrt"}']


def binary(promtool):
    """Prometheus beside promtool, or on the path; None without."""
    beside = promtool and Path(promtool).with_name("prometheus")
    return beside if beside and beside.exists() else shutil.which("prometheus")


def shortened(rules):
    """The rules with minutes as seconds: windows and waits keep their proportions."""
    seconds = lambda found: f"{int(found[1]) * (60 if found[2] == 'h' else 1)}s"
    return re.sub(r"\b(\d+)([mh])\b", seconds, rules)


class Prometheus:
    def __init__(self, program, folder, targets, processes):
        folder.mkdir()
        (folder / "rules.yaml").write_text(shortened(RULES.read_text(encoding="utf-8")), encoding="utf-8")
        scrape = {"job_name": JOB, "static_configs": [{"targets": targets}]}
        every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        settings = {"global": every, "rule_files": ["rules.yaml"], "scrape_configs": [scrape]}
        # JSON is YAML.
        (folder / "prometheus.yaml").write_text(json.dumps(settings), encoding="utf-8")
        self.port = free_port()
        command = [program, f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data"]
        command += [f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"]
        self.running = processes.start("prometheus", command)
        self.running.wait_listening(self.port, START_SECONDS)

    def ask(self, path, **parameters):
        self.running.check_alive()
        query = urllib.parse.urlencode(parameters, doseq=True)
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}", timeout=10
        ) as answer:
            return json.load(answer)["data"]

    def rules(self):
        """Every rule as Prometheus understood it."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def series(self, selector):
        """The labels of every series that a selector has found since the start."""
        return self.ask("series", **{"match[]": selector, "start": "0"})

    def firing(self, name):
        """Label sets for which an alert fires now."""
        alerts = self.ask("alerts")["alerts"]
        return [a["labels"] for a in alerts if a["labels"]["alertname"] == name and a["state"] == "firing"]


def alert_and_series(story):
    """Prometheus finds every series of rules and dashboard; a stall raises the lag alert, its end clears it"""
    program = binary(story.promtool)
    require(program is not None, "Prometheus is not to be had, nor as a Debian package")
    targets = [f"127.0.0.1:{worker.port}" for worker in story.workers]
    prometheus = Prometheus(program, story.out / "prometheus", targets, story.processes)
    try:
        raised, cleared = stall(story, prometheus)
        count = check_series(prometheus)
    finally:
        prometheus.running.kill()
    return f"{count} expressions, {ALERT} {raised} and {cleared}"


def stall(story, prometheus):
    """The object store goes away under load and comes back; says of which topic the alert was."""
    upload_and_feed(story, story.s3.stop)

    def fires():
        found = prometheus.firing(ALERT)
        if not found:
            lag = prometheus.ask("query", query="sum by (topic) (lookalike_consumer_lag_records)")
            raise NotYet(f"lag {lag['result']}")
        return found

    labels = until(f"{ALERT} to fire", fires, RAISE_SECONDS, interval=0.5)
    topics = sorted({found["topic"] for found in labels})
    require("catalog.events" in topics, f"{ALERT} fires for {topics}")
    story.s3.launch()

    def clear():
        if found := prometheus.firing(ALERT):
            raise NotYet(f"still fires for {found}")
        return True

    until(f"{ALERT} to clear", clear, CLEAR_SECONDS, interval=0.5)
    story.wait_quiet()
    return f"fired for {', '.join(topics)}", "cleared"


def upload_and_feed(story, then_stop):
    """Every article gets a picture that cannot be read, and titles that wait behind it."""
    catalogue, now = story.catalogue, datetime.datetime.now(datetime.timezone.utc).isoformat()
    names = sorted(catalogue.articles)
    pictures = []
    for name in names:
        image = catalogue.articles[name]["images"][0]
        upload, event = catalogue.set_image(name, image["image_id"], image["file"])
        story.upload([upload])
        pictures.append(event)
    then_stop()
    titles = [
        catalogue.set_title(name, f"{name} as it was called the {number}. time")
        for number in range(-(-STALLED_RECORDS // len(names)))
        for name in names
    ]
    story.feed([(key, {**event, "occurred_at": now}) for key, event in [*pictures, *titles]])


def check_series(prometheus):
    """Holds every expression of rules and dashboard against what was scraped."""
    known = {}
    for labels in prometheus.series(f'{{job="{JOB}"}}'):
        known.setdefault(labels["__name__"], set()).update(labels)
    expressions = [(rule["name"], rule["query"]) for rule in prometheus.rules()]
    made = dashboard.dashboard()
    expressions += [*dashboard_lint.expressions(made), *dashboard_lint.variables(made)]
    complaints = []
    for place, expression in expressions:
        complaints += metric_names.complaints(place, expression, known)
        for selector in metric_names.SELECTOR.finditer(expression):
            if selector[0] not in ABSENT and not prometheus.series(selector[0]):
                complaints.append(f"{place}: no series {selector[0]}")
    require(not complaints, "\n".join(dict.fromkeys(complaints)))
    return len(expressions)
