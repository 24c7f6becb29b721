"""The dashboard, as what it asks Prometheus."""

import json
import re

from metrics import ROOT

FOLDER = ROOT / "deploy/grafana"


def dashboard():
    return json.loads((FOLDER / "kudos.json").read_text())


def panels():
    """Every panel that shows something, which rows do not."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries():
    """(panel's title, expression) of all of them; Grafana's interval as it is at a scrape each 10 s."""
    return [
        (panel["title"], target["expr"].replace("$__rate_interval", "1m"))
        for panel in panels()
        for target in panel["targets"]
    ]


def legend(target):
    """The labels that a legend shows."""
    return set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target.get("legendFormat", "")))
