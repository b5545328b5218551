#!/usr/bin/env python3
"""What the demo encoder is worth on photographs it has never seen, beside colour histograms and HOG.

    python3 tools/demo_encoder/evaluate.py --catalogue ../shared/data/eth80/catalog.jsonl

Needs the catalogue of ETH-80 and its pictures. Two questions:

- *the five nearest*: each object's catalogue pictures are compared with every other object's; how
  many of the five nearest objects are of its category;
- *the object itself*: each object's catalogue pictures are compared with the other views of every
  object; is the nearest the object itself.

Two sets are compared by greedy matching, as the worker does with its defaults. The tables go into
docs/encoders.md and into the model card.
"""

import argparse
import datetime
import json
import pathlib
import platform
import statistics
import sys
import time

import numpy as np
import onnxruntime
import PIL
from PIL import Image

from hog import colour_histogram, hog
from sentences import tokens

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "tools" / "bench_similarity"))
from report import replace_section, table  # noqa: E402

ENCODER = REPOSITORY / "assets" / "demo-encoder"
PAGES = (REPOSITORY / "docs" / "encoders.md", ENCODER / "README.md")
MARKS = "demo-encoder"
NEAREST = 5
FEW = 5  # pictures a side in the second protocol


# --- protocol -----------------------------------------------------------------


def greedy(cosines):
    """The mean of the matched pairs: the best pair of what is left, again and again."""
    left, total = cosines.copy(), 0.0
    count = min(left.shape)
    for _ in range(count):
        row, column = np.unravel_index(left.argmax(), left.shape)
        total += left[row, column]
        left[row], left[:, column] = -np.inf, -np.inf
    return total / count


def scores(left, right):
    """[n, m] of the sets in both lists."""
    return np.array([[greedy(one @ other.T) for other in right] for one in left])


def nearest_of_category(shown, categories):
    """For each object the share of its five nearest that are of its category."""
    found = scores(shown, shown)
    np.fill_diagonal(found, -np.inf)
    nearest = np.argsort(-found, axis=1, kind="stable")[:, :NEAREST]
    categories = np.array(categories)
    return (categories[nearest] == categories[:, None]).mean(1)


def finds_itself(shown, others):
    """For each object whether the nearest set of other views is its own."""
    return scores(shown, others).argmax(1) == np.arange(len(shown))


# --- photographs and what describes them -----------------------------------------


