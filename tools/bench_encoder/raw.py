"""ONNX Runtime alone, on numbers that lie ready: what no pipeline can exceed."""

import threading
from pathlib import Path

import numpy as np
import onnxruntime

from peer import Peer

#: Batches that lie ready for each session; more than one, so that they are not the same
#: memory each time.
READY = 4
INPUT, OUTPUT = "pixel_values", "image_embeds"


def open_session(model, threads, spinning=True, device="cpu"):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    providers = ["CPUExecutionProvider"]
    if device == "cuda":
        # As the worker: TF32 would round to 10 bits.
        providers = [("CUDAExecutionProvider", {"use_tf32": "0"})]
    session = onnxruntime.InferenceSession(str(model), options, providers=providers)
    if device == "cuda" and "CUDAExecutionProvider" not in session.get_providers():
        raise RuntimeError("ONNX Runtime cannot use CUDA here, and does not say why")
    return session


def unbound(session, ready):
    """Numbers in this process's memory, as a pipeline has them."""
    return [lambda values=values: session.run([OUTPUT], {INPUT: values}) for values in ready]


def bound(session, ready):
    """Numbers in the GPU's memory, where no pipeline of files can have them for nothing."""
    runs = []
    for values in ready:
        binding = session.io_binding()
        binding.bind_ortvalue_input(INPUT, onnxruntime.OrtValue.ortvalue_from_numpy(values, "cuda", 0))
        binding.bind_output(OUTPUT, "cpu")
        runs.append(lambda binding=binding: session.run_with_iobinding(binding))
    return runs


class Raw(Peer):
    """`sessions` threads with a session each, `threads` inside, `batch` pictures a run."""

    def open(self, directory, sessions, threads, batch, spinning=True, device="cpu", is_bound=False):
        model = Path(directory) / "vision_model.onnx"
        self.sessions = [open_session(model, threads, spinning, device) for _ in range(sessions)]
        _, channels, height, width = self.sessions[0].get_inputs()[0].shape
        rng, shape = np.random.default_rng(1), (batch, channels, height, width)
        ready = [rng.standard_normal(shape, dtype=np.float32) for _ in range(READY)]
        for session in self.sessions:
            session.run([OUTPUT], {INPUT: ready[0]})
        over = bound if is_bound else unbound
        self.batch, self.runs = batch, [over(session, ready) for session in self.sessions]

    def embed(self, images):
        batches = -(-images // self.batch)
        shares = [batches // len(self.runs) + (place < batches % len(self.runs)) for place in range(len(self.runs))]
        failures = []

        def work(runs, count):
            try:
                for place in range(count):
                    runs[place % len(runs)]()
            except Exception as error:  # raised below, on the thread that is heard
                failures.append(error)

        threads = [threading.Thread(target=work, args=one) for one in zip(self.runs, shares)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return []

    def run(self, images):
        # Whole batches only.
        return super().run(-(-images // self.batch) * self.batch)
