"""The image and text towers of CLIP and SigLIP as ONNX graphs.

Guarantee: every weight of a tower is used, or there is no graph: a tower built in another
way than these is refused, not approximated. Weights have the names of `CLIPModel` and
`SiglipModel` in transformers, whose code is what the graphs follow.

Queries, keys and values come from one product, and queries are scaled beforehand; a text
is as long as its tokens, not the whole context, where the tower is causal and so cannot
see the padding.
"""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper

from graph import OPSET, Graph

#: Stands for −∞ in f32 and f16: its exponential is 0 in both.
HIDDEN = -1e4


@dataclass(frozen=True)
class Tower:
    """What the shapes of the weights do not tell."""

    heads: int
    activation: str
    epsilon: float


@dataclass
class Model:
    vision: Tower
    text: Tower | None
    #: The token whose place holds the vector of a text; `None`: the last place.
    end: int | None
    weights: dict

    @property
    def image_size(self):
        """Pixels a side."""
        conv = self.weights["vision_model.embeddings.patch_embedding.weight"]
        places = len(self.weights["vision_model.embeddings.position_embedding.weight"])
        patches = places - ("vision_model.embeddings.class_embedding" in self.weights)
        side = round(patches**0.5)
        if side * side != patches:
            raise ValueError(f"{patches} patches are no square: this image size is not supported")
        return side * conv.shape[-1]

    @property
    def context(self):
        """Tokens of the longest text."""
        return len(self.weights["text_model.embeddings.position_embedding.weight"])

    @property
    def dimension(self):
        """Numbers of a vector."""
        projection = self.weights.get("visual_projection.weight")
        return len(self.weights["vision_model.post_layernorm.weight"] if projection is None else projection)


class Weights:
    """Those below a prefix; remembers which were asked for."""

    def __init__(self, arrays, used, prefix=""):
        self.arrays, self.used, self.prefix = arrays, used, prefix

    def at(self, name):
        return Weights(self.arrays, self.used, f"{self.prefix}{name}.")

    def __contains__(self, name):
        return self.prefix + name in self.arrays

    def __getitem__(self, name):
        self.used.add(self.prefix + name)
        if name not in self:
            raise ValueError(f"the weight {self.prefix + name} is missing")
        return self.arrays[self.prefix + name]

    def get(self, name):
        return self[name] if name in self else None

    def pair(self, name):
        """Weight and bias, the bias where there is one."""
        return self[f"{name}.weight"], self.get(f"{name}.bias")

    def layers(self):
        places = {name[len(self.prefix) :].split(".")[0] for name in self.arrays if name.startswith(self.prefix)}
        return [self.at(place) for place in sorted(places, key=int)]


def vision(model, half=False, opset=OPSET):
    """Takes `pixel_values` [batch, 3, side, side], gives `image_embeds`."""
    used = set()
    graph, every, tower = Graph(half), Weights(model.weights, used), model.vision
    own = every.at("vision_model")
    size = model.image_size
    source = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, size, size])
    x = embedded_patches(graph, own.at("embeddings"))
    if "pre_layrnorm.weight" in own:
        x = graph.normalised(x, *own.pair("pre_layrnorm"), tower.epsilon)
    for layer in own.at("encoder.layers").layers():
        x = block(graph, x, layer, tower)
    if "head.probe" in own:
        x = graph.normalised(x, *own.pair("post_layernorm"), tower.epsilon)
        x = pooled_by_attention(graph, x, own.at("head"), tower)
    elif "embeddings.class_embedding" in own:
        # The vector stands at the place of the class token; the others are of no use here.
        x = graph.op("Gather", x, graph.constant(0, np.int64), axis=1)
        x = graph.normalised(x, *own.pair("post_layernorm"), tower.epsilon)
    else:
        raise ValueError("this architecture is not supported: neither a class token nor a pooling head")
    if "visual_projection.weight" in every:
        x = graph.linear(x, every["visual_projection.weight"])
    check_all_used(model.weights, used, ("vision_model.", "visual_projection."))
    return graph.model("vision", source, x, model.dimension, opset)


def embedded_patches(graph, own):
    weight, bias = own.pair("patch_embedding")
    width, _, patch, _ = weight.shape
    inputs = [graph.computed("pixel_values"), graph.constant(weight)]
    inputs += [graph.constant(bias)] if bias is not None else []
    x = graph.op("Conv", *inputs, kernel_shape=[patch, patch], strides=[patch, patch])
    x = graph.op("Transpose", graph.op("Reshape", x, graph.ints(0, width, -1)), perm=[0, 2, 1])
    if "class_embedding" in own:
        batch = graph.op("Shape", "pixel_values", start=0, end=1)
        shape = graph.op("Concat", batch, graph.ints(1, width), axis=0)
        first = graph.op("Expand", graph.constant(own["class_embedding"].reshape(1, 1, width)), shape)
        x = graph.op("Concat", first, x, axis=1)
    return graph.op("Add", x, graph.constant(own["position_embedding.weight"]))


