"""Whether the cost of a Service is the same in clusters of every size: the ratio is for each Service.

The sizes are the reference cluster, three times as many Services, a tenth and a hundredth of them. Small clusters are
compiled so often that all cases but the largest have the same work.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from benchmarks.figure import Case, Figure, Work
from benchmarks.reference_cluster import reference_cluster

SHARES = {"the reference cluster": 1, "three times": 3, "a tenth": Fraction(1, 10), "a hundredth": Fraction(1, 100)}
FORMATS = {"iptables": "iptables-save", "nftables": "nft", "ipvs": "ipvsadm", "userspace": "iptables-save"}


def _case(mode: str, share: Fraction | int) -> Callable[[int], Work]:
    def prepare(services: int) -> Work:
        import kcompile

        size = max(1, int(services * share))
        path = reference_cluster("documents.yaml", size)
        times = max(1, services // size)

        def compile_file(file: Path) -> None:
            cluster = kcompile.load([file])
            if mode:
                cluster.node(cluster.node_names[0], mode=mode).emit_bytes(FORMATS[mode])

        def run() -> None:
            for _ in range(times):
                compile_file(path)

        compile_file(reference_cluster("documents.yaml", 1))  # imports, and reads the grammar's tables
        return Work(run, f"{times} x {path.name}", times * size, "Services")

    return prepare


def _figure(name: str, title: str, mode: str = "") -> Figure:
    return Figure(name, title, tuple(Case(case, _case(mode, share)) for case, share in SHARES.items()))


FIGURES = (
    _figure("completed", "YAML to a completed cluster"),
    *(_figure(mode, f"YAML to rules, mode {mode}", mode) for mode in FORMATS),
)
