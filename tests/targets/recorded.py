"""The cases of tests/data/proxy: clusters, and what kube-proxy wrote for one of their nodes."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import kcompile
from kcompile.api import CompiledCluster
from kcompile.ir.plan import KubeVersion, Mode, NodePlan

FOLDER = Path(__file__).parents[1] / "data" / "proxy"
CASES = tuple(sorted(folder.name for folder in FOLDER.iterdir()))


@functools.cache
def _cluster(case: str) -> CompiledCluster:
    return kcompile.load([FOLDER / case / "cluster.yaml"])


def plan(case: str, mode: Mode, kube_version: KubeVersion) -> NodePlan:
    """The plan of the node that was recorded."""
    spec = json.loads((FOLDER / case / "case.json").read_text())
    return _cluster(case).node(spec["node"], mode, kube_version, spec["local_addresses"]).plan


def expected(case: str, mode: Mode, kube_version: KubeVersion, file: str) -> bytes:
    """What was recorded in one file."""
    return (FOLDER / case / "expect" / f"{mode}-{kube_version}" / file).read_bytes()
