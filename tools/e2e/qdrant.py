"""Qdrant: the embedded server as a process of its own, or a real one named by QDRANT_URL."""

import os
import uuid

from processes import free_port

START_SECONDS = 60


class Qdrant:
    def __init__(self, binary, data, processes):
        self.binary = binary
        self.data = data
        self.processes = processes
        self.external = os.environ.get("QDRANT_URL")
        self.port = free_port()
        self.url = self.external or f"http://127.0.0.1:{self.port}"
        # A server that lives on gets collections of its own for each run.
        self.prefix = f"e2e-{uuid.uuid4().hex[:8]}" if self.external else "lookalike"
        self.server = None

    def start(self):
        if not self.external:
            self.launch()
            self.server.wait_listening(self.port, START_SECONDS)

    def launch(self):
        """Starts the embedded server on its folder and does not wait for it."""
        argv = [self.binary, "dev", "qdrant", "--listen", f"127.0.0.1:{self.port}"]
        self.server = self.processes.start("qdrant", [*argv, "--directory", self.data])
