"""One way of making vectors in Python, in a process of its own.

Driven line by line like `benches/encoder`, with the same commands and answers:

    python3 peer.py raw|pillow|fastembed|open_clip
"""

import json
import sys
import time
from pathlib import Path

#: Of a second.
NANOSECONDS = 1e9


class Peer:
    """What all have in common: files in memory, work in batches."""

    def load(self, files, **settings):
        self.files = [Path(path).read_bytes() for path in files]
        return self.open(**settings) or {}

    def run(self, images):
        """So many pictures, files taken in turn."""
        begun = time.perf_counter()
        self.embed(images)
        return {"images": images, "seconds": time.perf_counter() - begun}

    def vectors(self, count):
        found = self.embed(min(count, len(self.files)))
        return {"vectors": [list(map(float, vector)) for vector in found]}

    def file(self, place):
        return self.files[place % len(self.files)]

    def time(self, part, milliseconds):
        """A part of the preparation on this thread, files in turn, until it has run that long."""
        once = getattr(self.prepare, part)
        once(self.files[0])
        begun, images = time.thread_time_ns(), 0
        while time.thread_time_ns() - begun < milliseconds * 1_000_000:
            once(self.file(images))
            images += 1
        return {"images": images, "seconds": (time.thread_time_ns() - begun) / NANOSECONDS}


def peer(name):
    # Each needs packages that another may lack.
    if name == "raw":
        from raw import Raw as chosen
    elif name == "pillow":
        from pillow import OverPillow as chosen
    elif name == "fastembed":
        from fast import Fastembed as chosen
    elif name == "open_clip":
        from torch_clip import OpenClip as chosen
    else:
        raise SystemExit(f"no peer is named {name}")
    return chosen()


def main():
    chosen = peer(sys.argv[1])
    # What a library prints must not be taken for an answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        asked = json.loads(line)
        command = asked.pop("command")
        try:
            answer = getattr(chosen, command)(**asked)
        except Exception as error:  # told to the one who asked
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
