"""The ways from pictures to vectors that are compared, and how each is started."""

import os
from dataclasses import dataclass
from pathlib import Path

import tune
from process import Process, peer

RAW, OURS = "raw ONNX Runtime, ready tensors", "Lookalike, from JPEG"
PILLOW, FASTEMBED = "ONNX Runtime + Pillow, from JPEG", "fastembed, from JPEG"
OPEN_CLIP = "open-clip-torch, from JPEG"

#: Under way at once, as in a worker with 32 articles of two images.
IN_FLIGHT = 64
#: What peers are tried with; their other settings are left as they come.
PEER_BATCHES = [8, 32]


@dataclass(frozen=True)
class Place:
    """Where and with what the ways run."""

    executable: Path
    library: str
    directory: Path
    files: list
    device: str = "cpu"
    #: Waiting of an incomplete batch, for a GPU.
    delay: int = 0
    #: A Python with PyTorch and open_clip, for that peer.
    torch: str | None = None

    @property
    def paths(self):
        return [str(path) for path in self.files]


def raw(place, variant):
    process = peer("raw")
    process.ask("load", files=place.paths, directory=str(place.directory), device=place.device, **variant)
    return process


def ours(place, variant):
    settings = {
        "directory": str(place.directory),
        "library": place.library,
        "execution_provider": place.device,
        "sessions": variant["sessions"],
        "threads": variant["threads"],
        "max_batch_size": variant["batch"],
        "max_batch_delay_ms": place.delay,
        "queue_capacity": 2 * variant["batch"] * variant["sessions"] + IN_FLIGHT,
    }
    in_flight = max(IN_FLIGHT, 2 * variant["batch"] * variant["sessions"])
    process = Process(place.executable, in_flight=in_flight)
    process.ask("load", files=place.paths, settings=settings)
    return process


def python(name):
    def start(place, variant):
        process = peer(name)
        process.ask("load", files=place.paths, directory=str(place.directory), **variant)
        return process

    return start


def open_clip(place, variant):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = peer("open_clip", python=place.torch, environment=environment)
    process.ask("load", files=place.paths, directory=str(place.directory), **variant)
    return process


def every(place, cores):
    """`{name: (start, variants to try)}`."""
    peers = [{"batch": batch} for batch in PEER_BATCHES]
    found = {
        RAW: (raw, tune.grid(cores)),
        OURS: (ours, tune.grid(cores)),
        PILLOW: (python("pillow"), peers),
        FASTEMBED: (python("fastembed"), peers),
    }
    if place.torch:
        found[OPEN_CLIP] = (open_clip, peers)
    return found
