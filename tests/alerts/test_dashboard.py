"""What Grafana would only show as an empty panel: that every query is valid, asks for what the code
has, and shows labels that its answer keeps; and that Grafana is given the dashboard at all."""

import os
import re
import subprocess
import tempfile
import unittest

from dashboard import FOLDER, dashboard, legend, panels, queries
from metrics import ROOT, asked, exported, labels, labels_asked, yaml


class Queries(unittest.TestCase):
    def test_promtool_can_read_every_query(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as rules:
            rules.write("groups:\n  - name: dashboard\n    rules:\n")
            for number, (_, query) in enumerate(queries()):
                rules.write(f"      - record: query_{number}\n        expr: {query!r}\n")
            rules.flush()
            command = [os.environ["PROMTOOL"], "check", "rules", rules.name]
            done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{len(queries())} rules found", done.stdout)

    def test_every_metric_and_label_asked_for_is_one_that_the_code_has(self):
        for title, query in queries():
            self.assertTrue(asked(query), title)
            self.assertEqual(asked(query) - exported(), set(), title)
            self.assertEqual(labels_asked(query) - labels(), set(), title)

    def test_a_legend_shows_labels_that_the_query_keeps(self):
        for panel in panels():
            for target in panel["targets"]:
                self.assertEqual(legend(target) - labels_asked(target["expr"]), set(), panel["title"])

    def test_whatever_an_alert_is_about_can_be_seen(self):
        shown = set().union(*(asked(query) for _, query in queries()))
        for group in yaml(ROOT / "deploy/prometheus/alerts.yml")["groups"]:
            for rule in group["rules"]:
                self.assertEqual(asked(rule["expr"]) - shown, set(), rule["alert"])


class Layout(unittest.TestCase):
    def test_panels_have_numbers_of_their_own_and_say_what_they_mean(self):
        numbers = [panel["id"] for panel in dashboard()["panels"]]
        self.assertEqual(len(numbers), len(set(numbers)))
        for panel in panels():
            self.assertTrue(panel["description"], panel["title"])
            self.assertEqual(panel["datasource"]["uid"], "${datasource}", panel["title"])

    def test_panels_lie_beside_each_other(self):
        taken = {}
        for panel in dashboard()["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertNotIn((x, y), taken, (panel["title"], taken.get((x, y))))
                    taken[x, y] = panel["title"]

    def test_a_runbook_that_a_panel_names_is_there(self):
        text = (ROOT / "docs/OPERATIONS.md").read_text().lower()
        for panel in panels():
            for name in re.findall(r"OPERATIONS\.md#(\w+)", panel["description"]):
                self.assertIn(f"### {name}\n", text, panel["title"])


class Provisioning(unittest.TestCase):
    def test_grafana_is_given_the_folder_that_the_manual_mounts(self):
        given = yaml(FOLDER / "provisioning/dashboards/kudos.yml")["providers"][0]["options"]["path"]
        manual = (ROOT / "docs/OPERATIONS.md").read_text()
        self.assertIn(f"./deploy/grafana:{given}:ro", manual)
        self.assertIn("./deploy/grafana/provisioning:/etc/grafana/provisioning:ro", manual)

    def test_rates_look_back_over_the_interval_of_the_scrapes(self):
        source = yaml(FOLDER / "provisioning/datasources/prometheus.yml")["datasources"][0]
        scrapes = yaml(ROOT / "deploy/prometheus/prometheus.yml")["global"]["scrape_interval"]
        self.assertEqual(source["jsonData"]["timeInterval"], scrapes)


if __name__ == "__main__":
    unittest.main()
