"""Server processes: a log file each, and none of them outlives the run."""

import os
import signal
import socket
import subprocess

from waiting import NotYet, TimedOut, until

# Characters of a log line that the report of a failed step shows.
SHOWN = 300


class Died(Exception):
    """A server ended by itself while something waited for it."""


def free_port():
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Running:
    """One process, its log, and the ways to end it."""

    def __init__(self, name, argv, log, env):
        self.name = name
        self.log = log
        self.log_begin = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            # A session of its own: an interrupt reaches the run first, which then stops its servers.
            self.process = subprocess.Popen(
                [str(part) for part in argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **env},
                start_new_session=True,
            )

    def output(self):
        """What this process has said so far; a predecessor of the same name shares its log."""
        return self.log.read_bytes()[self.log_begin :].decode(errors="replace")

    def check_alive(self):
        code = self.process.poll()
        if code is not None:
            raise Died(f"{self.name} ended with exit code {code}; its log is {self.log}")

    def wait_listening(self, port, seconds):
        def connect():
            self.check_alive()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return True
            except OSError as error:
                raise NotYet(str(error)) from error

        until(f"{self.name} listening on port {port}", connect, seconds)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """SIGKILL, and the process is gone when this returns."""
        self.process.kill()
        self.process.wait()

    def wait(self, seconds):
        """The exit code, once the process has ended."""
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise TimedOut(f"{self.name} still runs after {seconds} s") from None


class Processes:
    """Starts processes and ends whatever is left of them."""

    def __init__(self, logs):
        self.logs = logs
        self.all = []

    def start(self, name, argv, env=None):
        running = Running(name, argv, self.logs / f"{name}.log", env or {})
        self.all.append(running)
        return running

    def stop_all(self):
        for running in reversed(self.all):
            if running.process.poll() is None:
                running.kill()

    def tails(self, lines=25):
        """The last lines of every log, for the report of a failed step."""
        parts = []
        for log in sorted(self.logs.glob("*.log")):
            tail = [line[:SHOWN] for line in log.read_text(errors="replace").splitlines()[-lines:]]
            if tail:
                parts.append("\n".join([f"--- {log}", *tail]))
        return "\n".join(parts)
