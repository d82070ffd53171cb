"""What `-o DIR` writes: everything, for every node or the one named, whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from kcompile.api import CompiledCluster, NodeCompiler
from kcompile.cli.dns_files import DnsOptions, dns_files
from kcompile.cli.processes import in_processes, process_count
from kcompile.cli.progress import ProgressBar
from kcompile.cli.report import report
from kcompile.cli.staging import NotWritten, stage
from kcompile.collection import no_collection
from kcompile.diagnostics import Diagnostic
from kcompile.ir.plan import KubeVersion, Mode
from kcompile.targets.registry import NODE_FORMATS, node_files

try:
    from kcompile.native.memory import keep_freed_memory
except ImportError:
    from kcompile.twins.memory import keep_freed_memory

NODE_FILES = frozenset(name for chosen in NODE_FORMATS for name in chosen.files.values() if name)

MANY = 4
"""From this number of nodes on it pays to write first what they have in common."""


def write_everything(
    cluster: CompiledCluster,
    folder: Path,
    node: str | None,
    mode: Mode | None,
    kube_version: KubeVersion,
    local_addresses: Sequence[str] | None,
    check: bool,
    jobs: int | None,
    dns: DnsOptions,
) -> None:
    """Write the folder. Everything is compiled into a private folder beside the old files before any is replaced.

    `jobs` is how many processes compile nodes, by default one for each processor; the bytes are the same.
    """
    names = cluster.node_names if node is None else (cluster.node_name(node),)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".kcompile-", dir=folder))
    except OSError as failure:
        raise NotWritten(f"{folder}: {failure.strerror}") from None
    try:
        nodes = cluster.nodes(mode, kube_version, local_addresses)
        written = {PurePosixPath("nodes", name, file) for name in names for file in node_files(nodes.mode)}
        with no_collection():
            report(_write_nodes(nodes, names, staging, check, jobs))
            # The plans are as large as the cluster.
            del nodes
            for path, text in _cluster_files(cluster, dns):
                written.add(stage(staging, path, text))
        for path in sorted(written):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(staging / path, target)
        for stale in _stale(folder, names, every_node=node is None):
            if PurePosixPath(stale.relative_to(folder)) not in written:
                stale.unlink()
    except OSError as failure:
        raise NotWritten(f"{failure.filename or folder}: {failure.strerror}") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _cluster_files(cluster: CompiledCluster, dns: DnsOptions) -> Iterator[tuple[PurePosixPath, bytes]]:
    from kcompile.targets.objects import objects

    yield PurePosixPath("objects.yaml"), objects(cluster.model)
    yield from dns_files(cluster, dns)


def _write_nodes(
    nodes: NodeCompiler, names: Sequence[str], staging: Path, check: bool, jobs: int | None
) -> tuple[Diagnostic, ...]:
    """Write the files of the nodes; the warnings about them."""

    def write(name: str) -> bool:
        """Whether there are warnings about the node."""
        compiled = nodes.node(name)
        if check:
            from kcompile.cli.tool_check import check_node

            check_node(compiled)
        for file, text in compiled.render_files():
            stage(staging, PurePosixPath("nodes", name, file), text)
        return bool(compiled.warnings)

    with ProgressBar("compiling nodes", len(names)) as bar:
        warned: dict[str, bool] = {}
        if len(names) >= MANY:
            keep_freed_memory()
            nodes.write_shared(names[0])
        # The tools start processes themselves.
        processes = 1 if check else process_count(len(names), jobs)
        if processes > 1:
            warned = in_processes(write, names, processes, bar.advance)
        for name in names:
            if name not in warned:
                warned[name] = write(name)
                bar.advance()
    return tuple(dict.fromkeys(warning for name in names if warned[name] for warning in nodes.node(name).warnings))


def _stale(folder: Path, names: Sequence[str], *, every_node: bool) -> Iterator[Path]:
    """What an earlier run may have written and this one may not: rules of another mode, Pods that are gone."""
    nodes = folder.glob("nodes/*") if every_node else (folder / "nodes" / name for name in names)
    for node in list(nodes):
        yield from (node / name for name in NODE_FILES if (node / name).is_file())
    yield from list(folder.glob("pods/*/*/resolv.conf"))
    yield from list(folder.glob("zones/*"))
