#!/usr/bin/env python3
"""Trains both towers on the rendered pictures and their sentences.

    python3 tools/demo_encoder/pictures.py
    python3 tools/demo_encoder/train.py
    python3 tools/demo_encoder/export.py

Pictures of one object are to lie together, those of its kind near, all else apart; a sentence is to
lie with the pictures it is true of. From one seed on one machine two runs give the same weights;
another processor may round differently.
"""

import argparse
import json
import pathlib
import pickle
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jax_backend import Jax
from scene import SIZE
from sentences import PAD_ID, sentence, tokens
from mixture import mixed
from towers import IMAGE_SIZE, image_parts, image_tower, initial_parameters, text_tower

SEED = 20261124
KINDS, OBJECTS, VIEWS, SENTENCES = 16, 4, 4, 1  # of a batch: kinds, objects of each, pictures of each
HELD_OUT = 6  # objects of each kind that are only looked at in the end
IMAGE_TEMPERATURE, TEXT_TEMPERATURE = 0.1, 0.07
SAME_KIND = 0.3  # what a picture of another object of the kind counts, one of the same object 1
SAME_COLOUR_AND_KIND = 0.5  # what a sentence about such an object counts
TEXT_WEIGHT = 0.5
RATE, WARM_UP, DECAY = 3e-3, 40, 0.02


class Pictures:
    """What pictures.py rendered; kinds take turns."""

    def __init__(self, path):
        with np.load(path) as stored:
            self.pictures, self.words = stored["pictures"], json.loads(str(stored["words"]))
        kinds = [word["kind"] for word in self.words]
        self.kinds = list(dict.fromkeys(kinds))
        self.kind = np.array([self.kinds.index(kind) for kind in kinds])
        colours = sorted({word["colour"] for word in self.words})
        self.colour = np.array([colours.index(word["colour"]) for word in self.words])
        self.objects = len(kinds) // len(self.kinds)

    def batch(self, rng):
        """Pictures u8, tokens, and kind and colour of each object."""
        kinds = rng.choice(len(self.kinds), KINDS, replace=False)
        chosen = [
            kind + len(self.kinds) * number
            for kind in kinds
            for number in rng.choice(self.objects - HELD_OUT, OBJECTS, replace=False)
        ]
        pictures, texts = [], []
        for one in chosen:
            views = rng.choice(self.pictures.shape[1], VIEWS, replace=False)
            pictures += [cut(self.pictures[one, view], rng) for view in views]
            texts += [tokens(sentence(self.words[one], rng)) for _ in range(SENTENCES)]
        return np.stack(pictures), np.stack(texts), self.kind[chosen], self.colour[chosen]


def cut(picture, rng):
    """A part of the training size, or its mirror image."""
    top, left = rng.integers(0, SIZE - IMAGE_SIZE + 1, 2)
    part = picture[top : top + IMAGE_SIZE, left : left + IMAGE_SIZE]
    return part[:, ::-1] if rng.random() < 0.5 else part


def altered(pictures, key):
    """u8 to -1..1, each picture with another exposure, contrast, tint, sharpness and grain."""
    count = len(pictures)
    keys = jax.random.split(key, 6)
    x = pictures.astype(jnp.float32) / 127.5 - 1

    def draw(which, low, high, channels=1):
        return jax.random.uniform(keys[which], (count, 1, 1, channels), minval=low, maxval=high)

    mean = x.mean((1, 2, 3), keepdims=True)
    x = (x - mean) * draw(0, 0.8, 1.2) + mean + draw(1, -0.15, 0.15)
    x = x * draw(2, 0.95, 1.05, 3)
    # From blurred to sharpened.
    wide = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    rows = (wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]) / 3
    soft = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 3
    x = x + (soft - x) * draw(3, -0.5, 1.0)
    grain = jax.random.bits(keys[4], x.shape, jnp.uint8).astype(jnp.float32) / 127.5 - 1
    return jnp.clip(x + grain * draw(5, 0.0, 0.06), -1, 1)


def contrast(left, right, counts, temperature, skip_self=False):
    """Cross entropy between what `counts` [n, m] says belongs together and the softmax of the cosines.

    After Khosla et al., "Supervised contrastive learning" (2020), with weighted positives."""
    logits = left @ right.T / temperature
    if skip_self:
        alone = jnp.eye(len(left))
        logits, counts = logits - 1e9 * alone, counts * (1 - alone)
    wanted = counts / counts.sum(1, keepdims=True)
    return -(wanted * jax.nn.log_softmax(logits)).sum(1).mean()


