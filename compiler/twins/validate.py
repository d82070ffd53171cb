"""What runs once for each endpoint of a cluster, in plain Python: the reference for `kcompile.native.validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcompile.passes.addresses import is_usable_ipv4
from kcompile.passes.syntax import is_dns_label, is_kind, is_subdomain

if TYPE_CHECKING:
    from kcompile.model.endpoint_slice import Endpoint


def first_unusual(endpoints: tuple[Endpoint, ...], start: int) -> int:
    """The position of the first endpoint, from one on, that is not plainly right; the number of them if all are.

    Plainly right is one with one usable IPv4 address, at most one hint of each kind, and nothing but names.
    """
    for number in range(start, len(endpoints)):
        if not _is_ordinary(endpoints[number]):
            return number
    return len(endpoints)


def _is_ordinary(endpoint: Endpoint) -> bool:
    target = endpoint.target
    return bool(
        len(endpoint.addresses) == 1
        and is_usable_ipv4(endpoint.addresses[0])
        and (not endpoint.node_name or is_subdomain(endpoint.node_name))
        and (not endpoint.zone or is_dns_label(endpoint.zone))
        and (not endpoint.hostname or is_dns_label(endpoint.hostname))
        and len(endpoint.zone_hints) <= 1
        and all(map(is_dns_label, endpoint.zone_hints))
        and len(endpoint.node_hints) <= 1
        and all(map(is_subdomain, endpoint.node_hints))
        and (
            target is None
            or (
                (not target.kind or is_kind(target.kind))
                and (not target.namespace or is_dns_label(target.namespace))
                and (not target.name or is_subdomain(target.name))
            )
        )
    )
