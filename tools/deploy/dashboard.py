"""The Grafana dashboard as code: `python3 tools/deploy/dashboard.py` writes it.

A panel is one line of PANELS. Every selector gets the variables `job` and `instance`;
`make deploy-check` compares the written file with this program and every metric with
those of the worker.
"""

import json
import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
OUTPUT = REPOSITORY / "deploy" / "grafana" / "lookalike.json"

SELECTOR = 'job=~"$job", instance=~"$instance"'
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Grafana's grid is 24 columns wide.
COLUMNS = 24
HEIGHT = 8
STAT_HEIGHT = 4


def rate(metric, by, labels=""):
    return f"sum by ({by}) (rate({metric}{{{labels}}}[$__rate_interval]))"


def quantile(q, metric, by="", labels=""):
    also = f", {by}" if by else ""
    return f"histogram_quantile({q}, {rate(metric + '_bucket', 'le' + also, labels)})"


def total(metric, labels=""):
    return f"sum(rate({metric}{{{labels}}}[$__rate_interval]))"


def share(metric, part):
    return f"{total(metric, part)} / ({total(metric)} > 0)"


def in_time():
    step = 'step="own_list"'
    early = total("lookalike_freshness_seconds_bucket", f'{step},le=~"30([.]0)?"')
    return f"{early} / ({total('lookalike_freshness_seconds_count', step)} > 0)"


def freshness(step):
    return [
        (quantile(q, "lookalike_freshness_seconds", labels=f'step="{step}"'), f"p{q * 100:g}")
        for q in (0.5, 0.95, 0.99)
    ]


# Title, what it tells, unit, [(expression, legend)]. Stats stand in one row of their own.
STATS = [
    (
        "Changes in their own list within 30 s",
        "Objective: 99 %. Measured from `occurred_at`.",
        "percentunit",
        [(in_time(), "")],
    ),
    (
        "Lag",
        "Records that are not committed, all topics.",
        "short",
        [("sum(lookalike_consumer_lag_records{})", "")],
    ),
    ("Ready workers", "Workers that say they are ready.", "short", [("sum(lookalike_ready{})", "")]),
    (
        "Dead letters",
        "Share of finished records that could not be used.",
        "percentunit",
        [(share("lookalike_records_resolved_total", 'outcome="dead_lettered"'), "")],
    ),
    (
        "Recall",
        "Share of the neighbours of a fresh search that stored lists hold.",
        "percentunit",
        [(share("lookalike_recall_neighbours_total", 'result="found"'), "")],
    ),
    (
        "Repaired lists",
        "Share of the lists that the sweeper searched again and found not right.",
        "percentunit",
        [(share("lookalike_lists_swept_total", 'result="repaired"'), "")],
    ),
]

