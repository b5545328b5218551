"""Results as a section of docs/performance.md: from the dictionary that is also written as JSON.

A figure of several rounds is the median, with the lowest and the highest; a ratio is
formed within each round, because the machine drifts.
"""

import datetime
import os

import targets
from machine import operating_system, output_of, processor
from report import number, percent, spread, table
from rounds import Summary, ratio

MIB = 1 << 20


def describe(command):
    """`{what: which}` in the order it is shown."""
    commit = output_of("git", "log", "-1", "--format=%h")
    changed = " with changes" if output_of("git", "status", "--porcelain", "--", "src", "crates", "benches") else ""
    return {
        "Processor": f"{processor()}, {os.cpu_count()} cores, shared by everything below",
        "System": operating_system(),
        "Lookalike": f"commit {commit or 'unknown'}{changed}, release build",
        "Compiler": output_of("rustc", "--version"),
        "Date": datetime.date.today().isoformat(),
        "Command": f"`{command}`",
    }


def rank(results):
    """The section of figures."""
    parts = [machine(results), "### Targets", targets_table(results)]
    if results.get("sizes"):
        parts += ["### Steady change", figures(results["sizes"]), "### Against the baselines", baselines(results["sizes"])]
    if "fan_out" in results:
        parts += ["### Fan-out", fan_out(results["fan_out"])]
    if "hot" in results:
        parts += ["### Hot article", hot(results["hot"])]
    return "\n\n".join(parts)


def machine(results):
    rows = list(results["machine"].items())
    started = [one["start"] for one in results.get("sizes", [])] + [one["start"] for one in [results.get("fan_out")] if one]
    if started:
        rows.append(("Qdrant", started[0]["server"]))
    options = results["options"]
    rows.append(("Rounds", f"{options['rounds']} of about {options['seconds']:g} s, in turns"))
    rows.append(("As fast as possible", f"{options['in_flight']} events without their own list at a time"))
    return table(["", "of this run"], rows, words=2)


def targets_table(results):
    rows = [
        [one.what, one.at, one.wanted, number(one.found), "yes" if one.is_reached else "no"]
        for one in targets.all_of(results)
    ]
    return table(["target", "at", "wanted", "found", "reached"], rows, words=2)


def rates(size, name):
    return [turn[name]["events"] / turn[name]["seconds"] for turn in size["rounds"]]


def an_event(size, field):
    """A counter of the worker, for each event of a round."""
    return [turn["churn"]["worker"][field] / turn["churn"]["events"] for turn in size["rounds"]]


def processor_time(size, name, process):
    """Milliseconds an event."""
    used = [(turn[name]["usage"].get(process), turn[name]["events"]) for turn in size["rounds"]]
    return [1e3 * usage["processor_seconds"] / events for usage, events in used if usage]


def share_kept(size):
    counted = [turn["churn"]["worker"] for turn in size["rounds"]]
    kept, read = (sum(one[name] for one in counted) for name in ("sets_kept", "sets_read"))
    return percent(kept / (kept + read)) if kept + read else ""


def seconds(found):
    return f"{number(found['p50'])} / {number(found['p99'])}" if found else ""


def memory(size, process, field):
    usage = size["steady"]["usage"].get(process)
    return number(usage[field] / MIB) if usage else ""


def summary(values):
    return spread(Summary.of(values)) if values else ""


#: What a row shows, and how it is got from one size. Growth is that of the median.
ROWS = [
    ("articles, images at the start", lambda one: f"{one['start']['articles']:,}, {one['start']['images']:,}"),
    ("events a second, as fast as possible", lambda one: summary(rates(one, "churn"))),
    ("… ranking alone: written before, then announced", lambda one: summary(rates(one, "prepared"))),
    ("… its candidate searches alone", lambda one: summary(rates(one, "searches"))),
    ("ranking alone ÷ searches alone", lambda one: spread(ratio(rates(one, "prepared"), rates(one, "searches")))),
    ("with the writes of indexing ÷ searches alone", lambda one: spread(ratio(rates(one, "churn"), rates(one, "searches")))),
    ("searches with one image a second, alone", lambda one: summary([turn["searches"]["image_searches"] / turn["searches"]["seconds"] for turn in one["rounds"]])),
    ("searches an event", lambda one: summary(an_event(one, "searches"))),
    ("requests to other lists an event", lambda one: summary(an_event(one, "requests_sent"))),
    ("lists repaired and published an event", lambda one: summary(an_event(one, "lists_published"))),
    ("searches cut off at their limit, an event", lambda one: summary(an_event(one, "truncated"))),
    ("image sets found in memory", share_kept),
    ("steady: events a second", lambda one: number(one["rate"])),
    ("steady: to the own list, p50 / p99, seconds", lambda one: seconds(one["steady"]["own_list"])),
    ("steady: to the last affected list, p50 / p99, seconds", lambda one: seconds(one["steady"]["last_list"])),
    ("recall@10 of stored lists", lambda one: f"{one['recall']['stored']:.4f}"),
    ("recall@10 of published lists", lambda one: f"{one['recall']['published']:.4f}"),
    ("worker: processor milliseconds an event", lambda one: summary(processor_time(one, "churn", "worker"))),
    ("Qdrant: the same", lambda one: summary(processor_time(one, "churn", "qdrant"))),
    ("worker: memory at the end, at most, MiB", lambda one: f"{memory(one, 'worker', 'resident_bytes')}, {memory(one, 'worker', 'peak_bytes')}"),
    ("Qdrant: memory at the end, MiB", lambda one: memory(one, "qdrant", "resident_bytes")),
]


