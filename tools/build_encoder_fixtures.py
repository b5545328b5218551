#!/usr/bin/env python3
"""Builds the networks in tests/fixtures/encoders/: one for each shape of graph
that the worker reads, so small that their vectors are computed by hand in
tests/it/networks.rs.

Images are 4 × 2 pixels. The vector of an image is, for each colour, the sum
over all places of the value times 1 + column + 4 · row; that of a text is the
sum of (id, id² / 100, 1) over its tokens. Two runs write the same bytes.

    pip install -r tools/requirements-encoder.txt
    python3 tools/build_encoder_fixtures.py [--out tests/fixtures/encoders]
"""

import argparse
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

OPSET, IR_VERSION = 17, 8
WIDTH, HEIGHT, TOKENS = 4, 2, 257
PLACES = (1 + np.arange(WIDTH) + 4 * np.arange(HEIGHT)[:, None]).astype(np.float32)
F32, F16, BF16, I32, I64, U8 = (
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.BFLOAT16,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.UINT8,
)
IMAGES = ("batch", 3, HEIGHT, WIDTH)
TEXTS = ("batch", "length")


class Graph:
    """Collects ONNX nodes; every method returns the name of its output."""

    def __init__(self):
        self.nodes, self.initializers, self.inputs, self.outputs = [], [], [], []

    def input(self, name, shape, element=F32):
        self.inputs.append(helper.make_tensor_value_info(name, element, shape))
        return name

    def output(self, name, shape, element=F32):
        self.outputs.append(helper.make_tensor_value_info(name, element, shape))

    def constant(self, array):
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def op(self, kind, *inputs, to=None, **attributes):
        name = to or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def sum(self, x, *axes, keepdims=0, to=None):
        return self.op("ReduceSum", x, self.constant(np.array(axes)), keepdims=keepdims, to=to)

    def cast(self, x, element, name=None):
        # An attribute of Cast is called `to` as well.
        name = name or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node("Cast", [x], [name], to=element))
        return name

    def model(self):
        graph = helper.make_graph(self.nodes, "fixture", self.inputs, self.outputs, self.initializers)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="lookalike",
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def weighted(g, images, element=np.float32):
    """The value of each place times its weight, channels first."""
    return g.op("Mul", images, g.constant(PLACES[None, None].astype(element)))


def channels_first(shape=IMAGES, name="data"):
    g = Graph()
    g.sum(weighted(g, g.input(name, shape)), 2, 3, to="output_0")
    g.output("output_0", (shape[0], 3))
    return g.model()


def channels_last():
    g = Graph()
    images = g.input("input_1", ("batch", HEIGHT, WIDTH, 3))
    g.sum(g.op("Mul", images, g.constant(PLACES[None, :, :, None])), 1, 2, to="dense")
    g.output("dense", ("batch", 3))
    return g.model()


def half():
    g = Graph()
    g.sum(weighted(g, g.input("pixel_values", IMAGES, F16), np.float16), 2, 3, to="image_embeds")
    g.output("image_embeds", ("batch", 3), F16)
    return g.model()


def quantised():
    """8 bits inside, with a step of 1: bytes come through unchanged."""
    g = Graph()
    step, zero = g.constant(np.float32(1)), g.constant(np.uint8(0))
    eight = g.op("QuantizeLinear", g.input("pixel_values", IMAGES), step, zero)
    g.sum(weighted(g, g.op("DequantizeLinear", eight, step, zero)), 2, 3, to="image_embeds")
    g.output("image_embeds", ("batch", 3))
    return g.model()


def centred_by_batch():
    """As networks that quantise at run time, it looks at the whole batch."""
    g = Graph()
    images = g.input("pixel_values", IMAGES)
    g.sum(weighted(g, g.op("Sub", images, g.op("ReduceMean", images, keepdims=0))), 2, 3, to="image_embeds")
    g.output("image_embeds", ("batch", 3))
    return g.model()


def tokens():
    """A token for each row."""
    g = Graph()
    rows = g.op("Transpose", weighted(g, g.input("pixel_values", IMAGES)), perm=[0, 2, 3, 1])
    g.sum(rows, 2, to="last_hidden_state")
    g.output("last_hidden_state", ("batch", HEIGHT, 3))
    return g.model()


def feature_map():
    g = Graph()
    g.op("Mul", g.input("pixel_values", IMAGES), g.constant(PLACES[None, None]), to="feature_map")
    g.output("feature_map", IMAGES)
    return g.model()


def pooled_map():
    g = Graph()
    g.sum(weighted(g, g.input("pixel_values", IMAGES)), 2, 3, keepdims=1, to="pooler_output")
    g.output("pooler_output", ("batch", 3, 1, 1))
    return g.model()