def loss(parameters, pictures, texts, kind, colour, key):
    images = image_parts(Jax, parameters["image"], altered(pictures, key))[0]
    sentences = text_tower(Jax, parameters["text"], texts, (texts != PAD_ID).astype(jnp.float32))
    same = jnp.eye(len(kind))
    same_kind = (kind[:, None] == kind).astype(jnp.float32)
    by_picture = jnp.maximum(same, SAME_KIND * same_kind)
    alike = same_kind * (colour[:, None] == colour)
    by_text = jnp.maximum(jnp.maximum(same, SAME_COLOUR_AND_KIND * alike), SAME_KIND * same_kind)

    def between(counts, left, right):
        return jnp.repeat(jnp.repeat(counts, left, 0), right, 1)

    image = contrast(images, images, between(by_picture, VIEWS, VIEWS), IMAGE_TEMPERATURE, skip_self=True)
    to_text = contrast(images, sentences, between(by_text, VIEWS, SENTENCES), TEXT_TEMPERATURE)
    to_image = contrast(sentences, images, between(by_text, SENTENCES, VIEWS), TEXT_TEMPERATURE)
    alone = between(by_text, SENTENCES, SENTENCES)
    text = contrast(sentences, sentences, alone, TEXT_TEMPERATURE, skip_self=True)
    return image + TEXT_WEIGHT * (to_text + to_image + text) / 3, (image, to_text, to_image, text)


def trained(data, steps, seed, save):
    """The parameters; what there is of them is saved now and then."""
    rng = np.random.default_rng(seed)
    parameters = jax.tree.map(lambda value: jnp.asarray(value, jnp.float32), initial_parameters(seed))
    rate = optax.warmup_cosine_decay_schedule(0.0, RATE, min(WARM_UP, steps // 4), steps, RATE / 100)
    matrices = jax.tree.map(lambda value: value.ndim > 1, parameters)
    optimiser = optax.chain(
        optax.clip_by_global_norm(5.0), optax.adamw(rate, weight_decay=DECAY, mask=matrices)
    )
    state = optimiser.init(parameters)

    @jax.jit
    def step(parameters, state, key, *batch):
        (total, parts), gradient = jax.value_and_grad(loss, has_aux=True)(parameters, *batch, key)
        changes, state = optimiser.update(gradient, state, parameters)
        return optax.apply_updates(parameters, changes), state, total, parts

    key, began = jax.random.key(seed, impl="rbg"), time.monotonic()
    for number in range(steps):
        batch = data.batch(rng)
        parameters, state, total, parts = step(parameters, state, jax.random.fold_in(key, number), *batch)
        if number % 25 == 0 or number == steps - 1:
            shown = " ".join(f"{float(part):.3f}" for part in parts)
            print(f"{number:5d} {time.monotonic() - began:6.0f} s  {float(total):.3f} ({shown})", flush=True)
            save(parameters)
    return parameters


def held_out(data, parameters):
    """On objects of the same generator that were not trained on: how often the nearest picture of
    another object is of its kind, and how often half of an object's pictures find the other half."""
    own = np.arange(len(data.words))[-HELD_OUT * len(data.kinds) :]
    start = (SIZE - IMAGE_SIZE) // 2
    pixels = data.pictures[own][:, :, start : start + IMAGE_SIZE, start : start + IMAGE_SIZE]
    tower = jax.jit(lambda pixels: image_tower(Jax, parameters["image"], pixels))
    vectors = np.stack([tower(one.astype(np.float32) / 127.5 - 1) for one in pixels])
    half = vectors.shape[1] // 2
    first, second = vectors[:, :half], vectors[:, half:]
    cosines = np.einsum("aid,bjd->abij", first, second).max(3).mean(2)
    found = (cosines.argmax(1) == np.arange(len(own))).mean()
    np.fill_diagonal(cosines, -1)
    kind = data.kind[own]
    return (kind[cosines.argmax(1)] == kind).mean(), found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    folder = pathlib.Path("target/demo-encoder")
    parser.add_argument("--pictures", type=pathlib.Path, default=folder / "pictures.npz")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=pathlib.Path, default=folder / "weights.pickle")
    asked = parser.parse_args()
    data = Pictures(asked.pictures)

    def save(parameters):
        asked.out.write_bytes(pickle.dumps(jax.tree.map(np.asarray, parameters)))

    parameters = trained(data, asked.steps, asked.seed, save)
    parameters = mixed(parameters, data.pictures[: -HELD_OUT * len(data.kinds)])
    save(parameters)
    kind, found = held_out(data, parameters)
    print(f"objects held out: nearest is of the same kind {kind:.1%}, same object found {found:.1%}")


if __name__ == "__main__":
    main()
