"""A plan of faults carried out on real processes."""

from fault_plan import GUEST
from processes import Died
from qdrant import START_SECONDS
from worker import SHUTDOWN_SECONDS

# What a replica says when work under way took longer than its shutdown may.
DEADLINE = "was not finished"


class Ward:
    """The processes that suffer: replicas by name, and Qdrant."""

    def __init__(self, workers, qdrant):
        self.workers = workers
        self.qdrant = qdrant
        # Names of processes that run and must not end by themselves; frozen ones are among them.
        self.up = set()
        self.frozen = set()

    def start(self, name):
        if name == "qdrant":
            self.qdrant.launch()
        else:
            if name == GUEST:
                self.wait_left()
            self.workers[name].start()
        self.up.add(name)

    def do(self, verb, name):
        if verb == "start":
            return self.start(name)
        running = self.running(name)
        running.check_alive()
        if verb == "stop":
            running.freeze()
            self.frozen.add(name)
        elif verb == "continue":
            running.thaw()
            self.frozen.discard(name)
        else:
            self.up.discard(name)
            running.kill() if verb == "kill" else running.terminate()

    def running(self, name):
        return self.qdrant.server if name == "qdrant" else self.workers[name].running

    def answering(self):
        """Replicas that can be asked."""
        return [self.workers[name] for name in sorted(self.up - self.frozen - {"qdrant"})]

    def check(self):
        """Nothing has ended that was not ended."""
        for name in self.up:
            self.running(name).check_alive()

    def wait_left(self):
        """The guest that was told to go is gone, in good order."""
        running = self.workers[GUEST].running
        if running is None or GUEST in self.up:
            return
        code = running.wait(SHUTDOWN_SECONDS)
        # With Qdrant away, or much under way, it may be cut off at its deadline, and says so.
        if code != 0 and not (code == 1 and DEADLINE in running.output()):
            raise Died(f"{GUEST} left with exit code {code}; its log is {running.log}")

    def healed(self):
        """Waits until everything that should run is there."""
        self.check()
        if not self.qdrant.external:
            self.qdrant.server.wait_listening(self.qdrant.port, START_SECONDS)
        self.wait_left()
        for worker in self.answering():
            worker.wait_ready()
