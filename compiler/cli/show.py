"""`kcompile show`: Services, endpoints, rules and records as kubectl and the node's tools print them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from kcompile.cli.options import kube_version_option, load_cluster, local_address_option, mode_option, node_option
from kcompile.cli.rules_files import read_dumps
from kcompile.diagnostics import KcompileError, printable
from kcompile.ir.plan import KubeVersion, Mode
from kcompile.ir.ruleset import Ruleset

WHAT = ("services", "endpoints", "iptables", "ipvs", "nftables", "dns")
TABLES = ("nat", "filter", "mangle", "raw", "security")

# The mode whose rules each tool lists, and the formats that hold them.
_MODES: dict[str, Mode] = {"iptables": "iptables", "ipvs": "ipvs", "nftables": "nftables"}
_FORMATS = {"iptables": "iptables-save", "ipvs": "ipvsadm", "nftables": "nft"}


class NotShown(KcompileError):
    """What was asked for is not in the input."""


@click.command(short_help="print Services, endpoints, rules and records", no_args_is_help=True)
@click.argument("what", type=click.Choice(WHAT))
@click.argument("path", required=False)
@click.option("-f", "more", multiple=True, metavar="PATH", help="Another file or folder of manifests.")
@click.option(
    "--rules",
    "dumps",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="Show the rules of a dump instead; may be repeated.",
)
@click.option("-t", "--table", type=click.Choice(TABLES), default="nat", show_default=True, help="Of iptables.")
@click.option("--family", type=click.Choice(["4", "6"]), default="4", show_default=True, help="Of iptables.")
@mode_option
@kube_version_option
@node_option
@local_address_option
def command(
    what: str,
    path: str | None,
    more: tuple[str, ...],
    dumps: tuple[str, ...],
    table: str,
    family: str,
    mode: Mode | None,
    kube_version: KubeVersion,
    node: str | None,
    local_addresses: tuple[str, ...] | None,
) -> None:
    """Print what a cluster or a node holds, as the field's own tools print it.

    \b
    services    kubectl get services -A        iptables    iptables -t nat -L -n -v
    endpoints   kubectl get endpoints -A       ipvs        ipvsadm -L -n
    dns         names, types and data          nftables    nft list ruleset

    PATH has the manifests; with --rules the rules come from dumps of a node.
    """
    if path is None and not dumps:
        raise click.UsageError("name a PATH with manifests, or the dump of a node with --rules")
    if what in _MODES:
        rules = read_dumps(dumps) if dumps else _compiled(what, path, more, node, mode, kube_version, local_addresses)
        _print(_rules(what, rules, table, "ip" if family == "4" else "ip6"))
        return
    if path is None:
        raise click.UsageError(f"a dump does not hold {what}: name a PATH with manifests")
    cluster = load_cluster((path, *more))
    if what == "dns":
        from kcompile.cli.show_dns import dns_table

        _print(dns_table(cluster))
    else:
        from kcompile.cli.show_objects import endpoints_table, services_table

        _print(services_table(cluster.model) if what == "services" else endpoints_table(cluster.model))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo("\t".join(map(printable, line.split("\t"))))


def _compiled(
    what: str,
    path: str | None,
    more: tuple[str, ...],
    node: str | None,
    mode: Mode | None,
    kube_version: KubeVersion,
    local_addresses: tuple[str, ...] | None,
) -> Ruleset:
    """The rules of a compiled node. The tool decides the mode, but iptables serves in three of them."""
    from kcompile.readers import read_ruleset

    assert path is not None
    cluster = load_cluster((path, *more))
    configured = mode or cluster.mode
    chosen = configured if what == "iptables" and configured != "nftables" else _MODES[what]
    compiled = cluster.node(node, chosen, kube_version, local_addresses)
    if what != "iptables":
        return read_ruleset(compiled.emit(_FORMATS[what]))
    ipv4 = read_ruleset(compiled.emit("iptables-save", 4), family="ip")
    return ipv4 + read_ruleset(compiled.emit("iptables-save", 6), family="ip6")


def _rules(what: str, rules: Ruleset, table: str, family: str) -> Iterator[str]:
    if what == "ipvs":
        from kcompile.cli import show_ipvs

        return show_ipvs.listing(rules.virtual_servers)
    if what == "nftables":
        from kcompile.cli import show_nftables

        return show_nftables.listing(rules)
    from kcompile.cli import show_iptables

    found = [t for t in rules.tables if t.language == "iptables" and t.name == table]
    chosen = next((t for t in found if t.family == family), None)
    if chosen is None:
        raise NotShown(f"there is no table {table} of iptables for IPv{'4' if family == 'ip' else '6'}")
    return show_iptables.listing(chosen)
