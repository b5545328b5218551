"""The story's own judges can say no."""

import itertools
import unittest

import kafka_records
import lists
import metrics
import waiting


class Lists(unittest.TestCase):
    expected = {"a": [("b", 0.9), ("c", 0.8)], "b": [("a", 0.9)]}

    def test_equal_within_the_tolerance(self):
        found = {"a": [("b", 0.900009), ("c", 0.8)], "b": [("a", 0.9)]}
        self.assertEqual(lists.differences(self.expected, found), [])

    def test_every_kind_of_difference(self):
        changed = {
            "order": [("c", 0.8), ("b", 0.9)],
            "shorter": [("b", 0.9)],
            "score": [("b", 0.90002), ("c", 0.8)],
        }
        for name, found in changed.items():
            with self.subTest(name):
                self.assertEqual(len(lists.differences(self.expected, {**self.expected, "a": found})), 1)
        self.assertEqual(lists.differences(self.expected, {"b": [("a", 0.9)]}), ["a: no list"])
        self.assertEqual(lists.differences({}, {"a": []}), ["a: a list that should not be"])

    def test_a_last_null_value_is_a_tombstone(self):
        value = b'{"neighbours": []}'
        records = [kafka_records.Record(0, 0, b"a", value, {}), kafka_records.Record(0, 1, b"a", None, {})]
        self.assertEqual(lists.of_topic(records), ({}, {"a"}))
        self.assertEqual(lists.of_topic(records[::-1]), ({"a": []}, set()))


class Groups(unittest.TestCase):
    table = """
GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID
g     t     0         5              5              0   member-1    /h   c
g     t     1         -              0              -   -           -    -
g     t     2         -              3              -   member-1    /h   c
"""

    def test_no_commit_is_done_only_without_records(self):
        done = [p.done for p in kafka_records.parse_progress(self.table)]
        self.assertEqual(done, [True, True, False])

    def test_bytes_that_are_no_text_survive(self):
        line = b'{"partition":0,"offset":1,"headers":["h","v"],"key":null,"payload":"\xff\\u0000"}'
        record = kafka_records.parse_record(line)
        self.assertEqual((record.key, record.value, record.headers), (None, b"\xff\x00", {"h": "v"}))


class Metrics(unittest.TestCase):
    def page(self, name, kind, labels=""):
        return f"# HELP {name} Text.\n# TYPE {name} {kind}\n{name}{labels} 1\n"

    def test_conventions(self):
        good = self.page("lookalike_records_total", "counter", '{topic="events"}')
        self.assertEqual(metrics.metric_complaints(good, {"apple-01"}), [])
        bad = {
            "no total": self.page("lookalike_records", "counter"),
            "total of a gauge": self.page("lookalike_lag_total", "gauge"),
            "unit": self.page("lookalike_wait_ms", "gauge"),
            "id as label": self.page("lookalike_lag", "gauge", '{article_id="x"}'),
            "id as value": self.page("lookalike_lag", "gauge", '{topic="apple-01"}'),
            "help": "# TYPE lookalike_lag gauge\nlookalike_lag 1\n",
            "foreign": self.page("records_total", "counter"),
        }
        for name, page in bad.items():
            with self.subTest(name):
                self.assertNotEqual(metrics.metric_complaints(page, {"apple-01"}), [])

    def test_total_takes_the_series_of_that_name_only(self):
        page = 'a_total{x="1"} 2\na_total{x="2"} 3\na_total_more 7\n'
        self.assertEqual(metrics.total(page, "a_total"), 5)


class Waiting(unittest.TestCase):
    def test_the_deadline_names_what_was_seen_last(self):
        def probe():
            raise waiting.NotYet("half of it")

        with self.assertRaisesRegex(waiting.TimedOut, "all of it.*half of it"):
            waiting.until("all of it", probe, seconds=0.01, interval=0.001)

    def test_returns_the_first_true_answer(self):
        answers = itertools.chain([None, 0], itertools.repeat("here"))
        self.assertEqual(waiting.until("it", lambda: next(answers), seconds=5, interval=0), "here")


if __name__ == "__main__":
    unittest.main()
