"""Compares `lookalike score` with scipy on random similarity matrices.

    compare_assignment.py [PROGRAM] [--count N] [--greedy N] [--seed N]

`--method optimal` must reach the total of scipy.optimize.linear_sum_assignment, with
min(rows, columns) pairs; `--method greedy` must take the pairs that sorting all cells
gives. The same seed gives the same matrices. Exit code 1 at the first difference,
with the matrix as a JSONL line on standard output.

Matrices are written and answers read at the same time, one at a time, so no pipe can
fill up and none is kept: the reader makes the writer's matrices once more.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from itertools import zip_longest
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

LARGEST_SIDE = 64
TOLERANCE = 1e-9
PROGRESS_EVERY = 1000

DISTRIBUTIONS = {
    "uniform": lambda random, shape: random.uniform(-1.0, 1.0, shape),
    # What the images of similar articles look like.
    "around 0.6": lambda random, shape: random.normal(0.6, 0.05, shape).clip(-1.0, 1.0),
    # Sums of eighths are exact, and ties are everywhere.
    "eighths": lambda random, shape: random.integers(-8, 9, shape) / 8.0,
    "integers": lambda random, shape: random.integers(-3, 4, shape).astype(float),
    "negative": lambda random, shape: random.uniform(-1.0, 0.0, shape),
    # Each side holds some images twice.
    "duplicates": lambda random, shape: random.uniform(0.0, 1.0, shape)[
        np.ix_(*(random.integers(0, side, side) for side in shape))
    ],
}


class Difference(Exception):
    """An answer that is not as it should be; the message says what differs."""


def matrices(seed, count):
    """The distribution's name and the matrix, `count` times."""
    random = np.random.default_rng(seed)
    names = list(DISTRIBUTIONS)
    for number in range(count):
        name = names[number % len(names)]
        shape = tuple(random.integers(1, LARGEST_SIDE + 1, 2))
        yield name, DISTRIBUTIONS[name](random, shape)


def as_line(matrix):
    return json.dumps({"matrix": matrix.tolist()})


def write_all(stream, seed, count):
    try:
        with stream:
            for _, matrix in matrices(seed, count):
                stream.write(as_line(matrix) + "\n")
    except BrokenPipeError:
        pass  # The program ended: the reader misses its answers and says so.


def parsed(line):
    try:
        answer = json.loads(line)
        return answer["score"], [(row, column, similarity) for row, column, similarity in answer["pairs"]]
    except (ValueError, KeyError, TypeError):
        raise Difference(f"no answer with score and pairs: {line.strip()}") from None


def check_shape(matrix, pairs):
    """That the pairs are one to one, cells of the matrix, and as many as possible."""
    if len(pairs) != min(matrix.shape):
        raise Difference(f"{len(pairs)} pairs of {min(matrix.shape)}")
    for side in (0, 1):
        if len({pair[side] for pair in pairs}) != len(pairs):
            raise Difference("a row or column is matched twice")
    for row, column, similarity in pairs:
        if similarity != matrix[row, column]:
            raise Difference(f"({row}, {column}) is {matrix[row, column]}, not {similarity}")


def check_optimal(matrix, answer):
    score, pairs = answer
    check_shape(matrix, pairs)
    best = float(matrix[linear_sum_assignment(matrix, maximize=True)].sum())
    total = sum(similarity for _, _, similarity in pairs)
    if not abs(total - best) <= TOLERANCE:
        raise Difference(f"total {total!r}, scipy reaches {best!r}")
    if score is None or not abs(score - best / len(pairs)) <= TOLERANCE:
        raise Difference(f"score {score!r} is not the mean {best / len(pairs)!r}")


def sorted_cells(matrix):
    """Of all cells from the largest down, each whose row and column are free."""
    cells = [(-value, row, column) for (row, column), value in np.ndenumerate(matrix)]
    rows, columns, pairs = set(), set(), []
    for value, row, column in sorted(cells):
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            pairs.append((row, column, -value))
    return pairs


def check_greedy(matrix, answer):
    _, pairs = answer
    check_shape(matrix, pairs)
    expected = sorted_cells(matrix)
    if pairs != expected:
        raise Difference(f"pairs {pairs}, sorting all cells gives {expected}")


def compare(program, method, check, seed, count):
    """Runs the program over all matrices and checks its answers in their order."""
    command = [program, "score", "--method", method, "--jsonl", "-"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    writer = threading.Thread(target=write_all, args=(process.stdin, seed, count), daemon=True)
    writer.start()
    try:
        cases = zip_longest(matrices(seed, count), process.stdout)
        for number, (case, line) in enumerate(cases, start=1):
            if case is None:
                raise SystemExit(f"{method}: more than {count} answers")
            name, matrix = case
            if line is None:
                raise SystemExit(f"{method}: {number - 1} answers, exit code {process.wait()}")
            try:
                check(matrix, parsed(line))
            except Difference as difference:
                print(as_line(matrix))
                rows, columns = matrix.shape
                raise SystemExit(f"{method}, matrix {number} ({name}, {rows}×{columns}): {difference}")
            if number % PROGRESS_EVERY == 0:
                print(f"{method}: {number} of {count} matrices", file=sys.stderr)
        if process.wait() != 0:
            raise SystemExit(f"{method}: exit code {process.returncode}")
    finally:
        process.kill()
        process.wait()
        writer.join()


def main():
    parser = argparse.ArgumentParser(description="Compares `lookalike score` with scipy.")
    parser.add_argument("program", nargs="?", default="target/debug/lookalike", type=Path)
    parser.add_argument("--count", type=int, default=10_000, help="matrices for --method optimal")
    parser.add_argument("--greedy", type=int, default=2_000, help="the first of them, for --method greedy")
    parser.add_argument("--seed", type=int, default=20260725)
    arguments = parser.parse_args()
    program = arguments.program.resolve()
    if not program.is_file():
        raise SystemExit(f"{program} is missing: `cargo build` makes it")
    start = time.monotonic()
    compare(program, "optimal", check_optimal, arguments.seed, arguments.count)
    compare(program, "greedy", check_greedy, arguments.seed, arguments.greedy)
    print(
        f"lookalike score: {arguments.count} totals as scipy's, {arguments.greedy} greedy matchings "
        f"as by sorting, seed {arguments.seed}, {time.monotonic() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
