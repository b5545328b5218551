"""The model directories that are measured; the random one is made, never committed."""

import shutil
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def random(folder, name, say, half=False):
    """An image tower of real size with random weights."""
    import directory
    import random_weights

    made = folder / f"{name.replace('/', '-').lower()}-{'f16' if half else 'f32'}"
    # Made anew, so that it is what the exporter writes now.
    shutil.rmtree(made, ignore_errors=True)
    say(f"{name} with random weights")
    source = directory.of_random(random_weights.SIZES[name], seed=1)
    directory.write(source, made, half)
    return source, with_usual_name(made)


def for_open_clip(source, made):
    """The weights of the image tower once more, as open_clip names them."""
    import numpy as np
    import open_clip_names

    weights = open_clip_names.as_open_clip(source.model.weights)
    np.savez(made / "open_clip.npz", **{name: weights[name] for name in weights if name.startswith("visual.")})


def demo(folder):
    """A view of the demo encoder that the peers can read, too."""
    source, made = REPOSITORY / "assets" / "demo-encoder", folder / "demo-encoder"
    made.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        link(made / path.name, path)
    return with_usual_name(made)


def with_usual_name(made):
    """fastembed looks for this name."""
    link(made / "model.onnx", (made / "vision_model.onnx").resolve())
    return made


def link(path, target):
    path.unlink(missing_ok=True)
    path.symlink_to(target)
