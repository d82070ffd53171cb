"""The scenarios of golden/: what each is compiled into."""

from __future__ import annotations

from pathlib import Path

import kcompile
from kcompile.cli.dns_files import DnsOptions, dns_files
from kcompile.ir.plan import MODES
from kcompile.targets.objects import objects

GOLDEN = Path(__file__).parents[2] / "golden"
SCENARIOS = tuple(sorted(folder.name for folder in GOLDEN.iterdir() if (folder / "input").is_dir()))


def expected_files(scenario: str) -> dict[str, bytes]:
    """Every expected file of a scenario, by its path below expected/.

    The objects, the Corefile, zones and resolv.confs, and each node in each mode. `resolv.conf` beside input/ is the
    nodes' own, where it matters.
    """
    folder = GOLDEN / scenario
    cluster = kcompile.load([folder / "input"])
    host = folder / "resolv.conf"
    dns = DnsOptions(host_resolv_conf=str(host) if host.exists() else None)
    files = {"objects.yaml": objects(cluster.model)}
    files |= {str(path): text for path, text in dns_files(cluster, dns)}
    for mode in MODES:
        for node in cluster.node_names:
            for name, text in cluster.node(node, mode=mode).render_files():
                files[f"{mode}/{node}/{name}"] = text
    return files


def recorded_files(scenario: str) -> dict[str, bytes]:
    """What expected/ holds."""
    folder = GOLDEN / scenario / "expected"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
