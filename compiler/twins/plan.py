"""What the plan of a large cluster is made of in bulk, in plain Python: the reference for `kcompile.native.plan`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from kcompile.frontend.source import Origin
    from kcompile.ir.plan import EndpointInfo, PackedEndpoints
    from kcompile.model.endpoint_slice import Endpoint

T = TypeVar("T")

NO_HINTS: frozenset[str] = frozenset()


def usable(
    kind: type[EndpointInfo],
    endpoints: Iterable[Endpoint],
    ipv6: bool,
    canonical: Callable[[str], str] | None,
    port: int,
    origin: Origin,
) -> tuple[list[EndpointInfo], frozenset[str], bool]:
    """The endpoints that have an address of the family, with a port's number, as a node sees them that has none.

    All but the first of an endpoint's addresses are ignored. `canonical` spells it anew, and leaves an IPv4 address as
    it is. A condition that is not given means ready and serving, and not terminating. Also given are the nodes that the
    endpoints run on, and whether some have hints.
    """
    made = []
    for endpoint in endpoints:
        if endpoint.addresses and (":" in endpoint.addresses[0]) == ipv6:
            address = endpoint.addresses[0]
            made.append(
                kind(
                    ip=canonical(address) if canonical else address,
                    port=port,
                    local=False,
                    ready=endpoint.ready is not False,
                    serving=endpoint.serving is not False,
                    terminating=endpoint.terminating is True,
                    zone_hints=frozenset(endpoint.zone_hints) if endpoint.zone_hints else NO_HINTS,
                    node_hints=frozenset(endpoint.node_hints) if endpoint.node_hints else NO_HINTS,
                    origin=origin,
                    node=endpoint.node_name,
                )
            )
    return made, frozenset(info.node for info in made), any(info.zone_hints or info.node_hints for info in made)


def with_port(kind: type[EndpointInfo], infos: Iterable[EndpointInfo], port: int) -> list[EndpointInfo]:
    """The endpoints at another port."""
    return [info._replace(port=port) for info in infos]


def seen_from(kind: type[EndpointInfo], infos: Iterable[EndpointInfo], node: str) -> list[EndpointInfo]:
    """The endpoints with those marked as local that run on a node; the others stay the same objects."""
    return [info._replace(local=True) if info.node == node else info for info in infos]


def packed(kind: type[PackedEndpoints], infos: Iterable[EndpointInfo]) -> PackedEndpoints:
    """The endpoints with the texts of their addresses and ports, if each has less than 256 bytes."""
    made = kind(infos)
    made.has_local = any(info.local for info in made)
    texts = [text for info in made for text in (info.ip.encode(), b"%d" % info.port)]
    if max(map(len, texts), default=0) < 256:
        made.texts = b"\2" + b"".join([bytes((len(text),)) + text for text in texts])
    return made


def by_address(kind: type[PackedEndpoints], infos: Iterable[EndpointInfo]) -> PackedEndpoints | None:
    """The endpoints sorted by the string "ip:port"; None if one address stands there twice."""
    given = list(infos)
    found = {info.address.encode(): info for info in given}
    return packed(kind, [found[address] for address in sorted(found)]) if len(found) == len(given) else None


def replaced(given: T, changes: Mapping[str, Any]) -> T:
    """A frozen dataclass with some fields replaced, which its `__init__` is not called for."""
    return dataclasses.replace(given, **changes)  # type: ignore[type-var]
