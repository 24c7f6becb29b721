"""deploy/kubernetes as kubectl renders it, and docker-compose.yml beside it."""

import os
import subprocess
from functools import cache
from pathlib import Path

import ruamel.yaml

ROOT = Path(__file__).parents[2]
SERVERS = ("reaction-write", "search", "projector")
UNITS = {"mb": 1 << 20, "gb": 1 << 30, "Mi": 1 << 20, "Gi": 1 << 30}


def read(text):
    return ruamel.yaml.YAML(typ="safe").load(text)


@cache
def rendered(folder):
    """Every object of a folder below deploy/kubernetes."""
    command = [os.environ["KUBECTL"], "kustomize", str(ROOT / "deploy/kubernetes" / folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [read(text) for text in done.stdout.split("\n---\n")]


def objects(kind, folder="base"):
    """Name to object, of one kind."""
    return {o["metadata"]["name"]: o for o in rendered(folder) if o["kind"] == kind}


def pods(folder="base"):
    """Name of the workload to its pods' template."""
    kinds = ("Deployment", "StatefulSet", "Job")
    return {n: o["spec"]["template"] for kind in kinds for n, o in objects(kind, folder).items()}


def container(name, folder="base"):
    (one,) = pods(folder)[name]["spec"]["containers"]
    return one


def environment(name, folder="base"):
    """What a container's variables are, without secrets."""
    maps = objects("ConfigMap", folder)
    found = {}
    for source in container(name, folder).get("envFrom", []):
        if "configMapRef" in source:
            found |= maps[source["configMapRef"]["name"]]["data"]
    return found | {e["name"]: e["value"] for e in container(name, folder).get("env", []) if "value" in e}


def mounted(name):
    """Folder in the container to the files in it."""
    maps, spec = objects("ConfigMap"), pods()[name]["spec"]
    volumes = {v["name"]: maps[v["configMap"]["name"]]["data"] for v in spec["volumes"] if "configMap" in v}
    mounts = container(name)["volumeMounts"]
    return {m["mountPath"]: volumes[m["name"]] for m in mounts if m["name"] in volumes}


@cache
def compose():
    """docker-compose.yml, with `.env` filled in."""
    lines = (ROOT / ".env").read_text().splitlines()
    text = (ROOT / "docker-compose.yml").read_text()
    for line in lines:
        if line and not line.startswith("#"):
            name, value = line.split("=", 1)
            text = text.replace(f"${{{name}}}", value)
    return read(text)["services"]


def size(text):
    """Bytes, of `256mb` and `512Mi` alike."""
    return int(text[:-2]) * UNITS[text[-2:]]
