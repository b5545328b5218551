"""What stored variants of pictures cost: nothing, one and all four of them, in turns.

Writes target/bench/augmentation.json, and the section of docs/encoders.md between the
marks `augmentation`.
"""

import argparse
import contextlib
import os

from running import PICTURES, add_common, command, finish, say, settings

# Only from here on: `running` says where the modules of the other benchmarks lie.
import kernel
import packages
from process import Process
from program import build, library
from rounds import alternate

#: `encoder.vision.augmentations` of each way.
WAYS = {
    "none": [],
    "flip": ["flip"],
    "flip and all rotations": ["flip", "rotate-90", "rotate-180", "rotate-270"],
}
ENCODER = kernel.REPOSITORY / "assets" / "demo-encoder"
BEHIND = ["cargo", "build", "--release", "--bench", "augmentation"]
#: Under way at once, as in the other benchmarks of the encoder.
IN_FLIGHT = 64


def arguments():
    parser = argparse.ArgumentParser(prog="make bench-augmentation ARGS=…", description=__doc__.splitlines()[0])
    add_common(parser, "augmentation")
    parser.add_argument("--articles", type=int, default=4000, help="in the store, five pictures each (default 4000)")
    parser.add_argument("--encoder", default=str(ENCODER), metavar="DIR", help="a model directory")
    return parser.parse_args()


def embedding(executable, options, files, names, stack):
    """A process that embeds the files with these variants."""
    process = stack.enter_context(Process(executable, in_flight=IN_FLIGHT))
    encoder = {"directory": options.encoder, "library": library(), "vision": {"augmentations": names}}
    process.ask("load", files=[str(path) for path in files], settings=encoder)
    return process


def store(executable, options, names, stack):
    """A process with a filled store, and the bytes of an image in it."""
    process = stack.enter_context(kernel.Kernel(executable))
    filled = process.ask("fill", articles=options.articles, variants=len(names))
    return process, filled["bytes_an_image"]


def measure(options, chosen, executables, files):
    milliseconds = int(1000 * chosen["seconds"] / 4)
    turns, bytes_an_image = {}, {}
    with contextlib.ExitStack() as stack:
        for way, names in WAYS.items():
            say(f"{way}: loading")
            embeds = embedding(executables[0], options, files, names, stack)
            images = embeds.pictures_for(chosen["seconds"] / 2, 1)
            behind, bytes_an_image[way] = store(executables[1], options, names, stack)
            searches = max(2, round(chosen["seconds"] / behind.ask("search", searches=1)["seconds"] / 4))
            turns[f"{way}: embed"] = lambda embeds=embeds, images=images: embeds.run(images)
            turns[f"{way}: search"] = lambda behind=behind, searches=searches: behind.ask("search", searches=searches)
            turns[f"{way}: compare"] = lambda behind=behind: behind.ask("compare", milliseconds=milliseconds)
        say(f"{chosen['rounds']} rounds")
        rounds = alternate(turns, chosen["rounds"])
    return [
        {"way": way, "variants": len(names), "bytes": bytes_an_image[way]}
        | {part: rounds[f"{way}: {part}"] for part in ("embed", "search", "compare")}
        for way, names in WAYS.items()
    ]


def main():
    options = arguments()
    chosen = settings(options)
    if options.quick:
        options.articles = 200
    say("building")
    executables = [build(), kernel.build(BEHIND, "augmentation")]
    folder = packages.install(one_thread=False, name="bench-encoder")
    os.environ["PYTHONPATH"] = str(folder)
    # These need the packages.
    import pictures
    import sections

    files = pictures.write(options.out.parent / "encoder" / "pictures", chosen["pictures"], 640, 480)
    results = {"settings": chosen, "articles": options.articles, "pictures": PICTURES}
    results["ways"] = measure(options, chosen, executables, files)
    results["machine"] = sections.describe(command("bench-augmentation"))
    results["machine"]["Store"] = f"the built-in Qdrant, {options.articles} articles of 5 images, 512 dimensions, exact"
    finish(options, results, sections.augmentation(results), "augmentation")


if __name__ == "__main__":
    main()
