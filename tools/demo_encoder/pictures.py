#!/usr/bin/env python3
"""Renders the training pictures: objects of every kind, each from several sides.

    python3 tools/demo_encoder/pictures.py

Writes pictures u8 [objects, views, 68, 68, 3] and what is true of the objects.
Object i of kind k is the same in every run with the same seed.
"""

import argparse
import json
import multiprocessing
import pathlib

import numpy as np

from scene import KINDS, SIZE, item, picture

SEED = 20261124


def rendered(job):
    """One object: its pictures and its words."""
    seed, kind_at, number, views = job
    rng = np.random.default_rng((seed, kind_at, number))
    thing = item(list(KINDS)[kind_at], rng)
    words = {
        "kind": thing.kind,
        "names": thing.names,
        "categories": thing.categories,
        "colour": thing.colour,
        "second": thing.second,
        "pattern": thing.pattern,
    }
    return np.stack([picture(thing, rng) for _ in range(views)]), words


def render(seed, objects, views, processes=1):
    """Pictures [kinds * objects, views, SIZE, SIZE, 3], kinds taking turns, and their words."""
    jobs = [(seed, kind, number, views) for number in range(objects) for kind in range(len(KINDS))]
    pictures = np.empty((len(jobs), views, SIZE, SIZE, 3), np.uint8)
    words = []
    with multiprocessing.Pool(processes) as pool:
        for at, (own, said) in enumerate(pool.imap(rendered, jobs, chunksize=8)):
            pictures[at] = own
            words.append(said)
    return pictures, words


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=48, help="of each kind")
    parser.add_argument("--views", type=int, default=5, help="pictures of each object")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("target/demo-encoder/pictures.npz"))
    asked = parser.parse_args()
    pictures, words = render(asked.seed, asked.objects, asked.views, asked.processes)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(asked.out, pictures=pictures, words=json.dumps(words))
    print(f"{pictures.shape[0]} objects of {len(KINDS)} kinds, {pictures.shape[1]} views each: {asked.out}")


if __name__ == "__main__":
    main()
