"""What a churn has of its own on servers that others use too: topics, groups, collections."""

from worker import K

# Kafka's least for a group; longer freezes make zombies.
SESSION_SECONDS = 6
EVENTS, RANK, SIMILAR, DEAD_LETTERS, REFERENCE = (
    "churn.events",
    "churn.rank",
    "churn.similar",
    "churn.dead-letters",
    "churn.reference",
)
# Prefixes of consumer groups and of collections.
GROUP, REFERENCE_GROUP = "churn", "churn-reference"
GROUPS = {f"{GROUP}.embed": EVENTS, f"{GROUP}.rank": RANK}
PARTITIONS = 6
# The reference lists hold what just misses a list, so that ties can be told.
REFERENCE_K = K + 20


def collections(story, group):
    return f"{story.qdrant.prefix}-{group}"


def own(story, events, group, k=K):
    """What is laid over the configuration of a replica."""
    topics = {"events": events, "rank": RANK, "similar": SIMILAR, "dead_letters": DEAD_LETTERS}
    return {
        "kafka": {
            "topics": topics,
            "group_prefix": group,
            "properties": {"session.timeout.ms": str(SESSION_SECONDS * 1000)},
        },
        "objects": {"missing_retry_delays_ms": [500, 2000, 8000]},
        "qdrant": {"prefix": collections(story, group)},
        # A threshold keeps one kind of picture from being a candidate of all others.
        "ranking": {"k": k, "threshold": 0.5},
    }
