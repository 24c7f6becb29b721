"""deploy/kubernetes describes what the API of Kubernetes knows, and the same suite as
docker-compose.yml; the programs take the settings that it gives them."""

import json
import os
import re
import subprocess
import unittest

import kubernetes_validate

from manifests import (
    ROOT, SERVERS, compose, container, environment, mounted, objects, pods, rendered, size,
)

FOLDERS = ("base", "example")
# The oldest that is documented, and the newest that there are schemas of.
VERSIONS = ("1.30", "1.37")
# What only Kubernetes says of its place: see the files in base/kudos/at.
OWN = {"KUDOS_AUTH__MODE", "KUDOS_ELASTIC__REPLICAS"}


class Objects(unittest.TestCase):
    def test_every_object_is_one_that_kubernetes_knows(self):
        for folder in FOLDERS:
            self.assertTrue(rendered(folder))
            for one in rendered(folder):
                for version in VERSIONS:
                    kubernetes_validate.validate(one, version, strict=True)

    def test_no_secret_has_a_default(self):
        self.assertEqual(objects("Secret"), {})
        needed = {
            (name, source["secretRef"]["name"])
            for name in pods()
            for source in container(name).get("envFrom", [])
            if "secretRef" in source and not source["secretRef"].get("optional")
        }
        self.assertEqual(needed, {("reaction-write", "kudos-auth"), ("search", "kudos-auth")})

    def test_every_pod_has_no_rights_and_a_limit(self):
        for name, pod in pods().items():
            spec, one = pod["spec"], container(name)
            self.assertTrue(spec["securityContext"]["runAsNonRoot"], name)
            self.assertEqual(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", name)
            self.assertFalse(spec["automountServiceAccountToken"], name)
            # A Service's variables would be settings that nobody knows.
            self.assertFalse(spec["enableServiceLinks"], name)
            self.assertTrue(one["securityContext"]["readOnlyRootFilesystem"], name)
            self.assertFalse(one["securityContext"]["allowPrivilegeEscalation"], name)
            self.assertEqual(one["securityContext"]["capabilities"], {"drop": ["ALL"]}, name)
            self.assertIn("memory", one["resources"]["limits"], name)

    def test_whatever_runs_for_long_has_probes_a_budget_and_a_service(self):
        for name in (*objects("Deployment"), *objects("StatefulSet")):
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                self.assertIn(probe, container(name), name)
            labels = pods()[name]["metadata"]["labels"]
            for kind in ("PodDisruptionBudget", "Service"):
                selector = objects(kind)[name]["spec"]["selector"]
                wanted = selector.get("matchLabels", selector)
                self.assertLessEqual(wanted.items(), labels.items(), (kind, name))

    def test_the_network_lets_nobody_else_in_or_out(self):
        for name, pod in pods().items():
            if name == "redis-make-cluster":
                continue
            chosen = set()
            for policy in objects("NetworkPolicy").values():
                labels = policy["spec"]["podSelector"].get("matchLabels", {})
                if labels and labels.items() <= pod["metadata"]["labels"].items():
                    chosen |= set(policy["spec"]["policyTypes"])
            self.assertEqual(chosen, {"Ingress", "Egress"}, name)


class Suite(unittest.TestCase):
    def test_the_programs_are_those_of_the_compose_file(self):
        self.assertEqual(set(objects("Deployment")), set(SERVERS))
        for name, theirs in {**{n: f"{n}-1" for n in SERVERS}, "migrate": "migrations"}.items():
            self.assertEqual(container(name)["command"], compose()[theirs]["command"], name)
            self.assertEqual(container(name)["image"], compose()[theirs]["image"], name)
            self.assertEqual(set(environment(name)) - OWN, set(compose()[theirs]["environment"]), name)

    def test_the_programs_read_the_files_of_deploy(self):
        for name in (*SERVERS, "migrate"):
            for file, text in mounted(name)["/etc/kudos"].items():
                self.assertEqual(text, (ROOT / "deploy/services" / file).read_text(), file)

    def test_the_programs_take_their_settings(self):
        secrets = {"KUDOS_AUTH__JWT__SECRET": "0123456789abcdef0123456789abcdef"}
        for name in (*SERVERS, "migrate"):
            program, _, path, *_ = container(name)["command"]
            given = environment(name) | (secrets if "KUDOS_AUTH__MODE" in environment(name) else {})
            command = [f"{os.environ['PROGRAMS']}/{program}", "--config",
                       str(ROOT / "deploy/services" / path.rsplit("/", 1)[1]), "config"]
            done = subprocess.run(command, env=given, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn('mode = "cluster"', done.stdout, name)

    def test_probes_ask_what_the_image_asks_where_the_server_listens(self):
        image = (ROOT / "deploy/Dockerfile").read_text()
        port = int(environment("search")["KUDOS_HTTP__LISTEN"].rsplit(":", 1)[1])
        self.assertIn(f'"{port}", "{container("search")["readinessProbe"]["httpGet"]["path"]}"', image)
        for name in SERVERS:
            self.assertEqual(container(name)["ports"], [{"name": "http", "containerPort": port}])
            (shown,) = objects("Service")[name]["spec"]["ports"]
            self.assertEqual((shown["port"], shown["targetPort"]), (port, "http"))
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                self.assertEqual(container(name)[probe]["httpGet"]["port"], "http", name)

    def test_a_server_has_the_time_that_it_takes_to_stop(self):
        start = (ROOT / "crates/runtime/src/start.rs").read_text()
        limits = re.findall(r"_LIMIT: Duration = Duration::from_secs\((\d+)\)", start)
        self.assertEqual(len(limits), 2)
        settings = (ROOT / "crates/runtime/src/settings.rs").read_text()
        (grace,) = re.findall(r"shutdown_grace: Duration::from_secs\((\d+)\)", settings)
        for name in SERVERS:
            pause = container(name)["lifecycle"]["preStop"]["sleep"]["seconds"]
            needed = pause + int(grace) + sum(map(int, limits))
            self.assertGreater(pods()[name]["spec"]["terminationGracePeriodSeconds"], needed, name)


class Redis(unittest.TestCase):
    def test_redis_is_that_of_the_compose_file(self):
        for name in ("redis", "redis-make-cluster"):
            self.assertEqual(container(name)["image"], compose()["redis-1"]["image"])
            for file, text in mounted(name)["/etc/kudos"].items():
                self.assertEqual(text, (ROOT / "deploy/redis" / file).read_text(), file)
        self.assertEqual(mounted("redis")["/health"]["redis.sh"], (ROOT / "deploy/health/redis.sh").read_text())

    def test_the_files_that_a_node_includes_are_there(self):
        start, files = mounted("redis")["/scripts"]["start.sh"], mounted("redis")["/etc/kudos"]
        named = re.findall(r"\$FILES/(\S+\.conf)", start)
        self.assertEqual(len(named), 3)
        for file in named:
            self.assertIn(file.replace("$PERSISTENCE", environment("redis")["PERSISTENCE"]), files)

    def test_the_size_is_said_alike_everywhere(self):
        for folder in FOLDERS:
            told = environment("redis-make-cluster", folder) | environment("redis", folder)
            redis = objects("StatefulSet", folder)["redis"]["spec"]
            nodes, replicas = int(told["NODES"]), int(told["REPLICAS"])
            self.assertEqual(nodes, redis["replicas"], folder)
            self.assertEqual(nodes % (replicas + 1), 0, folder)
            self.assertGreaterEqual(nodes // (replicas + 1), 3, folder)
            # A snapshot may need all memory again; the disk holds file, its rewriting and a snapshot.
            memory = size(container("redis", folder)["resources"]["limits"]["memory"])
            self.assertGreaterEqual(memory, 2 * size(told["MAXMEMORY"]), folder)
            (disk,) = redis["volumeClaimTemplates"]
            disk = size(disk["spec"]["resources"]["requests"]["storage"])
            self.assertGreaterEqual(disk, 4 * size(told["MAXMEMORY"]), folder)

    def test_the_console_shows_every_pod_of_every_service(self):
        asked = json.loads(environment("search")["KUDOS_CONSOLE__SERVICES"])
        self.assertEqual(asked, [f"http://{name}-pods:8080" for name in ("reaction-write", "search", "projector")])
        for name in SERVERS:
            service = objects("Service")[f"{name}-pods"]["spec"]
            self.assertEqual((service["clusterIP"], service["publishNotReadyAddresses"]), ("None", True))
            self.assertEqual(service["selector"], objects("Service")[name]["spec"]["selector"])

    def test_kudos_begins_at_pods_that_there_are(self):
        pods_of = [f"redis-{n}.redis:6379" for n in range(objects("StatefulSet")["redis"]["spec"]["replicas"])]
        nodes = json.loads(environment("search")["KUDOS_REDIS__NODES"])
        self.assertLessEqual(set(nodes), set(pods_of))
        self.assertGreaterEqual(len(nodes), 3)


if __name__ == "__main__":
    unittest.main()
