"""Everything measured on a CPU, as one dictionary."""

import contextlib

import tune
import ways
from agree import agreement
from process import rate
from rounds import alternate

#: Vectors that are compared.
COMPARED = 24
SIZES = [(640, 480), (1280, 960)]
PARTS = {"Lookalike": ["decode", "all"], "Pillow": ["decoded", "resized", "all"]}


def one_model(name, place, cores, settings, say):
    """All ways on one model: the best settings of each, then rounds in turns."""
    tuned, records = {}, []
    for way, (start, variants) in ways.every(place, cores).items():
        say(f"{name}: {way}: settings")
        chosen, trials = tune.best(lambda variant: start(place, variant), variants, settings["trial"], say)
        if way == ways.RAW:
            # One more question, asked of the best only.
            quiet = {**chosen, "spinning": False}
            chosen, more = tune.best(lambda variant: start(place, variant), [quiet, chosen], settings["trial"], say)
            trials += more
        tuned[way] = {"start": start, "chosen": chosen, "trials": trials}
    with contextlib.ExitStack() as stack:
        running, images = {}, {}
        for way, found in tuned.items():
            running[way] = stack.enter_context(found["start"](place, found["chosen"]))
            images[way] = running[way].pictures_for(settings["seconds"], found["chosen"]["batch"])
        say(f"{name}: {settings['rounds']} rounds")
        turns = {way: lambda way=way: running[way].run(images[way]) for way in running}
        rounds = alternate(turns, settings["rounds"])
        prepared = running[ways.OURS].ask("time", part="all", milliseconds=int(1000 * settings["trial"]))
        vectors = {way: running[way].ask("vectors", count=COMPARED)["vectors"] for way in running if way != ways.RAW}
        for way, found in tuned.items():
            record = {"way": way, "settings": found["chosen"], "rounds": rounds[way]}
            record |= {"peak": running[way].peak(), "trials": found["trials"]}
            if way in vectors:
                record["agreement"] = agreement(vectors[ways.PILLOW], vectors[way])
            records.append(record)
    bytes_ = [path.stat().st_size for path in place.files]
    prepared = {"milliseconds": 1e3 * prepared["seconds"] / prepared["images"]}
    return {"name": name, "records": records, "prepared": prepared, "file_bytes": sum(bytes_) / len(bytes_)}


def preparation(place_of, settings, say):
    """Decode and resize on one core, both sizes."""
    found = []
    for size in SIZES:
        say(f"decode and resize, {size[0]} × {size[1]}")
        place, one = place_of(size), {"sessions": 1, "threads": 1, "batch": 1}
        with ways.ours(place, one) as own, ways.python("pillow")(place, {"batch": 1}) as pillow:
            processes = {"Lookalike": own, "Pillow": pillow}
            turns = {
                f"{name}: {part}": lambda name=name, part=part: processes[name].ask(
                    "time", part=part, milliseconds=int(1000 * settings["trial"] / 4)
                )
                for name, parts in PARTS.items()
                for part in parts
            }
            rounds = alternate(turns, settings["rounds"])
        bytes_ = [path.stat().st_size for path in place.files]
        found.append({"size": list(size), "rounds": rounds, "file_bytes": sum(bytes_) / len(bytes_)})
    return found


def rates(record):
    return [rate(turn) for turn in record["rounds"]]


def processor_milliseconds(record):
    """Of all cores, for each picture, round by round."""
    return [1e3 * turn["processor_seconds"] / turn["images"] for turn in record["rounds"]]
