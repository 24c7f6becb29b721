"""Every alert fired by the fault that it is for, seen by a Prometheus that watches a running stack.

    fire.py URL      faults, one scene after the other; a line of the table for each alert

Each alert has to fire within its time, and to be silent again within its time after the fault was
healed. What looks at the last minutes, such as a rate, is silent later, and waited for at the end.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field

from metrics import ROOT, rules

STACK = ROOT / "deploy/local/stack"
NODES = os.environ["KUDOS_STACK_REDIS"].split(",")
LOOK = 1
# Of a rate over five minutes, and what comes before it can be seen.
WINDOW = 5 * 60 + 60


def stack(*words):
    done = subprocess.run([STACK, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def tell(name, *nodes):
    """A signal to nodes, by their names."""
    for node in nodes:
        os.kill(int(stack("pid", node)), name)


def running(prefix):
    rows = (line.split() for line in stack("status").splitlines()[1:])
    return [row[0] for row in rows if row[0].startswith(prefix) and row[3] in ("healthy", "sick")]


def redis(address, *words):
    host, port = address.rsplit(":", 1)
    command = ["redis-cli", "-h", host, "-p", port, *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@dataclass
class Shard:
    """A master and its replicas, as addresses."""

    master: str
    replicas: list = field(default_factory=list)


def shards():
    by_id = {}
    lines = [line.split() for line in redis(NODES[0], "CLUSTER", "NODES").splitlines()]
    for line in sorted(lines, key=lambda line: "slave" in line[2]):
        address = line[1].split("@")[0]
        if "master" in line[2]:
            by_id[line[0]] = Shard(address)
        else:
            by_id[line[3]].replicas.append(address)
    return list(by_id.values())


def name_of(address):
    rows = (line.split() for line in stack("status").splitlines()[1:])
    return next(row[0] for row in rows if row[2] == address)


def memory(address):
    lines = redis(address, "INFO", "memory").splitlines()
    return int(next(line for line in lines if line.startswith("used_memory:")).split(":")[1])


@contextmanager
def killed(part, *nodes):
    tell(signal.SIGKILL, *nodes)
    yield
    stack("up", part)


@contextmanager
def stopped(*nodes):
    tell(signal.SIGSTOP, *nodes)
    try:
        yield
    finally:
        tell(signal.SIGCONT, *nodes)


@contextmanager
def master_killed():
    with killed("redis", name_of(shards()[0].master)):
        yield


@contextmanager
def replica_stopped():
    with stopped(name_of(shards()[0].replicas[0])):
        yield


@contextmanager
def memory_full():
    """A master has less room than it needs, and may drop what it has not used for long."""
    master = shards()[0].master
    before = {name: redis(master, "CONFIG", "GET", name).split()[1] for name in ("maxmemory", "maxmemory-policy")}
    redis(master, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    redis(master, "CONFIG", "SET", "maxmemory", int(memory(master) * 0.99))
    try:
        yield
    finally:
        for name, value in before.items():
            redis(master, "CONFIG", "SET", name, value)


@contextmanager
def wrong_count():
    """Somebody writes into Redis by hand."""
    for shard in shards():
        for key in redis(shard.master, "--scan", "--pattern", "post:*:reactions").split()[:1]:
            redis(shard.master, "HSET", key, "like", 987654321)
            yield
            return
    raise AssertionError("no counts to spoil")


@contextmanager
def shard_and_index_gone():
    shard = shards()[-1]
    with killed("redis", *map(name_of, [shard.master, *shard.replicas])), stopped(*running("elasticsearch")):
        yield


@contextmanager
def services_gone():
    with killed("services", *running("search")), stopped(*running("projector")):
        yield


@contextmanager
def engines_gone():
    with stopped(*running("cassandra"), *running("redis"), *running("elasticsearch")):
        yield


@dataclass
class Scene:
    fault: str
    make: object
    # By alert, within how many seconds it has to fire.
    fires: dict
    # By alert, how long after healing it is silent; others at once.
    silent: dict = field(default_factory=dict)


# A scrape, an evaluation and what a failover or a time-out takes.
NOTICED = 45
SCENES = [
    # First, because its alert looks at fifteen minutes.
    Scene("a count in Redis overwritten by hand", wrong_count, {"KudosDrift": 600}, {"KudosDrift": 17 * 60}),
    Scene("a Redis master killed", master_killed, {"RedisMasterDown": 15 + NOTICED}),
    Scene(
        "a Redis replica stopped",
        replica_stopped,
        {"RedisReplicaLag": 30 + NOTICED, "RedisReplicaDown": 120 + NOTICED},
    ),
    Scene(
        "a Redis master with less memory than it needs",
        memory_full,
        {"RedisEvictions": NOTICED, "RedisMemoryHigh": 120 + NOTICED},
        {"RedisEvictions": WINDOW},
    ),
    Scene(
        "a search service killed, all projectors stopped",
        services_gone,
        {"KudosServiceDown": 60 + NOTICED, "RedisNotWatched": 120 + NOTICED},
    ),
    Scene(
        "a shard of Redis killed with its replica, Elasticsearch stopped",
        shard_and_index_gone,
        {
            "RedisSlotsFailed": 15 + NOTICED,
            "KudosDegradedAnswers": 120 + NOTICED,
            "KudosBreakerOpen": 300 + NOTICED,
            "KudosJournalAge": 300 + 60 + NOTICED,
            "KudosConsumerLag": 900,
        },
        {"KudosDegradedAnswers": WINDOW, "KudosConsumerLag": 600},
    ),
    Scene(
        "Cassandra, Redis and Elasticsearch stopped",
        engines_gone,
        {"KudosWritesFailing": 60 + NOTICED, "KudosReadsFailing": 60 + NOTICED},
        {"KudosWritesFailing": WINDOW, "KudosReadsFailing": WINDOW},
    ),
]


class Watch(threading.Thread):
    """Since when each alert fires."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url, self.lock, self.since = url, threading.Lock(), {}

    def run(self):
        while True:
            with urllib.request.urlopen(self.url + "/api/v1/alerts", timeout=10) as answer:
                found = json.load(answer)["data"]["alerts"]
            names = {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}
            with self.lock:
                self.since = {name: self.since.get(name, time.monotonic()) for name in names}
            time.sleep(LOOK)

    def firing(self):
        with self.lock:
            return dict(self.since)


