"""The churn repeats by its seed, its oracle is right, and its judges can say no."""

import collections
import itertools
import json
import random
import struct
import unittest
import zlib

import churn_checks as checks
import fault_plan
import lists
import pictures
import qdrant_points
import watch
from kafka_records import Record
from oracle import Article, Oracle, outcome
from story import Failed
from traffic import BAD, Sent, Traffic

SESSION = 6


def image(version, uri="s3://b/x", name="front"):
    return {"type": "image.upserted", "article_id": "a", "image_id": name, "version": version, "uri": uri}


def image_gone(version):
    return {"type": "image.deleted", "article_id": "a", "image_id": "front", "version": version}


def text(version, title="mug"):
    return {"type": "article.upserted", "article_id": "a", "version": version, "title": title}


def gone(version):
    return {"type": "article.deleted", "article_id": "a", "version": version}


def after(events):
    oracle = Oracle()
    for event in events:
        oracle.apply(event)
    return oracle.articles["a"]


def in_every_order(events):
    """The one state that all orders, with and without repetition, lead to."""
    states = [after(order) for order in itertools.permutations(events)]
    states += [after(order + order[::-1]) for order in itertools.permutations(events)]
    seen = {repr((s.live_text(), sorted(s.live_images().items()), s.deleted)) for s in states}
    if len(seen) != 1:
        raise AssertionError(f"the order matters: {seen}")
    return states[0]


class OracleTest(unittest.TestCase):
    def test_the_highest_version_wins_in_any_order(self):
        state = in_every_order([image(1), image(3, "s3://b/y"), text(2), text(4, "cup")])
        self.assertEqual(state.live_images(), {"front": (3, "s3://b/y")})
        self.assertEqual(state.live_text(), (4, {"title": "cup"}))

    def test_an_older_upsert_does_not_bring_an_image_back(self):
        self.assertEqual(in_every_order([image(1), image_gone(3), image(2)]).live_images(), {})

    def test_a_deletion_takes_what_is_older_and_only_that(self):
        state = in_every_order([text(1), image(2), gone(3), image(4, name="side")])
        self.assertIsNone(state.live_text())
        self.assertEqual(list(state.live_images()), ["side"])
        self.assertTrue(state.living)
        self.assertFalse(in_every_order([text(1), image(2), gone(3)]).living)

    def test_final_events_make_the_same_living_catalogue(self):
        events = [text(1), image(2), gone(3), image(4), text(5), {**text(1), "article_id": "b"}]
        first, second = Oracle(), Oracle()
        for event in events:
            first.apply(event)
        for event in first.final_events():
            second.apply(event)
        self.assertEqual(first.living().keys(), second.living().keys())
        for name, article in first.living().items():
            self.assertEqual(article.live_images(), second.articles[name].live_images())
            self.assertEqual(article.live_text(), second.articles[name].live_text())

    def test_outcomes(self):
        stored = Article(deleted=3, text_version=5, text={}, images={"front": (4, "s3://b/x")})
        expected = [
            (image(4), "applied"),
            (image(2), "superseded"),
            (image(6), "lost"),
            (image(2, name="side"), "superseded"),
            (image(9, name="side"), "lost"),
            (text(5), "applied"),
            (text(6), "lost"),
            (gone(3), "applied"),
            (gone(1), "superseded"),
            (gone(7), "lost"),
        ]
        for event, became in expected:
            with self.subTest(event):
                self.assertEqual(outcome(event, stored), became)
        self.assertEqual(outcome(text(1), None), "lost")


class TrafficTest(unittest.TestCase):
    def life(self, seed, changes=3000):
        traffic = Traffic(seed, 100)
        records = traffic.initial()
        for _ in range(changes):
            records += traffic.next_change()
        return traffic, records + traffic.finish()

    def test_a_seed_repeats_and_another_differs(self):
        first, second, other = (self.life(seed, 300)[1] for seed in (1, 1, 2))
        self.assertEqual(first, second)
        self.assertNotEqual(first, other)

    def test_one_version_is_one_event(self):
        events = {}
        for record in self.life(3)[1]:
            if record.code not in ("schema", "key"):
                event = json.loads(record.value)
                self.assertEqual(record.key, event["article_id"])
                same = events.setdefault((record.key, event["version"]), record.value)
                self.assertEqual(same, record.value)

    def test_every_kind_of_mess_is_there(self):
        traffic, records = self.life(4)
        count = collections.Counter(record.value for record in records)
        self.assertTrue(any(number > 1 for number in count.values()), "nothing is sent twice")
        self.assertEqual({r.code for r in records if r.code}, set(BAD))
        self.assertTrue(any(record.late for record in records))
        highest, older = {}, 0
        for record in records:
            if not record.code:
                version = json.loads(record.value)["version"]
                older += version < highest.get(record.key, 0)
                highest[record.key] = max(version, highest.get(record.key, 0))
        self.assertGreater(older, 50)
        self.assertEqual(traffic.held, [])

    def test_no_two_late_pictures_share_an_object(self):
        for seed in range(20):
            late = [record.late for record in self.life(seed)[1] if record.late]
            pictures = {}
            for key, *picture, _ in late:
                self.assertEqual(pictures.setdefault(key, picture), picture)

    def test_its_idea_of_the_living_is_the_oracles(self):
        traffic, records = self.life(5)
        oracle = Oracle()
        for record in records:
            if not record.code:
                oracle.apply(json.loads(record.value))
        self.assertEqual(set(traffic.images), set(oracle.living()))
        self.assertTrue(traffic.gone)
        for name, images in traffic.images.items():
            self.assertEqual(images, set(oracle.articles[name].live_images()))

    def test_nothing_deletes_the_article_of_a_malformed_record(self):
        _, records = self.life(6)
        deleted = {r.key for r in records if not r.code and json.loads(r.value)["type"] == "article.deleted"}
        self.assertFalse(deleted & {r.key.removesuffix("-other") for r in records if r.code})


