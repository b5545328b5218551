"""Vectors of the ETH-80 photographs, made by the project's own `lookalike embed`."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np

import data

REPOSITORY = Path(__file__).resolve().parent.parent.parent
ENCODER = REPOSITORY / "assets" / "demo-encoder"


LEFT_OUT = "The vectors of the ETH-80 photographs were left out: "


def find(given, catalogue, folder):
    """The sets, or `None`, and a sentence that says which."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    built = [given] if given else [target / profile / "lookalike" for profile in ("release", "debug")]
    binary = next((path for path in built if path.is_file()), None)
    if not catalogue.is_file():
        return None, LEFT_OUT + "the photographs were not there."
    if not binary:
        return None, LEFT_OUT + "no built `lookalike` was there."
    sets = embed(binary, catalogue, folder)
    if not sets:
        return None, LEFT_OUT + "`lookalike embed` failed."
    return sets, (
        f"ETH-80: {len(sets)} articles with {len(sets.vectors)} photographs, "
        f"embedded with `{ENCODER.relative_to(REPOSITORY)}`, {sets.dimension} dimensions."
    )


def embed(binary, catalogue, folder):
    """`None` when it fails; its message is on standard error."""
    articles = [json.loads(line) for line in catalogue.read_text().splitlines()]
    files = [catalogue.parent / image["file"] for article in articles for image in article["images"]]
    out = folder / "photographs.npy"
    folder.mkdir(parents=True, exist_ok=True)
    command = [binary, "embed", "--encoder", ENCODER, "--out", out, *files]
    if subprocess.run(command, cwd=REPOSITORY).returncode != 0:
        return None
    vectors = np.load(out)
    out.unlink()
    return data.Sets(vectors, [len(article["images"]) for article in articles])
