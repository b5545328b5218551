"""A way of making vectors as a process of its own, watched from outside."""

import os
import sys
from pathlib import Path

from kernel import Kernel

PEER = Path(__file__).resolve().with_name("peer.py")
TICKS = os.sysconf("SC_CLK_TCK")
#: Pictures of the first, short run, which only tells how many fill a turn.
FIRST = 16


class Process(Kernel):
    """Everything is asked in turns; `with` ends it."""

    def __init__(self, *command, environment=None, **each_run):
        super().__init__(*command, environment=environment)
        self.each_run = each_run

    def run(self, images):
        """Pictures, seconds, and the processor's seconds of all its threads."""
        before = self.processor_seconds()
        answer = self.ask("run", images=images, **self.each_run)
        return answer | {"processor_seconds": self.processor_seconds() - before}

    def processor_seconds(self):
        # After the name, which may hold spaces: user and system time are 12 and 13 on.
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak(self):
        """Most memory it ever had, bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
        raise ValueError("the kernel does not tell the peak of a process")

    def pictures_for(self, seconds, together):
        """How many pictures take about that long, in multiples of those run together."""
        rate = 0.0
        images = max(FIRST, together)
        # The first turn warms up; a fast way needs a longer one to be timed.
        while True:
            found = self.run(images)
            rate = found["images"] / found["seconds"]
            if found["seconds"] >= min(0.2, seconds) or images >= 1 << 20:
                break
            images *= 4
        return max(1, round(rate * seconds / together)) * together


def peer(name, python=sys.executable, environment=None):
    return Process(python, str(PEER), name, environment=environment)


def rate(turn):
    return turn["images"] / turn["seconds"]
