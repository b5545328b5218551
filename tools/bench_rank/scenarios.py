"""What is measured, in which order: everything into one dictionary."""

import shutil

import rebuild
from exact import Catalogue, recall

#: Of the rate at which events are taken as fast as possible.
STEADY = 0.7
#: Events of the first, short run, which only tells how many fill a turn.
FIRST = 40
#: Events a second beside the hub's deletion and beside the hot article.
BESIDE = 5.0
BESIDE_SECONDS = 60
OTHERS = 300


def run(program, options, folder, server, say):
    results = {"options": {"rounds": options.rounds, "seconds": options.seconds, "in_flight": options.in_flight}}
    world = {"qdrant_url": server, "settings": options.set}
    wanted = [options.only] if options.only else ["churn", "fan-out", "hot"]
    seconds = min(BESIDE_SECONDS, 3 * options.seconds)
    if "churn" in wanted:
        results["sizes"] = [churn(program, options, world, folder, size, say) for size in options.sizes]
    if "fan-out" in wanted:
        say(f"fan-out: an article in {options.fan_out} lists is deleted")
        started = start(program, options, world, folder, options.fan_out, hub=True)
        found = program.ask("fan_out", rate=BESIDE, seconds=seconds)
        results["fan_out"] = {"start": started, **found}
        program.ask("stop")
    if "hot" in wanted:
        say(f"hot: {options.hot} events at one article")
        place = {"folder": fresh(folder / "hot"), "prefix": "bench_hot", "qdrant_url": server}
        load = {"articles": OTHERS, "events": options.hot, "rate": BESIDE, "seconds": seconds}
        results["hot"] = program.ask("hot", **place, **load, seed=options.seed)
    return results


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return str(folder)


def start(program, options, world, folder, articles, hub=False):
    name = f"{'hub' if hub else 'churn'}_{articles}"
    place = {"folder": fresh(folder / name), "prefix": f"bench_{name}", "qdrant_url": world["qdrant_url"]}
    return program.ask("start", articles=articles, hub=hub, seed=options.seed, **place, settings=world["settings"])


def churn(program, options, world, folder, size, say):
    say(f"{size} articles: loading")
    found = {"start": start(program, options, world, folder, size), "rounds": []}
    rates = {}
    for name, most in (("churn", None), ("prepared", size // 2)):
        first = ask_churn(program, name, FIRST, options)
        rates[name] = FIRST / first["seconds"]
    for number in range(options.rounds):
        say(f"{size} articles: round {number + 1} of {options.rounds}")
        turn = {"searches": program.ask("searches", milliseconds=int(1000 * options.seconds / 2))}
        for name, most in (("prepared", size // 2), ("churn", None)):
            events = max(FIRST, int(rates[name] * options.seconds))
            turn[name] = ask_churn(program, name, min(events, most or events), options)
            rates[name] = turn[name]["events"] / turn[name]["seconds"]
        found["rounds"].append(turn)
    rate = STEADY * rates["churn"]
    say(f"{size} articles: {rate:.1f} events a second")
    found["steady"] = program.ask("steady", events=max(FIRST, int(rate * 2 * options.seconds)), rate=rate)
    found["rate"] = rate
    say(f"{size} articles: lists held against exact ones")
    path = folder / f"catalogue_{size}"
    found["articles"] = program.ask("lists", path=str(path), sample=options.sample)
    catalogue = Catalogue.read(path)
    found["recall"] = recall(catalogue)
    say(f"{size} articles: baselines")
    found["again"] = program.ask("search_again", milliseconds=int(1000 * options.seconds))
    program.ask("stop")
    found["rebuild"] = rebuild.measure(catalogue, options.seconds)
    for suffix in (".vectors", ".texts"):
        path.with_suffix(suffix).unlink()
    return found


def ask_churn(program, name, events, options):
    more = {"in_flight": options.in_flight} if name == "churn" else {}
    return program.ask(name, events=events, **more)
