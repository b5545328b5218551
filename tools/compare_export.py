#!/usr/bin/env python3
"""Holds exported models against the libraries that they come from.

Makes a model of full size with random weights in transformers or open_clip, exports its
folder with tools/export_clip.py, and compares the vectors of rendered pictures and of texts:
the library's own, those of ONNX Runtime on the library's inputs, and those of `lookalike
embed` on files and strings. Ends with 1 when a cosine is below 0.9999.

Needs a Python with torch, and transformers or open_clip_torch, besides
tools/requirements-export.txt:

    python3 tools/compare_export.py transformers siglip open_clip --vocabulary bpe_simple_vocab_16e6.txt.gz

With --docs the figures go into docs/encoders.md, between the marks `export`.
"""

import argparse
import datetime
import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

TOOLS = Path(__file__).resolve().parent
REPOSITORY = TOOLS.parent
# In place of this folder, where tools/onnxruntime.py would hide the package.
sys.path[:1] = [str(TOOLS / name) for name in ("clip", "bench_encoder", "bench_similarity")]

import directory  # noqa: E402
import pictures  # noqa: E402
import tokenizer  # noqa: E402
from machine import operating_system, processor  # noqa: E402
from report import replace_section, table  # noqa: E402

LEAST = 0.9999
SIZES = [(640, 480), (480, 640), (300, 224), (224, 224), (1280, 960)]
TEXTS = [
    "a photo of a red mug",
    "",
    "Größe 42, weiß – Édition limitée ½",
    "緑のティーポット 🫖🍵",
    "it's 2 dogs' toys!!  don't\tstop",
    "sofa " * 120,
]


def arguments():
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("libraries", nargs="+", choices=list(MODELS), metavar="LIBRARY", help=", ".join(MODELS))
    parser.add_argument("--vocabulary", type=Path, help="bpe_simple_vocab_16e6.txt.gz of CLIP")
    parser.add_argument("--lookalike", type=Path, default=REPOSITORY / "target" / "debug" / "lookalike")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "target" / "compare-export")
    parser.add_argument("--f16", action="store_true", help="export with 16 bits")
    parser.add_argument("--docs", action="store_true", help="write the figures into docs/encoders.md")
    return parser.parse_args()


def from_transformers(folder, vocabulary):
    """Saves a CLIP model; gives its vectors and inputs for pictures and texts."""
    import transformers as library

    (folder / "tokenizer.json").write_text(json.dumps(tokenizer.from_vocabulary(vocabulary)))
    marks = {"bos_token": tokenizer.START, "eos_token": tokenizer.END, "pad_token": tokenizer.END}
    tokens = library.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **marks)
    model = library.CLIPModel(library.CLIPConfig()).eval()
    return saved(folder, model, library.CLIPImageProcessor(), tokens, {"padding": True, "max_length": 77})


def siglip(folder, vocabulary):
    """As above; SigLIP's own vocabulary cannot be made here, so CLIP's stands in for it."""
    import transformers as library

    (folder / "tokenizer.json").write_text(json.dumps(tokenizer.from_vocabulary(vocabulary)))
    marks = {"eos_token": tokenizer.END, "pad_token": tokenizer.END}
    tokens = library.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **marks)
    text = {"vocab_size": 49408, "pad_token_id": 49407}
    model = library.SiglipModel(library.SiglipConfig(text_config=text)).eval()
    processor = library.SiglipImageProcessor(size={"height": 224, "width": 224})
    return saved(folder, model, processor, tokens, {"padding": "max_length", "max_length": 64})


def saved(folder, model, processor, tokens, how):
    for part in (model, processor):
        part.save_pretrained(folder)

    def vectors(images, texts):
        values = processor(images=images, return_tensors="pt")["pixel_values"]
        ids = tokens(texts, truncation=True, return_tensors="pt", **how)["input_ids"]
        with torch.no_grad():
            found = model(pixel_values=values, input_ids=ids)
        return found.image_embeds, found.text_embeds, values, ids

    return vectors


