#!/usr/bin/env python3
"""Writes the model directory of a CLIP or SigLIP model, for `encoder.directory`.

From a folder of transformers (`CLIPModel`, `SiglipModel`) or open_clip, or a name on the
Hugging Face hub. The towers are written as ONNX graphs straight from the weights: PyTorch
is needed only for weights that are not safetensors.
"""

import argparse
import sys
from pathlib import Path

# In place of this folder, where tools/onnxruntime.py would hide the package.
sys.path[0] = str(Path(__file__).resolve().parent / "clip")

EXAMPLES = """examples:
  pip install -r tools/requirements-export.txt
  python3 tools/export_clip.py openai/clip-vit-base-patch32 --out models/clip-vit-b32
  python3 tools/export_clip.py laion/CLIP-ViT-B-32-laion2B-s34B-b79K --out models/laion-b32
  python3 tools/export_clip.py ./siglip-base-patch16-224 --f16 --out models/siglip-f16
  python3 tools/export_clip.py --random ViT-B/32 --seed 1 --out target/random-b32

A folder of transformers is what `model.save_pretrained(DIR)` and `processor.save_pretrained(DIR)`
write, one of open_clip what `open_clip.push_to_hf_hub` puts on the hub. A folder without
tokenizer.json needs --vocabulary (or the package open_clip_torch, which has CLIP's), or
--image-only. With --f16 weights and arithmetic take 16 bits: half the memory, made for GPUs;
on a CPU it is slower.
"""


def arguments():
    form = argparse.RawDescriptionHelpFormatter
    what = __doc__.split("\n\n")[0]
    parser = argparse.ArgumentParser(description=what, epilog=EXAMPLES, formatter_class=form)
    parser.add_argument("source", nargs="?", help="folder, or name on the Hugging Face hub")
    parser.add_argument("--random", metavar="SIZE", help="random weights instead: ViT-B/32, ViT-B/16 or ViT-L/14")
    parser.add_argument("--seed", type=int, default=1, help="of the random weights (default 1)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new model directory")
    parser.add_argument("--opset", type=int, default=17, help="version of ONNX's operators, 17 to 21 (default 17)")
    parser.add_argument("--f16", action="store_true", help="16-bit weights and arithmetic")
    parser.add_argument("--vocabulary", type=Path, metavar="FILE", help="bpe_simple_vocab_16e6.txt.gz of CLIP")
    parser.add_argument("--image-only", action="store_true", help="without text tower")
    options = parser.parse_args()
    if bool(options.source) == bool(options.random):
        parser.error("give either a source or --random")
    if not 17 <= options.opset <= 21:
        parser.error("--opset must be 17 to 21")
    return options


def vocabulary(given):
    """CLIP's tokenizer.json from the file given, or from the one that open_clip brings."""
    import importlib.util

    import tokenizer

    if given is None:
        found = importlib.util.find_spec("open_clip")
        if found is None:
            raise SystemExit(
                "there is no tokenizer.json: give --vocabulary bpe_simple_vocab_16e6.txt.gz (the package "
                "open_clip_torch has it, and installed it is found), or --image-only"
            )
        given = Path(found.submodule_search_locations[0]) / "bpe_simple_vocab_16e6.txt.gz"
    return tokenizer.from_vocabulary(given)


def source_of(options):
    import directory
    import random_weights
    import sources

    if options.random:
        size = random_weights.SIZES.get(options.random)
        if size is None:
            raise SystemExit(f"--random knows {', '.join(random_weights.SIZES)}")
        source = directory.of_random(size, options.seed)
    else:
        source = sources.read(options.source)
    if options.image_only:
        source.tokenizer = None
    elif source.tokenizer is None:
        source.tokenizer = vocabulary(options.vocabulary)
    return source


def main():
    options = arguments()
    try:
        import directory
    except ImportError as error:
        raise SystemExit(f"{error}: pip install -r tools/requirements-export.txt") from None
    try:
        source = source_of(options)
        directory.write(source, options.out, options.f16, options.opset)
    except (ValueError, KeyError) as error:
        raise SystemExit(f"cannot export {options.source or options.random}: {error}") from None
    model = source.model
    print(f"{options.out}: {model.dimension} dimensions, pictures of {model.image_size} pixels", end="")
    print(f", texts of {model.context} tokens" if source.tokenizer is not None else ", no texts")
    print(f"try it: lookalike embed --encoder {options.out} picture.jpg --out vectors.npy")


if __name__ == "__main__":
    main()
