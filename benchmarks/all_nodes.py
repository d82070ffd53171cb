"""All nodes of a cluster at once: 200 nodes, a fifth of the reference cluster's Services (2,000).

The ratio is that of the times: 200 nodes should take less than 4 times as long as one, and what it takes to write the
bytes. In iptables mode those are 9 GB, which is left out; in nftables mode they go to files.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

from benchmarks.figure import KCOMPILE, Case, Figure, Work
from benchmarks.nodes_cluster import nodes_cluster
from benchmarks.reference_cluster import CACHE

NODES = 200


def _to_bytes(mode: str, nodes: int) -> Callable[[int], Work]:
    """From YAML to the bytes of every file of the nodes, in one process."""

    def prepare(services: int) -> Work:
        import kcompile

        path = nodes_cluster(services // 5, NODES)

        def run() -> None:
            cluster = kcompile.load([path])
            compiler = cluster.nodes(mode)  # type: ignore[arg-type]
            if nodes > 1:
                compiler.write_shared(cluster.node_names[0])
            for name in cluster.node_names[:nodes]:
                for _ in compiler.node(name).render_files():
                    pass

        return Work(run, path.name, 1, "clusters")

    return prepare


def _to_files(*options: str) -> Callable[[int], Work]:
    """From the start of the command to the last file."""

    def prepare(services: int) -> Work:
        path, output = nodes_cluster(services // 5, NODES), CACHE / "all-nodes"
        shutil.rmtree(output, ignore_errors=True)
        return Work((KCOMPILE, str(path), "--mode", "nftables", "-o", str(output), *options), path.name, 1, "clusters")

    return prepare


FIGURES = (
    *(
        Figure(
            f"{mode}_to_bytes",
            f"all files of {NODES} nodes, mode {mode}, in one process",
            (Case("one node", _to_bytes(mode, 1)), Case(f"{NODES} nodes", _to_bytes(mode, NODES))),
        )
        for mode in ("iptables", "nftables", "ipvs")
    ),
    Figure(
        "nftables_to_files",
        f"kcompile -o, {NODES} nodes, mode nftables",
        (
            Case("one node", _to_files("--node", "node-000")),
            Case(f"{NODES} nodes", _to_files()),
            Case(f"{NODES} nodes, one process", _to_files("--jobs", "1")),
        ),
    ),
)