class FaultPlan(unittest.TestCase):
    def test_a_seed_repeats(self):
        self.assertEqual(fault_plan.draw(7, 600, SESSION), fault_plan.draw(7, 600, SESSION))
        self.assertNotEqual(fault_plan.draw(7, 600, SESSION), fault_plan.draw(8, 600, SESSION))

    def test_the_plan_keeps_its_promises(self):
        for seed, seconds in itertools.product(range(200), (fault_plan.LEAST_SECONDS, 45, 600)):
            faults = fault_plan.draw(seed, seconds, SESSION)
            self.assertEqual({fault.kind for fault in faults}, set(fault_plan.KINDS))
            for fault in faults:
                self.assertTrue(0 <= fault.begin < fault.end <= seconds)
                self.assertTrue(fault.kind != "zombie" or fault.end - fault.begin > SESSION)
                self.assertTrue(fault.kind != "freeze" or fault.end - fault.begin < SESSION)
            for one, other in itertools.combinations(faults, 2):
                apart = one.end < other.begin or other.end < one.begin
                self.assertTrue(apart or one.target != other.target, f"{one} and {other}")

    def test_actions_come_in_the_order_of_time_and_in_pairs(self):
        steps = fault_plan.actions(fault_plan.draw(1, 600, SESSION))
        self.assertEqual(steps, sorted(steps, key=lambda step: step[0]))
        for fault in {step[2] for step in steps}:
            verbs = [verb for _, verb, of in steps if of == fault]
            self.assertIn(verbs, [["kill", "start"], ["stop", "continue"], ["start", "terminate"]])

    def test_too_short_a_churn_is_refused(self):
        with self.assertRaises(ValueError):
            fault_plan.draw(1, 20, SESSION)


class Judges(unittest.TestCase):
    sent = [Sent("a", json.dumps(text(1))), Sent("a", "{broken", "schema")]
    records = [Record(0, n, s.key.encode(), s.value.encode(), {}) for n, s in enumerate(sent)]
    codes = {"{broken": "schema"}

    def letter(self, **headers):
        given = {"dlq.topic": "events", "dlq.partition": "0", "dlq.offset": "1", "dlq.code": "schema"}
        return Record(0, 0, b"a", b"{broken", {**given, **headers})

    def test_produced(self):
        checks.check_produced(self.records, self.sent)
        for held in (self.records[:1], self.records + self.records[:1]):
            with self.assertRaises(Failed):
                checks.check_produced(held, self.sent)

    def test_letters(self):
        good = self.letter()
        self.assertEqual(checks.check_letters("events", self.records, [good, good], self.codes), 1)
        wrong = [
            [],
            [self.letter(**{"dlq.code": "key"})],
            [good, self.letter(**{"dlq.offset": "0"})],
            [self.letter(**{"dlq.topic": "rank"})],
        ]
        for letters in wrong:
            with self.assertRaises(Failed):
                checks.check_letters("events", self.records, letters, self.codes)

    def test_account(self):
        stored = {"a": after([text(1)])}
        outcomes = checks.check_account(self.records, self.codes, stored)
        self.assertEqual(outcomes, {"applied": 1, "dead-lettered": 1})
        with self.assertRaises(Failed):
            checks.check_account(self.records, self.codes, {})

    def test_stored(self):
        expected = {"a": after([text(2), image(1)])}
        checks.check_stored(expected, {"a": after([image(1), text(2)])})
        wrong = [[text(1), image(1)], [text(2, "cup"), image(1)], [text(2)], [text(2), image(1), gone(0)]]
        wrong += [[text(2), image(1, "s3://b/other")], [text(2), image(1), image(3, name="more")]]
        for events in wrong:
            with self.assertRaises(Failed):
                checks.check_stored(expected, {"a": after(events)})
        for stored in ({}, {"a": expected["a"], "b": Article()}):
            with self.assertRaises(Failed):
                checks.check_stored(expected, stored)

    def test_lists(self):
        exact = {"a": [("b", 0.9)], "b": [("a", 0.9)]}
        checks.check_lists(exact, exact, exact, 1)
        other = {**exact, "a": [("c", 0.9)]}
        for brute, reference in ((other, exact), (exact, other)):
            with self.assertRaises(Failed):
                checks.check_lists(exact, brute, reference, 1)


