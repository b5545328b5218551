"""The two networks, written once and run on two backends: JAX, which trains them, and ONNX, which is
what the worker runs.

Guarantee: `image_tower` and `text_tower` use nothing of a backend but the methods of
`jax_backend.Jax` and `onnx_backend.Onnx`, which have the same names, and the arithmetic of their
values. Maps keep their channels where the backend has them (`channel`).
"""

import numpy as np

DIMENSION = 128  # of both towers
IMAGE_SIZE = 64  # pixels a side
CONTEXT_LENGTH = 256  # bytes of text that are read
STEM = 48  # channels at 16x16
WIDTHS, DEPTHS = (96, 160), (2, 2)  # channels and blocks at 8x8 and 4x4
EXPANSION = 2  # channels inside a block
HIDDEN = 256  # of both heads
BYTE_WIDTH, TEXT_WIDTH, TEXT_REACH = 24, 96, 5
DIRECTIONS = 6  # of edges
GIVEN = 4 + DIRECTIONS  # channels at 16x16 that are not learned: foreground, its colours and edges
OUTLINE, EDGES = 8, 4  # cells a side of the grids that go straight to the head
VOCABULARY = 257  # bytes, and padding


# --- parameters -------------------------------------------------------------


def initial_parameters(seed):
    """Weights by He et al. (2015): normal, variance 2 / inputs; what ends a block begins at zero."""
    rng = np.random.default_rng(seed)

    def linear(inputs, outputs, gain=2.0):
        weight = rng.normal(0, (gain / inputs) ** 0.5, (inputs, outputs))
        return {"weight": weight, "bias": np.zeros(outputs)}

    def conv(side, inputs, outputs):
        return linear(side * side * inputs, outputs, gain=1.0)

    def block(width):
        kernel = rng.normal(0, 1 / 3, (9, width))
        kernel[4] += 1
        first, second = linear(width, width * EXPANSION), linear(width * EXPANSION, width, gain=0.02)
        return {"kernel": kernel, "first": first, "second": second}

    inputs, stages = STEM + GIVEN, []
    for width, depth in zip(WIDTHS, DEPTHS):
        stages.append({"down": conv(2, inputs, width), "blocks": [block(width) for _ in range(depth)]})
        inputs = width
    colours = len(colour_prototypes())
    image = {
        "stem": linear(8 * 8 * 3, STEM),
        "stages": stages,
        "hidden": linear(2 * inputs + colours + OUTLINE**2 + EDGES**2 * DIRECTIONS, HIDDEN),
        "out": linear(HIDDEN + colours, DIMENSION, gain=1.0),
    }
    text = {
        "table": rng.normal(0, 1, (VOCABULARY, BYTE_WIDTH)),
        "letters": linear(TEXT_REACH * BYTE_WIDTH, TEXT_WIDTH),
        "words": linear(TEXT_REACH * TEXT_WIDTH, TEXT_WIDTH),
        "hidden": linear(2 * TEXT_WIDTH, HIDDEN),
        "out": linear(HIDDEN, DIMENSION, gain=1.0),
    }
    return {"image": image, "text": text}


# --- image tower ------------------------------------------------------------


def image_tower(ops, parameters, pixels):
    """Pixels in -1..1 to unit vectors [N, DIMENSION]: what was learned and what needs no learning, mixed
    by the matrix that mixture.py makes."""
    return unit(ops, ops.linear(ops.concat(image_parts(ops, parameters, pixels)), parameters["mixture"]))


