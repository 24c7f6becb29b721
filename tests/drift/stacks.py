"""The two ways to run the stack, read into the same shapes: docker-compose.yml by the tool itself,
the local stack by asking it what it would start each node with."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path

import ruamel.yaml

ROOT = Path(__file__).parents[2]
SERVERS = ("redis", "cassandra", "kafka", "elasticsearch")
SERVICES = ("reaction-write", "search", "projector")


def run(*command, **environment):
    """What a command prints. Only PATH and HOME are handed on: a developer's PROFILE is not meant."""
    clean = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    done = subprocess.run(command, cwd=ROOT, env=clean | environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


@cache
def versions():
    """`.env`, which both read."""
    lines = (ROOT / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@cache
def compose(**chosen):
    """docker-compose.yml with everything filled in."""
    tool = Path(os.environ["COMPOSE"])
    return json.loads(run(str(tool), "config", "--format", "json", **chosen))


def container(name, **chosen):
    return compose(**chosen)["services"][name]


@cache
def local(*words, **chosen):
    """What `deploy/local/stack` answers, of a stack that was never started."""
    return run("deploy/local/stack", *words, KUDOS_STACK_HOME="/nonexistent/stack", **chosen)


@cache
def nodes():
    """Name to address of every node of the full local stack."""
    rows = [line.split() for line in local("status").splitlines()[1:]]
    return {row[0]: row[2] for row in rows}


def published(name):
    """Ports of a container on the host."""
    return [(port["host_ip"], int(port["published"])) for port in container(name).get("ports", [])]


def mounted(name):
    """Target to path in the repository, of what a container is given."""
    given = [v for v in container(name).get("volumes", []) if v["type"] == "bind"]
    return {v["target"]: Path(v["source"]).relative_to(ROOT).as_posix() for v in given}


def properties(text):
    """Lines of `key=value`, the last one of a key winning."""
    lines = (line.strip() for line in text.splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def yaml(text):
    return ruamel.yaml.YAML(typ="safe").load(text)


def differing(one, other):
    """Keys that are not the same in both."""
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}
