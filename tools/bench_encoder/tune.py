"""The settings with which a way is quickest here, found by trying each."""

from process import rate

BATCHES = [1, 4, 8, 16, 32]


def layouts(cores):
    """Sessions × threads that together use every core: `[(sessions, threads), …]`."""
    return [(sessions, cores // sessions) for sessions in range(1, cores + 1) if cores % sessions == 0]


def grid(cores, batches=BATCHES):
    return [
        {"sessions": sessions, "threads": threads, "batch": batch}
        for sessions, threads in layouts(cores)
        for batch in batches
    ]


def best(start, variants, seconds, say):
    """`start(variant)` gives a process. Returns the quickest variant, and all trials."""
    trials = []
    for variant in variants:
        with start(variant) as process:
            images = process.pictures_for(seconds, variant["batch"])
            found = rate(process.run(images))
        trials.append({**variant, "rate": found})
        say(f"  {shown(variant)}: {found:.1f} images a second")
    return quickest(trials), trials


def quickest(trials):
    found = dict(max(trials, key=lambda trial: trial["rate"]))
    del found["rate"]
    return found


def shown(variant):
    """As a report names it."""
    parts = []
    if "sessions" in variant:
        parts.append(f"{variant['sessions']} × {variant['threads']} threads")
    parts.append(f"batch {variant['batch']}")
    if variant.get("spinning") is False:
        parts.append("no spinning")
    return ", ".join(parts)
