"""Apache Kafka, one broker in KRaft mode, run from its Maven jars.

Events go in through Kafka's own console producer (the Java client) and records
come back through kcat: neither is the client that Lookalike is built on.
"""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from kafka_records import describe, parse_progress, parse_record
from processes import Died, free_port
from waiting import NotYet, until

HERE = Path(__file__).resolve().parent
# Stands for "no value" on the console producer's input, where an empty value is just empty.
NULL = "<null>"
START_SECONDS = 90
TOOL_SECONDS = 120

GROUP_COMMAND = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"

BROKER = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"""


def install(cache):
    """The folder with the jars of pom.xml, downloaded once for each content of it."""
    pom = HERE / "pom.xml"
    folder = cache / f"kafka-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if folder.exists():
        return folder
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = ["mvn", "--quiet", "--batch-mode", "-Dstyle.color=never", "--file", str(pom)]
    command += ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
    subprocess.run(command, check=True)
    os.replace(partial, folder)
    return folder


class Kafka:
    def __init__(self, jars, data, processes):
        self.jars = jars
        self.data = data
        self.processes = processes
        self.port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.broker = None
        self.partitions = {}

    def start(self):
        self.data.mkdir(parents=True)
        settings = self.data / "server.properties"
        controller = free_port()
        settings.write_text(BROKER.format(port=self.port, controller=controller, data=self.data / "log"))
        cluster = self.tool("kafka.tools.StorageTool", "random-uuid").strip()
        self.tool("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings))
        argv = self.java("kafka.Kafka", str(settings), options=["-Xmx512m", "-De2e.log.level=info"])
        self.broker = self.processes.start("kafka", argv)
        self.broker.wait_listening(self.port, START_SECONDS)

    def stop(self):
        self.broker.kill()

    def java(self, main, *arguments, options=()):
        # Short-lived tools: the cheap compiler and collector halve their start.
        command = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", *options]
        command += [f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"]
        return [*command, "-cp", f"{self.jars}/*", main, *arguments]

    def tool(self, main, *arguments):
        """Runs one of Kafka's own commands and returns what it printed."""
        result = subprocess.run(
            self.java(main, *arguments), capture_output=True, text=True, timeout=TOOL_SECONDS
        )
        if result.returncode != 0:
            raise Died(f"{main} {' '.join(arguments)}: {result.stdout}{result.stderr}")
        return result.stdout

    def create_topic(self, name, partitions, **settings):
        arguments = ["--bootstrap-server", self.bootstrap, "--create", "--topic", name]
        arguments += ["--partitions", str(partitions), "--replication-factor", "1"]
        for key, value in settings.items():
            arguments += ["--config", f"{key.replace('_', '.')}={value}"]
        self.tool("org.apache.kafka.tools.TopicCommand", *arguments)
        self.partitions[name] = partitions

    def delete_records(self, ends):
        """Removes what each (topic, partition) holds below the offset, as retention would."""
        partitions = [
            {"topic": topic, "partition": partition, "offset": end}
            for (topic, partition), end in ends.items()
        ]
        request = self.data / "delete-records.json"
        request.write_text(json.dumps({"version": 1, "partitions": partitions}))
        arguments = ["--bootstrap-server", self.bootstrap, "--offset-json-file", str(request)]
        self.tool("org.apache.kafka.tools.DeleteRecordsCommand", *arguments)

    def producer(self, topic):
        return Producer(self, topic)

    def feed(self, topic, events):
        """Writes (key, value) pairs and returns once Kafka has acknowledged all of them."""
        with self.producer(topic) as producer:
            producer.write(events)

    def feed_raw(self, topic, key, value):
        """Writes one record whose value may be any bytes, also none that are text.

        The partitioner is the Java client's: all records of a key share a partition.
        """
        command = ["kcat", "-P", "-b", self.bootstrap, "-t", topic, "-k", key, "-D", "\x1e"]
        command += ["-X", "topic.partitioner=murmur2_random"]
        subprocess.run(command, input=value, check=True, timeout=TOOL_SECONDS)

    def read(self, topic):
        """Every record that the topic holds now, in the order of each partition."""
        command = ["kcat", "-C", "-q", "-J", "-e", "-o", "beginning", "-b", self.bootstrap, "-t", topic]
        result = subprocess.run(command, capture_output=True, timeout=TOOL_SECONDS)
        if result.returncode != 0:
            raise Died(f"kcat on {topic}: {result.stderr.decode(errors='replace')}")
        return [parse_record(line) for line in result.stdout.splitlines()]

    def next_record(self, topic):
        """A process that ends when the next record arrives; its log tells when it waits for that."""
        command = ["kcat", "-C", "-o", "end", "-c", "1", "-b", self.bootstrap, "-t", topic]
        return self.processes.start(f"kcat-{topic}", command)

    def progress(self, *groups):
        """Where the groups stand, as kafka-consumer-groups --describe tells it."""
        arguments = ["--bootstrap-server", self.bootstrap, "--describe"]
        for group in groups:
            arguments += ["--group", group]
        return parse_progress(self.tool(GROUP_COMMAND, *arguments))

    def wait_quiet(self, groups, fed, seconds):
        """Waits until the groups have committed everything, and returns where they stand.

        `groups` maps each group to its topic; `fed` maps a topic to the records that
        it must hold by now, at least. Work moves from the first topic to the second,
        so one look may fall between the two; two equal looks in a row cannot.
        """
        last = None

        def look():
            nonlocal last
            self.broker.check_alive()
            now = self.progress(*groups)
            before, last = last, None
            self.refuse_partial(now, groups, fed)
            last = {(p.topic, p.partition): (p.committed, p.end) for p in now}
            if last != before:
                raise NotYet("all committed, seen once")
            return now

        return until("the groups to commit the end of their topics", look, seconds, interval=0.5)

    def refuse_partial(self, now, groups, fed):
        for group, topic in groups.items():
            # A partition without owner and commit is not in the table at all.
            seen = sum(p.group == group and p.topic == topic for p in now)
            if seen < self.partitions[topic]:
                raise NotYet(f"{group} stands on {seen} of {self.partitions[topic]} partitions")
        for topic, count in fed.items():
            held = sum(p.end for p in now if p.topic == topic)
            if held < count:
                raise NotYet(f"{topic} holds {held} of {count} records")
        if not all(p.done for p in now):
            raise NotYet(describe(now))


class Producer:
    """Kafka's console producer, fed line by line."""

    def __init__(self, kafka, topic):
        command = kafka.java(
            "org.apache.kafka.tools.ConsoleProducer",
            *("--bootstrap-server", kafka.bootstrap, "--topic", topic),
            *("--reader-property", "parse.key=true"),
            *("--reader-property", f"null.marker={NULL}"),
            *("--command-property", "linger.ms=5"),
        )
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def __enter__(self):
        return self

    def write(self, events):
        for key, value in events:
            # A text goes as it stands: it need not be JSON.
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            text = NULL if value is None else text
            self.process.stdin.write(f"{key}\t{text}\n".encode())
        self.process.stdin.flush()

    def __exit__(self, kind, error, trace):
        try:
            # After a failure there is nothing to wait for.
            if kind is not None:
                self.process.kill()
            _, complaints = self.process.communicate(timeout=TOOL_SECONDS)
        finally:
            self.process.kill()
        # It reports a record that it could not send, and still exits with 0.
        if kind is None and (self.process.returncode != 0 or b"ERROR" in complaints):
            raise Died(f"kafka-console-producer: {complaints.decode(errors='replace')}")