def text(model, half=False, opset=OPSET):
    """Takes `input_ids` [batch, length], gives `text_embeds`."""
    used = set()
    graph, every, tower = Graph(half), Weights(model.weights, used), model.text
    own = every.at("text_model")
    is_causal = model.end is not None
    length = "length" if is_causal else model.context
    source = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", length])
    tokens = graph.op("Shape", "input_ids", start=1, end=2)
    places = own["embeddings.position_embedding.weight"]
    x = graph.op("Gather", graph.constant(own["embeddings.token_embedding.weight"]), "input_ids", axis=0)
    x = graph.op("Add", x, graph.op("Slice", graph.constant(places), graph.ints(0), tokens, graph.ints(0)))
    mask = None
    if is_causal:
        whole = graph.constant(np.triu(np.full((model.context, model.context), HIDDEN), 1))
        ends = graph.op("Concat", tokens, tokens, axis=0)
        mask = graph.op("Slice", whole, graph.ints(0, 0), ends, graph.ints(0, 1))
    for layer in own.at("encoder.layers").layers():
        x = block(graph, x, layer, tower, mask)
    if is_causal:
        x = at_first(graph, x, model.end)
    else:
        x = graph.op("Gather", x, graph.constant(-1, np.int64), axis=1)
    x = graph.normalised(x, *own.pair("final_layer_norm"), tower.epsilon)
    projection = every.at("text_projection") if is_causal else own.at("head")
    weight = projection["weight"]
    x = graph.linear(x, weight, projection.get("bias"))
    check_all_used(model.weights, used, ("text_model.", "text_projection."))
    return graph.model("text", source, x, len(weight), opset)


def at_first(graph, x, token):
    """What stands in `x` at the first place of this token."""
    is_token = graph.op("Equal", "input_ids", graph.constant(token, np.int64))
    place = graph.op("ArgMax", graph.op("Cast", is_token, to=TensorProto.FLOAT), axis=1, keepdims=1)
    return graph.op("GatherND", x, place, batch_dims=1)


def block(graph, x, layer, tower, mask=None):
    """Attention and a perceptron, each on a normalised copy and added (pre-norm)."""
    inner = graph.normalised(x, *layer.pair("layer_norm1"), tower.epsilon)
    x = graph.op("Add", x, attention(graph, inner, layer.at("self_attn"), tower, mask))
    inner = graph.normalised(x, *layer.pair("layer_norm2"), tower.epsilon)
    return graph.op("Add", x, perceptron(graph, inner, layer.at("mlp"), tower))


def perceptron(graph, x, own, tower):
    x = graph.activation(graph.linear(x, *own.pair("fc1")), tower.activation)
    return graph.linear(x, *own.pair("fc2"))


def attention(graph, x, own, tower, mask):
    parts = [own.pair(f"{name}_proj") for name in "qkv"]
    width = len(parts[0][0])
    scale = (width // tower.heads) ** -0.5
    weight = np.concatenate([parts[0][0] * scale, parts[1][0], parts[2][0]])
    bias = np.concatenate([parts[0][1] * scale, parts[1][1], parts[2][1]])
    every = graph.linear(x, weight, bias)
    queries, keys, values = graph.op("Split", every, graph.ints(width, width, width), axis=2, outputs=3)
    x = attended(graph, queries, keys, values, tower.heads, mask)
    return graph.linear(x, *own.pair("out_proj"))


def attended(graph, queries, keys, values, heads, mask=None):
    """softmax(queries·keysᵀ + mask)·values for each head, queries scaled already."""
    by_head = graph.ints(0, 0, heads, -1)

    def split(x, perm):
        return graph.op("Transpose", graph.op("Reshape", x, by_head), perm=perm)

    scores = graph.op("MatMul", split(queries, [0, 2, 1, 3]), split(keys, [0, 2, 3, 1]))
    if mask:
        scores = graph.op("Add", scores, mask)
    mixed = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), split(values, [0, 2, 1, 3]))
    return graph.op("Reshape", graph.op("Transpose", mixed, perm=[0, 2, 1, 3]), graph.ints(0, 0, -1))


def pooled_by_attention(graph, x, head, tower):
    """SigLIP: one learned query over all patches, then a perceptron."""
    weight, bias = head["attention.in_proj_weight"], head["attention.in_proj_bias"]
    width = weight.shape[1]
    scale = (width // tower.heads) ** -0.5
    # The same for every picture, so it is computed here.
    query = (head["probe"].reshape(1, width) @ weight[:width].T + bias[:width]) * scale
    batch = graph.op("Shape", "pixel_values", start=0, end=1)
    shape = graph.op("Concat", batch, graph.ints(1, width), axis=0)
    queries = graph.op("Expand", graph.constant(query.reshape(1, 1, width)), shape)
    both = graph.linear(x, weight[width:], bias[width:])
    keys, values = graph.op("Split", both, graph.ints(width, width), axis=2, outputs=2)
    x = attended(graph, queries, keys, values, tower.heads)
    x = graph.linear(x, *head.pair("attention.out_proj"))
    inner = graph.normalised(x, *head.pair("layernorm"), tower.epsilon)
    x = graph.op("Add", x, perceptron(graph, inner, head.at("mlp"), tower))
    return graph.op("Squeeze", x, graph.ints(1))


def check_all_used(weights, used, prefixes):
    # Older files hold the numbers 0, 1, 2 … as a weight.
    unknown = [
        name
        for name in weights
        if name.startswith(prefixes) and name not in used and not name.endswith(".position_ids")
    ]
    if unknown:
        raise ValueError(f"this architecture is not supported: no place for the weight {unknown[0]}")
