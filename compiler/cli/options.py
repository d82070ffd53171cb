"""The options that several commands share, and how they load a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, TypeVar

import click

from kcompile.api import CompiledCluster, compile_sources
from kcompile.cli.progress import ProgressBar
from kcompile.cli.report import note, report
from kcompile.frontend.inputs import read_sources
from kcompile.ir.plan import KUBE_VERSIONS, MODES

try:
    from kcompile.native.memory import prefer_huge_pages
except ImportError:
    from kcompile.twins.memory import prefer_huge_pages

F = TypeVar("F", bound=Callable[..., Any])


def mode_option(function: F) -> F:
    help_text = "kube-proxy's mode; by default that of the KubeProxyConfiguration in the input, else iptables."
    return click.option("--mode", type=click.Choice(MODES), help=help_text)(function)


def kube_version_option(function: F) -> F:
    help_text = "Whose rules to write."
    choice = click.Choice(KUBE_VERSIONS)
    return click.option("--kube-version", type=choice, default=KUBE_VERSIONS[-1], show_default=True, help=help_text)(
        function
    )


def node_option(function: F) -> F:
    return click.option("--node", metavar="NAME", help="The node; needed when the cluster has several.")(function)


def local_address_option(function: F) -> F:
    help_text = (
        "An address of the node itself, such as 192.168.1.11/24; may be repeated. By default those in its status."
    )
    return click.option(
        "--local-address", "local_addresses", multiple=True, metavar="CIDR", callback=_addresses, help=help_text
    )(function)


def _addresses(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...] | None:
    import ipaddress

    for value in values:
        try:
            ipaddress.ip_interface(value)
        except ValueError:
            raise click.BadParameter(f"{value!r} is not an address with its prefix, such as 192.168.1.11/24") from None
    return values or None


def _say_if_slow() -> None:
    if not os.environ.get("KCOMPILE_PURE") and find_spec("kcompile.native.emit") is None:
        note("running on plain Python, slower: the compiled extensions are missing; install gcc, then kcompile again")


_LARGE = 16 << 20
"""Bytes of manifests whose objects fill many pages."""


def load_cluster(paths: Sequence[str]) -> CompiledCluster:
    """The cluster in these paths; warnings and what was skipped go to standard error. Raises `Errors`."""
    _say_if_slow()
    sources, unread = read_sources(paths)
    size = sum(len(source.data) for source in sources)
    if size >= _LARGE:
        prefer_huge_pages()
    with ProgressBar("reading manifests", size) as bar:
        cluster = compile_sources(sources, unread, bar.advance)
    report(cluster.warnings)
    skipped = cluster.model.skipped
    if skipped:
        kinds = ", ".join(f"{count} {kind}" for kind, count in skipped.items())
        note(f"skipped what plays no part: {kinds}")
    return cluster
