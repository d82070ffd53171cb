"""The servers that `forward` and `grpc` ask: addresses, or files with name servers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kcompile.frontend.corefile.addresses import join_host_port, parse_ip, split_host_port
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser
from kcompile.frontend.corefile.files import FileError
from kcompile.frontend.corefile.resolv_conf import read_resolv_conf
from kcompile.frontend.corefile.values import ValueProblem, quote
from kcompile.frontend.corefile.zones import DEFAULT_PORTS, split_scheme


@dataclass(frozen=True, slots=True)
class Upstream:
    """`address` is HOST:PORT, an IPv6 host in brackets. `source` is the file it was read from, as written.

    The Pod's own resolv.conf is not known here: then `address` is empty, and `source` names it.
    """

    transport: str
    address: str
    source: str | None = None


def read_upstreams(dispenser: Dispenser, context: Context, texts: Sequence[str]) -> tuple[Upstream, ...]:
    """What each text names; raises `SetupError`."""
    upstreams: list[Upstream] = []
    for text in texts:
        transport, host = split_scheme(text)
        if not host:
            raise dispenser.plain(f"invalid address: {quote(text)}")
        if transport == "unix":
            upstreams.append(Upstream(transport, host))
            continue
        try:
            address, _ = split_host_port(host)
            complete = host
        except ValueProblem:
            host = address = host.strip("[]")
            complete = join_host_port(host, DEFAULT_PORTS[transport])
        if parse_ip(_without_zone(address)) is not None:
            upstreams.append(Upstream(transport, complete))
        else:
            upstreams += _from_file(dispenser, context, host)
    if not upstreams:
        raise dispenser.plain("no nameservers found", "no-upstream")
    return tuple(upstreams)


def _from_file(dispenser: Dispenser, context: Context, name: str) -> list[Upstream]:
    try:
        content = context.files.read(name)
    except FileError as failure:
        hint = (
            "upstreams are IP addresses, names are not resolved" if "." in name and "/" not in name else failure.reason
        )
        raise dispenser.plain(f"not an IP address or file: {quote(name)}", "no-upstream", hint) from None
    if content is None:
        return [Upstream("dns", "", name)]
    servers = read_resolv_conf(content).servers
    return [Upstream("dns", join_host_port(_without_zone(server), "53"), name) for server in servers]


def _without_zone(host: str) -> str:
    return host.rpartition("%")[0] or host
