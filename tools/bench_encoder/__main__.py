"""Pictures to vectors timed against raw ONNX Runtime and Python peers, in one run.

Writes target/bench/encoder.json, and the section of docs/encoders.md between the marks
`encoder`.
"""

import argparse
import os

from running import MODEL, PICTURES, add_common, command, finish, say, settings

# Only from here on: `running` says where the modules of the other benchmarks lie.
import packages
from program import build, library


def arguments():
    what = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="make bench-encoder ARGS=…", description=what)
    add_common(parser, "encoder")
    parser.add_argument("--torch", metavar="PYTHON", help="an interpreter with PyTorch and open_clip: a peer more")
    return parser.parse_args()


def run(options, chosen, executable):
    # These need the packages.
    import measures
    import models
    import pictures
    import sections
    from ways import Place

    folder, cores = options.out.parent / "encoder", len(os.sched_getaffinity(0))

    def place(directory, size=(640, 480), torch=None):
        files = pictures.write(folder / "pictures", options.pictures, *size)
        return Place(executable, library(), directory, files, torch=torch)

    (source, clip), demo = models.random(folder, MODEL, say), models.demo(folder)
    if options.torch:
        models.for_open_clip(source, clip)
    found = [
        measures.one_model(f"CLIP {MODEL}, f32", place(clip, torch=options.torch), cores, chosen, say),
        measures.one_model("Demo encoder", place(demo), cores, chosen, say),
    ]
    prepared = measures.preparation(lambda size: place(clip, size), chosen, say)
    results = {"settings": chosen, "models": found, "preparation": prepared, "pictures": PICTURES}
    return results | {"machine": sections.describe(command("bench-encoder"))}


def main():
    options = arguments()
    chosen = settings(options)
    say("building")
    executable = build()
    # Each way uses every core, as it would in production.
    folder = packages.install(one_thread=False, name="bench-encoder")
    os.environ["PYTHONPATH"] = str(folder)
    results = run(options, chosen, executable)
    import sections

    finish(options, results, sections.encoder(results), "encoder")


if __name__ == "__main__":
    main()
