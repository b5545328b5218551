"""Embeddings of both sides: the program's, and ONNX Runtime on what Hugging Face prepared."""

import json
import subprocess

import numpy as np
import onnxruntime
import reference


def ours(program, encoder, cases, out):
    """One row of unit length a file, by `lookalike embed`."""
    command = [program, "embed", "--encoder", encoder, *(case.path for case in cases), "--out", out]
    if subprocess.run(command).returncode != 0:
        raise SystemExit("lookalike embed failed: its message is above")
    return np.load(out)


def network(encoder):
    """The vision network of a model directory."""
    names = ["vision_model.onnx", "onnx/vision_model.onnx", "model.onnx", "onnx/model.onnx"]
    found = [encoder / name for name in names if (encoder / name).is_file()]
    if not found:
        raise SystemExit(f"{encoder} holds no vision_model.onnx or model.onnx")
    session = onnxruntime.InferenceSession(found[0], providers=["CPUExecutionProvider"])
    inputs = [one.name for one in session.get_inputs()]
    if inputs != ["pixel_values"]:
        raise SystemExit(f"{found[0]} reads {', '.join(inputs)}; pixel_values alone is expected")
    return session


def cosines(program, encoder, cases, folder):
    """A cosine for each case."""
    session = network(encoder)
    settings = json.loads((encoder / "preprocessor_config.json").read_text())
    found = []
    for case, row in zip(cases, ours(program, encoder, cases, folder / "embeddings.npy")):
        values = reference.prepared(reference.WAYS[case.against](case.path), settings)
        theirs = session.run(None, {"pixel_values": values[None].astype(np.float32)})[0][0].astype(np.float64)
        found.append(float(row.astype(np.float64) @ theirs / np.linalg.norm(theirs)))
    return found