def open_clip(folder, _):
    import open_clip as library

    model, _, transform = library.create_model_and_transforms("ViT-B-32", pretrained=None)
    model.eval()
    config = {"model_cfg": library.get_model_config("ViT-B-32"), "preprocess_cfg": model.visual.preprocess_cfg}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")

    def vectors(images, texts):
        values = torch.stack([transform(image) for image in images])
        ids = library.get_tokenizer("ViT-B-32")(texts)
        with torch.no_grad():
            return model.encode_image(values), model.encode_text(ids), values, ids

    return vectors


def rendered(folder):
    """Pictures as PNG files: how JPEG is decoded is no matter of an export."""
    images = [pictures.picture(np.random.default_rng([1, *size]), *size) for size in SIZES]
    paths = [folder / f"{place}.png" for place in range(len(images))]
    for image, path in zip(images, paths):
        image.save(path)
    return images, paths


def cosines(first, second):
    return (directory.unit(np.asarray(first)) * directory.unit(np.asarray(second))).sum(axis=1)


def between(vectors):
    """The highest cosine of two inputs: what a mix-up would look like."""
    every = directory.unit(np.asarray(vectors))
    return (every @ every.T)[~np.eye(len(every), dtype=bool)].max()


def through_onnxruntime(folder, values, ids):
    runs = [("vision_model.onnx", "pixel_values", values), ("text_model.onnx", "input_ids", ids)]
    return [directory.session(folder / name).run(None, {key: np.asarray(given)})[0] for name, key, given in runs]


def through_lookalike(program, folder, paths, out):
    texts = [part for text in TEXTS for part in ("--text", text)]
    command = [program, "embed", "--encoder", folder, *texts, *paths, "--out", out]
    subprocess.run([str(part) for part in command], check=True)
    found = np.load(out)
    return found[len(TEXTS) :], found[: len(TEXTS)]


MODELS = {"transformers": from_transformers, "siglip": siglip, "open_clip": open_clip}


def compare(library, options):
    """A row each for pictures and texts, through each way; the cosine comes last."""
    place = options.out / library
    shutil.rmtree(place, ignore_errors=True)
    source, exported = place / "source", place / "exported"
    source.mkdir(parents=True)
    torch.manual_seed(1)
    vectors = MODELS[library](source, options.vocabulary)
    export = [sys.executable, TOOLS / "export_clip.py", source, "--out", exported]
    export += ["--vocabulary", options.vocabulary] if options.vocabulary else []
    subprocess.run([str(part) for part in export + ["--f16"] * options.f16], check=True)
    images, paths = rendered(place)
    image, text, values, ids = vectors(images, TEXTS)
    ways = {
        "ONNX Runtime on the library's inputs": through_onnxruntime(exported, values, ids),
        "`lookalike embed` on files and strings": through_lookalike(options.lookalike, exported, paths, place / "vectors.npy"),
    }
    for way, (found_image, found_text) in ways.items():
        for what, wanted, found in [("pictures", image, found_image), ("texts", text, found_text)]:
            yield [library, f"{len(found)} {what}", way, between(wanted), cosines(wanted, found).min()]


def section(rows):
    shown = [[*row[:3], f"{row[3]:.4f}", f"{row[4]:.7f}"] for row in rows]
    head = ["model of", "compared", "through", "two different ones, at most", "least cosine with the library's own"]
    packages = ["torch", "transformers", "open_clip_torch", "onnxruntime"]
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    made = f"{processor()}, {operating_system()}; {versions}; {datetime.date.today().isoformat()}."
    return f"{made}\n\n{table(head, shown, words=3)}"


def main():
    options = arguments()
    rows = []
    for library in options.libraries:
        for row in compare(library, options):
            print(*row, sep=" | ")
            rows.append(row)
    if options.docs:
        page = REPOSITORY / "docs" / "encoders.md"
        page.write_text(replace_section(page.read_text(), "export", section(rows)))
    sys.exit(1 if min(row[-1] for row in rows) < LEAST else 0)


if __name__ == "__main__":
    main()
