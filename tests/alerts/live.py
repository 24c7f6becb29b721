"""The dashboard's queries on a Prometheus that watches a running stack.

    live.py config <`stack status`   the settings of deploy/prometheus, for the stack's addresses
    live.py ask URL                  every query, until each gives something
"""

import json
import math
import sys
import time
import urllib.parse
import urllib.request

import ruamel.yaml

from dashboard import queries
from metrics import ROOT, asked, yaml

# Longer than a few scrapes, and than a round of each part of the projector.
PATIENCE = 120

# A series begins with the first event, and these need more than a server that pauses.
RARE = {"kudos_drift_total", "kudos_journal_failures_total", "kudos_projection_failures_total", "ALERTS"}


def settings(status):
    """deploy/prometheus/prometheus.yml, with this place's addresses for names; without what is not here."""
    rows = [line.split() for line in status.splitlines()[1:]]
    addresses = {f"{row[0]}:8080": row[2] for row in rows}
    config = yaml(ROOT / "deploy/prometheus/prometheus.yml")
    config["rule_files"] = [str(ROOT / "deploy/prometheus" / file) for file in config["rule_files"]]
    for job in config["scrape_configs"]:
        for group in job["static_configs"]:
            group["targets"] = [addresses[name] for name in group["targets"] if name in addresses]
    return config


def ask(url, query):
    """The values that are numbers."""
    path = "/api/v1/query?" + urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(url + path, timeout=10) as answer:
        found = json.load(answer)["data"]["result"]
    return [value for value in (float(series["value"][1]) for series in found) if not math.isnan(value)]


def unheard(url, query):
    """Metrics of a query that there never were."""
    return {name for name in asked(query) if not ask(url, f"count(last_over_time({name}[1h]))")}


def ask_all(url):
    waiting = queries()
    deadline = time.monotonic() + PATIENCE
    while waiting and time.monotonic() < deadline:
        waiting = [(title, query) for title, query in waiting if not ask(url, query)]
        if all(unheard(url, query) & RARE for _, query in waiting):
            break
        time.sleep(1)
    failed = 0
    for title, query in waiting:
        rare = unheard(url, query) & RARE
        failed += not rare
        why = f"nothing to count yet in {', '.join(rare)}" if rare else "NO DATA"
        print(f"{why}: {title}: {query}")
    print(f"{len(queries()) - len(waiting)} of {len(queries())} queries gave data, {failed} failed")
    return failed == 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["config"]:
            ruamel.yaml.YAML().dump(settings(sys.stdin.read()), sys.stdout)
        case ["ask", url]:
            sys.exit(0 if ask_all(url) else 1)
        case _:
            sys.exit(__doc__)
