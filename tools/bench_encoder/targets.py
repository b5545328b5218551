"""The figures that the project set itself to reach, and whether a run did."""

from dataclasses import dataclass

import ways
from measures import rates
from rounds import ratio

SHARE_OF_RAW = 0.95
TIMES_PILLOW = 3
TIMES_FASTEMBED = 1.3
GPU_SHARE_OF_RAW = 0.9
GPU_CORES, GPU_RATE = 16, 2500


@dataclass(frozen=True)
class Target:
    what: str
    wanted: str
    found: float
    is_reached: bool


def at_least(what, wanted, found):
    return Target(what, f"≥ {wanted}", found, found >= wanted)


def all_of(results):
    """Of a run on a CPU; the real model comes first."""
    model = results["models"][0]
    every = {record["way"]: record for record in model["records"]}
    share = ratio(rates(every[ways.OURS]), rates(every[ways.RAW])).median
    yield at_least(f"{model['name']}: from JPEG to vectors, of raw ONNX Runtime", SHARE_OF_RAW, share)
    times = ratio(rates(every[ways.OURS]), rates(every[ways.FASTEMBED])).median
    yield at_least(f"{model['name']}: times fastembed", TIMES_FASTEMBED, times)
    for one in results["preparation"]:
        width, height = one["size"]
        what = f"decode and resize {width} × {height} on one core: times Pillow"
        yield at_least(what, TIMES_PILLOW, times_pillow(one, "resized").median)


def times_pillow(one, part):
    """How many times as fast as this part of Pillow's work all of ours is."""
    return ratio(per_second(one, "Lookalike: all"), per_second(one, f"Pillow: {part}"))


def per_second(one, name):
    return [turn["images"] / turn["seconds"] for turn in one["rounds"][name]]


def of_gpu(results):
    """Of a run on a GPU: the small pictures are those that leave the decoder idle."""
    for model in results["models"]:
        small, large = model["pictures"]
        share = ratio(rates(small["ours"]), rates(model["raw"])).median
        yield at_least(f"{model['name']}, small pictures: of raw ONNX Runtime", GPU_SHARE_OF_RAW, share)
        what = f"{model['name']}, {large['size'][0]} × {large['size'][1]}: images a second on {GPU_CORES} cores"
        yield at_least(what, GPU_RATE, sorted(rates(large["ours"]))[len(large["ours"]["rounds"]) // 2])
