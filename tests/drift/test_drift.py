"""docker-compose.yml and deploy/local describe the same stack. Each test fails when they drift apart;
what may differ, because it belongs to the place, is named in the test."""

import json
import re
import unittest

from stacks import (
    ROOT, SERVERS, SERVICES, compose, container, differing, local, mounted, nodes, properties,
    published, versions, yaml,
)

LIMIT = 8 << 30


def settings(node):
    """The environment that the local stack starts a service with."""
    return properties(local("show", node))


def kudos_settings(name):
    return {k: str(v) for k, v in container(name)["environment"].items() if k.startswith("KUDOS_")}


class Nodes(unittest.TestCase):
    def test_both_have_the_same_nodes(self):
        one_shots = {"redis-cluster", "migrations"}
        self.assertEqual(set(compose()["services"]) - one_shots, set(nodes()))

    def test_a_node_has_the_same_port_on_the_host(self):
        for name, address in nodes().items():
            port = int(address.rsplit(":", 1)[1])
            if name.startswith("cassandra-"):
                # Local nodes share a port on addresses of their own; here they count up from it.
                port += int(name[-1]) - 1
            self.assertEqual(published(name), [("127.0.0.1", port)], name)

    def test_nothing_is_published_beyond_this_machine(self):
        hosts = {host for name in compose()["services"] for host, _ in published(name)}
        self.assertEqual(hosts, {"127.0.0.1"})

    def test_images_are_of_the_versions_that_the_local_stack_takes(self):
        for part in (*SERVERS, "nginx"):
            wanted = versions()[f"{part.upper()}_VERSION"]
            self.assertEqual(container(f"{part}-1")["image"].rsplit(":", 1)[1], wanted, part)
            script = (ROOT / f"deploy/local/lib/{part}.sh").read_text()
            self.assertIn(f"${part.upper()}_VERSION", script, part)

    def test_every_container_has_a_limit_and_all_fit_eight_gibibytes(self):
        limits = {name: int(s.get("mem_limit", LIMIT)) for name, s in compose()["services"].items()}
        self.assertLessEqual(sum(limits.values()), LIMIT, limits)

    def test_data_is_in_named_volumes(self):
        for part in SERVERS:
            for name in (name for name in nodes() if name.startswith(part)):
                kept = [v["source"] for v in container(name)["volumes"] if v["type"] == "volume"]
                self.assertEqual(kept, [name])


