"""Writes the small files that the tests of this project are held against, from Pillow and Hugging Face."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import corpus
import numpy as np
import reference
import resampling
import texts
import tokens
from PIL import Image

#: Odd, so that the last blocks are cut; small enough for a few kilobytes.
SHAPE = (45, 29)
FILES = ["420.jpg", "422.jpg", "444.jpg", "rgb.jpg", "p420.jpg", "restart.jpg", "grey.jpg", "cmyk.jpg", "ycck.jpg"]
FILES += ["grey16.png", "rgb16.png", "clear.png", "lossy.webp", "alpha.webp"]
#: Smaller and larger than the picture, cut on both axes.
SIZES = [(16, 14), (64, 60)]
MERGES = 300
CONTEXT_LENGTH = 24


def write(repository):
    fixtures = repository / "tests" / "fixtures"
    pixels(fixtures / "pixels")
    tokenizer(fixtures / "tokens")
    resampling.write(repository / "crates" / "pixel-resample" / "tests" / "pillow.txt")


def pixels(folder):
    """Each file, what Pillow reads of it, and one picture in all sizes and filters."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, name, save, against in corpus.KINDS:
        if name in FILES:
            save(corpus.scene(*SHAPE), folder / name)
            reference.WAYS[against](folder / name).save(folder / f"{name}.expected.png", optimize=True)
    Image.fromarray(corpus.scene(*SHAPE)).save(folder / "scene.png", optimize=True)
    image = reference.loaded(folder / "scene.png")
    for edge, crop in SIZES:
        for resample in range(6):
            size = {"size": {"shortest_edge": edge}, "crop_size": {"height": crop, "width": crop}}
            levels = reference.prepared(image, reference.CLIP | size | {"resample": resample})
            fitted = Image.fromarray(levels.transpose(1, 2, 0).astype(np.uint8))
            fitted.save(folder / f"scene.{edge}-{crop}-{resample}.png", optimize=True)


def tokenizer(folder):
    """A vocabulary cut down to the first merges, and the ids of texts by it."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as name:
        vocabulary = Path(name)
        written = tokens.write_vocabulary(vocabulary, tokens.merges(MERGES))
        fast = tokens.fast(vocabulary)
        # Without spaces between its parts: a third of the size.
        (folder / "tokenizer.json").write_text(
            json.dumps(json.loads(written.read_text()), ensure_ascii=False, separators=(",", ":")) + "\n"
        )
        ids = tokens.hugging_face(fast, texts.FEW, CONTEXT_LENGTH)
    lines = ",\n".join(json.dumps(pair) for pair in zip(texts.FEW, ids))
    golden = f'{{"context_length": {CONTEXT_LENGTH}, "end": {fast.eos_token_id}, "texts": [\n{lines}\n]}}\n'
    (folder / "golden.json").write_text(golden)
