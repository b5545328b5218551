"""Figures, agreement and the sections of the documentation, without any package."""

import unittest
from pathlib import Path

import agreement
import records
import report
import rounds


class Rounds(unittest.TestCase):
    def test_ways_take_turns(self):
        order = []
        ways = {name: lambda name=name: order.append(name) or len(order) for name in "ab"}
        self.assertEqual(rounds.alternate(ways, 3), {"a": [1, 3, 5], "b": [2, 4, 6]})
        self.assertEqual("".join(order), "ababab")

    def test_a_ratio_is_formed_within_a_round(self):
        # The machine became half as fast: the ratio of the medians would be 1.5.
        found = rounds.ratio([10, 20, 40], [5, 20 / 1.9, 20])
        self.assertEqual((found.median, found.lowest), (2, 1.9))

    def test_rounds_are_never_dropped(self):
        with self.assertRaises(ValueError):
            rounds.ratio([1, 2], [1])


class Agreement(unittest.TestCase):
    reference = [(1, 0.9), (2, 0.8), (3, 0.7)]

    def test_equal_lists(self):
        found = agreement.compare([self.reference, []], [self.reference, []])
        self.assertEqual((found.overlap, found.same_members, found.same_order, found.kendall), (1, 1, 1, 1))
        self.assertEqual((found.largest_difference, found.widest_swap), (0, 0))

    def test_swapped_neighbours_are_no_lost_ones(self):
        found = agreement.compare([self.reference], [[(2, 0.85), (1, 0.85), (3, 0.7)]])
        self.assertEqual((found.overlap, found.same_members, found.same_order), (1, 1, 0))
        self.assertAlmostEqual(found.kendall, 1 / 3)
        self.assertAlmostEqual(found.widest_swap, 0.1)
        self.assertAlmostEqual(found.largest_difference, 0.05)
        self.assertAlmostEqual(found.mean_difference, 0.1 / 3)

    def test_a_neighbour_that_is_missing(self):
        found = agreement.compare([self.reference], [[(1, 0.9), (3, 0.7), (4, 0.7)]])
        self.assertAlmostEqual(found.overlap, 2 / 3)
        self.assertEqual((found.same_members, found.same_order, found.kendall), (0, 0, 1))
        shorter = agreement.compare([self.reference], [[(1, 0.9)]])
        self.assertAlmostEqual(shorter.overlap, 1 / 3)

    def test_an_order_turned_round(self):
        found = agreement.compare([self.reference], [[(3, 0.7), (2, 0.8), (1, 0.9)]])
        self.assertEqual(found.kendall, -1)

    def test_lists_that_are_missing_are_an_error(self):
        for pair in ([[]], []), ([], []):
            with self.assertRaises(ValueError):
                agreement.compare(*pair)


class Records(unittest.TestCase):
    way = {"code": records.OURS, "method": "greedy", "stored": "half", "summed": "f32", "dimension": 512}

    def record(self, **fields):
        answer = {"pairs": 10, "lists": 2, "nanoseconds": 4000, "cells": 250, "vectors": 50}
        return {**self.way, "operation": "top_k_of_all", "rounds": [answer], **fields}

    def test_units(self):
        record = self.record()
        self.assertEqual(records.nanoseconds_a_pair(record), [400])
        self.assertEqual(records.microseconds_a_list(record), [2])
        self.assertEqual(records.operations(record), [64])
        self.assertEqual(records.bytes_read(record), [12.8])

    def test_skipping_is_held_against_the_same_way(self):
        answer = {"pairs": 10, "nanoseconds": 1000, "skipped": 4}
        skipping = self.record(operation="top_k", rounds=[answer])
        other = {**skipping, "stored": "f32"}
        found, gain = records.skipping([other, skipping, self.record()], self.record())
        self.assertIs(found, skipping)
        self.assertEqual(gain.median, 4)
        self.assertEqual(records.skipped(found), 0.4)

    def test_a_way_that_is_there_twice_is_an_error(self):
        with self.assertRaises(ValueError):
            records.find([self.record(), self.record()], method="greedy")


class Report(unittest.TestCase):
    text = "before\n<!-- a:begin -->\nold\n<!-- a:end -->\nbetween\n<!-- b:begin --><!-- b:end -->\nafter\n"

    def test_only_the_section_named_is_replaced(self):
        found = report.replace_section(self.text, "a", r"new \1")
        self.assertEqual(found, self.text.replace("\nold\n", "\n\nnew \\1\n\n"))
        self.assertEqual(report.replace_section(found, "a", r"new \1"), found)

    def test_marks_that_are_missing_or_doubled_are_an_error(self):
        for text in ("no marks", self.text + self.text, self.text.replace("a:end", "c:end")):
            with self.assertRaises(ValueError):
                report.replace_section(text, "a", "new")

    def test_the_page_has_the_marks(self):
        page = (Path(__file__).resolve().parent.parent.parent / "docs" / "performance.md").read_text()
        for name in ("similarity", "storage"):
            self.assertIn("\n\nfigures\n\n", report.replace_section(page, name, "figures"))

    def test_numbers_keep_three_digits(self):
        cases = {0: "0", 0.0123: "0.012", 0.5: "0.500", 0.9996: "1.00", 1.234: "1.23", 9.996: "10.0"}
        cases |= {12.34: "12.3", 99.96: "100", 1234.5: "1,234"}
        for value, text in cases.items():
            self.assertEqual(report.number(value), text)

    def test_a_table(self):
        lines = report.table(["way", "ns"], [["greedy", 5]]).splitlines()
        self.assertEqual(lines, ["| way | ns |", "| --- | ---: |", "| greedy | 5 |"])


if __name__ == "__main__":
    unittest.main()
