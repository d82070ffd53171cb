"""The zone files in real servers: named-checkzone has nothing to say, and unbound answers as `kcompile dig` does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import kcompile
from kcompile.evaluate.dns.cluster_server import cluster_resolver
from kcompile.ir.cluster_corefile import cluster_domain, kubernetes_settings, load_cluster_corefile
from kcompile.ir.dns_objects import dns_objects
from kcompile.ir.record_table import forward_records, reverse_records
from kcompile.ir.records import ClusterRecords
from kcompile.targets.zone import zones
from tests.kernel.rig import REPOSITORY, UNSHARE, require

pytestmark = pytest.mark.kernel

CASES = [
    *sorted((REPOSITORY / "tests" / "data" / "dns").glob("*/manifests.yaml")),
    *sorted((REPOSITORY / "golden").glob("*/input")),
]
SERVED = [
    case
    for case in CASES
    if case.parent.name in ("clusterip", "dual-stack", "externalname", "headless", "headless-ipv6", "kube-dns")
    or case.parent.name in ("endpoint-pod-names", "pods-insecure", "ports-srv", "reverse", "service-types")
]


def zone_files(case: Path) -> Iterator[tuple[str, str, bytes]]:
    """Origin, file name and content of each zone."""
    cluster = kcompile.load([case])
    settings = kubernetes_settings(load_cluster_corefile(cluster.model), cluster_domain(cluster.model))
    servers = cluster.model.kubelet.cluster_dns if cluster.model.kubelet else ()
    for origin, (name, text) in zones(dns_objects(cluster.model, cluster.given), settings, servers).items():
        yield origin, name, text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.parent.name)
def test_named_checkzone_loads_every_zone_without_complaint(case: Path, tmp_path: Path) -> None:
    require("named-checkzone")
    for origin, name, text in zone_files(case):
        (tmp_path / name).write_bytes(text)
        done = subprocess.run(["named-checkzone", origin, tmp_path / name], capture_output=True, text=True)
        said = (done.stdout + done.stderr).splitlines()
        assert said == [f"zone {origin.rstrip('.')}/IN: loaded serial 1", "OK"], f"{origin}\n{text.decode()}"


@pytest.mark.parametrize("case", SERVED, ids=lambda case: "-".join(case.parts[-3:-1]))
def test_unbound_answers_from_the_zones_as_dig_does(case: Path, tmp_path: Path) -> None:
    require("unbound")
    for _, name, text in zone_files(case):
        (tmp_path / name).write_bytes(text)
    cluster = kcompile.load([case])
    configuration = load_cluster_corefile(cluster.model)
    resolver = cluster_resolver(cluster.model, cluster.given)
    settings = kubernetes_settings(configuration, cluster_domain(cluster.model))
    records = ClusterRecords(settings, dns_objects(cluster.model, cluster.given))
    entries = [*forward_records(records, settings.primary_zone), *reverse_records(records)]
    asked = list(dict.fromkeys((entry.record.name, entry.record.type) for entry in entries))
    asked += [(f"no-such-name.{settings.primary_zone}", "A"), (f"x.y.svc.{settings.primary_zone}", "AAAA")]
    queries = "".join(f"{name} {rtype}\n" for name, rtype in asked)
    command = [*UNSHARE, sys.executable, "-m", "tests.kernel.dns_server", str(tmp_path)]
    done = subprocess.run(command, input=queries, capture_output=True, text=True, cwd=REPOSITORY, timeout=60)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for (name, rtype), answer in zip(asked, answers, strict=True):
        wanted = resolver.query(name, rtype)
        assert (answer["rcode"], answer["aa"]) == (wanted.rcode, True), (name, rtype)
        assert answer["answer"] == sorted(map(str, wanted.answer)), (name, rtype)
