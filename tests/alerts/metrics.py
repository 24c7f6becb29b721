"""What the code shows at `/metrics`, and what an expression of PromQL asks for."""

import re
from functools import cache
from pathlib import Path

import ruamel.yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/prometheus"

# `counter("name"`, `.u64_gauge("name"`, `gauge("field", "name"`: the instrument, then its name.
INSTRUMENT = re.compile(
    r'(counter|gauge|histogram|replicas|link|place)\(\s*(?:&?\w+,\s*)?(?:"\w+",\s*)?'
    r'"((?:kudos|redis)_\w+|http\.[\w.]+)"(?=([^;]{0,160}))'
)
LABEL = re.compile(r'KeyValue::new\(\s*"([\w.]+)"')

# What Prometheus adds itself: to what it scrapes, and of the alerts that it knows.
OWN_NAMES = {"up", "ALERTS"}
OWN_LABELS = {"job", "instance", "le", "alertname", "alertstate", "severity"}


def yaml(path):
    return ruamel.yaml.YAML(typ="safe").load(path.read_text())


def rules():
    """Every alert."""
    return [rule for group in yaml(FOLDER / "alerts.yml")["groups"] for rule in group["rules"]]


@cache
def sources():
    files = [p for folder in ("crates", "services") for p in (ROOT / folder).glob("*/src/**/*.rs")]
    return [file.read_text() for file in files]


@cache
def instruments():
    """Every metric of the code, as Prometheus spells it, and of which type it is."""
    found = {}
    for kind, name, rest in (match for text in sources() for match in INSTRUMENT.findall(text)):
        name = name.replace(".", "_")
        if kind == "histogram" or 'with_unit("s")' in rest:
            name += "_seconds"
        if kind == "counter":
            name += "_total"
        found[name] = kind if kind in ("counter", "histogram") else "gauge"
    return found


@cache
def exported():
    """Every name that `/metrics` may show."""
    names = set(OWN_NAMES)
    for name, kind in instruments().items():
        parts = {f"{name}_{part}" for part in ("bucket", "count", "sum")}
        names |= parts if kind == "histogram" else {name}
    return names


@cache
def labels():
    """Every label that a metric may have."""
    found = {label for text in sources() for label in LABEL.findall(text)}
    return OWN_LABELS | {label.replace(".", "_") for label in found}


def asked(expression):
    """The metrics in an expression: what is left without texts, labels, times and words of PromQL."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", bare)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", "", bare)
    return set(re.findall(r"\b(?:up|ALERTS|[a-z]+(?:_[a-z]+)+)\b(?!\s*\()", bare))


def labels_asked(expression):
    """The labels in an expression, by which it groups or chooses."""
    groups = re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", expression)
    names = {name.strip() for group in groups for name in group.split(",")}
    for chosen in re.findall(r"\{([^}]*)\}", expression):
        names |= set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', "", chosen)))
    return names - {""}
