"""ONNX Runtime, Pillow and NumPy as a team would join them: threads prepare the next
batches while one session, with its default threads, runs the last."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from peer import Peer
from prepare import Prepare
from raw import INPUT, OUTPUT, open_session

#: Batches that are prepared ahead.
AHEAD = 2


class OverPillow(Peer):
    def open(self, directory, batch):
        self.prepare, self.batch = Prepare(directory), batch
        self.session = open_session(Path(directory) / "vision_model.onnx", threads=0)
        self.pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))

    def embed(self, images):
        starts = range(0, images, self.batch)
        submitted, found = [], []
        for start in [*starts, *[None] * AHEAD]:
            if start is not None:
                places = range(start, min(start + self.batch, images))
                submitted.append([self.pool.submit(self.prepare.all, self.file(place)) for place in places])
            if start is None or len(submitted) > AHEAD:
                if submitted:
                    found.extend(self.finish(submitted.pop(0)))
        return found

    def finish(self, prepared):
        values = np.stack([one.result() for one in prepared])
        vectors = self.session.run([OUTPUT], {INPUT: values})[0]
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
