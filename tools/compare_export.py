#!/usr/bin/env python3
"""Holds exported models against the libraries that they come from.

Makes a model of full size with random weights in transformers or open_clip, exports its
folder with tools/export_clip.py, and compares the vectors of rendered pictures and of texts:
the library's own, those of ONNX Runtime on the library's inputs, and those of `lookalike
embed` on files and strings. Ends with 1 when a cosine is below 0.9999.

Needs a Python with torch, and transformers or open_clip_torch, besides
tools/requirements-export.txt:

    python3 tools/compare_export.py transformers --vocabulary bpe_simple_vocab_16e6.txt.gz
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

TOOLS = Path(__file__).resolve().parent
REPOSITORY = TOOLS.parent
# In place of this folder, where tools/onnxruntime.py would hide the package.
sys.path[:1] = [str(TOOLS / "clip"), str(TOOLS / "bench_encoder")]

import directory  # noqa: E402
import pictures  # noqa: E402
import tokenizer  # noqa: E402

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
    parser.add_argument("library", choices=["transformers", "siglip", "open_clip"])
    parser.add_argument("--vocabulary", type=Path, help="bpe_simple_vocab_16e6.txt.gz of CLIP")
    parser.add_argument("--lookalike", type=Path, default=REPOSITORY / "target" / "debug" / "lookalike")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "target" / "compare-export")
    parser.add_argument("--f16", action="store_true", help="export with 16 bits")
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


def main():
    options = arguments()
    shutil.rmtree(options.out, ignore_errors=True)
    source, exported = options.out / "source", options.out / "exported"
    source.mkdir(parents=True)
    torch.manual_seed(1)
    make = {"transformers": from_transformers, "siglip": siglip, "open_clip": open_clip}[options.library]
    vectors = make(source, options.vocabulary)
    export = [sys.executable, TOOLS / "export_clip.py", source, "--out", exported]
    export += ["--vocabulary", options.vocabulary] if options.vocabulary else []
    subprocess.run([str(part) for part in export + ["--f16"] * options.f16], check=True)
    images, paths = rendered(options.out)
    image, text, values, ids = vectors(images, TEXTS)
    ways = {
        "ONNX Runtime, the library's inputs": through_onnxruntime(exported, values, ids),
        "lookalike embed": through_lookalike(options.lookalike, exported, paths, options.out / "vectors.npy"),
    }
    lowest = 1.0
    for what, vectors_ in [("pictures", image), ("texts", text)]:
        print(f"{options.library}: two different {what}: cosine {between(vectors_):.7f} at most")
    for way, (found_image, found_text) in ways.items():
        for what, wanted, found in [("pictures", image, found_image), ("texts", text, found_text)]:
            least = cosines(wanted, found).min()
            lowest = min(lowest, least)
            print(f"{options.library}: {len(found)} {what}, {way}: least cosine {least:.7f}")
    sys.exit(1 if lowest < LEAST else 0)


if __name__ == "__main__":
    main()
