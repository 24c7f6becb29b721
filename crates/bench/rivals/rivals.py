"""What users might build instead, under the operations that Kudos is given, and scored like it.

    rivals.py --kudos URL --kudos-reads URL --cassandra HOST:PORT --redis HOST:PORT --kafka HOST:PORT [--operations N]

Three counters take the same operations, one after the other:

- kudos: the services at the URLs, by their HTTP API.
- draft: the protocol that a first draft of such a system often has: an upsert, a blind increment of
  a hash and of a sorted set, an event. It has no way to take a reaction back.
- script: a script in Redis that moves a user from one kind to another. It is as durable as the
  append-only file: with `everysec`, up to a second of what was acknowledged may be lost.

Operations are 9 adds : 3 removals : 8 changes, posts by Zipf with one that everybody wants, and
30 % of them are sent twice, as clients do that got no answer. Prints one JSON object a counter:
requests, seconds, p50_ms, p99_ms, the posts, how many of them are counted wrong, and by how much.
"""

import argparse
import bisect
import http.client
import itertools
import json
import random
import threading
import time
import urllib.parse
import uuid
from collections import Counter, namedtuple

from cassandra.cluster import Cluster
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from redis import Redis

KINDS = ["like", "love", "haha", "wow", "sad", "angry"]
CALLERS = 32
POSTS = 1_000
Operation = namedtuple("Operation", "key post user want sends")


class Kudos:
    """The service; a connection for each caller, kept."""

    def __init__(self, args, prefix):
        self.writes = urllib.parse.urlsplit(args.kudos).netloc
        self.reads = urllib.parse.urlsplit(args.kudos_reads).netloc
        self.prefix = prefix
        self.own = threading.local()

    def request(self, method, path, headers, body=None):
        address = self.reads if method == "GET" else self.writes
        connections = self.own.__dict__
        if address not in connections:
            connections[address] = http.client.HTTPConnection(address, timeout=10)
        connections[address].request(method, path, body, headers)
        answer = connections[address].getresponse()
        text = answer.read()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {answer.status} {text}")
        return json.loads(text)

    def prepare(self, posts):
        headers = {"X-User-Id": "author", "Content-Type": "application/json"}
        for post in posts:
            body = json.dumps({"title": f"Post {post}"})
            self.request("PUT", f"/v1/posts/{self.prefix}-{post}", headers, body)

    def react(self, operation):
        path = f"/v1/posts/{self.prefix}-{operation.post}/reactions"
        headers = {"X-User-Id": operation.user, "Idempotency-Key": operation.key}
        if operation.want is None:
            self.request("DELETE", f"{path}/@me", headers)
        else:
            self.request("PUT", f"{path}/{operation.want}/@me", headers)

    def counts(self, post):
        user = {"X-User-Id": "reader"}
        return self.request("GET", f"/v1/posts/{self.prefix}-{post}/reactions", user)["counts"]

    def close(self, posts):
        pass


class Draft:
    """The first draft. Keyspace, topic and keys have a prefix of their own, and are removed."""

    def __init__(self, args, prefix):
        self.keyspace = prefix.replace("-", "_")
        self.prefix = prefix
        host, port = args.cassandra.rsplit(":", 1)
        self.cluster = Cluster([host], port=int(port), protocol_version=5)
        self.session = self.cluster.connect()
        self.session.execute(
            f"CREATE KEYSPACE {self.keyspace} WITH replication = "
            "{'class': 'NetworkTopologyStrategy', 'replication_factor': 1}"
        )
        self.session.execute(
            f"CREATE TABLE {self.keyspace}.reactions "
            "(post_id text, user_id text, reaction_type text, PRIMARY KEY (post_id, user_id))"
        )
        self.upsert = self.session.prepare(
            f"INSERT INTO {self.keyspace}.reactions (post_id, user_id, reaction_type) VALUES (?, ?, ?)"
        )
        self.redis = connect(args.redis)
        self.topics = AdminClient({"bootstrap.servers": args.kafka})
        self.producer = Producer({"bootstrap.servers": args.kafka})

    def key(self, post):
        return f"{self.prefix}:post:{post}:reactions"

    def prepare(self, posts):
        for made in self.topics.create_topics([NewTopic(self.prefix, 3, 1)]).values():
            made.result(10)

    def react(self, operation):
        _, post, user, want, _ = operation
        if want is None:
            return
        self.session.execute(self.upsert, (post, user, want))
        self.redis.hincrby(self.key(post), want, 1)
        self.redis.zincrby(f"{self.prefix}:posts:by_reactions", 1, f"post:{post}")
        event = json.dumps({"post_id": post, "user_id": user, "reaction_type": want})
        self.producer.produce(self.prefix, event)
        self.producer.poll(0)

    def counts(self, post):
        return integers(self.redis.hgetall(self.key(post)))

    def close(self, posts):
        self.producer.flush(5)
        self.topics.delete_topics([self.prefix])
        self.redis.delete(f"{self.prefix}:posts:by_reactions", *map(self.key, posts))
        self.session.execute(f"DROP KEYSPACE {self.keyspace}")
        self.cluster.shutdown()


