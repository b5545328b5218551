#!/usr/bin/env python3
"""Builds the demo encoder in assets/demo-encoder/.

UNTRAINED: nothing here is learned from pictures of products. The image tower
is a fixed graph of colour and edge filters, the text tower a fixed random
n-gram hash. Both are stop-gaps that let the worker run end to end; the model
card (assets/demo-encoder/README.md) states their limits.

The output depends on this file and on the pinned packages alone: two runs
write the same bytes.

    pip install -r tools/requirements-encoder.txt
    python3 tools/build_demo_encoder.py [--out assets/demo-encoder]
"""

import argparse
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

DIMENSION = 128  # both towers
IMAGE_SIZE = 64  # pixels a side after resize and centre crop
CONTEXT_LENGTH = 256  # bytes of text that are read
OPSET = 17  # the first with LayerNormalization; every ONNX Runtime >= 1.12 reads it
IR_VERSION = 8  # the version that belongs to opset 17
SEED = 20260101

# Weight of each group of image features in the final vector.
COLOUR_WEIGHT, SILHOUETTE_WEIGHT, EDGE_WEIGHT = 0.8, 1.2, 1.0


class Graph:
    """Collects ONNX nodes; every method returns the name of its output."""

    def __init__(self):
        self.nodes, self.initializers, self.count = [], [], 0

    def constant(self, array, dtype=np.float32):
        self.count += 1
        name = f"c{self.count}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def ints(self, *values):
        return self.constant(values, np.int64)

    def op(self, kind, *inputs, output=None, **attributes):
        self.count += 1
        output = output or f"t{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def mean(self, x, axes, keepdims=1):
        return self.op("ReduceMean", x, axes=axes, keepdims=keepdims)

    def sum(self, x, axes, keepdims=1):
        return self.op("ReduceSum", x, self.ints(*axes), keepdims=keepdims)

    def slice(self, x, axis, start, end, step=1):
        return self.op("Slice", x, self.ints(start), self.ints(end), self.ints(axis), self.ints(step))

    def flat(self, x):
        return self.op("Flatten", x, axis=1)

    def unit(self, x, axis=1, output=None):
        """x / max(|x|, 1e-6): no division by zero, so no NaN."""
        norm = self.op("ReduceL2", x, axes=[axis], keepdims=1)
        return self.op("Div", x, self.op("Max", norm, self.constant(1e-6)), output=output)

    def model(self, name, inputs, outputs):
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.initializers)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="lookalike",
            producer_version="1",
        )
        onnx.checker.check_model(model, full_check=True)
        return model


# --- image tower ---------------------------------------------------------


def opponent_matrix():
    """RGB in [-1, 1] to lightness, red-green and yellow-blue in about [-1, 1]."""
    return np.array([[0.30, 0.59, 0.11], [0.75, -0.60, -0.15], [0.375, 0.375, -0.75]])


def colour_prototypes():
    """Centres of the soft histogram: 8 greys, and 2 rings of hues at 3 and 2
    lightnesses."""
    centres = [(lightness, 0.0, 0.0) for lightness in (-0.95, -0.7, -0.45, -0.15, 0.15, 0.45, 0.7, 0.95)]
    for radius, hues, lightnesses in ((0.30, 8, (-0.5, 0.0, 0.5)), (0.75, 8, (-0.35, 0.25))):
        for lightness in lightnesses:
            for hue in range(hues):
                angle = 2 * np.pi * (hue + 0.5 * (radius > 0.5)) / hues
                centres.append((lightness, radius * np.cos(angle), radius * np.sin(angle)))
    return np.array(centres)


def edge_filters(orientations, size=7, wavelength=5.0, sigma=1.9):
    """Odd (sine) and even (cosine) Gabor filters, zero mean, unit energy."""
    r = np.arange(size) - size // 2
    y, x = np.meshgrid(r, r, indexing="ij")
    bank = []
    for phase in (np.sin, np.cos):
        for i in range(orientations):
            angle = np.pi * i / orientations
            along = x * np.cos(angle) + y * np.sin(angle)
            kernel = phase(2 * np.pi * along / wavelength) * np.exp(-(x**2 + y**2) / (2 * sigma**2))
            kernel -= kernel.mean()
            bank.append(kernel / np.linalg.norm(kernel))
    return np.array(bank)[:, None]


