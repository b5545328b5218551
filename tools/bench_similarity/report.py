"""Results as the tables of docs/performance.md: from the dictionary that is also written as JSON.

A figure is the median of the rounds, with the lowest and the highest. Ratios and
shares are formed within each round.
"""

import re

import targets
from records import (
    OURS,
    REFERENCE,
    bytes_read,
    find,
    microseconds_a_list,
    nanoseconds_a_pair,
    operations,
    skipped,
    skipping,
    times,
)
from rounds import Summary, ratio

WAY = ["code", "method", "stored", "summed"]
CATALOGUES = {"clustered": "in clusters", "unclustered": "without clusters", "alike": "all alike"}
CANDIDATES = {"searched": "found by a search", "random": "at random"}


def replace_section(text, name, section):
    """The text with what stands between the marks of that name replaced."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    found = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if len(found.findall(text)) != 1:
        raise ValueError(f"expected one pair of marks {begin} and {end}")
    return found.sub(lambda _: f"{begin}\n\n{section}\n\n{end}", text)


def table(head, rows, words=1):
    """So many columns of words to the left, the others, numbers, to the right."""
    aligned = ["---"] * words + ["---:"] * (len(head) - words)
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in [head, aligned, *rows])


def number(value):
    """Three significant digits, never as a power of ten."""
    if abs(value) >= 99.95 or value == 0:
        return f"{value:,.0f}"
    digits = 2 if abs(value) < 9.995 else 1
    return f"{value:.{digits}f}" if abs(value) >= 0.9995 else f"{value:.3f}"


def percent(value):
    return f"{100 * value:.0f} %"


def spread(summary):
    return f"{number(summary.median)} ({number(summary.lowest)}–{number(summary.highest)})"


def median(values):
    return Summary.of(values).median


def way(record):
    return [record[field] for field in WAY]


def label(record):
    code = "" if record["code"] == OURS else f"{record['code']}, "
    return f"{code}{record['method']}, {record['stored']}, {record['summed']}"


def similarity(results):
    """The section of figures."""
    growth = results["growth"]
    parts = [
        machine(results),
        "### Targets",
        targets_table(results),
        "### 5 × 5 images, 512 dimensions, hot",
        hot(results["hot"]),
        "### 1 to 10 images, 512 dimensions, hot",
        hot(results["mixed"]),
        "### 1 to 10 images, 512 dimensions, cold",
        cold(results["cold"]),
        "### The best 10 of 500 candidates",
        *top_k(results),
        "### Growth with n = m, 512 dimensions, hot",
        per_pair(growth["images"], "images a side"),
        "### Growth with the dimension, 5 × 5 images, hot",
        per_pair(growth["dimensions"], "dimensions"),
        "### Growth with the candidates of a list, cold",
        per_list(growth["candidates"], "candidates"),
        "### Growth with the threshold, 500 candidates, cold",
        per_list(growth["thresholds"], "threshold"),
    ]
    return "\n\n".join(parts)


def machine(results):
    settings = results["settings"]

    def of(rounds, field, unit):
        return f"{spread(Summary.of([one[field] / 1e9 for one in rounds]))} {unit}"

    size = f"{results['articles']:,} articles, {settings['working_set'] >> 20:,} MiB of f32 vectors"
    rows = [
        *results["machine"].items(),
        ("Rounds", f"{settings['rounds']} of {settings['milliseconds']} ms, in turns, on one core"),
        ("Large catalogues", size),
        ("Multiply-adds a second, f32", of(results["hot"]["peak"], "single", "thousand million")),
        ("Multiply-adds a second, f64", of(results["hot"]["peak"], "double", "thousand million")),
        ("Memory read in sequence", of(results["cold"]["bandwidth"], "sequential", "GB/s")),
        ("Memory read in random blocks of 11 KB", of(results["cold"]["bandwidth"], "blocks", "GB/s")),
    ]
    return table(["", "of this run"], rows, words=2)


def targets_table(results):
    ways = [(method, summed) for method in ("greedy", "optimal") for summed in ("f32", "f64")]
    columns = [list(targets.all_of(results, *way)) for way in ways]

    def cell(one):
        return f"{number(one.found)} {'yes' if one.is_reached else 'no'}"

    rows = [[row[0].what, row[0].wanted, *map(cell, row)] for row in zip(*columns)]
    head = ["target", "wanted", *(f"{method}, {summed} sums" for method, summed in ways)]
    return table(head, rows)


def timed(records, record):
    """The columns that all ways of scoring pairs share."""
    return [spread(Summary.of(nanoseconds_a_pair(record))), spread(times(records, record))]


def hot(results):
    rows = []
    for record in results["records"]:
        columns = ["", ""]
        if "cells" in record["rounds"][0]:
            field = "single" if record["summed"] == "f32" else "double"
            peak = [2e-9 * one[field] for one in results["peak"]]
            columns = [number(median(operations(record))), percent(ratio(operations(record), peak).median)]
        rows.append([*way(record), *timed(results["records"], record), *columns])
    head = ["ns a pair", f"times {REFERENCE}", "GFLOP/s", "of the core's peak"]
    return table([*WAY, *head], rows, words=4)


def times_of_reading(results, record):
    """How many times as fast as the reference it is to read the vectors, in random blocks."""
    reference = nanoseconds_a_pair(find(results["records"], code=REFERENCE))
    shares = [read / (one["blocks"] / 1e9) for read, one in zip(bytes_read(record), results["bandwidth"])]
    return ratio(reference, [time * share for time, share in zip(nanoseconds_a_pair(record), shares)])


def cold(results):
    rows = []
    for record in results["records"]:
        columns = [""] * 4
        if "vectors" in record["rounds"][0]:
            read = bytes_read(record)
            columns[0] = number(median(read))
            for place, field in enumerate(["sequential", "blocks"], start=1):
                most = [one[field] / 1e9 for one in results["bandwidth"]]
                columns[place] = percent(ratio(read, most).median)
            columns[3] = number(times_of_reading(results, record).median)
        how = "in lists" if record["operation"] == "top_k_of_all" else "pairs"
        rows.append([*way(record), how, *timed(results["records"], record), *columns])
    head = ["asked", "ns a pair", f"times {REFERENCE}", "GB/s", "of sequential", "of random blocks"]
    head.append("times if only reading took time")
    return table([*WAY, *head], rows, words=5)


def top_k(results):
    for part in results["top_k"]:
        every = part["records"]
        rows = []
        for record in every:
            if record["operation"] == "top_k":
                continue
            columns = [number(median(microseconds_a_list(record))), "", "", ""]
            if record["code"] == OURS:
                found, gain = skipping(every, record)
                time = number(median(microseconds_a_list(found)))
                columns[1:] = [time, spread(gain), percent(skipped(found))]
            rows.append([*way(record), *columns])
        head = ["µs a list, all scored", "µs, skipping", "times as fast", "skipped"]
        yield f"A catalogue {CATALOGUES[part['catalogue']]}, candidates {CANDIDATES[part['candidates']]}:"
        yield table([*WAY, *head], rows, words=4)


def per_pair(steps, what):
    head = [what, *(label(record) for record in steps[0]["records"])]
    rows = [
        [step["at"], *(number(median(nanoseconds_a_pair(one))) for one in step["records"])] for step in steps
    ]
    return f"Nanoseconds a pair (method, stored, summed):\n\n{table(head, rows, words=0)}"


def per_list(steps, what):
    def cell(records, record):
        time = number(median(microseconds_a_list(record)))
        if record["code"] != OURS:
            return time
        found, gain = skipping(records, record)
        shorter = number(median(microseconds_a_list(found)))
        return f"{time} → {shorter} ({number(gain.median)}×, {percent(skipped(found))})"

    every = [[one for one in step["records"] if one["operation"] != "top_k"] for step in steps]
    rows = [[step["at"], *(cell(step["records"], one) for one in shown)] for step, shown in zip(steps, every)]
    head = [what, *(label(record) for record in every[0])]
    title = "Microseconds a list, all scored → skipping (times as fast, share skipped):"
    return f"{title}\n\n{table(head, rows, words=0)}"


def storage(results):
    """The section of quality."""
    head = ["vectors", "method", "stored", "summed", "overlap", "same 10", "same order", "Kendall's tau"]
    head += ["mean difference", "largest", "widest swap"]
    rows = []
    for one in results["quality"]:
        shares = [one["overlap"], one["same_members"], one["same_order"]]
        differences = [one["mean_difference"], one["largest_difference"], one["widest_swap"]]
        row = [one["data"], one["method"], one["stored"], one["summed"]]
        row += [f"{100 * value:.2f} %" for value in shares] + [f"{one['kendall']:.5f}"]
        rows.append(row + [f"{value:.1e}" for value in differences])
    return f"{results['photographs']}\n\n{table(head, rows, words=4)}"
