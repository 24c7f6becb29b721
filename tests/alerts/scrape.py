"""Reads the metrics of live processes as strictly as can be.

    scrape.py [--exemplars] URL...

Prometheus text is given to promtool, which may complain of nothing but what lint.py lists. OpenMetrics is
parsed by Prometheus's Python client, and has to have the same families. With `--exemplars` each process
has to have served recorded requests.
"""

import sys
import urllib.request

from prometheus_client import parser
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families

from lint import LISTED, complaints

# What Prometheus sends, versions 2 and 3 alike.
OPEN = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
LATENCY = "http_server_request_duration_seconds"


def scrape(url, accept, kind):
    request = urllib.request.Request(f"{url}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found = answer.headers["Content-Type"]
        if not found.startswith(kind):
            raise ValueError(f"{accept} is answered with {found}")
        return answer.read().decode()


def names(families):
    """The families, and those of which the two texts differ in type made one: the target's."""
    return {family.name.removesuffix("_info") for family in families}


def exemplars(families):
    """Of request latency, by the trace."""
    samples = [sample for family in families if family.name == LATENCY for sample in family.samples]
    return [sample.exemplar.labels["trace_id"] for sample in samples if sample.exemplar]


def faults(url, wants_exemplars):
    """What is wrong at an address."""
    text = scrape(url, "text/plain;version=0.0.4", "text/plain")
    yield from complaints(text) - LISTED
    strict = list(open_families(scrape(url, OPEN, "application/openmetrics-text")))
    plain = names(parser.text_string_to_metric_families(text))
    if names(strict) != plain:
        yield f"the two texts differ in {names(strict) ^ plain}"
    if wants_exemplars and not exemplars(strict):
        yield f"{LATENCY} has no exemplar"


def check(urls, wants_exemplars):
    failed = False
    for url in urls:
        try:
            found = sorted(faults(url.rstrip("/"), wants_exemplars))
        except (OSError, ValueError) as error:
            found = [str(error)]
        failed |= bool(found)
        print(f"{url}/metrics: {'; '.join(found) or 'good'}")
    return not failed


if __name__ == "__main__":
    urls = [argument for argument in sys.argv[1:] if argument != "--exemplars"]
    if not urls:
        sys.exit(__doc__)
    sys.exit(0 if check(urls, "--exemplars" in sys.argv) else 1)
