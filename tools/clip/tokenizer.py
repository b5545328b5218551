"""CLIP's tokenizer.json, made from the vocabulary that comes with open_clip.

The file states what Hugging Face's `CLIPTokenizerFast` does: NFC, white space joined,
lower case, split into words, bytes, merges. Words end with `</w>`.
"""

import gzip

START, END = "<|startoftext|>", "<|endoftext|>"
#: 49,408 tokens less 256 bytes, as many at the end of a word, and two marks.
MERGES = 49408 - 2 * 256 - 2
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def from_vocabulary(path):
    """From `bpe_simple_vocab_16e6.txt.gz`."""
    lines = gzip.open(path, "rt", encoding="utf-8").read().split("\n")
    merges = [tuple(line.split()) for line in lines[1 : MERGES + 1]]
    if len(merges) != MERGES or any(len(merge) != 2 for merge in merges):
        raise ValueError(f"{path} is not CLIP's vocabulary: {MERGES} pairs of tokens are expected")
    letters = byte_letters()
    tokens = [*letters, *(letter + "</w>" for letter in letters)]
    tokens += ["".join(merge) for merge in merges] + [START, END]
    return description({token: place for place, token in enumerate(tokens)}, merges)


def byte_letters():
    """A visible letter for each byte, as GPT-2 chose them: bytes that are visible in
    Latin-1 stand for themselves and come first."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = sum(byte not in visible for byte in range(256))
    return [chr(byte) for byte in visible] + [chr(256 + place) for place in range(hidden)]


def description(vocabulary, merges):
    """The content of tokenizer.json."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    words = {"type": "Split", "pattern": {"Regex": WORDS}, "behavior": "Removed", "invert": True}
    spaces = {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}
    marks = {"sep": [END, vocabulary[END]], "cls": [START, vocabulary[START]]}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added(vocabulary, START, True), added(vocabulary, END, False)],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, spaces, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [words, byte_level]},
        "post_processor": {
            "type": "RobertaProcessing", **marks, "trim_offsets": False, "add_prefix_space": False,
        },
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": END,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>",
            "fuse_unk": False,
            "vocab": vocabulary,
            "merges": [" ".join(merge) for merge in merges],
        },
    }


def added(vocabulary, token, is_normalised):
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": is_normalised}
    return {"id": vocabulary[token], "content": token, **flags, "special": True}
