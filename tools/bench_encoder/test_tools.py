"""Settings, processes, targets and sections, without any package."""

import sys
import unittest
from pathlib import Path

import running  # first: it says where the modules of the other benchmarks lie
import agree
import gpu_needs
import process
import sections
import targets
import tune
import ways

#: Answers like the executable, after some work for the processor.
ANSWERS = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    sum(place * place for place in range(100_000 * asked["images"]))
    print(json.dumps({"images": asked["images"], "seconds": asked["images"] * 0.1}), flush=True)
"""


def record(way, rates, cosine=None):
    rounds = [{"images": 80, "seconds": 80 / rate, "processor_seconds": 16} for rate in rates]
    found = {"way": way, "settings": {"sessions": 2, "threads": 1, "batch": 8}, "rounds": rounds}
    found |= {"peak": 512 << 20, "trials": []}
    return found | ({"agreement": {"least": cosine, "mean": 1.0}} if cosine else {})


def timed(images):
    return [{"images": images, "seconds": 1.0}] * 2


def results():
    records = [
        record(ways.RAW, [20, 10]),
        record(ways.OURS, [19, 9.6], 0.9999991),
        record(ways.PILLOW, [15, 8], 1.0),
        record(ways.FASTEMBED, [10, 5], 0.99999),
    ]
    model = {"name": "CLIP", "records": records, "prepared": {"milliseconds": 2.0}, "file_bytes": 90_000}
    rounds = {"Lookalike: decode": timed(900), "Lookalike: all": timed(600)}
    rounds |= {f"Pillow: {part}": timed(images) for part, images in [("decoded", 400), ("resized", 240), ("all", 200)]}
    preparation = [{"size": [640, 480], "rounds": rounds, "file_bytes": 90_000}]
    settings = {"rounds": 2, "seconds": 8, "trial": 4, "pictures": 48}
    machine = {"Processor": "some"}
    return {
        "machine": machine, "settings": settings, "models": [model],
        "preparation": preparation, "pictures": "rendered",
    }


def gpu_results():
    def one(size, rate, prepared):
        return {"size": size, "threads": 16, "ours": record(ways.OURS, [rate]), "prepared": timed(prepared)[:1]}

    pictures = [one([256, 256], 4600, 30_000), one([640, 480], 2400, 3000)]
    model = {"name": "CLIP", "raw": record(ways.RAW, [5000]), "on_device": record(ways.RAW, [8000])}
    return {**results(), "models": [{**model, "pictures": pictures}]}


class Tuning(unittest.TestCase):
    def test_every_layout_uses_every_core(self):
        self.assertEqual(tune.layouts(2), [(1, 2), (2, 1)])
        self.assertEqual(tune.layouts(6), [(1, 6), (2, 3), (3, 2), (6, 1)])
        self.assertEqual(len(tune.grid(2)), 2 * len(tune.BATCHES))

    def test_the_quickest_is_taken_without_its_rate(self):
        trials = [{"batch": 1, "rate": 3.0}, {"batch": 8, "rate": 4.0}, {"batch": 32, "rate": 3.5}]
        self.assertEqual(tune.quickest(trials), {"batch": 8})
        self.assertEqual(trials[1]["rate"], 4.0)

    def test_settings_are_shown(self):
        self.assertEqual(tune.shown({"batch": 8}), "batch 8")
        shown = tune.shown({"sessions": 2, "threads": 1, "batch": 4, "spinning": False})
        self.assertEqual(shown, "2 × 1 threads, batch 4, no spinning")


class Processes(unittest.TestCase):
    def test_a_process_is_watched_from_outside(self):
        with process.Process(sys.executable, "-c", ANSWERS, in_flight=4) as running_:
            found = running_.run(50)
            self.assertEqual(process.rate(found), 10)
            self.assertGreater(found["processor_seconds"], 0)
            self.assertGreater(running_.peak(), 1 << 20)

    def test_a_turn_has_whole_batches(self):
        with process.Process(sys.executable, "-c", ANSWERS) as running_:
            self.assertEqual(running_.pictures_for(3.5, together=8), 32)
            self.assertEqual(running_.pictures_for(0.1, together=8), 8)


class Agreement(unittest.TestCase):
    def test_the_least_cosine_counts(self):
        found = agree.agreement([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.6, 0.8]])
        self.assertEqual((found["least"], found["mean"]), (0.8, 0.9))

    def test_missing_vectors_are_an_error(self):
        for pair in ([], []), ([[1.0]], []), ([[1.0]], [[1.0, 0.0]]):
            with self.assertRaises(ValueError):
                agree.agreement(*pair)


class Targets(unittest.TestCase):
    def test_each_target_is_judged(self):
        found = [(one.found, one.is_reached) for one in targets.all_of(results())]
        # The ratio of a round, not of medians: 19 of 20 and 9.6 of 10.
        self.assertAlmostEqual(found[0][0], 0.955)
        self.assertEqual([reached for _, reached in found], [True, True, False])
        self.assertAlmostEqual(found[1][0], 1.91)
        self.assertAlmostEqual(found[2][0], 2.5)

    def test_those_of_the_gpu(self):
        found = [(one.found, one.is_reached) for one in targets.of_gpu(gpu_results())]
        self.assertEqual(found, [(0.92, True), (2400.0, False)])


class Sections(unittest.TestCase):
    def test_a_section_has_every_part(self):
        text = sections.encoder(results())
        for part in ["### Targets", "### CLIP", "### Decode and resize, one core", ways.FASTEMBED]:
            self.assertIn(part, text)
        self.assertIn("| 14.3 (9.60–19.0) | 0.955 (0.950–0.960) | 200 | 512 | 0.999999 |", text)
        # 200 ms of the processor for raw, 2 ms to prepare.
        self.assertIn("would reach 99 % of raw; Lookalike reaches 96 %", text)

    def test_the_lowest_limit_is_named(self):
        text = sections.gpu(gpu_results())
        self.assertIn("At 256 × 256 the lowest limit is arithmetic and the copy to the GPU, 5,000", text)
        self.assertIn("At 640 × 480 the lowest limit is preparing pictures on all cores, 3,000", text)
        self.assertIn("Lookalike reaches 2,400, 80 % of it", text)

    def test_variants_are_shown_with_their_cost(self):
        embed = [{"images": 100, "processor_seconds": seconds} for seconds in (1.0, 2.0, 1.5)]
        search, compare = [{"searches": 4, "seconds": 0.1}], [{"pairs": 10_000, "seconds": 0.02}]
        way = {"way": "flip", "variants": 1, "bytes": 4096, "embed": embed, "search": search, "compare": compare}
        text = sections.augmentation(results() | {"ways": [way]})
        row = "| flip | 2 | 15.0 (10.0–20.0) | 4,096 | 25.0 (25.0–25.0) | 2.00 (2.00–2.00) |"
        self.assertIn(row, text)

    def test_the_page_has_the_marks(self):
        page = (running.REPOSITORY / "docs" / "encoders.md").read_text()
        for name in ("encoder", "encoder-gpu", "augmentation"):
            self.assertIn("\n\nfigures\n\n", running.replace_section(page, name, "figures"))


class GpuNeeds(unittest.TestCase):
    def test_everything_missing_is_named_at_once(self):
        with self.assertRaises(SystemExit) as ended:
            gpu_needs.check([("a card", None, "buy one"), ("a core", "yes", ""), ("a driver", None, "install it")])
        message = str(ended.exception)
        self.assertIn("a card: buy one", message)
        self.assertIn("a driver: install it", message)
        self.assertNotIn("a core", message)

    def test_nothing_missing_goes_on(self):
        gpu_needs.check([("a core", "yes", "")])

    def test_a_driver_that_does_not_load_is_missing(self):
        self.assertIsNone(gpu_needs.cuda_driver("libno-such-driver.so.1"))

    def test_libraries_that_are_not_there_are_missing(self):
        found = gpu_needs.libraries(Path("/nonexistent"))
        self.assertTrue(found and all(path is None for _, path, _ in found))


if __name__ == "__main__":
    unittest.main()
