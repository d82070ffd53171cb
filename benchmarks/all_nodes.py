"""All nodes of a cluster at once: 200 nodes, a fifth of the reference cluster's Services (2,000).

200 nodes should take less than 4 times as long as one, and what it takes to write the bytes. Files are compared with
just that, by wall time: a ratio of at most 1 is what we want. In iptables mode they are 9 GB.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from benchmarks.figure import KCOMPILE, Case, Figure, Work
from benchmarks.nodes_cluster import nodes_cluster
from benchmarks.reference_cluster import CACHE

NODES = 200
FOLDER = "kcompile-all-nodes"
MEMORY = 18 << 30
"""Bytes that must be free in memory for files to go there; iptables rules take half of it."""


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


def _command(mode: str, services: int, output: Path, *options: str) -> tuple[str, ...]:
    return (KCOMPILE, str(nodes_cluster(services // 5, NODES)), "--mode", mode, "-o", str(output), *options)


def _to_files(mode: str, *options: str) -> Callable[[int], Work]:
    """From the start of the command to the last file."""

    def prepare(services: int) -> Work:
        _written(mode, services)
        command = _command(mode, services, _folder(), *options)
        return Work(command, nodes_cluster(services // 5, NODES).name, 1, "clusters", _empty_folders)

    return prepare


def _bound(mode: str) -> Callable[[int], Work]:
    """Four times one node, and the bytes of all nodes once more, each file in one go from a ready buffer."""

    def prepare(services: int) -> Work:
        sizes = _written(mode, services)
        one, output = _folder() / "one-node", _folder() / "all-nodes"
        buffer = memoryview(bytes(max(sizes.values())))

        def run() -> None:
            for _ in range(4):
                subprocess.run(_command(mode, services, one, "--node", "node-000"), check=True, capture_output=True)
            for path, size in sizes.items():
                file = output / path
                file.parent.mkdir(parents=True, exist_ok=True)
                with open(file, "wb", buffering=0) as written:
                    written.write(buffer[:size])

        return Work(run, nodes_cluster(services // 5, NODES).name, 1, "clusters", _empty_folders)

    return prepare


def _written(mode: str, services: int) -> dict[Path, int]:
    """The size of each file of all nodes. They are written for that and removed again: so every case finds the memory
    of the file system used before, which takes a virtual machine several times less than the first time."""
    output = _folder()
    try:
        subprocess.run(_command(mode, services, output), check=True, capture_output=True)
        return {path.relative_to(output): path.stat().st_size for path in output.rglob("*") if path.is_file()}
    finally:
        _empty_folders()


def _folder() -> Path:
    """Where files go: to memory, where there is room for 9 GB of rules twice over."""
    memory = Path("/dev/shm")
    fits = memory.is_dir() and shutil.disk_usage(memory).free > MEMORY
    return (memory if fits else CACHE) / FOLDER


def _empty_folders() -> None:
    for parent in (Path("/dev/shm"), CACHE):
        shutil.rmtree(parent / FOLDER, ignore_errors=True)


FIGURES = (
    *(
        Figure(
            f"{mode}_to_bytes",
            f"all files of {NODES} nodes, mode {mode}, in one process",
            (Case("one node", _to_bytes(mode, 1)), Case(f"{NODES} nodes", _to_bytes(mode, NODES))),
        )
        for mode in ("iptables", "nftables", "ipvs")
    ),
    *(
        Figure(
            f"{mode}_to_files",
            f"kcompile -o, {NODES} nodes, mode {mode}: at most 1",
            (
                Case("4 x one node, and writing", _bound(mode)),
                Case(f"{NODES} nodes", _to_files(mode)),
                Case(f"{NODES} nodes, one process", _to_files(mode, "--jobs", "1")),
                Case("one node", _to_files(mode, "--node", "node-000")),
            ),
            by_wall=True,
        )
        for mode in ("iptables", "nftables", "ipvs")
    ),
)