def figures(sizes):
    head = ["", *(f"{one['start']['articles']:,} articles" for one in sizes)]
    rows = [[name, *(cell(one) for one in sizes)] for name, cell in ROWS]
    return table(head, [row for row in rows if any(row[1:])], words=1)


#: What a platform engineer sizes by: the name, and the row of ROWS that it is.
SIZING = [
    ("searches in Qdrant, an event", "searches an event"),
    ("Qdrant, processor milliseconds an event", "Qdrant: the same"),
    ("role `rank`, processor milliseconds an event", "worker: processor milliseconds an event"),
    ("role `rank`, memory at the end, at most, MiB", "worker: memory at the end, at most, MiB"),
    ("Qdrant, memory at the end, MiB", "Qdrant: memory at the end, MiB"),
    ("records to other lists, an event", "requests to other lists an event"),
]


def sizing(results):
    """The section of docs/operations.md."""
    cells, sizes = dict(ROWS), results["sizes"]
    head = ["", *(f"{one['start']['articles']:,} articles" for one in sizes)]
    rows = [[name, *(cells[row](one) for one in sizes)] for name, row in SIZING]
    what = results["machine"]
    source = f"{what['Processor']}; Lookalike {what['Lookalike']}; {what['Date']}; `make bench-rank`"
    return f"{table(head, rows)}\n\n{source}."


def baselines(sizes):
    rows = []
    for one in sizes:
        again, rebuild = one["again"], one["rebuild"]
        scaled = "" if rebuild["lists"] == rebuild["of"] else f" (from {percent(rebuild['lists'] / rebuild['of'])})"
        rate = again["events"] / again["seconds"]
        rows.append([
            f"{one['start']['articles']:,}",
            number(Summary.of(rates(one, "churn")).median),
            number(rate),
            number(Summary.of(rates(one, "churn")).median / rate),
            number(again["searches"] / again["events"]),
            f"{number(rebuild['seconds'])}{scaled}",
            f"{number(1.5 * rebuild['seconds'])} / {number(2 * rebuild['seconds'])}",
        ])
    head = ["articles", "Lookalike, events a second", "searching again: events a second", "times as many"]
    head += ["searching again: searches an event", "rebuilding: seconds each time", "… so a list is behind, mean / most"]
    return table(head, rows, words=0)


def fan_out(found):
    quiet = found["before"]
    rows = [
        ["lists that held the article", f"{found['holders']:,}"],
        ["seconds until the last list was published without it", number(found["converged_seconds"])],
        ["lists that still hold it", f"{found['holders_left']:,}"],
        ["others' events a second", number(found["rate"])],
        ["others' own list before, p50 / p99, seconds", seconds(quiet["own_list"])],
        ["… meanwhile", seconds(found["own_list"])],
        ["others' last affected list before", seconds(quiet["last_list"])],
        ["… meanwhile", seconds(found["last_list"])],
    ]
    return table(["", ""], rows)


def hot(found):
    quiet, busy = found["quiet"], found["busy"]
    rows = [
        ["events at one article", f"{found['events']:,}"],
        ["seconds in which they were produced", number(busy["burst_seconds"])],
        ["embeddings made for it", number(busy["hot_embeddings"])],
        ["others' events a second", number(found["rate"])],
        ["others' own list without, p50 / p99, seconds", seconds(quiet["own_list"])],
        ["… with the hot article", seconds(busy["own_list"])],
    ]
    return table(["", ""], rows)
