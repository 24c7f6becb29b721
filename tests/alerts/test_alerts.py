"""What promtool cannot know of the alerts: that the code has the metrics they ask for, that each has
a runbook and a test, and that Prometheus scrapes the services that there are."""

import re
import unittest

from metrics import FOLDER, ROOT, asked, exported, labels, labels_asked, rules, yaml

RUNBOOKS = "docs/OPERATIONS.md"


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
            self.assertEqual(labels_asked(rule["expr"]) - labels(), set(), rule["alert"])

    def test_the_runbooks_name_metrics_that_there_are(self):
        named = set(re.findall(r"`((?:kudos|redis)_[a-z_]+)`", (ROOT / RUNBOOKS).read_text()))
        there = {name.removesuffix("_bucket") for name in exported()} | {"redis_exporter"}
        self.assertEqual(named - there, set())

    def test_the_names_are_found_in_the_code(self):
        found = {"redis_up", "redis_evicted_keys_total", "kudos_feed_lag", "kudos_journal_age_seconds",
                 "redis_connected_slave_lag_seconds", "http_server_request_duration_seconds_count"}
        self.assertEqual(found - exported(), set())
        found = {"instance_role", "http_response_status_class", "partition", "slave_ip"}
        self.assertEqual(found - labels(), set())

    def test_an_expression_is_read_well(self):
        expression = 'sum by (x) (rate(a_b{c="d_e", f!~"g=h"}[5m])) / up > 1'
        self.assertEqual(asked(expression), {"a_b", "up"})
        self.assertEqual(labels_asked(expression), {"x", "c", "f"})

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