def foreground(g, opponent):
    """A soft mask [N,1,S,S]: how far a pixel is from the colours of the
    picture's border. A plain background nearly vanishes; with a busy border
    the mask becomes flat and does nothing."""
    s, width = IMAGE_SIZE, 3
    strips = [
        g.op("Reshape", g.slice(opponent, axis, start, end), g.ints(0, 3, -1))
        for axis in (2, 3)
        for start, end in ((0, width), (s - width, s))
    ]
    border = g.op("Concat", *strips, axis=2)
    centre = g.mean(border, [2])
    spread = g.mean(g.op("Pow", g.op("Sub", border, centre), g.constant(2.0)), [2])
    centre4, spread4 = (g.op("Unsqueeze", v, g.ints(3)) for v in (centre, spread))
    # Chroma counts more than lightness: shadows are background too.
    weight = np.array([0.35, 2.0, 2.0]).reshape(1, 3, 1, 1)
    distance = g.op("Pow", g.op("Sub", opponent, centre4), g.constant(2.0))
    distance = g.sum(g.op("Mul", distance, g.constant(weight)), [1])
    scale = g.sum(g.op("Mul", spread4, g.constant(weight * 4)), [1])
    scale = g.op("Add", scale, g.constant(0.08))
    ratio = g.op("Pow", g.op("Div", distance, scale), g.constant(2.0))
    mask = g.op("Div", ratio, g.op("Add", ratio, g.constant(1.0)))
    return g.op("Add", mask, g.constant(1e-3))


def pool(g, x, cells):
    size = IMAGE_SIZE // cells
    return g.op("AveragePool", x, kernel_shape=[size, size], strides=[size, size])


def mirrored(g, x, cells, permutation=None):
    """Mean of a grid [N,C,cells,cells] and its mirror image; the left half of
    the columns says all of it. Makes the vector blind to horizontal flips."""
    other = g.slice(x, 3, cells - 1, -cells - 1, -1)
    if permutation is not None:
        other = g.op("Gather", other, g.constant(permutation, np.int64), axis=1)
    both = g.op("Mul", g.op("Add", x, other), g.constant(0.5))
    return g.slice(both, 3, 0, (cells + 1) // 2)


def image_features(g, pixels):
    """The groups of features, each [N, n], non-negative."""
    opponent = g.op("Conv", pixels, g.constant(opponent_matrix()[:, :, None, None]))
    mask = foreground(g, opponent)
    area = g.mean(mask, [2, 3])

    centres = colour_prototypes()
    # softmax(-|x - c|^2 / t) = softmax((2 c x - |c|^2) / t): a 1x1 convolution.
    sharpness = 10.0
    halved, halved_mask = (
        g.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]) for x in (opponent, mask)
    )
    logits = g.op(
        "Conv",
        halved,
        g.constant((2 * sharpness * centres)[:, :, None, None]),
        g.constant(-sharpness * (centres**2).sum(1)),
    )
    soft = g.op("Softmax", logits, axis=1)
    weighted = g.op("Mul", soft, halved_mask)
    colour = g.op("Div", g.mean(weighted, [2, 3]), area)

    silhouette = mirrored(g, pool(g, mask, 8), 8)

    orientations = 6
    mirror = [(orientations - i) % orientations for i in range(orientations)]
    lightness = g.slice(opponent, 1, 0, 1)
    bank = edge_filters(orientations)
    response = g.op("Conv", lightness, g.constant(bank), pads=[3, 3, 3, 3])
    energy = g.op("Pow", response, g.constant(2.0))
    energy = g.op(
        "Add", g.slice(energy, 1, 0, orientations), g.slice(energy, 1, orientations, 2 * orientations)
    )
    energy = g.op("Mul", g.op("Sqrt", g.op("Add", energy, g.constant(1e-8))), mask)
    edges = mirrored(g, pool(g, energy, 4), 4, mirror)
    return g.flat(colour), g.flat(silhouette), g.flat(edges)


def image_model(centre):
    """pixel_values [N,3,S,S] in [-1, 1] to image_embeds [N,D]. `centre` is
    the mean vector that is subtracted, or None while it is being measured."""
    g = Graph()
    groups = image_features(g, "pixel_values")
    parts = []
    for group, weight in zip(groups, (COLOUR_WEIGHT, SILHOUETTE_WEIGHT, EDGE_WEIGHT)):
        # The square root keeps one large bin from ruling the group.
        scaled = g.unit(g.op("Sqrt", g.op("Max", group, g.constant(0.0))))
        parts.append(g.op("Mul", scaled, g.constant(weight)))
    joined = g.op("Concat", *parts, axis=1)
    if centre is None:
        g.op("Identity", joined, output="image_embeds")
    else:
        g.unit(g.op("Sub", joined, g.constant(centre[None])), output="image_embeds")
    size = IMAGE_SIZE
    return g.model(
        "demo_vision",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, size, size])],
        [helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, ["batch", DIMENSION])],
    )


