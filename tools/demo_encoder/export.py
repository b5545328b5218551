#!/usr/bin/env python3
"""Writes the trained towers as the model directory assets/demo-encoder.

    python3 tools/demo_encoder/export.py

The graphs are checked against what was trained: on random input the cosine must be over 0.9999.
The same weights give the same bytes.
"""

import argparse
import json
import pathlib
import pickle

import jax.numpy as jnp
import numpy as np
import onnxruntime
from onnx import TensorProto

from jax_backend import Jax
from onnx_backend import Onnx
from sentences import PAD_ID
from towers import CONTEXT_LENGTH, DIMENSION, IMAGE_SIZE, VOCABULARY, image_tower, text_tower


def image_model(parameters):
    ops = Onnx()
    result = image_tower(ops, parameters, ops.input("pixel_values"))
    shape = ["batch", 3, IMAGE_SIZE, IMAGE_SIZE]
    inputs = [("pixel_values", TensorProto.FLOAT, shape)]
    return ops.model("demo_vision", inputs, result, "image_embeds", ["batch", DIMENSION])


def text_model(parameters):
    ops = Onnx()
    result = text_tower(ops, parameters, ops.input("input_ids"), ops.input("attention_mask"))
    inputs = [(name, TensorProto.INT64, ["batch", "length"]) for name in ("input_ids", "attention_mask")]
    return ops.model("demo_text", inputs, result, "text_embeds", ["batch", DIMENSION])


def run(model, feeds):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


def check(parameters, image, text):
    """Fails unless both graphs do what the trained towers do."""
    rng = np.random.default_rng(1)
    coarse = rng.uniform(-1, 1, (16, 8, 8, 3)).repeat(8, 1).repeat(8, 2)
    pixels = np.clip(coarse + rng.normal(0, 0.1, coarse.shape), -1, 1).astype(np.float32)
    trained = image_tower(Jax, parameters["image"], jnp.asarray(pixels))
    agree("image", trained, run(image, {"pixel_values": pixels.transpose(0, 3, 1, 2)}))
    mask = (np.arange(60) < rng.integers(1, 60, (16, 1))).astype(np.int64)
    ids = np.where(mask, rng.integers(97, 123, mask.shape), PAD_ID)
    trained = text_tower(Jax, parameters["text"], ids, jnp.asarray(mask, jnp.float32))
    agree("text", trained, run(text, {"input_ids": ids, "attention_mask": mask}))


def agree(tower, trained, exported):
    worst = float((np.asarray(trained) * exported).sum(1).min())
    print(f"{tower} tower: lowest cosine between trained and exported {worst:.6f}")
    if not worst > 0.9999:
        raise SystemExit(f"the {tower} graph does not do what was trained")


def tokenizer():
    """One token a byte (Hugging Face byte-level alphabet, no merges), text in lower case and
    compatibility form, a space before the first word."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet, extra = {}, 0
    for byte in range(256):
        if byte in shown:
            alphabet[chr(byte)] = byte
        else:
            alphabet[chr(256 + extra)] = byte
            extra += 1
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": PAD_ID,
                "content": "<pad>",
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
        ],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]},
        "pre_tokenizer": {
            "type": "ByteLevel",
            "add_prefix_space": True,
            "trim_offsets": True,
            "use_regex": False,
        },
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": False},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": alphabet | {"<pad>": PAD_ID},
            "merges": [],
        },
    }


def preprocessor_config():
    size = IMAGE_SIZE
    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": size},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": size, "width": size},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }


def config():
    return {
        "model_type": "clip",
        "projection_dim": DIMENSION,
        "vision_config": {"image_size": IMAGE_SIZE, "num_channels": 3},
        "text_config": {
            "vocab_size": VOCABULARY,
            "max_position_embeddings": CONTEXT_LENGTH,
            "pad_token_id": PAD_ID,
        },
    }


def main():
    assets = pathlib.Path(__file__).resolve().parents[2] / "assets" / "demo-encoder"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=pathlib.Path, default="target/demo-encoder/weights.pickle")
    parser.add_argument("--out", type=pathlib.Path, default=assets, help="folder to write")
    asked = parser.parse_args()
    parameters = pickle.loads(asked.weights.read_bytes())
    image, text = (
        model.SerializeToString(deterministic=True)
        for model in (image_model(parameters["image"]), text_model(parameters["text"]))
    )
    check(parameters, image, text)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "vision_model.onnx").write_bytes(image)
    (asked.out / "text_model.onnx").write_bytes(text)
    for name, value in (
        ("preprocessor_config.json", preprocessor_config()),
        ("tokenizer.json", tokenizer()),
        ("config.json", config()),
    ):
        (asked.out / name).write_text(
            json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    print(f"{(len(image) + len(text)) / 1e6:.2f} MB of weights in {asked.out}")


if __name__ == "__main__":
    main()
