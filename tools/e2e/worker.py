"""The program under test, from outside: its command line, its configuration file, its HTTP port."""

import json
import subprocess
import urllib.error
import urllib.request

from catalogue import BUCKET, PREFIX
from kafka import Kafka
from processes import free_port
from waiting import NotYet, until

EVENTS, RANK, SIMILAR, DEAD_LETTERS = (
    "catalog.events",
    "lookalike.rank",
    "lookalike.similar",
    "lookalike.dead-letters",
)
# Each consumer group of the worker, and the topic that it reads.
GROUPS = {"lookalike.embed": EVENTS, "lookalike.rank": RANK}
# Neighbours in a list.
K = 10
READY_SECONDS = 60
COMMAND_SECONDS = 300
SHUTDOWN_SECONDS = 30
# Kafka's default of 45 s is how long a killed replica keeps its partitions.
SESSION_MILLISECONDS = 10_000


def settings(servers, http_port):
    """The configuration of one replica; JSON is YAML."""
    store = {
        "uri": f"s3://{BUCKET}/{PREFIX}/",
        "options": {
            "aws_endpoint": servers.s3.url,
            "aws_region": "us-east-1",
            "aws_access_key_id": "lookalike",
            "aws_secret_access_key": "lookalike-secret",
            "aws_allow_http": "true",
        },
    }
    return {
        "kafka": {
            "bootstrap_servers": servers.kafka.bootstrap,
            "topics": {"events": EVENTS, "rank": RANK, "similar": SIMILAR, "dead_letters": DEAD_LETTERS},
            "group_prefix": "lookalike",
            "properties": {"session.timeout.ms": str(SESSION_MILLISECONDS)},
        },
        "objects": {"stores": [store]},
        "qdrant": {"url": servers.qdrant.url, "prefix": servers.qdrant.prefix},
        "encoder": {"directory": str(servers.repository / "assets" / "demo-encoder")},
        "ranking": {"k": K, "text_weight": 0.3, "exact": True},
        "http": {"listen": f"127.0.0.1:{http_port}"},
        "shutdown": {"deadline_ms": SHUTDOWN_SECONDS * 1000},
    }


def laid_over(values, changes):
    """Nested settings with some of them changed."""
    both = dict(values)
    for name, value in changes.items():
        nested = isinstance(value, dict) and isinstance(values.get(name), dict)
        both[name] = laid_over(values[name], value) if nested else value
    return both


def write_settings(path, values):
    path.write_text(json.dumps(values, indent=2))
    return path


class Worker:
    """One replica of `lookalike run`; it can be started again after it ended."""

    def __init__(self, name, binary, servers, folder, changes=None):
        """`changes` are laid over the configuration, key by key."""
        self.name = name
        self.binary = binary
        self.processes = servers.processes
        self.port = free_port()
        values = laid_over(settings(servers, self.port), changes or {})
        self.config = write_settings(folder / f"{name}.yaml", values)
        self.running = None

    def start(self, role="all"):
        self.running = self.processes.start(
            self.name, [self.binary, "run", "-c", self.config, "--role", role]
        )

    def get(self, path, seconds=5):
        """(status, body) of an HTTP request; NotYet while nothing answers."""
        self.running.check_alive()
        try:
            url = f"http://127.0.0.1:{self.port}{path}"
            with urllib.request.urlopen(url, timeout=seconds) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            raise NotYet(str(error)) from error

    def wait_ready(self):
        def ready():
            status, body = self.get("/readyz")
            if status != 200:
                raise NotYet(f"{status} {body.strip()}")
            return True

        until(f"{self.name} ready", ready, READY_SECONDS)


def run_command(binary, *arguments, env=None):
    """Runs a command of the program to its end: (exit code, standard output, standard error)."""
    result = subprocess.run(
        [str(binary), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        env=env,
        stdin=subprocess.DEVNULL,
    )
    return result.returncode, result.stdout, result.stderr


def create_topics(binary, config, kafka: Kafka):
    """The worker's own command creates them, changes nothing when called again, and tells differences."""
    create = ("topics", "create", "-c", config, "--partitions")
    rounds = [("6", 0, "created", 4), ("6", 0, "ok", 4), ("7", 1, "differs", 3)]
    for partitions, expected, word, lines in rounds:
        code, said, error = run_command(binary, *create, partitions)
        told = sum(line.startswith(word) for line in said.splitlines())
        if (code, told) != (expected, lines):
            raise AssertionError(f"topics create --partitions {partitions}: exit code {code}\n{said}{error}")
    kafka.partitions |= {EVENTS: 6, RANK: 6, SIMILAR: 6, DEAD_LETTERS: 1}
