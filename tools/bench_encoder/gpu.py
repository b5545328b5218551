"""Pictures to vectors on a CUDA GPU, against raw ONNX Runtime on the same.

Checks what it needs and names what is missing. Writes target/bench/gpu.json, and the
section of docs/encoders.md between the marks `encoder-gpu`.
"""

import argparse
import contextlib
import os

from running import MODEL, PICTURES, add_common, command, finish, say, settings

# Only from here on: `running` says where the modules of the other benchmarks lie.
import packages
import gpu_needs
import tune
import ways
from program import build
from rounds import alternate
from targets import GPU_CORES

#: Pictures that leave the decoder idle, and those that the target names.
SIZES = [(256, 256), (640, 480)]
GRID = [
    {"sessions": sessions, "threads": 1, "batch": batch}
    for sessions in (1, 2, 4)
    for batch in (16, 32, 64, 128, 256)
]
#: Milliseconds that an incomplete batch waits.
DELAY = 2


def arguments():
    parser = argparse.ArgumentParser(prog="make bench-gpu ARGS=…", description=__doc__.splitlines()[0])
    add_common(parser, "gpu")
    parser.add_argument("--check", action="store_true", help="only say what is there and what is missing")
    return parser.parse_args()


def report_needs(needs):
    for what, found, _ in needs:
        say(f"{what}: {found or 'missing'}")
    gpu_needs.check(needs)


def one_model(name, place_of, chosen, cores, say):
    """Raw on the GPU's own memory, raw from this machine's, and ours at each size."""
    raw = tuned(f"{name}: raw, numbers in memory", ways.raw, place_of(SIZES[0]), chosen)
    bound = [{**variant, "is_bound": True} for variant in GRID]
    on_device = tuned(f"{name}: raw, numbers on the GPU", ways.raw, place_of(SIZES[0]), chosen, bound)
    every = {"raw": (raw, place_of(SIZES[0])), "on_device": (on_device, place_of(SIZES[0]))}
    for size in SIZES:
        title = f"{name}: Lookalike, {size[0]} × {size[1]}"
        every[size] = (tuned(title, ways.ours, place_of(size), chosen), place_of(size))
    with contextlib.ExitStack() as stack:
        running, turns = {}, {}
        for key, (found, place) in every.items():
            running[key] = stack.enter_context(found["start"](place, found["settings"]))
            images = running[key].pictures_for(chosen["seconds"], found["settings"]["batch"])
            turns[key] = lambda key=key, images=images: running[key].run(images)
            if key in SIZES:
                images = prepared_images(running[key], cores, chosen["seconds"])
                ask = running[key].ask
                turns[key, "prepared"] = lambda ask=ask, images=images: ask("prepare", images=images, threads=cores)
        say(f"{name}: {chosen['rounds']} rounds")
        rounds = alternate(turns, chosen["rounds"])

    def record(key):
        return {"settings": every[key][0]["settings"], "trials": every[key][0]["trials"], "rounds": rounds[key]}

    pictures = [
        {"size": list(size), "threads": cores, "ours": record(size), "prepared": rounds[size, "prepared"]}
        for size in SIZES
    ]
    return {"name": name, "raw": record("raw"), "on_device": record("on_device"), "pictures": pictures}


def tuned(title, start, place, chosen, variants=tuple(GRID)):
    say(f"{title}: settings")
    best, trials = tune.best(lambda variant: start(place, variant), variants, chosen["trial"], say)
    return {"settings": best, "trials": trials, "start": start}


def prepared_images(process, cores, seconds):
    first = process.ask("prepare", images=8 * cores, threads=cores)
    return max(cores, round(first["images"] / first["seconds"] * seconds))


def run(options, chosen, executable):
    # These need the packages.
    import models
    import pictures
    import sections

    folder, cores = options.out.parent / "gpu", len(os.sched_getaffinity(0))
    found = []
    for half in (False, True):
        _, directory = models.random(folder, MODEL, say, half)

        def place(size, directory=directory):
            files = pictures.write(folder / "pictures", options.pictures, *size)
            runtime = os.environ["ORT_DYLIB_PATH"]
            return ways.Place(executable, runtime, directory, files, device="cuda", delay=DELAY)

        name = f"CLIP {MODEL}, {'f16' if half else 'f32'}"
        found.append(one_model(name, place, chosen, cores, say))
    machine = sections.describe(command("bench-gpu"))
    machine |= {what: have for what, have, _ in gpu_needs.machine()}
    return {"settings": chosen, "models": found, "pictures": PICTURES, "machine": machine}


def main():
    options = arguments()
    chosen = settings(options)
    report_needs(gpu_needs.machine())
    cores = len(os.sched_getaffinity(0))
    note = "" if cores >= GPU_CORES else f"; the targets are for {GPU_CORES}, so fewer pictures will be prepared"
    say(f"cores: {cores}{note}")
    # Gigabytes the first time, so only now.
    folder = packages.install(one_thread=False, name="bench-gpu")
    report_needs(gpu_needs.libraries(folder))
    if options.check:
        return
    say("building")
    executable = build()
    os.environ.update(gpu_needs.environment(folder))
    results = run(options, chosen, executable)
    import sections

    finish(options, results, sections.gpu(results), "encoder-gpu")


if __name__ == "__main__":
    main()
