"""Targets and the sections of the documentation, without any package."""

import sys
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "bench_similarity"))

import sections  # noqa: E402
import targets  # noqa: E402

USAGE = {"resident_bytes": 64 << 20, "peak_bytes": 80 << 20, "processor_seconds": 0.5}


def turn(rate):
    worker = {"searches": 90, "requests_sent": 2000, "lists_published": 700, "truncated": 0}
    worker |= {"sets_kept": 990, "sets_read": 10}
    run = {"events": 100, "seconds": 100 / rate, "worker": worker, "usage": {"worker": USAGE}}
    searches = {"events": 100, "seconds": 0.5, "image_searches": 450}
    return {"searches": searches, "prepared": run, "churn": run}


def results(holders_left=0):
    waits = {"p50": 0.25, "p99": 0.5}
    size = {
        "start": {"articles": 1000, "images": 5000, "server": "some"},
        "rounds": [turn(rate) for rate in (100, 150, 120)],
        "steady": {"own_list": waits, "last_list": waits, "usage": {"worker": USAGE}},
        "rate": 70.0,
        "recall": {"stored": 1.0, "published": 0.98},
        "again": {"events": 50, "seconds": 5, "searches": 600},
        "rebuild": {"lists": 100, "of": 1000, "seconds": 40.0},
    }
    slower = {"p50": 0.3, "p99": 1.5}
    fan_out = {"start": size["start"], "holders": 10_000, "holders_left": holders_left, "converged_seconds": 45.0}
    fan_out |= {"rate": 5.0, "own_list": slower, "last_list": slower}
    fan_out["before"] = {"own_list": waits, "last_list": waits}
    hot = {"events": 10_000, "rate": 5.0, "quiet": {"own_list": waits}}
    hot["busy"] = {"own_list": waits, "hot_embeddings": 61.0, "burst_seconds": 0.3}
    options = {"rounds": 3, "seconds": 20, "in_flight": 64}
    machine = {"Processor": "some", "Lookalike": "commit some", "Date": "2026-11-24"}
    return {"machine": machine, "options": options, "sizes": [size], "fan_out": fan_out, "hot": hot}


class Targets(unittest.TestCase):
    def found(self, **changes):
        return {one.what: (one.found, one.is_reached) for one in targets.all_of(results(**changes))}

    def test_each_target_is_judged(self):
        found = self.found()
        self.assertEqual(found["searches an event"], (0.9, True))
        self.assertEqual(found["recall@10 of stored lists"], (1.0, True))
        share, is_reached = found["ranking alone, of the rate of its searches alone"]
        self.assertAlmostEqual(share, 0.6)
        self.assertFalse(is_reached)
        self.assertEqual(found["fan-out: seconds until no list holds it"], (45.0, True))
        self.assertEqual(found["fan-out: others' p99, times"], (3.0, False))
        self.assertEqual(found["hot article: embeddings made for it"], (61.0, True))

    def test_a_fan_out_that_did_not_end_never_reaches_its_target(self):
        self.assertEqual(self.found(holders_left=1)["fan-out: seconds until no list holds it"][1], False)


class Sections(unittest.TestCase):
    def test_a_section_has_every_part(self):
        text = sections.rank(results())
        for part in ["### Targets", "### Steady change", "### Against the baselines", "### Fan-out", "### Hot article"]:
            self.assertIn(part, text)
        self.assertIn("| events a second, as fast as possible | 120 (100–150) |", text)
        self.assertIn("| 1,000 | 120 | 10.0 | 12.0 | 12.0 | 40.0 (from 10 %) | 60.0 / 80.0 |", text)

    def test_sizing_repeats_rows_of_the_figures(self):
        text = sections.sizing(results())
        self.assertIn("| searches in Qdrant, an event | 0.900 (0.900–0.900) |", text)
        self.assertIn("| role `rank`, memory at the end, at most, MiB | 64.0, 80.0 |", text)
        self.assertTrue(text.endswith("; `make bench-rank`."), text)

    def test_what_was_not_measured_is_left_out(self):
        found = results()
        del found["fan_out"], found["hot"]
        self.assertNotIn("### Hot", sections.rank(found))
        # A server elsewhere: its memory is not known.
        self.assertNotIn("Qdrant: memory", sections.rank(found))


if __name__ == "__main__":
    unittest.main()
