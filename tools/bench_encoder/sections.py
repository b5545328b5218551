"""Results as a section of docs/encoders.md: from the dictionary that is also written as JSON.

A figure of several rounds is the median, with the lowest and the highest; a ratio is
formed within each round, because the machine drifts.
"""

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version

import targets
import tune
import ways
from machine import operating_system, output_of, processor
from measures import processor_milliseconds, rates
from report import number, percent, spread, table
from rounds import Summary, ratio

MIB = 1 << 20
PACKAGES = ["onnxruntime", "onnxruntime-gpu", "numpy", "pillow", "fastembed"]


def describe(command):
    """`{what: which}` in the order it is shown."""
    commit = output_of("git", "log", "-1", "--format=%h")
    changed = output_of("git", "status", "--porcelain", "--", "src", "benches", "Cargo.lock")
    found = {
        "Processor": f"{processor()}, {os.cpu_count()} cores, shared by everything below",
        "System": operating_system(),
        "Lookalike": f"commit {commit or 'unknown'}{' with changes' if changed else ''}, release build",
        "Compiler": output_of("rustc", "--version"),
        "Python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, "Date": datetime.date.today().isoformat(), "Command": f"`{command}`"}


def encoder(results):
    """The section of a run on a CPU."""
    parts = [machine(results), "### Targets", targets_table(targets.all_of(results))]
    for model in results["models"]:
        parts += [f"### {model['name']}", figures(model), share(model)]
    parts += ["### Decode and resize, one core", preparation(results["preparation"])]
    return "\n\n".join(parts)


def machine(results):
    settings = results["settings"]
    rows = list(results["machine"].items())
    rows.append(["Rounds", f"{settings['rounds']} of about {settings['seconds']:g} s each way, in turns"])
    rows.append(["Pictures", f"{settings['pictures']} of each size, {results['pictures']}"])
    return table(["", "of this run"], rows, words=2)


def targets_table(found):
    rows = [[one.what, one.wanted, number(one.found), "yes" if one.is_reached else "no"] for one in found]
    return table(["target", "wanted", "found", "reached"], rows)


def figures(model):
    raw = rates(model["records"][0])
    rows = []
    for record in model["records"]:
        own, cosine = rates(record), record.get("agreement")
        rows.append([
            record["way"],
            tune.shown(record["settings"]),
            spread(Summary.of(own)),
            "1" if record["way"] == ways.RAW else spread(ratio(own, raw)),
            number(Summary.of(processor_milliseconds(record)).median),
            number(record["peak"] / MIB),
            f"{cosine['least']:.6f}" if cosine else "",
        ])
    head = ["way", "quickest with", "images a second", "of raw", "processor ms an image", "peak MiB"]
    return table([*head, f"least cosine with {ways.PILLOW.split(',')[0]}"], rows, words=2)


def ideal(model):
    """The share of raw that is left where the same cores prepare the pictures as well and
    nothing else costs time."""
    raw = Summary.of(processor_milliseconds(model["records"][0])).median
    return raw / (raw + model["prepared"]["milliseconds"])


def share(model):
    prepared, kib = model["prepared"]["milliseconds"], model["file_bytes"] / 1024
    own = next(record for record in model["records"] if record["way"] == ways.OURS)
    found = ratio(rates(own), rates(model["records"][0])).median
    return (
        f"Preparing one picture (640 × 480, {kib:.0f} KiB) alone takes {number(prepared)} ms of a core. Raw "
        f"inference and preparation on the same cores, with nothing else, would reach "
        f"{percent(ideal(model))} of raw; Lookalike reaches {percent(found)}."
    )


def preparation(found):
    rows = []
    for one in found:
        width, height = one["size"]

        def cell(name):
            milliseconds = [1e3 / value for value in targets.per_second(one, name)]
            return number(Summary.of(milliseconds).median)

        rows.append([
            f"{width} × {height}, {one['file_bytes'] / 1024:.0f} KiB",
            *(cell(f"Lookalike: {part}") for part in ("decode", "all")),
            *(cell(f"Pillow: {part}") for part in ("decoded", "resized", "all")),
            spread(targets.times_pillow(one, "resized")),
            spread(targets.times_pillow(one, "all")),
        ])
    bounds = ", ".join(
        f"{number(ratio(targets.per_second(one, 'Lookalike: decode'), targets.per_second(one, 'Pillow: resized')).median)}"
        for one in found
    )
    head = ["JPEG", "Lookalike: decode, ms", "… to the network's numbers", "Pillow: decode, ms", "… and resize, cut"]
    head += ["… and NumPy to numbers", "all of ours: times Pillow's decode and resize", "all, times all"]
    sentence = f"If resizing and normalising took no time, decoding alone would be {bounds} times Pillow's decode and resize."
    return f"{table(head, rows)}\n\n{sentence}"


def gpu(results):
    """The section of a run on a GPU."""
    parts = [machine(results), "### Targets", targets_table(targets.of_gpu(results))]
    for model in results["models"]:
        parts += [f"### {model['name']}", gpu_figures(model), *(limit(model, one) for one in model["pictures"])]
    return "\n\n".join(parts)


def augmentation(results):
    """The section about stored variants."""

    def each(found, part, seconds, count, unit):
        return spread(Summary.of([unit * turn[seconds] / turn[count] for turn in found[part]]))

    rows = [
        [
            found["way"],
            1 + found["variants"],
            each(found, "embed", "processor_seconds", "images", 1e3),
            number(found["bytes"]),
            each(found, "search", "seconds", "searches", 1e3),
            each(found, "compare", "seconds", "pairs", 1e6),
        ]
        for found in results["ways"]
    ]
    head = ["variants", "vectors an image", "embedding, processor ms an image", "vectors in the store, bytes an image"]
    head += ["candidate search of 5 images, ms", "comparing 5 × 5 images, µs"]
    return f"{machine(results)}\n\n{table(head, rows)}"


def gpu_figures(model):
    raw = rates(model["raw"])
    rows = [
        ["raw ONNX Runtime, numbers on the GPU", tune.shown(model["on_device"]["settings"]), rates(model["on_device"])],
        ["raw ONNX Runtime, numbers in memory", tune.shown(model["raw"]["settings"]), raw],
    ]
    for one in model["pictures"]:
        name = f"{one['size'][0]} × {one['size'][1]}"
        rows.append([f"decode and resize alone, {name}", f"{one['threads']} threads", per_second(one["prepared"])])
        rows.append([f"Lookalike, from JPEG, {name}", tune.shown(one["ours"]["settings"]), rates(one["ours"])])
    cells = [[way, with_, spread(Summary.of(found)), spread(ratio(found, raw))] for way, with_, found in rows]
    return table(["way", "quickest with", "images a second", "of raw in memory"], cells, words=2)


def per_second(rounds):
    return [turn["images"] / turn["seconds"] for turn in rounds]


def limits(model, one):
    """What each part alone could do, images a second."""
    medians = {
        "preparing pictures on all cores": per_second(one["prepared"]),
        "the GPU's arithmetic": rates(model["on_device"]),
        "arithmetic and the copy to the GPU": rates(model["raw"]),
    }
    return {name: Summary.of(values).median for name, values in medians.items()}


def limit(model, one):
    found = limits(model, one)
    lowest = min(found, key=found.get)
    own = Summary.of(rates(one["ours"])).median
    return (
        f"At {one['size'][0]} × {one['size'][1]} the lowest limit is {lowest}, {number(found[lowest])} images a "
        f"second; Lookalike reaches {number(own)}, {percent(own / found[lowest])} of it."
    )
