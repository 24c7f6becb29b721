"""What promtool cannot know of the alerts: that the code has the metrics they ask for, that each has
a runbook and a test, and that Prometheus scrapes the services that there are."""

import re
import unittest
from pathlib import Path

import ruamel.yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/prometheus"
RUNBOOKS = "docs/OPERATIONS.md"

# `counter("name"`, `.u64_gauge("name"`, `gauge("field", "name"`: the instrument, then its name.
INSTRUMENT = re.compile(
    r'(counter|gauge|histogram|replicas|link)\(\s*(?:&?\w+,\s*)?(?:"\w+",\s*)?'
    r'"((?:kudos|redis)_\w+|http\.[\w.]+)"(?=([^;]{0,160}))'
)


def yaml(path):
    return ruamel.yaml.YAML(typ="safe").load(path.read_text())


def rules():
    return [rule for group in yaml(FOLDER / "alerts.yml")["groups"] for rule in group["rules"]]


def exported():
    """Every name that `/metrics` may show, as Prometheus spells it."""
    names = {"up"}
    sources = [p for folder in ("crates", "services") for p in (ROOT / folder).glob("*/src/**/*.rs")]
    for source in sources:
        for kind, name, rest in INSTRUMENT.findall(source.read_text()):
            name = name.replace(".", "_")
            if kind == "histogram" or 'with_unit("s")' in rest:
                name += "_seconds"
            if kind == "histogram":
                names |= {f"{name}_{part}" for part in ("bucket", "count", "sum")}
            else:
                names.add(f"{name}_total" if kind == "counter" else name)
    return names


def asked(expression):
    """The metrics in an expression: what is left without texts, labels, times and words of PromQL."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", bare)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", "", bare)
    return set(re.findall(r"\b(?:up|[a-z]+(?:_[a-z]+)+)\b(?!\s*\()", bare))


def anchors():
    headings = re.findall(r"^#+ (.*)$", (ROOT / RUNBOOKS).read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


class Alerts(unittest.TestCase):
    def test_every_metric_asked_for_is_one_that_the_code_has(self):
        names = exported()
        for rule in rules():
            metrics = asked(rule["expr"])
            self.assertTrue(metrics, rule["alert"])
            self.assertEqual(metrics - names, set(), rule["alert"])

    def test_the_runbooks_name_metrics_that_there_are(self):
        named = set(re.findall(r"`((?:kudos|redis)_[a-z_]+)`", (ROOT / RUNBOOKS).read_text()))
        there = {name.removesuffix("_bucket") for name in exported()} | {"redis_exporter"}
        self.assertEqual(named - there, set())

    def test_the_names_are_found_in_the_code(self):
        found = {"redis_up", "redis_evicted_keys_total", "kudos_feed_lag", "kudos_journal_age_seconds",
                 "redis_connected_slave_lag_seconds", "http_server_request_duration_seconds_count"}
        self.assertEqual(found - exported(), set())
        self.assertEqual(asked('sum by (x) (rate(a_b{c="d_e"}[5m])) / up > 1'), {"a_b", "up"})

    def test_every_alert_has_a_severity_and_a_summary(self):
        for rule in rules():
            self.assertIn(rule["labels"]["severity"], ("critical", "warning"), rule["alert"])
            self.assertTrue(rule["annotations"]["summary"], rule["alert"])

    def test_every_alert_has_a_runbook_of_its_own_and_no_runbook_lacks_an_alert(self):
        there = anchors()
        for rule in rules():
            name = rule["alert"].lower()
            self.assertEqual(rule["annotations"]["runbook"], f"{RUNBOOKS}#{name}")
            self.assertIn(name, there)
        named = {anchor for anchor in there if anchor.startswith(("redis", "kudos"))}
        self.assertEqual(named, {rule["alert"].lower() for rule in rules()})

    def test_every_alert_is_shown_silent_and_firing(self):
        tests = [test for group in yaml(FOLDER / "alerts.test.yml")["tests"]
                 for test in group["alert_rule_test"]]
        for rule in rules():
            fires = {bool(test["exp_alerts"]) for test in tests if test["alertname"] == rule["alert"]}
            self.assertEqual(fires, {False, True}, rule["alert"])


class Prometheus(unittest.TestCase):
    def test_it_scrapes_every_service_of_the_compose_file(self):
        services = yaml(ROOT / "docker-compose.yml")["services"]
        jobs = {}
        for name, service in services.items():
            program = name.rsplit("-", 1)[0]
            if program in service.get("command", []) and name != program:
                jobs.setdefault(program, []).append(f"{name}:8080")
        scraped = {job["job_name"]: job["static_configs"][0]["targets"]
                   for job in yaml(FOLDER / "prometheus.yml")["scrape_configs"]}
        self.assertEqual(scraped, jobs)


if __name__ == "__main__":
    unittest.main()
