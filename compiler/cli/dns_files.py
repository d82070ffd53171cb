"""What `build` writes of DNS: the Corefile, the zones, every Pod's resolv.conf."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kcompile.api import CompiledCluster
from kcompile.cli.report import note, report
from kcompile.diagnostics import KcompileError, raise_errors

if TYPE_CHECKING:
    from kcompile.targets.corefile import CorefileChanges

F = TypeVar("F", bound=Callable[..., Any])

ZONES = PurePosixPath("zones")


@dataclass(frozen=True, slots=True)
class DnsOptions:
    """What the command line says about DNS, as given.

    `zone` and `pod` choose what goes to standard output; `host_resolv_conf` is the file of the nodes.
    """

    upstreams: str | None = None
    stub_domains: tuple[str, ...] = ()
    static: bool = False
    host_resolv_conf: str | None = None
    zone: str | None = None
    pod: str | None = None


class NotChosen(KcompileError):
    """Several would fit, or none: one has to be named."""


def dns_options(function: F) -> F:
    """The options that end up in `DnsOptions`."""
    for option in reversed(
        (
            click.option(
                "--dns-upstream",
                "upstreams",
                metavar="ADDRESS,...",
                help="Corefile: forward what is not of the cluster to these servers instead of the node's own.",
            ),
            click.option(
                "--stub-domain",
                "stub_domains",
                multiple=True,
                metavar="DOMAIN=ADDRESS,...",
                help="Corefile: ask these servers for names of a domain; may be repeated.",
            ),
            click.option("--static", is_flag=True, help="Corefile: serve the zones from files, without an API server."),
            click.option(
                "--host-resolv-conf",
                metavar="FILE",
                type=click.Path(exists=True, dir_okay=False),
                help="The nodes' own resolv.conf, for Pods that inherit from it.",
            ),
            click.option("--zone", metavar="NAME", help="Which zone --format zone prints; by default the cluster's."),
            click.option("--pod", metavar="NAMESPACE/NAME", help="Whose resolv.conf --format resolv.conf prints."),
        )
    ):
        function = option(function)
    return function


def dns_text(cluster: CompiledCluster, format_name: str, options: DnsOptions) -> bytes:
    """One artifact of DNS; warnings go to standard error. Raises `Errors` and `NotChosen`."""
    if format_name == "resolv.conf":
        return _resolv_conf(cluster, options)
    if format_name == "zone":
        return _zone(cluster, options)
    from kcompile.targets.corefile import coredns_configmap, corefile, takes_effect

    changes = _changes(cluster, options)
    write = coredns_configmap if format_name == "coredns-configmap" else corefile
    text, found = write(cluster.model, changes)
    raise_errors(found)
    report(found)
    if options.upstreams or options.stub_domains:
        note(takes_effect(cluster.model))
    return text


def dns_files(cluster: CompiledCluster, options: DnsOptions) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Every file of DNS that `-o` writes. Raises `Errors`."""
    from kcompile.targets.resolv_conf import resolv_confs

    yield PurePosixPath("Corefile"), dns_text(cluster, "corefile", options)
    for name, text in _zones(cluster).values():
        yield ZONES / name, text
    confs, found = resolv_confs(cluster.model, _host_resolv_conf(options))
    report(found)
    for (namespace, pod), text in confs.items():
        yield PurePosixPath("pods", namespace, pod, "resolv.conf"), text


def _changes(cluster: CompiledCluster, options: DnsOptions) -> CorefileChanges:
    from kcompile.targets.corefile import CorefileChanges, parse_servers, parse_stub_domain

    try:
        upstreams = parse_servers(options.upstreams) if options.upstreams else ()
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), param_hint="--dns-upstream") from None
    try:
        stubs = tuple(map(parse_stub_domain, options.stub_domains))
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), param_hint="--stub-domain") from None
    static = {origin: str(ZONES / name) for origin, (name, _) in _zones(cluster).items()} if options.static else None
    return CorefileChanges(upstreams, stubs, static)


def _zones(cluster: CompiledCluster) -> dict[str, tuple[str, bytes]]:
    """Origin to file name and content."""
    from kcompile.ir.cluster_corefile import cluster_domain, kubernetes_settings, load_cluster_corefile
    from kcompile.ir.dns_objects import dns_objects
    from kcompile.targets.zone import zones

    configuration = load_cluster_corefile(cluster.model)
    if configuration.rejection is not None:
        raise_errors(configuration.diagnostics)
    settings = kubernetes_settings(configuration, cluster_domain(cluster.model))
    servers = cluster.model.kubelet.cluster_dns if cluster.model.kubelet else ()
    return dict(zones(dns_objects(cluster.model, cluster.given), settings, servers))


def _zone(cluster: CompiledCluster, options: DnsOptions) -> bytes:
    zones = _zones(cluster)
    if options.zone is None:
        return next(iter(zones.values()))[1]
    origin = options.zone.lower().rstrip(".") + "."
    if origin not in zones:
        raise NotChosen(f"there is no zone {options.zone}; there are {', '.join(zones)}")
    return zones[origin][1]


def _resolv_conf(cluster: CompiledCluster, options: DnsOptions) -> bytes:
    from kcompile.targets.resolv_conf import resolv_confs

    confs, found = resolv_confs(cluster.model, _host_resolv_conf(options))
    names = ["/".join(key) for key in confs]
    listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    pod = options.pod or (names[0] if len(names) == 1 else None)
    if pod is None:
        raise NotChosen(f"name a Pod with --pod, or write all with -o DIR; there are {listed or 'none'}")
    namespace, _, name = pod.rpartition("/")
    key = (namespace or "default", name)
    if key not in confs:
        raise NotChosen(f"there is no Pod {'/'.join(key)}; there are {listed or 'none'}")
    report(found)
    return confs[key]


def _host_resolv_conf(options: DnsOptions) -> bytes | None:
    if options.host_resolv_conf is None:
        return None
    with open(options.host_resolv_conf, "rb") as file:
        return file.read(1 << 20)
