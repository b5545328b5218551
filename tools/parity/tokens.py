"""Ids of texts from Hugging Face's CLIP tokenizers and from open_clip's, on one vocabulary.

The vocabulary comes with the open_clip package. `transformers` gets it in its own two
files and writes the `tokenizer.json` that this project reads.
"""

import gzip
import importlib.util
import json
import sys
import types
from contextlib import contextmanager

import numpy as np
from transformers import CLIPTokenizer, CLIPTokenizerFast

CONTEXT_LENGTH = 77
START, END = "<|startoftext|>", "<|endoftext|>"
#: Of the file's merges: ids are 16 bits, of which bytes and marks take some (open_clip/tokenizer.py).
MERGES = 49152 - 256 - 2


def package_folder():
    return importlib.util.find_spec("open_clip").submodule_search_locations[0]


def merges(count=MERGES):
    """Pairs of tokens, the most frequent first."""
    with gzip.open(f"{package_folder()}/bpe_simple_vocab_16e6.txt.gz", "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    return [tuple(line.split()) for line in lines[1 : count + 1]]


def characters():
    """A printable character for each byte, in the order of the vocabulary (GPT-2's table)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + place) for place in range(len(others))]


def write_vocabulary(folder, pairs):
    """The files of CLIPTokenizer, and of it the `tokenizer.json` of CLIPTokenizerFast."""
    folder.mkdir(parents=True, exist_ok=True)
    single = characters()
    tokens = single + [one + "</w>" for one in single] + ["".join(pair) for pair in pairs] + [START, END]
    (folder / "vocab.json").write_text(json.dumps({token: at for at, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(map(" ".join, pairs)) + "\n")
    (folder / "tokenizer.json").write_text(fast(folder).backend_tokenizer.to_str())
    return folder / "tokenizer.json"


def fast(folder):
    return CLIPTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"))


def slow(folder):
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))


@contextmanager
def module(name, stand_in):
    """Makes `import name` find the stand-in, or nothing where that is None."""
    before = sys.modules.get(name)
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before


def hugging_face(tokenizer, texts, context_length=CONTEXT_LENGTH):
    return [tokenizer(text, truncation=True, max_length=context_length)["input_ids"] for text in texts]


def open_clip(texts, context_length=CONTEXT_LENGTH):
    """By open_clip's own file. Of torch it only fills a rectangle of numbers, which NumPy can, too."""
    torch = types.ModuleType("torch")
    torch.zeros = lambda *shape, dtype: np.zeros(shape, dtype)
    torch.tensor, torch.long = np.array, np.int64
    torch.Tensor = torch.LongTensor = torch.IntTensor = np.ndarray
    spec = importlib.util.spec_from_file_location("open_clip_tokenizer", f"{package_folder()}/tokenizer.py")
    loaded = importlib.util.module_from_spec(spec)
    with module("torch", torch):
        spec.loader.exec_module(loaded)
        tokenizer = loaded.SimpleTokenizer(context_length=context_length)
        rows = tokenizer(texts)
    return [row[: int(np.flatnonzero(row == tokenizer.eot_token_id)[0]) + 1].tolist() for row in rows]


def compare(program, texts, folder):
    """`{reference: [whether the ids are the same, of each text]}`."""
    path = write_vocabulary(folder, merges())
    ours = program.ask("tokens", tokenizer=str(path), context_length=CONTEXT_LENGTH, texts=texts)["ids"]
    with module("ftfy", None):
        plain = hugging_face(slow(folder), texts)
    references = {
        "CLIPTokenizerFast": hugging_face(fast(folder), texts),
        "CLIPTokenizer, without ftfy": plain,
        "CLIPTokenizer, with ftfy": hugging_face(slow(folder), texts),
        "open_clip": open_clip(texts),
    }
    return {name: [a == b for a, b in zip(ours, ids, strict=True)] for name, ids in references.items()}