class Servers(unittest.TestCase):
    def test_redis_is_started_with_the_same_files(self):
        self.assertEqual(mounted("redis-2")["/etc/kudos"], "deploy/redis")
        choices = [{"PERSISTENCE": kept} for kept in ("rdb", "aof", "mix")]
        for chosen in ({}, *choices):
            ours = local("show", "redis-2", **chosen)
            command = " ".join(container("redis-2", **chosen)["command"])
            kept = chosen.get("PERSISTENCE", "mix")
            for file in sorted((ROOT / "deploy/redis").glob("*.conf")):
                wanted = file.stem in ("kudos", "cluster", kept)
                self.assertEqual(file.read_text() in ours, wanted, (file.name, chosen))
                self.assertEqual(f"/etc/kudos/{file.name}" in command, wanted, (file.name, chosen))

    def test_redis_has_the_replicas_that_were_asked_for(self):
        for chosen, redis in (({}, 6), ({"REPLICAS": "2"}, 9), ({"PROFILE": "small"}, 1)):
            rows = [line.split() for line in local("status", **chosen).splitlines()]
            found = {row[0]: row[2] for row in rows if row[0].startswith("redis-")}
            wanted = {f"redis-{n}": f"127.0.0.1:{6999 + n}" for n in range(1, redis + 1)}
            self.assertEqual(found, wanted, chosen)

    def test_redis_is_told_nothing_else_but_its_place(self):
        files = ("kudos", "mix", "cluster")
        shared = "".join((ROOT / f"deploy/redis/{file}.conf").read_text() for file in files)
        ours = set(local("show", "redis-2").splitlines()) - set(shared.splitlines())
        self.assertEqual({line.split()[0] for line in ours}, {"bind", "port", "dir"})
        flags = re.findall(r"--([a-z-]+)", " ".join(container("redis-2")["command"]))
        self.assertEqual(set(flags), {"include", "port", "cluster-announce-ip"})

    def test_cassandra_has_the_same_settings_but_for_addresses(self):
        self.assertEqual(mounted("cassandra-2")["/etc/kudos"], "deploy/cassandra")
        shared = yaml((ROOT / "deploy/cassandra/cassandra.yaml").read_text())
        ours = yaml(local("show", "cassandra-2"))
        place = {"listen_address", "rpc_address", "seed_provider", "initial_token"}
        self.assertLessEqual(differing(shared, ours), place)
        theirs = {k for k in container("cassandra-2")["environment"] if k.startswith("CASSANDRA_")}
        self.assertEqual(theirs, {"CASSANDRA_SEEDS"})

    def test_cassandra_has_the_same_tokens_heap_and_flags(self):
        script = (ROOT / "deploy/local/lib/cassandra.sh").read_text()
        for node in ("cassandra-1", "cassandra-2", "cassandra-3"):
            theirs = container(node)["environment"]
            self.assertEqual(theirs["TOKEN"], yaml(local("show", node))["initial_token"], node)
            self.assertEqual(theirs["MAX_HEAP_SIZE"], versions()["CASSANDRA_HEAP"])
            for flag in theirs["JVM_EXTRA_OPTS"].split():
                self.assertIn(flag, script)

    def test_kafka_has_the_same_settings_but_for_addresses(self):
        self.assertEqual(mounted("kafka-1")["/mnt/shared/config"], "deploy/kafka")
        shared = properties((ROOT / "deploy/kafka/server.properties").read_text())
        place = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}
        self.assertEqual(differing(shared, properties(local("show", "kafka-1"))), place)
        environment = container("kafka-1")["environment"]
        theirs = {
            key.removeprefix("KAFKA_").lower().replace("_", ".")
            for key in environment
            if key.startswith("KAFKA_") and key != "KAFKA_HEAP_OPTS"
        }
        self.assertEqual(theirs, place)
        self.assertIn(versions()["KAFKA_HEAP"], environment["KAFKA_HEAP_OPTS"])

    def test_elasticsearch_has_the_same_settings_but_for_addresses(self):
        target = "/usr/share/elasticsearch/config/elasticsearch.yml"
        self.assertEqual(mounted("elasticsearch-1")[target], "deploy/elasticsearch/elasticsearch.yml")
        shared = yaml((ROOT / "deploy/elasticsearch/elasticsearch.yml").read_text())
        ours = yaml(local("show", "elasticsearch-1"))
        place = {"network.host", "http.port", "transport.port", "path.data", "path.logs"}
        self.assertEqual(differing(shared, ours), place)
        theirs = {key for key in container("elasticsearch-1")["environment"] if "." in key}
        self.assertLessEqual(theirs, place)

    def test_nginx_has_the_same_rules_but_for_addresses(self):
        self.assertEqual(mounted("nginx-1")["/etc/nginx/conf.d/default.conf"], "deploy/nginx/kudos.conf")
        shared = (ROOT / "deploy/nginx/kudos.conf").read_text().splitlines()
        ours = local("show", "nginx-1").splitlines()
        place = re.compile(r"    (server [a-z]+-?[a-z]*-\d:8080|listen 8080)")
        self.assertEqual([line for line in shared if line not in ours and not place.match(line)], [])

    def test_both_ask_servers_for_their_health_by_the_same_scripts(self):
        for part in ("redis", "cassandra", "kafka"):
            asked = " ".join(container(f"{part}-1")["healthcheck"]["test"])
            self.assertIn(f"/health/{part}.sh", asked)
            self.assertEqual(mounted(f"{part}-1")["/health"], "deploy/health")
            self.assertIn(f"health/{part}.sh", (ROOT / f"deploy/local/lib/{part}.sh").read_text())


class Services(unittest.TestCase):
    def test_a_service_reads_the_same_file(self):
        for name in (n for n in nodes() if n.startswith(SERVICES)):
            program = name.rsplit("-", 1)[0]
            command = [program, "--config", f"/etc/kudos/{program}.toml"]
            self.assertEqual(container(name)["command"], command)
            self.assertEqual(mounted(name)["/etc/kudos"], "deploy/services")

    def test_a_service_is_told_the_same_things_of_its_place(self):
        for name in (n for n in nodes() if n.startswith(SERVICES)):
            self.assertEqual(set(kudos_settings(name)), set(settings(name)), name)

    def test_the_console_shows_every_service(self):
        names = sorted(n for n in nodes() if n.startswith(SERVICES))
        theirs = json.loads(kudos_settings("search-1")["KUDOS_CONSOLE__SERVICES"])
        self.assertEqual(sorted(theirs), [f"http://{name}:8080" for name in names])
        ours = json.loads(settings("search-1")["KUDOS_CONSOLE__SERVICES"])
        self.assertEqual(sorted(ours), sorted(f"http://{nodes()[name]}" for name in names))

    def test_keyspace_and_topics_are_made_with_the_same_settings(self):
        """Names and partitions are in the shared file; what the place adds are addresses and copies."""
        ours, theirs = settings("kudosctl"), kudos_settings("migrations")
        place = {k for k in ours if k.endswith(("CONTACT_POINTS", "NODES", "BROKERS", "URLS"))}
        self.assertEqual(differing(ours, theirs), place)
        self.assertIn("migrate", container("migrations")["command"])

    def test_kudos_waits_for_migrations_and_they_for_healthy_servers(self):
        waits = {k: v["condition"] for k, v in container("migrations")["depends_on"].items()}
        first = {n: "service_healthy" for n in nodes() if n.startswith(("cassandra", "kafka", "elastic"))}
        self.assertEqual(waits, first | {"redis-cluster": "service_completed_successfully"})
        for name in (n for n in nodes() if n.startswith(SERVICES)):
            waits = container(name)["depends_on"]["migrations"]["condition"]
            self.assertEqual(waits, "service_completed_successfully")


if __name__ == "__main__":
    unittest.main()
