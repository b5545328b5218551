"""The pure parts of the checks: what they must notice."""

import copy
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import dashboard
import dashboard_lint
import images
import metric_names
import rules
from manifests import strict
from values_readme import described

FAMILIES = """
    lag: r.gauges("lookalike_lag", "Lag, in \\"records\\".", &["topic", "partition"])?,
    made: r
        .counter("lookalike_made_total", "Made.")?,
    duration: r.histograms(
        "lookalike_duration_seconds",
        "Time.",
        &["stage"],
        &BUCKETS,
    )?,
    ready: r.keep(IntGauge::new("lookalike_ready", "1 when ready.")?)?,
"""


class MetricNames(unittest.TestCase):
    def setUp(self):
        self.known = metric_names.exported(FAMILIES)

    def test_every_way_of_registering_is_read(self):
        self.assertEqual(self.known["lookalike_lag"], {"topic", "partition"})
        self.assertEqual(self.known["lookalike_made_total"], set())
        self.assertEqual(self.known["lookalike_duration_seconds_bucket"], {"stage", "le"})
        self.assertEqual(self.known["lookalike_duration_seconds_sum"], {"stage"})
        self.assertEqual(self.known["lookalike_ready"], set())
        self.assertNotIn("lookalike_duration_seconds", self.known)

    def test_a_registration_that_is_not_understood_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "lookalike_other"):
            metric_names.exported(FAMILIES + 'Gauge::with_opts(Opts::new("lookalike_other", "Help."))')

    def test_what_nothing_exports_is_noticed(self):
        for expression, word in [
            ("sum(rate(lookalike_made[5m]))", "lookalike_made"),
            ('lookalike_lag{topics="a"}', "topics"),
            ("sum by (stage) (lookalike_lag)", "stage"),
            ('sum(rate(lookalike_duration_seconds{stage="a"}[5m]))', "lookalike_duration_seconds"),
            ("vector_of_nothing", "vector_of_nothing"),
            ("1 > 2", "no metric"),
        ]:
            found = "\n".join(metric_names.complaints("here", expression, self.known))
            self.assertIn(word, found, expression)

    def test_what_is_right_is_taken(self):
        for expression in [
            'sum by (job, topic) (lookalike_lag{topic=~"a{1,2}[.]b", instance="i"}) > 1e3',
            "histogram_quantile(0.9, sum by (le, stage) (rate(lookalike_duration_seconds_bucket[5m])))",
            "lookalike_ready unless on (job, instance) lookalike_lag",
            "deriv(lookalike_lag[10m]) >= 0 and process_open_fds",
        ]:
            self.assertEqual(metric_names.complaints("here", expression, self.known), [], expression)

    def test_a_readme_that_tells_other_names_or_labels_is_noticed(self):
        right = (
            "| `lookalike_lag` | gauge | topic, partition | lag |\n"
            "| `lookalike_made_total` | counter | | made |\n"
            "| `lookalike_duration_seconds` | histogram | stage | time |\n"
            "| `lookalike_ready` | gauge | | ready |\n"
        )
        self.assertEqual(metric_names.undocumented(FAMILIES, right), [])
        for old, new, name in (
            ("topic, partition", "topic", "lookalike_lag"),
            ("`lookalike_ready`", "`lookalike_steady`", "lookalike_steady"),
        ):
            self.assertIn(name, "\n".join(metric_names.undocumented(FAMILIES, right.replace(old, new))))

    def test_a_recording_carries_the_labels_that_it_groups_by(self):
        rules = [{"record": "job:lag:sum", "expr": "sum by (job) (lookalike_lag)"}]
        known = metric_names.with_recordings(self.known, rules)
        self.assertEqual(metric_names.complaints("here", "sum by (job) (job:lag:sum)", known), [])
        self.assertTrue(metric_names.complaints("here", 'job:lag:sum{topic="a"}', known))


class Dashboard(unittest.TestCase):
    def setUp(self):
        self.dashboard = dashboard.dashboard()

    def rules(self):
        return {line.split(":")[0].split(" in ")[0] for line in dashboard_lint.complaints(self.dashboard)}

    def panel(self):
        return dashboard_lint.panels(self.dashboard)[0]

    def test_the_dashboard_keeps_every_rule(self):
        self.assertEqual(self.rules(), set())

    def test_each_rule_notices_what_it_is_for(self):
        target = lambda expression: lambda: self.panel()["targets"][0].update(expr=expression)
        chosen = 'job=~"$job", instance=~"$instance"'
        breaches = {
            "uneditable-dashboard": lambda: self.dashboard.update(editable=True),
            "template-datasource": lambda: self.dashboard["templating"]["list"].pop(0),
            "template-job": lambda: self.dashboard["templating"]["list"].pop(1),
            "template-instance": lambda: self.dashboard["templating"]["list"][2].update(allValue=".*"),
            "template-on-time-change-reload": lambda: self.dashboard["templating"]["list"][1].update(
                refresh=1
            ),
            "panel-title-description": lambda: self.panel().update(description=""),
            "panel-units": lambda: self.panel()["fieldConfig"]["defaults"].update(unit=""),
            "panel-datasource": lambda: self.panel()["datasource"].update(uid="prometheus"),
            "panel-no-targets": lambda: self.panel().update(targets=[]),
            "target-job": target('lookalike_ready{instance=~"$instance"}'),
            "target-instance": target('lookalike_ready{job=~"$job"}'),
            "target-counter-agg": target(f"sum(lookalike_made_total{{{chosen}}})"),
            "target-rate-interval": target(f"rate(lookalike_made_total{{{chosen}}}[5m])"),
        }
        for rule, breach in breaches.items():
            whole = copy.deepcopy(self.dashboard)
            breach()
            self.assertIn(rule, self.rules())
            self.dashboard = whole

    def test_variables_are_read_from_a_metric(self):
        found = dict(dashboard_lint.variables(self.dashboard))
        self.assertEqual(found["variable job"], "sum by (job) (lookalike_build_info)")
        self.assertEqual(found["variable instance"], 'sum by (instance) (lookalike_build_info{job=~".+"})')

    def test_panels_do_not_overlap(self):
        taken = set()
        for panel in self.dashboard["panels"]:
            place = panel["gridPos"]
            cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(place["x"] + place["w"], dashboard.COLUMNS)
            taken |= cells