# Row → panels.
ROWS = {
    "Freshness: from the event to the lists": [
        (
            "Event to searchable",
            "Age of a change when its vectors and facts are stored.",
            "s",
            freshness("indexed"),
        ),
        (
            "Event to own list",
            "Age of a change when the changed article's list is published.",
            "s",
            freshness("own_list"),
        ),
        (
            "Event to affected lists",
            "Age of a change when another article's list that it changes is published.",
            "s",
            freshness("affected_list"),
        ),
    ],
    "Throughput": [
        (
            "Records finished",
            "By topic and outcome.",
            "ops",
            [(rate("lookalike_records_resolved_total", "topic, outcome"), "{{topic}} {{outcome}}")],
        ),
        (
            "Work done in each stage",
            "Units of work a second.",
            "ops",
            [(rate("lookalike_stage_duration_seconds_count", "stage"), "{{stage}}")],
        ),
        (
            "Time in each stage, p95",
            "Of one unit of work.",
            "s",
            [(quantile(0.95, "lookalike_stage_duration_seconds", "stage"), "{{stage}}")],
        ),
        (
            "Attempts tried again",
            "By stage, class of error and reason.",
            "ops",
            [
                (
                    rate("lookalike_stage_retries_total", "stage, disposition, code"),
                    "{{stage}} {{disposition}} {{code}}",
                )
            ],
        ),
        (
            "Lists and requests",
            "Lists ranked and published, pairs sent to owners of other lists.",
            "ops",
            [
                (rate("lookalike_lists_ranked_total", "result"), "ranked, {{result}}"),
                (total("lookalike_lists_published_total"), "published"),
                (total("lookalike_rank_requests_sent_total"), "requests sent"),
                (total("lookalike_lists_without_explanations_total"), "published without explanations"),
            ],
        ),
        (
            "Images",
            "Embedded, and kept because the file had not changed.",
            "ops",
            [
                (total("lookalike_images_embedded_total"), "embedded"),
                (total("lookalike_embeddings_reused_total"), "kept"),
                (total("lookalike_images_over_limit_total"), "left out, too many"),
                (total("lookalike_images_without_vector_total"), "left out, no vector"),
            ],
        ),
        (
            "Image bytes read",
            "From the object stores.",
            "Bps",
            [(total("lookalike_images_fetched_bytes_total"), "read")],
        ),
    ],
    "Kafka": [
        (
            "Lag by topic",
            "Records between committed offset and end.",
            "short",
            [("sum by (topic) (lookalike_consumer_lag_records{})", "{{topic}}")],
        ),
        (
            "Largest lag of a partition",
            "One partition far above the others has a hot article or a stuck record.",
            "short",
            [("max by (topic) (lookalike_consumer_lag_records{})", "{{topic}}")],
        ),
        (
            "Records received",
            "By topic.",
            "ops",
            [(rate("lookalike_records_received_total", "topic"), "{{topic}}")],
        ),
        (
            "Records in flight",
            "Consumed and not finished.",
            "short",
            [("sum by (group) (lookalike_records_in_flight{})", "{{group}}")],
        ),
        (
            "Partitions by worker",
            "None for long: more workers than partitions.",
            "short",
            [("sum by (instance, topic) (lookalike_assigned_partitions{})", "{{instance}} {{topic}}")],
        ),
        (
            "Rebalances",
            "A steady rate without deployments is wrong.",
            "ops",
            [(rate("lookalike_rebalances_total", "kind"), "{{kind}}")],
        ),
    ],
    "Encoder and GPU": [
        (
            "Inputs in a batch",
            "Mean and p95; close to 1 under load leaves a GPU idle.",
            "short",
            [
                (
                    f"{total('lookalike_encoder_batch_inputs_sum')}"
                    f" / ({total('lookalike_encoder_batch_inputs_count')} > 0)",
                    "mean",
                ),
                (quantile(0.95, "lookalike_encoder_batch_inputs"), "p95"),
            ],
        ),
        (
            "Inputs that wait",
            "By tower.",
            "short",
            [("sum by (tower) (lookalike_encoder_queue_inputs{})", "{{tower}}")],
        ),
        (
            "Time of a batch",
            "p50 and p95 by tower.",
            "s",
            [
                (
                    quantile(q, "lookalike_encoder_inference_duration_seconds", "tower"),
                    f"{{{{tower}}}} p{q * 100:g}",
                )
                for q in (0.5, 0.95)
            ],
        ),
        (
            "Wait for a batch, p95",
            "What `encoder.max_batch_delay_ms` and a full queue cost.",
            "s",
            [(quantile(0.95, "lookalike_encoder_queue_duration_seconds"), "p95")],
        ),
        (
            "Busy with inference",
            "Seconds of inference a second; 1 is one session always busy.",
            "short",
            [(rate("lookalike_encoder_inference_duration_seconds_sum", "instance"), "{{instance}}")],
        ),
        (
            "Batches too large for memory",
            "Each halves the largest batch until a restart: lower `encoder.max_batch_size`.",
            "ops",
            [(rate("lookalike_encoder_out_of_memory_total", "instance, tower"), "{{instance}} {{tower}}")],
        ),
        (
            "GPUs visible, and what embeds",
            "A visible GPU beside execution provider cpu is unused.",
            "short",
            [
                ("sum by (instance) (lookalike_gpus_visible{})", "{{instance}} GPUs"),
                (
                    "sum by (fingerprint, execution_provider) (lookalike_encoder_info{})",
                    "workers with {{fingerprint}} on {{execution_provider}}",
                ),
            ],
        ),
    ],
    "Qdrant and search": [
        (
            "Calls to Qdrant",
            "By operation.",
            "ops",
            [(rate("lookalike_qdrant_requests_total", "operation"), "{{operation}}")],
        ),
        (
            "Failed calls to Qdrant",
            "By operation.",
            "ops",
            [(rate("lookalike_qdrant_requests_total", "operation", 'result="failed"'), "{{operation}}")],
        ),
        (
            "Time of a call, p95",
            "By operation.",
            "s",
            [(quantile(0.95, "lookalike_qdrant_request_duration_seconds", "operation"), "{{operation}}")],
        ),
        (
            "Searches",
            "About one for each changed article; truncated ones may leave neighbours out.",
            "ops",
            [
                (total("lookalike_searches_total"), "searches"),
                (rate("lookalike_searches_truncated_total", "signal"), "truncated, {{signal}}"),
            ],
        ),
        (
            "Image sets from memory",
            "Share of the compared sets that needed no read.",
            "percentunit",
            [(share("lookalike_sets_wanted_total", 'source="kept"'), "kept")],
        ),
        (
            "Lists searched again",
            "By the sweeper; overtaken lists are published again.",
            "ops",
            [
                (rate("lookalike_lists_swept_total", "result"), "{{result}}"),
                (total("lookalike_lists_overtaken_total"), "overtaken"),
            ],
        ),
    ],
    "Dead letters and processes": [
        (
            "Dead letters",
            "By class, stage and reason.",
            "ops",
            [(rate("lookalike_dead_letters_total", "class, stage, code"), "{{class}} {{stage}} {{code}}")],
        ),
        (
            "Resident memory",
            "Of each process.",
            "bytes",
            [("sum by (instance) (process_resident_memory_bytes{})", "{{instance}}")],
        ),
        (
            "Memory of kept sets",
            "`ranking.cache_mebibytes` is the limit.",
            "bytes",
            [("sum by (instance) (lookalike_set_cache_bytes{})", "{{instance}}")],
        ),
        (
            "Processor time",
            "Cores in use.",
            "short",
            [(rate("process_cpu_seconds_total", "instance"), "{{instance}}")],
        ),
        (
            "Open files",
            "Against the limit of the process.",
            "short",
            [("sum by (instance) (process_open_fds{})", "{{instance}}"), ("min(process_max_fds{})", "limit")],
        ),
        (
            "Spans",
            "Of traces: taken by their receiver, and dropped by reason.",
            "ops",
            [
                (total("lookalike_spans_exported_total"), "exported"),
                (rate("lookalike_spans_dropped_total", "reason"), "dropped, {{reason}}"),
            ],
        ),
        (
            "Versions",
            "Workers by version and role.",
            "short",
            [("sum by (version, role) (lookalike_build_info{})", "{{version}} {{role}}")],
        ),
    ],
}