class Lists(unittest.TestCase):
    longer = {"a": [("b", 0.9), ("c", 0.8), ("d", 0.799995), ("e", 0.5)]}

    def test_ties_may_stand_in_any_order(self):
        for found in ([("b", 0.9), ("c", 0.8)], [("b", 0.9), ("d", 0.799999)]):
            self.assertEqual(lists.differences_but_ties(self.longer, {"a": found}, 2), [])

    def test_all_else_is_a_difference(self):
        wrong = {
            "a score": [("b", 0.9), ("c", 0.79)],
            "one that is worse": [("b", 0.9), ("e", 0.8)],
            "one that is not near": [("b", 0.9), ("z", 0.8)],
            "too few": [("b", 0.9)],
            "twice": [("b", 0.9), ("b", 0.9)],
        }
        for name, found in wrong.items():
            with self.subTest(name):
                self.assertEqual(len(lists.differences_but_ties(self.longer, {"a": found}, 2)), 1)
        self.assertEqual(lists.differences_but_ties(self.longer, {}, 2), ["a: no list"])

    def row(self, sequence, neighbour="b"):
        listed = [{"article_id": neighbour, "score": 0.9}]
        value = json.dumps({"sequence": sequence, "neighbours": listed})
        return Record(0, 0, b"a", value.encode(), {})

    def test_the_last_list_is_the_newest(self):
        tombstone = Record(0, 0, b"a", None, {})
        self.assertEqual(lists.sequences([self.row(1), tombstone, self.row(2), self.row(2)]), ([], 0))
        self.assertEqual(lists.sequences([self.row(2), self.row(1), self.row(3)]), ([], 1))
        self.assertEqual(len(lists.sequences([self.row(1), self.row(3), self.row(2)])[0]), 1)
        self.assertEqual(len(lists.sequences([self.row(2), self.row(2, "c")])[0]), 1)


class Points(unittest.TestCase):
    def test_a_payload_is_read_back(self):
        def entry(name, value):
            pair = qdrant_points.text(1, name) + qdrant_points.message(2, value)
            return qdrant_points.message(2, pair)

        strings = b"".join(qdrant_points.message(1, qdrant_points.text(4, word)) for word in ("x", "y"))
        point = b"".join(
            [
                qdrant_points.message(1, qdrant_points.text(2, "the id")),
                entry("version", qdrant_points.number(3, 300)),
                entry("uri", qdrant_points.text(4, "s3://b/ü")),
                entry("deleted", qdrant_points.number(5, 1)),
                entry("tau", qdrant_points.encoded(2 << 3 | 1) + struct.pack("<d", 0.5)),
                entry("group", qdrant_points.number(1, 0)),
                entry("categories", qdrant_points.message(7, strings)),
            ]
        )
        expected = {"version": 300, "uri": "s3://b/ü", "deleted": True, "tau": 0.5, "group": None}
        self.assertEqual(qdrant_points.payload(point), {**expected, "categories": ["x", "y"]})


class Pictures(unittest.TestCase):
    def test_a_picture_is_whole_and_repeats(self):
        for kind, view in ((0, 0), (3, 7), (random.Random(1).randrange(80), 2)):
            data = pictures.picture(kind, view)
            self.assertEqual(data, pictures.picture(kind, view))
            body = data[data.index(b"IDAT") + 4 : data.index(b"IEND") - 8]
            self.assertEqual(len(zlib.decompress(body)), pictures.SIDE * (1 + 3 * pictures.SIDE))
        self.assertNotEqual(pictures.picture(0, 0), pictures.picture(0, 1))


class WatchTest(unittest.TestCase):
    def test_series_of_one_name(self):
        page = '# HELP a A.\na{topic="t",partition="1"} 5\na_total{topic="t"} 7\na 2\n'
        found = watch.series(page, "a")
        self.assertEqual(found, [({"topic": "t", "partition": "1"}, 5.0), ({}, 2.0)])


if __name__ == "__main__":
    unittest.main()
