"""What `-o DIR` writes: everything, for every node or the one named, whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from kcompile.api import CompiledCluster
from kcompile.cli.dns_files import DnsOptions, dns_files
from kcompile.cli.progress import ProgressBar
from kcompile.cli.report import report
from kcompile.diagnostics import Diagnostic, KcompileError
from kcompile.ir.plan import KubeVersion, Mode
from kcompile.targets.registry import NODE_FORMATS


class NotWritten(KcompileError):
    """The output folder could not be written."""


NODE_FILES = frozenset(name for chosen in NODE_FORMATS for name in chosen.files.values() if name)


def write_everything(
    cluster: CompiledCluster,
    folder: Path,
    node: str | None,
    mode: Mode | None,
    kube_version: KubeVersion,
    local_addresses: Sequence[str] | None,
    check: bool,
    dns: DnsOptions,
) -> None:
    """Write the folder. Everything is compiled into a private folder beside the old files before any is replaced."""
    names = cluster.node_names if node is None else (cluster.node_name(node),)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".kcompile-", dir=folder))
    except OSError as failure:
        raise NotWritten(f"{folder}: {failure.strerror}") from None
    try:
        written = set()
        warnings: dict[Diagnostic, None] = {}
        with ProgressBar("compiling nodes", len(names)) as bar:
            for name in names:
                compiled = cluster.node(name, mode, kube_version, local_addresses)
                warnings.update(dict.fromkeys(compiled.warnings))
                if check:
                    from kcompile.cli.tool_check import check_node

                    check_node(compiled)
                for file, text in compiled.render_files():
                    written.add(_write(staging, PurePosixPath("nodes", name, file), text))
                bar.advance()
        report(warnings)
        for path, text in _cluster_files(cluster, dns):
            written.add(_write(staging, path, text))
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


def _write(staging: Path, path: PurePosixPath, text: bytes) -> PurePosixPath:
    # Names have passed the grammar of DNS names, which has no "/" and no name that begins with a dot.
    if any(part in ("", ".", "..") for part in path.parts) or path.is_absolute():
        raise NotWritten(f"{path} is not a path inside the output folder")
    target = staging / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text)
    target.chmod(0o644)
    return path


def _stale(folder: Path, names: Sequence[str], *, every_node: bool) -> Iterator[Path]:
    """What an earlier run may have written and this one may not: rules of another mode, Pods that are gone."""
    nodes = folder.glob("nodes/*") if every_node else (folder / "nodes" / name for name in names)
    for node in list(nodes):
        yield from (node / name for name in NODE_FILES if (node / name).is_file())
    yield from list(folder.glob("pods/*/*/resolv.conf"))
    yield from list(folder.glob("zones/*"))