class Alerts(unittest.TestCase):
    def test_every_threshold_is_taken_away_once_and_the_wait_too(self):
        alert = {"alert": "A", "expr": 'a{b="c"} > 14.4 * 0.01\nand deriv(d[10m]) >= 0', "for": "2m"}
        made = dict(rules.mutants(alert))
        self.assertEqual(len(made), 4)
        self.assertEqual(
            made["fires whether or not >= 0"]["expr"], 'a{b="c"} > 14.4 * 0.01\nand deriv(d[10m]) > -Inf'
        )
        self.assertNotIn("for", made["does not wait"])
        self.assertEqual(made["does not wait"]["expr"], alert["expr"])


class Dockerfiles(unittest.TestCase):
    TEXT = """
# syntax=docker/dockerfile:1
FROM rust:1.2.3 AS build
COPY Cargo.toml Cargo.lock ./
# COPY nothing here
RUN one \\
    && two
FROM ${IMAGE}
COPY --from=build --chown=1:1 /a /b
"""

    def test_instructions_are_read_over_continued_lines_and_without_comments(self):
        self.assertEqual(
            [keyword for keyword, _ in images.instructions(self.TEXT)],
            ["FROM", "COPY", "RUN", "FROM", "COPY"],
        )
        self.assertIn(("RUN", "one  && two"), list(images.instructions(self.TEXT)))

    def test_copies_tell_sources_flags_and_target(self):
        first, second = images.copied(self.TEXT)
        self.assertEqual(first, ([], ["Cargo.toml", "Cargo.lock"], "./"))
        self.assertEqual(second, (["--from=build", "--chown=1:1"], ["/a"], "/b"))

    def test_base_images_are_those_of_others(self):
        self.assertEqual(images.base_images(self.TEXT), ["rust:1.2.3"])

    def test_an_image_needs_a_version(self):
        for image in ("rust:1.95.0-slim", "a/b:v1", "a/b@sha256:" + 64 * "0"):
            self.assertTrue(images.PINNED.fullmatch(image), image)
        for image in ("rust", "rust:latest", "host:5000/rust", "rust:stable"):
            self.assertFalse(images.PINNED.fullmatch(image), image)

    def test_addresses_are_told_from_other_words_with_a_colon(self):
        text = "a: 1\nurl: http://kafka:9092,  # of x:1234\n- [s3:7070]\nt: '10:30'\nlocalhost:80\n"
        self.assertEqual(images.addressed(text), ["kafka", "s3"])

    def test_both_dockerfiles_build_the_same(self):
        self.assertEqual(images.difference_complaints(), [])

    def test_the_last_matching_pattern_of_dockerignore_decides(self):
        patterns = ["*", "!src", "!deploy/compose/feeder.py", "src/old"]
        kept = {
            path
            for path in ("src", "src/a.rs", "target", "src/old", "deploy/compose/feeder.py", "deploy/x")
            if not images.ignored(path, patterns)
        }
        self.assertEqual(kept, {"src", "src/a.rs", "deploy/compose/feeder.py"})


class Schemas(unittest.TestCase):
    def test_unknown_fields_are_refused_unless_the_schema_keeps_them(self):
        made = strict(
            {
                "properties": {
                    "a": {"type": "object", "properties": {"b": {}}},
                    "c": {"type": "object", "properties": {}, "x-kubernetes-preserve-unknown-fields": True},
                    "d": {"type": "object", "additionalProperties": {"type": "string"}},
                    "e": {"x-kubernetes-int-or-string": True},
                }
            }
        )
        self.assertIs(made["additionalProperties"], False)
        self.assertIs(made["properties"]["a"]["additionalProperties"], False)
        self.assertNotIn("additionalProperties", made["properties"]["c"])
        self.assertEqual(made["properties"]["d"]["additionalProperties"], {"type": "string"})
        self.assertEqual(made["properties"]["e"]["anyOf"], [{"type": "integer"}, {"type": "string"}])


class Values(unittest.TestCase):
    TEXT = """
# -- one
a: 1
b:
  # -- two
  c: {}
  # -- three
  d:
    e: 5
  f: 6
"""

    def test_described_values_are_listed_and_others_reported(self):
        found, bare = described(self.TEXT)
        self.assertEqual(found, [("a", "one"), ("b.c", "two"), ("b.d", "three")])
        self.assertEqual(bare, ["b.f"])

    def test_a_described_table_may_have_described_values(self):
        found, bare = described("# -- one\na:\n  # -- two\n  b: 1\nc:\n  # -- three\n  d: 2\n")
        self.assertEqual(found, [("a", "one"), ("a.b", "two"), ("c.d", "three")])
        self.assertEqual(bare, [])

    def test_a_description_without_value_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "lost"):
            described("# -- lost\n# -- one\na: 1\n")


if __name__ == "__main__":
    unittest.main()