class Script:
    """Counts in Redis alone. Its keys are removed."""

    # KEYS: the users of the post, its counts. ARGV: the user; the kind wanted, or nothing.
    MOVE = """
    local held = redis.call('HGET', KEYS[1], ARGV[1])
    if held == ARGV[2] or (not held and ARGV[2] == '') then return 0 end
    if held then redis.call('HINCRBY', KEYS[2], held, -1) end
    if ARGV[2] == '' then
      redis.call('HDEL', KEYS[1], ARGV[1])
    else
      redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
      redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
    end
    return 1
    """

    def __init__(self, args, prefix):
        self.prefix = prefix
        self.redis = connect(args.redis)
        self.move = self.redis.register_script(self.MOVE)

    def keys(self, post):
        return [f"{self.prefix}:{{{post}}}:users", f"{self.prefix}:{{{post}}}:counts"]

    def prepare(self, posts):
        pass

    def react(self, operation):
        self.move(keys=self.keys(operation.post), args=[operation.user, operation.want or ""])

    def counts(self, post):
        return integers(self.redis.hgetall(self.keys(post)[1]))

    def close(self, posts):
        for post in posts:
            self.redis.delete(*self.keys(post))


def connect(address):
    host, port = address.rsplit(":", 1)
    return Redis(host=host, port=int(port))


def integers(held):
    return {kind.decode(): int(count) for kind, count in held.items()}


def operations(count, seed=7):
    """As many operations; the same ones each time."""
    chance = random.Random(seed)
    weights = list(itertools.accumulate(1 / (rank + 1) ** 0.99 for rank in range(POSTS)))
    held, made = {}, []
    while len(made) < count:
        viral = chance.random() < 0.2
        rank = 0 if viral else bisect.bisect(weights, chance.random() * weights[-1])
        post, user = f"p{rank}", f"u{chance.randrange(count // 4)}"
        now = held.get((post, user))
        # Of 20 operations 9 add, 3 remove, 8 change; only what is held can be changed or removed.
        dice = chance.randrange(20)
        if now is None and dice >= 9:
            if not held:
                continue
            post, user = chance.choice(list(itertools.islice(held, 200)))
            now = held[post, user]
        if now is None:
            want = chance.choice(KINDS)
        elif dice < 12:
            want = None
        else:
            want = chance.choice([kind for kind in KINDS if kind != now])
        if want is None:
            del held[post, user]
        else:
            held.pop((post, user), None)
            held[post, user] = want
        sends = 2 if chance.random() < 0.3 else 1
        made.append(Operation(f"op-{len(made)}-{seed}-key", post, user, want, sends))
    return made


def expected(made):
    """What each post counts at the end: the last that each user wanted of it."""
    last = {(one.post, one.user): one.want for one in made}
    counts = {one.post: Counter() for one in made}
    for (post, _), want in last.items():
        if want is not None:
            counts[post][want] += 1
    return counts


def drive(counter, made):
    """A user's operations are sent in their order, by one caller. Returns the seconds of all, and
    the sorted seconds of each request."""
    shares = [[] for _ in range(CALLERS)]
    for one in made:
        shares[hash(one.user) % CALLERS].append(one)
    latencies, failures = [], []

    def call(share):
        own = []
        try:
            for one in share:
                for _ in range(one.sends):
                    begun = time.perf_counter()
                    counter.react(one)
                    own.append(time.perf_counter() - begun)
        except Exception as failure:  # whatever it is, the run counts for nothing
            failures.append(failure)
        latencies.extend(own)

    threads = [threading.Thread(target=call, args=(share,)) for share in shares]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.perf_counter() - begun, sorted(latencies)


def score(counter, made):
    seconds, latencies = drive(counter, made)
    wrong = off = 0
    for post, wanted in expected(made).items():
        counted = Counter(counter.counts(post))
        differs = sum(abs(counted[kind] - wanted[kind]) for kind in KINDS)
        wrong += differs > 0
        off += differs
    at = lambda share: round(1e3 * latencies[int(share * (len(latencies) - 1))], 2)
    return {
        "requests": len(latencies),
        "seconds": seconds,
        "p50_ms": at(0.50),
        "p99_ms": at(0.99),
        "posts": len(expected(made)),
        "wrong_posts": wrong,
        "off_by": off,
        "should_be": sum(sum(counts.values()) for counts in expected(made).values()),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ["kudos", "kudos-reads", "cassandra", "redis", "kafka"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--operations", type=int, default=20_000)
    args = parser.parse_args()
    made = operations(args.operations)
    posts = sorted({one.post for one in made})
    for kind in [Kudos, Draft, Script]:
        name = kind.__name__.lower()
        counter = kind(args, f"{name}-{uuid.uuid4().hex[:8]}")
        try:
            counter.prepare(posts)
            print(json.dumps({"name": name, **score(counter, made)}), flush=True)
        finally:
            counter.close(posts)


if __name__ == "__main__":
    main()
