"""The last layer of the image tower: what was learned, beside colours, outline and edges.

What was learned groups kinds but forgets which of them an object is; colours, outline and edges know.
Their cosines are added with fixed weights: each part is brought to mean square 1 on the training
pictures, cut to its main directions, and the parts stand side by side in one vector. Texts have the
learned part alone, so the order of pictures by a text follows what was learned.
"""

import jax
import numpy as np

from jax_backend import Jax
from towers import DIMENSION, DIRECTIONS, EDGES, IMAGE_SIZE, OUTLINE, image_parts

# Learned, colours, outline, edges: numbers in the vector, and share of its square.
WIDTHS, SHARES = (40, 48, 20, 20), (0.5, 0.3, 0.1, 0.1)
assert sum(WIDTHS) == DIMENSION
PICTURES = 1120  # to learn means and main directions from


def mixed(parameters, pictures):
    """The parameters with the mixture of images, and texts turned into the same space. The pictures are
    u8 [objects, views, side, side, 3]."""
    parts = described(parameters["image"], pictures)
    mirrors = [np.eye(part.shape[1]) for part in parts[:2]] + [
        mirror(OUTLINE, [0]),
        mirror(EDGES, [-i % DIRECTIONS for i in range(DIRECTIONS)]),
    ]
    weights, biases = [], []
    for number, (part, width, share) in enumerate(zip(parts, WIDTHS, SHARES, strict=True)):
        part = part @ mirrors[number]
        # What was learned keeps its origin: texts are compared with it.
        mean = part.mean(0) * (number > 0)
        scale = np.sqrt(share / ((part - mean) ** 2).sum(1).mean())
        _, _, directions = np.linalg.svd(part - mean, full_matrices=False)
        turn = directions[:width].T
        weights.append(mirrors[number] @ turn * scale)
        biases.append(-mean @ turn * scale)
        if number == 0:
            main = np.pad(turn, ((0, 0), (0, DIMENSION - width)))
    weight = np.zeros((sum(map(len, weights)), DIMENSION))
    row = column = 0
    for block in weights:
        weight[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    mixture = {"weight": weight, "bias": np.concatenate(biases)}
    out = {name: np.asarray(value) @ main for name, value in parameters["text"]["out"].items()}
    return {
        "image": parameters["image"] | {"mixture": mixture},
        "text": parameters["text"] | {"out": out},
    }


def described(parameters, pictures):
    """The four parts of some of the pictures, f64 [PICTURES, …] each."""
    start = (pictures.shape[2] - IMAGE_SIZE) // 2
    chosen = pictures[: PICTURES // 2, :2, start : start + IMAGE_SIZE, start : start + IMAGE_SIZE]
    tower = jax.jit(lambda pixels: image_parts(Jax, parameters, pixels))
    every = [tower(one.astype(np.float32) / 127.5 - 1) for one in chosen]
    return [np.concatenate(part).astype(float) for part in zip(*every, strict=True)]


def mirror(side, channels):
    """The matrix that takes a grid, rows, columns, channels, to the mean of itself and its mirror
    image, where `channels` change places."""
    count = len(channels)
    place = np.arange(side * side * count).reshape(side, side, count)
    other = place[:, ::-1][..., channels].ravel()
    return (np.eye(len(other)) + np.eye(len(other))[other]) / 2
