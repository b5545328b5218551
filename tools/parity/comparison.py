"""Everything compared, as one dictionary."""

from importlib.metadata import version

import corpus
import embeddings
import pixels
import reference
import texts
import tokens
from PIL import Image, features
from program import Program

FILTERS = ["nearest", "Lanczos", "bilinear", "bicubic", "box", "Hamming"]


def versions():
    return {
        "Pillow": f"{version('pillow')}, libjpeg-turbo {features.version('libjpeg_turbo')}, "
        f"libwebp {features.version('webp')}",
        "transformers": f"{version('transformers')}, tokenizers {version('tokenizers')}, ftfy {version('ftfy')}",
        "open_clip": version("open_clip_torch"),
        "ONNX Runtime": version("onnxruntime"),
        "NumPy": version("numpy"),
    }


def run(executables, encoders, photographs, folder, say):
    say("drawing")
    cases = corpus.every(folder / "files", photographs, say)
    say(f"{len(cases)} files: embedding")
    cosines = {
        path.name: embeddings.cosines(executables.lookalike, path, cases, folder) for path in encoders
    }
    with Program(executables.parity) as program:
        say("pixels")
        found = [pixels.compare(program, case, reference.CLIP, folder) for case in cases]
        say("filters")
        filters = compare_filters(program, folder)
        say("texts")
        words = compare_texts(program, folder)
    return {"files": by_kind(cases, found, cosines), "filters": filters, "texts": words}


def widest(differences):
    """The largest difference of several files, and the mean share of their pixels that differ."""
    shares = [one.share for one in differences]
    return {"largest": max(one.largest for one in differences), "share": sum(shares) / len(shares)}


def by_kind(cases, differences, cosines):
    rows = []
    for kind in dict.fromkeys(case.kind for case in cases):
        places = [at for at, case in enumerate(cases) if case.kind == kind]
        rows.append(
            {
                "kind": kind,
                "against": cases[places[0]].against,
                "count": len(places),
                "decoded": widest([differences[at][0] for at in places]),
                "prepared": widest([differences[at][1] for at in places]),
                "cosines": {name: min(values[at] for at in places) for name, values in cosines.items()},
            }
        )
    return rows


def compare_filters(program, folder):
    """Both kinds of resizing by every filter, on files that both sides decode alike."""
    cases = []
    for width, height in corpus.SHAPES:
        path = folder / "files" / f"{width}x{height}-filters.png"
        Image.fromarray(corpus.scene(width, height)).save(path)
        cases.append(corpus.Case("filters", path))
    rows = []
    for settings in (reference.CLIP, reference.EXACT):
        for number, name in enumerate(FILTERS):
            chosen = settings | {"resample": number}
            found = [pixels.compare(program, case, chosen, folder)[1] for case in cases]
            row = {"processor": settings["image_processor_type"], "filter": name, "count": len(cases)}
            rows.append(row | widest(found))
    return rows


def compare_texts(program, folder):
    listed = [(group, text) for group, members in texts.TEXTS.items() for text in members]
    same = tokens.compare(program, [text for _, text in listed], folder / "vocabulary")
    rows = []
    for group, members in texts.TEXTS.items():
        places = [at for at, (name, _) in enumerate(listed) if name == group]
        rows.append(
            {
                "group": group,
                "count": len(members),
                "same": {name: sum(flags[at] for at in places) for name, flags in same.items()},
                "differing": {
                    name: [shown(listed[at][1]) for at in places if not flags[at]] for name, flags in same.items()
                },
            }
        )
    return rows


def shown(text):
    """As it can stand in a table: escaped, and not too long."""
    escaped = text.encode("unicode_escape").decode() if not text.isprintable() else text
    escaped = escaped.replace("`", "'")
    return escaped if len(escaped) <= 40 else escaped[:39] + "…"