def selected(expression):
    """Every selector with the variables that choose workers."""
    joined = lambda match: "{" + ", ".join(filter(None, [SELECTOR, match[1]])) + "}"
    return re.sub(r"\{([^{}]*)\}", joined, expression)


def targets(queries):
    made = []
    for position, (expression, legend) in enumerate(queries):
        query = {"datasource": DATASOURCE, "expr": selected(expression), "refId": chr(ord("A") + position)}
        made.append({**query, "legendFormat": legend} if legend else query)
    return made


def panel(kind, definition, position, size, options):
    title, description, unit, queries = definition
    defaults = {"unit": unit, "min": 0, **({"max": 1} if unit == "percentunit" else {})}
    (x, y), (width, height) = position, size
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "options": options,
        "targets": targets(queries),
    }


def layout():
    """All panels with their places, top to bottom; rows fill up from the left."""
    panels, y = [], 0
    width = COLUMNS // len(STATS)
    single = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "none"}
    for number, definition in enumerate(STATS):
        panels.append(panel("stat", definition, (number * width, y), (width, STAT_HEIGHT), single))
    y += STAT_HEIGHT
    several = {
        "legend": {"displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    width = COLUMNS // 3
    for title, definitions in ROWS.items():
        panels.append(
            {
                "type": "row",
                "title": title,
                "collapsed": False,
                "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
                "panels": [],
            }
        )
        y += 1
        for number, definition in enumerate(definitions):
            place = (number % 3 * width, y + number // 3 * HEIGHT)
            panels.append(panel("timeseries", definition, place, (width, HEIGHT), several))
        y += -(-len(definitions) // 3) * HEIGHT
    return [{"id": number, **made} for number, made in enumerate(panels, start=1)]


def variable(name, label, source):
    query = f"label_values({source}, {name})"
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": f"{name}-values"},
        "refresh": 2,
        "includeAll": True,
        "allValue": ".+",
        "multi": True,
        "sort": 1,
        "current": {"text": "All", "value": "$__all"},
    }


def dashboard():
    datasource = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {"text": "default", "value": "default"},
    }
    return {
        "uid": "lookalike",
        "title": "Lookalike",
        "description": "Freshness of the lists, and what it depends on.",
        "tags": ["lookalike"],
        "schemaVersion": 41,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {
            "list": [
                datasource,
                variable("job", "Job", "lookalike_build_info"),
                variable("instance", "Instance", 'lookalike_build_info{job=~"$job"}'),
            ]
        },
        "annotations": {"list": []},
        "panels": layout(),
    }


def text():
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    OUTPUT.write_text(text(), encoding="utf-8")
    print(OUTPUT.relative_to(REPOSITORY), file=sys.stderr)
