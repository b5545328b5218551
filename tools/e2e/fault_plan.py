"""Which process suffers what, and when: a plan drawn from a seed.

Guarantee: the same arguments give the same plan; each kind that was asked for
happens at least once; no process suffers two faults at a time; every fault is over
before the churn is.
"""

import random
from dataclasses import dataclass

# kill: SIGKILL, and a start after a while. freeze: SIGSTOP for less than the group waits.
# zombie: SIGSTOP for longer, so that it wakes up and its partitions belong to others.
# join: one replica more, which leaves by SIGTERM. qdrant: SIGKILL of Qdrant and its start.
KINDS = ("kill", "freeze", "zombie", "join", "qdrant")
REPLICAS = ("replica-1", "replica-2", "replica-3")
GUEST = "replica-4"
# Longest fault, and longest pause between the beginnings of two.
LONGEST, PAUSE = 30.0, 16.0
# Rest between two visits of the guest: leaving takes it up to its shutdown deadline.
REST = 35.0
# Parts of the churn: the first round has begun by the one, no fault takes longer than the other.
FIRST_ROUND, SHARE = 0.6, 0.35
# Shortest churn in which every kind has room.
LEAST_SECONDS = 40


@dataclass(frozen=True)
class Fault:
    """Times in seconds since the churn began."""

    begin: float
    end: float
    kind: str
    target: str

    def __str__(self):
        return f"{self.begin:6.1f} to {self.end:6.1f} s  {self.kind} {self.target}"


def draw(seed, seconds, session_seconds, kinds=KINDS):
    """The faults, by their beginning."""
    if seconds < LEAST_SECONDS:
        raise ValueError(f"{seconds} s are too short for every kind of fault: at least {LEAST_SECONDS}")
    dice = random.Random(f"faults {seed}")
    longest = min(LONGEST, seconds * SHARE)
    pause = min(PAUSE, seconds * FIRST_ROUND / len(kinds))
    faults, now = [], 0.0
    while True:
        for kind in dice.sample(kinds, len(kinds)):
            now = round(now + dice.uniform(pause * 0.4, pause), 1)
            end = round(now + duration(dice, kind, longest, session_seconds), 1)
            if end > seconds:
                return faults
            target = free_target(dice, kind, now, faults)
            if target is not None:
                faults.append(Fault(now, end, kind, target))


def duration(dice, kind, longest, session_seconds):
    if kind == "kill":
        return dice.uniform(0.5, 6)
    if kind == "freeze":
        return dice.uniform(2, session_seconds - 1)
    if kind == "zombie":
        return dice.uniform(session_seconds + 2, longest)
    if kind == "join":
        return dice.uniform(longest / 2, longest)
    return dice.uniform(0.5, 4)


def free_target(dice, kind, now, faults):
    """A process without a fault at this moment; None when there is none."""
    busy = {f.target for f in faults if f.end + (REST if f.target == GUEST else 0) >= now}
    names = {"join": (GUEST,), "qdrant": ("qdrant",)}.get(kind, REPLICAS)
    free = [name for name in names if name not in busy]
    return dice.choice(free) if free else None


def actions(faults):
    """(seconds, what to do, fault) in the order of time."""
    verbs = {
        "kill": ("kill", "start"),
        "freeze": ("stop", "continue"),
        "zombie": ("stop", "continue"),
        "join": ("start", "terminate"),
        "qdrant": ("kill", "start"),
    }
    steps = [(f.begin, verbs[f.kind][0], f) for f in faults] + [(f.end, verbs[f.kind][1], f) for f in faults]
    return sorted(steps, key=lambda step: step[0])