def until(limit, done):
    """Seconds until it is so; none if that takes longer."""
    begun = time.monotonic()
    while not done():
        if time.monotonic() > begun + limit:
            return None
        time.sleep(LOOK)
    return time.monotonic() - begun


@dataclass
class Seen:
    alert: str
    fault: str
    within: int
    fired: float | None = None
    healed: float = 0
    limit: int = NOTICED
    silent: float | None = None

    def is_right(self):
        return self.fired is not None and self.silent is not None

    def line(self):
        def shown(seconds, limit):
            return f"{seconds:.0f} s" if seconds is not None else f"**not within {limit} s**"

        cells = (self.alert, self.fault, shown(self.fired, self.within), shown(self.silent, self.limit))
        return f"| {' | '.join(cells)} |"


def play(watch, scene):
    """The alerts of one scene, which ends with its fault healed."""
    seen = [Seen(alert, scene.fault, within) for alert, within in scene.fires.items()]
    quiet = until(WINDOW, lambda: not watch.firing().keys() & scene.fires.keys())
    assert quiet is not None, f"{watch.firing().keys()} fire before {scene.fault}"
    print(f"==> {scene.fault}", file=sys.stderr, flush=True)
    with scene.make():
        begun = time.monotonic()
        for one in sorted(seen, key=lambda one: one.within):
            left = begun + one.within - time.monotonic()
            if until(left, lambda: one.alert in watch.firing()) is not None:
                one.fired = watch.firing().get(one.alert, time.monotonic()) - begun
    for one in seen:
        one.healed = time.monotonic()
        one.limit = scene.silent.get(one.alert, 2 * NOTICED)
    return seen


def wait_for_silence(watch, seen):
    for one in sorted(seen, key=lambda one: one.healed + one.limit):
        left = one.healed + one.limit - time.monotonic()
        if until(left, lambda: one.alert not in watch.firing()) is not None:
            one.silent = time.monotonic() - one.healed


def main(url):
    watch = Watch(url)
    watch.start()
    # Who waits for the slow ones at once has the exact second of each.
    waits, seen = [], []
    for scene in SCENES:
        scene_seen = play(watch, scene)
        seen += scene_seen
        for one in scene_seen:
            waits.append(threading.Thread(target=wait_for_silence, args=(watch, [one])))
            waits[-1].start()
    for wait in waits:
        wait.join()
    print("| alert | fault | fires after | silent after healing |\n|---|---|---|---|")
    print("\n".join(one.line() for one in seen))
    missing = {rule["alert"] for rule in rules()} - {one.alert for one in seen}
    assert not missing, f"no fault makes {missing} fire"
    return all(one.is_right() for one in seen)


if __name__ == "__main__":
    match sys.argv[1:]:
        case [url]:
            sys.exit(0 if main(url) else 1)
        case _:
            sys.exit(__doc__)
