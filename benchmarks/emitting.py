"""Text from a ready plan: from the plan of one node in memory to the bytes of a format, both families.

The records of Service ports, chain names and the memory for the text are part of it; reading and planning are not. The
reference cluster is IPv4 only. kube-proxy, two cores, the same kind of cluster, in memory: iptables-restore 154 MB/s,
nftables 1.37 343 ms.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.figure import Case, Figure, Work
from benchmarks.reference_cluster import reference_cluster

FORMATS = (
    ("iptables", "iptables-restore"),
    ("iptables", "iptables-save"),
    ("nftables", "nft"),
    ("nftables", "nft-commands"),
    ("ipvs", "ipvsadm"),
    ("ipvs", "ipset"),
    ("userspace", "iptables-save"),
)


def _case(mode: str, format_name: str, twin: bool = False) -> Callable[[int], Work]:
    def prepare(services: int) -> Work:
        import kcompile
        from kcompile.targets import program
        from kcompile.twins import emit

        if twin:
            program.fill = emit.fill
        path = reference_cluster("documents.yaml", services)
        small = kcompile.load([reference_cluster("documents.yaml", 1)])
        small.node(small.node_names[0], mode=mode).emit_bytes(format_name)  # imports, and compiles the tables
        cluster = kcompile.load([path])
        node = cluster.node(cluster.node_names[0], mode=mode)
        return Work(lambda: node.emit_bytes(format_name), path.name, len(node.emit_bytes(format_name)))

    return prepare


def _figure(mode: str, format_name: str) -> Figure:
    cases = (Case("native", _case(mode, format_name)), Case("the Python twin", _case(mode, format_name, twin=True)))
    return Figure(f"{mode}_{format_name}", f"a plan to {format_name}, mode {mode}", cases)


FIGURES = tuple(_figure(mode, format_name) for mode, format_name in FORMATS)
