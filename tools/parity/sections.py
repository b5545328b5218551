"""Results as the section `parity` of docs/encoders.md: from the dictionary that is also written as JSON."""

import datetime
import os
import platform

from machine import operating_system, output_of, processor
from report import table

#: What the project promises.
MOST_LEVELS = 0
LEAST_COSINE = 0.9999
AGAINST = {
    "loaded": "Pillow, `convert(\"RGB\")`",
    "over_white": "Pillow, laid over white",
    "high_byte": "higher byte of each level",
}


def describe(command, versions):
    """`{what: which}` in the order it is shown."""
    commit = output_of("git", "log", "-1", "--format=%h")
    changed = " with changes" if output_of("git", "status", "--porcelain", "--", "src", "benches") else ""
    return {
        "Processor": f"{processor()}, {os.cpu_count()} cores",
        "System": operating_system(),
        "Lookalike": f"commit {commit or 'unknown'}{changed}",
        "Python": platform.python_version(),
        **versions,
        "Date": datetime.date.today().isoformat(),
        "Command": f"`{command}`",
    }


def share(value):
    """Of pixels, as a percentage that is only zero where none differs."""
    if value == 0:
        return "0"
    return "< 0.01 %" if value < 0.0001 else f"{100 * value:.2f} %"


def cosine(value):
    """Rounded down, so that a figure never looks better than it is; never above one."""
    return f"{int(min(value, 1.0) * 1e7) / 1e7:.7f}"


def failures(results):
    """What is not as promised, in words."""
    for row in results["files"]:
        if row["prepared"]["largest"] > MOST_LEVELS:
            yield f"{row['kind']}: {row['prepared']['largest']} levels after resize and crop"
        for encoder, lowest in row["cosines"].items():
            if lowest < LEAST_COSINE:
                yield f"{row['kind']}: cosine {lowest} with {encoder}"
    for row in results["filters"]:
        if row["largest"] > MOST_LEVELS:
            yield f"{row['processor']}, {row['filter']}: {row['largest']} levels"
    for row in results["texts"]:
        if row["same"]["CLIPTokenizerFast"] != row["count"]:
            yield f"texts, {row['group']}: other ids than tokenizer.json gives in Hugging Face"


def parity(results):
    """The section."""
    parts = [table(["", "of this run"], results["machine"].items(), words=2)]
    parts += ["### Pictures", files(results["files"]), "### Filters", filters(results["filters"])]
    parts += ["### Texts", tokens(results["texts"])]
    return "\n\n".join(parts)


def files(rows):
    encoders = list(rows[0]["cosines"])
    head = ["kind of file", "held against", "files", "decoded: levels", "pixels", "prepared: levels", "pixels"]
    head += [f"lowest cosine, {name}" for name in encoders]

    def line(row):
        apart = [part for step in ("decoded", "prepared") for part in (row[step]["largest"], share(row[step]["share"]))]
        cosines = [cosine(row["cosines"][name]) for name in encoders]
        return [row["kind"], AGAINST[row["against"]], row["count"], *apart, *cosines]

    return table(head, map(line, rows), words=2)


def filters(rows):
    lines = [[row["processor"], row["filter"], row["count"], row["largest"], share(row["share"])] for row in rows]
    return table(["processor", "filter", "pictures", "levels", "pixels"], lines, words=2)


def tokens(rows):
    references = list(rows[0]["same"])
    lines = [[row["group"], row["count"], *(row["same"][name] for name in references)] for row in rows]
    lines.append(["all", sum(row["count"] for row in rows), *(sum(row["same"][name] for row in rows) for name in references)])
    differing = [
        f"- `{name}` differs on: " + ", ".join(f"`{text}`" for text in found)
        for name in references
        if (found := [text for row in rows for text in row["differing"].get(name, [])])
    ]
    return "\n\n".join([table(["texts", "number", *references], lines), *(["\n".join(differing)] if differing else [])])
