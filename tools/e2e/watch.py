"""What the replicas say of themselves while they run: lag, and records resolved."""

import metrics
from waiting import NotYet

LAG = "lookalike_consumer_lag_records"
RESOLVED = "lookalike_records_resolved_total"
TRUNCATED = "lookalike_searches_truncated_total"
# A replica that does not answer must not hold the feed up.
ANSWER_SECONDS = 1


class Watch:
    """The last page of metrics of every life of every replica.

    Counters end with their process: what a killed one did after its last page was
    read is not in the sums, so they are lower bounds.
    """

    def __init__(self):
        self.pages = {}
        # (topic, partition) → records, as its latest owner told; None was never told.
        self.lags = {}

    def look(self, worker):
        try:
            status, page = worker.get("/metrics", ANSWER_SECONDS)
        except NotYet:
            return
        if status != 200:
            return
        self.pages[worker.name, worker.running.process.pid] = page
        for labels, value in series(page, LAG):
            self.lags[labels["topic"], labels["partition"]] = value

    @property
    def lag(self):
        return int(sum(self.lags.values()))

    def resolved(self, topic):
        """outcome → records, over all pages."""
        sums = {}
        for page in self.pages.values():
            for labels, value in series(page, RESOLVED):
                if labels["topic"] == topic:
                    sums[labels["outcome"]] = sums.get(labels["outcome"], 0) + int(value)
        return sums

    def total(self, name):
        return int(sum(metrics.total(page, name) for page in self.pages.values()))


def series(page, name):
    """(labels, value) of each series of a metric."""
    found = []
    for line in page.splitlines():
        match = metrics.SERIES.match(line)
        if match and match[1] == name:
            found.append((dict(metrics.LABEL.findall(match[2] or "")), float(line.rsplit(" ", 1)[1])))
    return found
