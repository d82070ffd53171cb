"""`kcompile build`: the main job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from kcompile.api import CompiledCluster, CompiledNode, NoSuchNode
from kcompile.cli.dns_files import DnsOptions, dns_options, dns_text
from kcompile.cli.options import (
    kube_version_option,
    load_cluster,
    local_address_option,
    mode_option,
    node_option,
)
from kcompile.cli.report import report
from kcompile.ir.node_dependence import differing_parts, may_depend_on_node
from kcompile.ir.plan import Family, KubeVersion, Mode
from kcompile.targets.registry import CLUSTER_FORMATS, DEFAULT_FORMATS, WrongFormat, formats, modes_of


@click.command(short_help="compile manifests into rules", no_args_is_help=True)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@mode_option
@kube_version_option
@node_option
@click.option("--family", type=click.Choice(["4", "6"]), help="The IP family; by default the cluster's primary one.")
@click.option(
    "--format",
    "format_name",
    metavar="FORMAT",
    help=f"What to write to standard output: {', '.join(formats())}. By default what the mode's own tool loads.",
)
@local_address_option
@dns_options
@click.option("--check", is_flag=True, help="Hold the rules against the tools of this machine; nothing is loaded.")
@click.option("-o", "--output", metavar="DIR", type=click.Path(path_type=Path), help="Write everything into DIR.")
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1, 256),
    help="How many processes compile nodes for -o; by default one for each processor.",
)
def command(
    paths: tuple[str, ...],
    mode: Mode | None,
    kube_version: KubeVersion,
    node: str | None,
    family: str | None,
    format_name: str | None,
    local_addresses: tuple[str, ...] | None,
    check: bool,
    output: Path | None,
    jobs: int | None,
    **dns: Any,
) -> None:
    """Compile manifests into the rules that kube-proxy would load on a node.

    PATH is a file, a folder (every *.yaml, *.yml and *.json in it) or - for standard input. The rules go to standard
    output, everything else to standard error. With -o, everything that the nodes of the cluster end up with is written.

    \b
    kcompile manifests/ > rules.txt
    kcompile manifests/ --mode nftables | nft -c -f -
    kubectl get svc,endpointslices,nodes,cm -A -o json | kcompile - --node worker-1
    kcompile manifests/ -o out && diff -r out expected
    """
    if format_name is not None and format_name not in formats():
        raise click.BadParameter(f"{format_name!r} is not one of {', '.join(formats())}", param_hint="--format")
    if output is not None and format_name is not None:
        raise click.UsageError("-o writes every format; leave out --format")
    cluster = load_cluster(paths)
    if output is not None:
        from kcompile.cli.output import write_everything

        write_everything(cluster, output, node, mode, kube_version, local_addresses, check, jobs, DnsOptions(**dns))
        return
    if format_name in CLUSTER_FORMATS:
        sys.stdout.buffer.write(_cluster_text(cluster, format_name, DnsOptions(**dns)))
        return
    chosen_mode = mode or _mode_of(format_name, cluster.mode)
    chosen = format_name or DEFAULT_FORMATS[chosen_mode]
    chosen_family: Family | None = None if family is None else 4 if family == "4" else 6

    nodes = cluster.nodes(chosen_mode, kube_version, local_addresses)
    first, *others = cluster.node_names if node is None else (cluster.node_name(node),)
    try:
        compiled_first = CompiledNode(nodes.plan(first))
        text = compiled_first.emit_bytes(chosen, chosen_family)
        for other in others if may_depend_on_node(compiled_first.plan) else ():
            parts = differing_parts(compiled_first.plan, nodes.plan(other))
            if parts and len({CompiledNode(part).emit_bytes(chosen, chosen_family) for part in parts}) > 1:
                differ = f"the rules of {first} and {other} differ"
                raise NoSuchNode(f"{differ}; name a node with --node, or write all with -o DIR")
    except WrongFormat as wrong:
        raise click.BadParameter(str(wrong), param_hint="--format") from None
    report(compiled_first.warnings)
    if check:
        from kcompile.cli.tool_check import check_node

        check_node(compiled_first)
    sys.stdout.buffer.write(text)


def _cluster_text(cluster: CompiledCluster, format_name: str, dns: DnsOptions) -> bytes:
    """One artifact that does not depend on a node."""
    if format_name == "objects":
        from kcompile.targets.objects import objects

        return objects(cluster.model)
    return dns_text(cluster, format_name, dns)


def _mode_of(format_name: str | None, configured: Mode) -> Mode:
    """The configured mode, unless the format belongs to one other mode only: `--format nft` means nftables."""
    modes = modes_of(format_name) if format_name else ()
    return modes[0] if len(modes) == 1 else configured
