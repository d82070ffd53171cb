"""`kcompile trace`: where does this packet go, and which rule decides?"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click

from kcompile.api import CompiledCluster
from kcompile.cli.options import kube_version_option, load_cluster, local_address_option, mode_option, node_option
from kcompile.cli.rules_files import read_dumps
from kcompile.diagnostics import KcompileError
from kcompile.evaluate.journey import Journey, travel
from kcompile.evaluate.packet import Packet
from kcompile.evaluate.places import Resolve, WrongPlace
from kcompile.evaluate.world import World
from kcompile.ir.plan import KubeVersion, Mode

PROTOCOLS = ("tcp", "udp", "sctp")
PICTURES = ("mermaid", "dot", "svg")


@click.command(short_help="follow a packet through the rules", no_args_is_help=True)
@click.argument("path", required=False)
@click.option("-f", "more", multiple=True, metavar="PATH", help="Another file or folder of manifests.")
@click.option("--from", "source", metavar="WHERE", help="Where the packet comes from.")
@click.option("--to", "target", metavar="WHERE", help="Where it goes to, with a port.")
@click.option("--proto", type=click.Choice(PROTOCOLS), help="By default the Service port's protocol, else tcp.")
@click.option(
    "--rules",
    "dumps",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="A dump of a node's rules, to follow the packet through these; may be repeated.",
)
@mode_option
@kube_version_option
@node_option
@local_address_option
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.option(
    "--packets",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help='Packets as JSON lines {"from", "to", "proto"}; answers JSON lines, without hops.',
)
@click.option("--format", "picture", type=click.Choice(PICTURES), help="Draw a picture instead.")
def command(
    path: str | None,
    more: tuple[str, ...],
    source: str | None,
    target: str | None,
    proto: str | None,
    dumps: tuple[str, ...],
    mode: Mode | None,
    kube_version: KubeVersion,
    node: str | None,
    local_addresses: tuple[str, ...] | None,
    as_json: bool,
    packets: str | None,
    picture: str | None,
) -> int:
    """Follow a packet through the rules that kube-proxy would load, or through those of a dump.

    WHERE is pod:NAMESPACE/NAME, node, IP, IP:PORT, service:NAMESPACE/NAME, service:NAMESPACE/NAME:PORT or a DNS name
    with a port, which is looked up as that Pod would. A dump is what iptables-save, nft list ruleset (also with -j),
    ipvsadm -Sn or ipset save print; then PATH may be left out. Exit status 1 says that the packet cannot arrive.

    \b
    kcompile trace manifests/ --from pod:default/client --to service:default/web
    kcompile trace manifests/ --from 203.0.113.9 --to 192.168.1.11:30080 --mode nftables
    kcompile trace --rules iptables.txt --local-address 192.168.1.11/24 --from 10.244.0.7 --to 10.96.0.10:53 --proto udp
    """
    if path is None and not dumps:
        raise click.UsageError("name a PATH with manifests, or the dump of a node with --rules")
    if packets is None and (source is None or target is None):
        raise click.UsageError("--from and --to are needed, or --packets FILE")
    cluster = load_cluster([*([path] if path else []), *more]) if path or more else None
    dump = read_dumps(dumps) if dumps else None
    world = World(cluster, mode, kube_version, local_addresses, dump, resolve=_resolver(cluster))
    if packets is not None:
        return _packets(world, node, Path("/dev/stdin" if packets == "-" else packets))
    assert source is not None
    assert target is not None
    origin = world.places.find(source)
    starts = world.starts(node, origin, world.places.find(target, origin), proto)
    journeys = [travel(start.node, start.packet, world.places, world.other) for start in starts]
    if picture is not None:
        from kcompile.evaluate.pictures import draw

        click.echo(draw(picture, journeys), nl=False)
    elif as_json:
        from kcompile.cli.trace_json import journey_json

        for journey in journeys:
            click.echo(json.dumps(journey_json(journey, world.places)))
    else:
        from kcompile.cli.trace_text import journey_text

        title = "through the dump" if dump else f"{world.mode} mode of {kube_version}"
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for number, journey in enumerate(journeys):
            click.echo("\n" * (number > 0), nl=False)
            for line in journey_text(journey, world.places, title, width):
                click.echo(line)
    return 0 if any(map(_arrives, journeys)) else 1


def _arrives(journey: Journey) -> bool:
    return any(outcome.verdict not in ("reject", "drop") for outcome in journey.outcomes)


class NoPackets(KcompileError):
    """The file of packets cannot be read."""


def _packets(world: World, node: str | None, file: Path) -> int:
    """Answer JSON lines with JSON lines, each packet on the one node where it starts."""
    status = 0
    for number, request in _requests(file):
        try:
            answer = _answer(world, node, request)
        except (WrongPlace, ValueError, KeyError, TypeError) as error:
            reason = f"no `{error.args[0]}`" if isinstance(error, KeyError) else str(error)
            answer = {"outcomes": [], "error": f"line {number}: {reason}"}
            status = 1
        sys.stdout.write(json.dumps(answer) + "\n")
    return status


def _requests(file: Path) -> Iterator[tuple[int, Any]]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise NoPackets(f"{file}:{number}: {error}") from None


def _answer(world: World, node: str | None, request: dict[str, Any]) -> dict[str, Any]:
    origin = world.places.find(request["from"])
    target = world.places.find(request["to"], origin)
    protocol = request.get("proto")
    if protocol not in (None, *PROTOCOLS):
        raise ValueError(f"`{protocol}` is none of {', '.join(PROTOCOLS)}")
    starts = world.starts(node, origin, target, protocol)
    if len(starts) != 1:
        raise WrongPlace(f"{origin.text} may come to any of {len(starts)} nodes; name one with --node")
    start = starts[0]
    trace = start.node.rules.trace(start.packet, start.node.host)
    return {**_echo(request, start.packet), "outcomes": [outcome.as_json() for outcome in start.node.outcomes(trace)]}


def _echo(request: dict[str, Any], packet: Packet) -> dict[str, Any]:
    return {"from": request["from"], "to": request["to"], "proto": packet.protocol}


def _resolver(cluster: CompiledCluster | None) -> Resolve | None:
    """How DNS names are looked up: as the Pod would, else as CoreDNS would."""
    if cluster is None:
        return None

    @cache
    def lookup() -> Resolve:
        # Most packets are traced by addresses, which need no server.
        from kcompile.evaluate.dns.search import address_lookup

        return address_lookup(cluster.model, cluster.given)

    return lambda name, pod: lookup()(name, pod)
