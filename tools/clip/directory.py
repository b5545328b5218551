"""Writes a model directory, and runs what was written."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime

import towers
from graph import save
from open_clip_names import clip_preprocessor
from random_weights import random_model
from sources import Source

#: Of the pictures that CLIP was trained with (OpenAI's clip.py).
MEAN = [0.48145466, 0.4578275, 0.40821073]
STD = [0.26862954, 0.26130258, 0.27577711]
#: Largest difference of a number of a vector of unit length, alone and in a batch.
SAME = {False: 1e-4, True: 2e-2}


def of_random(size, seed, tokenizer=None):
    """A source without training; without tokenizer it is written without text tower."""
    model = random_model(size, seed)
    return Source(model, clip_preprocessor(size.image, MEAN, STD), tokenizer, model.end)


def write(source, folder, half=False, opset=towers.OPSET):
    """Appears under its name only when it is whole and was run."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SystemExit(f"{folder} is there already: give another --out, or remove it")
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    save(towers.vision(source.model, half, opset), part / "vision_model.onnx")
    if source.tokenizer is not None:
        save(towers.text(source.model, half, opset), part / "text_model.onnx")
        write_json(part / "tokenizer.json", source.tokenizer)
    write_json(part / "preprocessor_config.json", source.preprocessor)
    write_json(part / "config.json", config(source))
    run_once(part, source, half)
    part.replace(folder)


def config(source):
    model = source.model
    found = {
        "model_type": "clip",
        "projection_dim": model.dimension,
        "vision_config": {"image_size": model.image_size},
    }
    if source.tokenizer is not None:
        vocabulary = len(model.weights["text_model.embeddings.token_embedding.weight"])
        found["text_config"] = {
            "vocab_size": vocabulary,
            "max_position_embeddings": model.context,
            "pad_token_id": source.pad,
        }
    return found


def write_json(path, content):
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def session(path, threads=0):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def run_once(folder, source, half):
    """ONNX Runtime reads the files, and an input's vector does not hang on its batch."""
    rng, model = np.random.default_rng(1), source.model
    pictures = rng.standard_normal((2, 3, model.image_size, model.image_size), dtype=np.float32)
    inputs = {"vision_model.onnx": ("pixel_values", pictures)}
    if source.tokenizer is not None:
        texts = rng.integers(3, 200, (2, model.context), dtype=np.int64)
        inputs["text_model.onnx"] = ("input_ids", texts)
    for name, (key, both) in inputs.items():
        network = session(folder / name)
        together = unit(network.run(None, {key: both})[0])
        alone = unit(np.concatenate([network.run(None, {key: both[place : place + 1]})[0] for place in (0, 1)]))
        difference = np.abs(together - alone).max()
        if together.shape != (2, model.dimension) or not difference <= SAME[half]:
            raise SystemExit(f"{name} gives no usable vectors: {together.shape}, {difference:.1e} apart in a batch")