def image_parts(ops, parameters, pixels):
    """Four unit vectors of each picture: learned [N, DIMENSION], and not learned colours, outline
    [N, OUTLINE * OUTLINE] and edges [N, EDGES * EDGES * DIRECTIONS]."""
    opponent, mask = foreground(ops, pixels)
    colour = colour_histogram(ops, opponent, mask)
    stem = ops.relu(ops.conv(pixels, parameters["stem"], side=8, stride=4, pad=2))
    edges = edge_strength(ops, opponent) * mask
    x = ops.join([stem, ops.shrunk(mask, 2), ops.shrunk(opponent * mask, 2), ops.shrunk(edges, 2)])
    for part in parameters["stages"]:
        x = ops.conv(root_mean_square_norm(ops, x), part["down"], side=2, stride=2, pad=0)
        for one in part["blocks"]:
            y = root_mean_square_norm(ops, ops.depthwise(x, one["kernel"]))
            x = x + ops.pointwise(ops.relu(ops.pointwise(y, one["first"])), one["second"])
    x = root_mean_square_norm(ops, x)
    learned = [ops.flat(ops.mean(x, ops.space)), ops.flat(ops.max(x, ops.space))]
    side = IMAGE_SIZE // 2
    grids = [
        unit(ops, ops.sqrt(ops.grid(ops.shrunk(one, side // cells)) + 1e-8))
        for one, cells in ((mask, OUTLINE), (edges, EDGES))
    ]
    features = ops.concat([*learned, colour, *grids])
    hidden = ops.relu(ops.linear(features, parameters["hidden"]))
    learned = unit(ops, ops.linear(ops.concat([hidden, colour]), parameters["out"]))
    return [learned, colour, *grids]


def root_mean_square_norm(ops, x):
    """Zhang and Sennrich (2019), without gain: a linear layer follows."""
    return x / ops.sqrt(ops.mean(x * x, (ops.channel,)) + 1e-4)


def unit(ops, x):
    """x / max(|x|, 1e-6): no division by zero, so no NaN."""
    return x / ops.at_least(ops.sqrt(ops.sum(x * x, (1,))), 1e-6)


def opponent_matrix():
    """RGB in -1..1 to lightness, red-green and yellow-blue in about -1..1."""
    return np.array([[0.30, 0.59, 0.11], [0.75, -0.60, -0.15], [0.375, 0.375, -0.75]])


def colour_prototypes():
    """Centres of the soft histogram: 8 greys, and 2 rings of hues at 3 and 2 lightnesses."""
    centres = [(lightness, 0.0, 0.0) for lightness in (-0.95, -0.7, -0.45, -0.15, 0.15, 0.45, 0.7, 0.95)]
    for radius, hues, lightnesses in ((0.30, 8, (-0.5, 0.0, 0.5)), (0.75, 8, (-0.35, 0.25))):
        for lightness in lightnesses:
            for hue in range(hues):
                angle = 2 * np.pi * (hue + 0.5 * (radius > 0.5)) / hues
                centres.append((lightness, radius * np.cos(angle), radius * np.sin(angle)))
    return np.array(centres)


def foreground(ops, pixels):
    """Not learned: colours at half size, and how far each differs from those along the border of the
    picture, 0..1. With a busy border everything is foreground."""
    small = ops.shrunk(pixels, 2)
    opponent = ops.pointwise(small, {"weight": opponent_matrix().T, "bias": np.zeros(3)})
    side = IMAGE_SIZE // 2
    edge = np.zeros((side, side), np.float32)
    edge[:2] = edge[-2:] = edge[:, :2] = edge[:, -2:] = 1
    edge = ops.map_constant(edge / edge.mean())
    # Chroma counts more than lightness: shadows are background too.
    weight = ops.channel_constant([0.35, 2.0, 2.0])
    apart = opponent - ops.mean(opponent * edge, ops.space)
    spread = ops.mean(apart * apart * edge, ops.space)
    ratio = ops.sum(apart * apart * weight, (ops.channel,)) / (
        ops.sum(spread * weight, (ops.channel,)) * 4.0 + 0.08
    )
    ratio = ratio * ratio
    return opponent, ratio / (ratio + 1.0) + 1e-3


def edge_filters(side=5, wavelength=3.6, sigma=1.4):
    """[side * side, 2 * DIRECTIONS]: Gabor filters, odd (sine) and even (cosine), zero mean, unit energy."""
    r = np.arange(side) - side // 2
    y, x = np.meshgrid(r, r, indexing="ij")
    bank = []
    for phase in (np.sin, np.cos):
        for i in range(DIRECTIONS):
            angle = np.pi * i / DIRECTIONS
            along = x * np.cos(angle) + y * np.sin(angle)
            kernel = phase(2 * np.pi * along / wavelength) * np.exp(-(x**2 + y**2) / (2 * sigma**2))
            kernel -= kernel.mean()
            bank.append(kernel.ravel() / np.linalg.norm(kernel))
    return np.stack(bank, axis=1)


def edge_strength(ops, opponent):
    """Not learned: how strong the edges of each direction are in the lightness, at half size."""
    lightness = ops.pointwise(opponent, {"weight": np.eye(3)[:, :1], "bias": np.zeros(1)})
    bank = {"weight": edge_filters(), "bias": np.zeros(2 * DIRECTIONS)}
    answer = ops.conv(lightness, bank, side=5, stride=1, pad=2)
    both = {"weight": np.tile(np.eye(DIRECTIONS), (2, 1)), "bias": np.full(DIRECTIONS, 1e-8)}
    return ops.sqrt(ops.pointwise(answer * answer, both))


def colour_histogram(ops, opponent, mask):
    """Not learned: how much of the foreground is near each prototype; root of the shares, unit length."""
    # softmax(-|x - c|² / t) is softmax((2 c x - |c|²) / t).
    centres, sharpness = colour_prototypes(), 10.0
    nearness = {"weight": 2 * sharpness * centres.T, "bias": -sharpness * (centres**2).sum(1)}
    shares = ops.softmax(ops.pointwise(opponent, nearness))
    shares = ops.flat(ops.mean(shares * mask, ops.space) / ops.mean(mask, ops.space))
    return unit(ops, ops.sqrt(shares + 1e-8))


# --- text tower -------------------------------------------------------------


def text_tower(ops, parameters, ids, mask):
    """Ids [N, L] and mask [N, L] (1: a byte, 0: padding) to unit vectors [N, DIMENSION]. Padding
    changes nothing."""
    inside = ops.text_mask(mask)
    x = ops.lookup(parameters["table"], ids) * inside
    x = ops.relu(ops.conv_text(x, parameters["letters"], TEXT_REACH)) * inside
    x = x + ops.relu(ops.conv_text(x, parameters["words"], TEXT_REACH)) * inside
    length = ops.at_least(ops.sum(inside, (ops.text_axis,)), 1.0)
    mean = ops.flat(ops.sum(x, (ops.text_axis,)) / length)
    # Values are never negative and padding is zero, so the largest is that of a byte.
    hidden = ops.linear(ops.concat([mean, ops.flat(ops.max(x, (ops.text_axis,)))]), parameters["hidden"])
    return unit(ops, ops.linear(ops.relu(hidden), parameters["out"]))