def calibration_pictures(count=512):
    """Drawn pictures [count,3,S,S] in [-1, 1]: one ellipse or rectangle with
    stripes, any size, place and colour, on a plain background."""
    rng = np.random.default_rng(SEED)
    s = IMAGE_SIZE
    y, x = np.meshgrid(np.linspace(-1, 1, s), np.linspace(-1, 1, s), indexing="ij")
    pictures = np.empty((count, 3, s, s), np.float32)
    for picture in pictures:
        background, body, stripe = rng.uniform(-1, 1, (3, 3, 1, 1))
        cx, cy = rng.uniform(-0.2, 0.2, 2)
        rx, ry = rng.uniform(0.35, 0.85, 2)
        angle = rng.uniform(0, np.pi)
        u = ((x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)) / rx
        v = ((y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)) / ry
        inside = u**2 + v**2 < 1 if rng.random() < 0.6 else np.maximum(abs(u), abs(v)) < 0.8
        lines = np.sin(rng.uniform(2, 12) * u + rng.uniform(0, 6)) > rng.uniform(-1, 1.5)
        picture[:] = np.where(inside, np.where(lines, stripe, body), background)
        picture += rng.normal(0, 0.02, picture.shape)
    return np.clip(pictures, -1, 1)


def run(model, feeds):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    ).run(None, feeds)[0]


def calibrated_image_model():
    features = run(image_model(None), {"pixel_values": calibration_pictures()})
    # Rounded, so that the last bits of a different CPU do not change the file.
    return image_model(np.round(features.mean(0), 3))


# --- text tower ----------------------------------------------------------

PAD_ID = 256
BYTE_WIDTH = 24  # numbers per byte embedding
NGRAMS = ((3, 256), (5, 256))  # (bytes a window, number of fixed random detectors)


def text_model(centre):
    """input_ids and attention_mask [N,L] to text_embeds [N,D]: each detector
    answers to a few n-grams; a text is the mean of its answers. Texts that
    share words or parts of words come out similar; meaning plays no part."""
    rng = np.random.default_rng(SEED + 1)
    g = Graph()
    table = rng.normal(0, 1, (257, BYTE_WIDTH))
    table[PAD_ID] = 0
    mask = g.op("Unsqueeze", g.op("Cast", "attention_mask", to=TensorProto.FLOAT), g.ints(1))
    x = g.op("Transpose", g.op("Gather", g.constant(table), "input_ids"), perm=[0, 2, 1])
    x = g.op("Mul", x, mask)
    length = g.op("Max", g.sum(mask, [2]), g.constant(1.0))
    parts = []
    for width, detectors in NGRAMS:
        fan_in = BYTE_WIDTH * width
        kernel = rng.normal(0, fan_in**-0.5, (detectors, BYTE_WIDTH, width))
        # A threshold of 1.5 standard deviations: about 7 % of windows answer.
        answer = g.op(
            "Conv", x, g.constant(kernel), g.constant(np.full(detectors, -1.5)), pads=[width // 2] * 2
        )
        answer = g.op("Mul", g.op("Relu", answer), mask)
        mean = g.op("Div", g.sum(answer, [2]), length)
        parts.append(g.flat(g.op("Sqrt", g.op("Add", mean, g.constant(1e-8)))))
    joined = g.unit(g.op("Concat", *parts, axis=1))
    total = sum(detectors for _, detectors in NGRAMS)
    projection = np.linalg.qr(rng.normal(0, 1, (total, total)))[0][:, :DIMENSION]
    projected = g.op("MatMul", joined, g.constant(np.round(projection, 4)))
    if centre is None:
        g.op("Identity", projected, output="text_embeds")
    else:
        g.unit(g.op("Sub", projected, g.constant(centre[None])), output="text_embeds")
    tokens = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("text_embeds", TensorProto.FLOAT, ["batch", DIMENSION])
    return g.model("demo_text", tokens, [output])


def calibrated_text_model():
    """The subtracted mean is that of random strings with the letter
    frequencies of English."""
    rng = np.random.default_rng(SEED + 2)
    letters = np.frombuffer(b"eeeeetttaaaooiinnsshhrrdllucmwfgypbvk" + b" " * 7, np.uint8)
    ids = rng.choice(letters, (512, 40)).astype(np.int64)
    answers = run(text_model(None), {"input_ids": ids, "attention_mask": np.ones_like(ids)})
    return text_model(np.round(answers.mean(0), 3))


def tokenizer():
    """One token a byte (Hugging Face byte-level alphabet, no merges), text
    in lower case and compatibility form, a space before the first word."""
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


# --- files ---------------------------------------------------------------


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
            "vocab_size": PAD_ID + 1,
            "max_position_embeddings": CONTEXT_LENGTH,
            "pad_token_id": PAD_ID,
        },
    }


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main():
    default = pathlib.Path(__file__).resolve().parent.parent / "assets" / "demo-encoder"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=default, help="folder to write")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, model in (
        ("vision_model.onnx", calibrated_image_model()),
        ("text_model.onnx", calibrated_text_model()),
    ):
        (out / name).write_bytes(model.SerializeToString(deterministic=True))
    write_json(out / "preprocessor_config.json", preprocessor_config())
    write_json(out / "tokenizer.json", tokenizer())
    write_json(out / "config.json", config())


if __name__ == "__main__":
    main()