def classifier():
    """Its feature is a value inside."""
    g = Graph()
    g.sum(weighted(g, g.input("data", IMAGES)), 2, 3, to="features")
    g.op("MatMul", "features", g.constant(np.arange(15, dtype=np.float32).reshape(3, 5) % 7), to="logits")
    g.output("logits", ("batch", 5))
    return g.model()


def converted(from_, to):
    """Numbers that the worker does not give, or does not take."""
    g = Graph()
    images = g.input("pixel_values", IMAGES, from_)
    images = images if from_ == F32 else g.cast(images, F32)
    embeds = g.sum(weighted(g, images), 2, 3, to="image_embeds" if to == F32 else None)
    if to != F32:
        g.cast(embeds, to, "image_embeds")
    g.output("image_embeds", ("batch", 3), to)
    return g.model()


def token_vectors(g, ids):
    numbers = np.arange(TOKENS, dtype=np.float32)
    table = np.stack([numbers, numbers**2 / 100, np.ones(TOKENS, np.float32)], axis=1)
    return g.op("Gather", g.constant(table), ids)


def text(g, shape=TEXTS, mask=True, element=I64, to="text_embeds"):
    vectors = token_vectors(g, g.input("input_ids", shape, element))
    if mask:
        seen = g.cast(g.input("attention_mask", shape, element), F32)
        vectors = g.op("Mul", vectors, g.op("Unsqueeze", seen, g.constant(np.array([2]))))
    return g.sum(vectors, 1, to=to)


def text_masked():
    g = Graph()
    text(g)
    g.output("text_embeds", ("batch", 3))
    return g.model()


def text_unmasked():
    """One input of 32 bits; padding counts like any token."""
    g = Graph()
    text(g, mask=False, element=I32)
    g.output("text_embeds", ("batch", 3))
    return g.model()


def text_fixed():
    g = Graph()
    text(g, shape=(2, 12))
    g.output("text_embeds", (2, 3))
    return g.model()


def text_tokens():
    """A vector for each token: its id, 1 + its position, 1 + 1000 · its segment."""
    g = Graph()
    one = g.constant(np.float32(1))
    parts = []
    for name, factor in (("input_ids", 1), ("position_ids", 1), ("token_type_ids", 1000)):
        number = g.cast(g.input(name, TEXTS, I64), F32)
        number = g.op("Mul", number, g.constant(np.float32(factor)))
        number = number if name == "input_ids" else g.op("Add", number, one)
        parts.append(g.op("Unsqueeze", number, g.constant(np.array([2]))))
    g.input("attention_mask", TEXTS, I64)
    g.op("Concat", *parts, axis=2, to="last_hidden_state")
    g.output("last_hidden_state", ("batch", "length", 3))
    return g.model()


def joint():
    """Both towers in one file, in the form of Optimum's export of CLIP."""
    g = Graph()
    ids = text(g)
    pixels = g.input("pixel_values", ("image_batch", "channels", "height", "width"))
    images = g.sum(weighted(g, pixels), 2, 3, to="image_embeds")
    g.op("MatMul", images, g.op("Transpose", ids), to="logits_per_image")
    g.op("Transpose", "logits_per_image", to="logits_per_text")
    for name, shape in (
        ("logits_per_image", ("image_batch", "batch")),
        ("logits_per_text", ("batch", "image_batch")),
        ("text_embeds", ("batch", 3)),
        ("image_embeds", ("image_batch", 3)),
    ):
        g.output(name, shape)
    return g.model()


def write(path, model):
    path.write_bytes(model.SerializeToString(deterministic=True))


def write_external(path, model):
    """The weights in a file beside the network."""
    weights = bytearray()
    # Axes stay inside, as exporters leave them: shapes are inferred from them.
    for tensor in (tensor for tensor in model.graph.initializer if tensor.data_type == F32):
        data = tensor.raw_data
        set_external_data(tensor, path.with_suffix(".weights").name, offset=len(weights), length=len(data))
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        weights += data
    path.with_suffix(".weights").write_bytes(weights)
    write(path, model)


def main():
    default = pathlib.Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "encoders"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=default, help="folder to write")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, model in {
        "channels_first": channels_first(),
        "channels_last": channels_last(),
        "any_size": channels_first(("batch", "a", "b", "c")),
        "fixed_batch": channels_first((3, 3, HEIGHT, WIDTH)),
        "half": half(),
        "quantised": quantised(),
        "centred_by_batch": centred_by_batch(),
        "tokens": tokens(),
        "feature_map": feature_map(),
        "pooled_map": pooled_map(),
        "classifier": classifier(),
        "takes_bytes": converted(U8, F32),
        "gives_bfloat16": converted(F32, BF16),
        "text_masked": text_masked(),
        "text_unmasked": text_unmasked(),
        "text_fixed": text_fixed(),
        "text_tokens": text_tokens(),
        "joint": joint(),
    }.items():
        write(out / f"{name}.onnx", model)
    write_external(out / "classifier_external.onnx", classifier())


if __name__ == "__main__":
    main()