class Photographs:
    def __init__(self, catalogue):
        articles = [json.loads(line) for line in catalogue.read_text().splitlines()]
        self.categories = [article["categories"][0] for article in articles]
        self.shown, self.others = [], []
        for article in articles:
            files = [catalogue.parent / image["file"] for image in article["images"]]
            folder, kind = files[0].parent, files[0].suffix
            self.shown.append([self.load(file) for file in files])
            self.others.append([self.load(folder / (view + kind)) for view in article["other_views"]])

    @staticmethod
    def load(file):
        """64 pixels a side, as the worker's preprocessing gives them: shortest edge, bicubic, centre."""
        with Image.open(file) as image:
            image = image.convert("RGB")
            scale = 64 / min(image.size)
            image = image.resize([round(side * scale) for side in image.size], Image.Resampling.BICUBIC)
            left, top = ((side - 64) // 2 for side in image.size)
            return np.asarray(image.crop((left, top, left + 64, top + 64)))

    def described(self, describe):
        """Unit vectors of both groups of sets."""
        return [[unit(describe(np.stack(one))) for one in group] for group in (self.shown, self.others)]


def unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def baseline(pictures):
    """Colour histogram and HOG side by side, both of unit length."""
    return np.concatenate(
        [unit(np.stack([of(one) for one in pictures])) for of in (colour_histogram, hog)], axis=1
    )


class Encoder:
    def __init__(self, directory):
        self.image, self.text = (
            self.session(directory / f"{name}_model.onnx") for name in ("vision", "text")
        )

    @staticmethod
    def session(path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def images(self, pictures):
        pixels = (pictures.astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2)
        return self.image.run(None, {"pixel_values": np.ascontiguousarray(pixels)})[0]

    def texts(self, texts):
        # One by one, without padding.
        return np.concatenate([self.one_text(text) for text in texts])

    def one_text(self, text, repeat_to=0):
        text = text if not repeat_to else (text * repeat_to)[:repeat_to]
        ids = tokens(text, len(text.encode()) + 1)[None].astype(np.int64)
        return self.text.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]


# --- figures ---------------------------------------------------------------------


def measure(photographs, describe):
    """Both questions, with all pictures and with a few a side."""
    shown, others = photographs.described(describe)
    few_shown, few_others = ([one[:FEW] for one in group] for group in (shown, others))
    return {
        "category": nearest_of_category(shown, photographs.categories),
        "itself": finds_itself(shown, others),
        "few category": nearest_of_category(few_shown, photographs.categories),
        "few itself": finds_itself(few_shown, few_others),
    }


def from_words(photographs, encoder):
    """Each category's name as a text: the share of the seven nearest objects (as many as there are
    of a category) that are of it."""
    shown, _ = photographs.described(encoder.images)
    categories = np.array(photographs.categories)
    shares = {}
    for name in dict.fromkeys(photographs.categories):
        text = encoder.texts([f"a photo of a {name}"])[0]
        cosines = np.array([(one @ text).mean() for one in shown])
        nearest = np.argsort(-cosines, kind="stable")[: (categories == name).sum()]
        shares[name] = (categories[nearest] == name).mean()
    return shares


def milliseconds(call, rounds=60):
    """Median."""
    call()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def costs(photographs, encoder):
    picture = photographs.shown[0][0][None]
    return [
        ("an image", milliseconds(lambda: encoder.images(picture))),
        ("a text of 40 bytes", milliseconds(lambda: encoder.one_text("red mug, ", 39))),
        ("a text of 256 bytes", milliseconds(lambda: encoder.one_text("red mug, ", 255))),
    ]


def section(photographs, named, encoder):
    """Markdown: what was measured, in three tables."""
    results = {name: measure(photographs, describe) for name, describe in named.items()}

    def share(values):
        return f"{np.mean(values):.2f}"

    rows = [
        [name, *(share(one[column]) for column in ("category", "itself", "few category", "few itself"))]
        for name, one in results.items()
    ]
    head = ["", f"same category among {NEAREST} nearest", "same object found"]
    head += [f"same category, {FEW} pictures a side", f"same object, {FEW} a side"]
    categories = list(dict.fromkeys(photographs.categories))
    words = from_words(photographs, encoder)
    each = []
    for category in categories:
        own = [category == one for one in photographs.categories]
        columns = [share(one[what][own]) for what in ("category", "itself") for one in results.values()]
        each.append([category, *columns, share(words[category])])
    titles = [f"{what}: {name}" for what in ("category", "object") for name in results]
    pictures = [sum(map(len, group)) for group in (photographs.shown, photographs.others)]
    return "\n\n".join(
        [
            f"{len(photographs.shown)} objects of {len(categories)} categories (ETH-80), "
            f"{pictures[0]} catalogue pictures, {pictures[1]} other views. Precision and recall, 1 is best:",
            table(head, rows),
            "By category, with all pictures; the last column: of as many objects as the category has, "
            "nearest to the text “a photo of a …”, the share that are of it:",
            table(["", *titles, "found by text"], each),
            "Time on one core, one input a call: "
            + ", ".join(f"{what} {time:.1f} ms" for what, time in costs(photographs, encoder))
            + ".",
            f"{machine()}; `tools/demo_encoder/evaluate.py`, ONNX Runtime {onnxruntime.__version__}, "
            f"Pillow {PIL.__version__}, NumPy {np.__version__}, {datetime.date.today()}.",
        ]
    )


def machine():
    names = [line for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return names[0].split(":")[1].strip() if names else platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalogue", type=pathlib.Path, required=True, help="catalog.jsonl of ETH-80")
    parser.add_argument("--encoder", type=pathlib.Path, default=ENCODER)
    parser.add_argument(
        "--also", action="append", default=[], metavar="NAME=DIRECTORY", help="another encoder"
    )
    parser.add_argument("--print", action="store_true", help="only print, write no file")
    asked = parser.parse_args()
    encoder = Encoder(asked.encoder)
    named = {"colour histogram + HOG": baseline}
    for name, _, directory in (one.partition("=") for one in asked.also):
        named[name] = Encoder(pathlib.Path(directory)).images
    named["demo encoder"] = encoder.images
    text = section(Photographs(asked.catalogue), named, encoder)
    print(text)
    for page in () if asked.print else PAGES:
        page.write_text(replace_section(page.read_text(), MARKS, text))


if __name__ == "__main__":
    main()
