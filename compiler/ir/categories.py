"""Which endpoints serve which traffic: kube-proxy's categories, by policies, readiness and hints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from kcompile.ir.plan import EndpointInfo, PackedEndpoints, local_among

try:
    from kcompile.native.plan import packed
except ImportError:
    from kcompile.twins.plan import packed

Endpoints = tuple[EndpointInfo, ...]


class Topology(NamedTuple):
    """What a node knows of its place, and which hints count."""

    node: str
    zone: str
    node_hints: bool
    zone_hints: bool


class Categories(NamedTuple):
    """As in `ServicePortInfo`: `cluster` and `local` are empty when no traffic follows that policy."""

    cluster: Endpoints = ()
    local: Endpoints = ()
    reachable: Endpoints = ()
    has_any: bool = False


def categorize(endpoints: Endpoints, uses_cluster: bool, uses_local: bool, topology: Topology) -> Categories:
    """Each policy takes the ready endpoints, or where it has none those that still serve while they terminate
    (KEP-1669). Hints narrow policy Cluster only."""
    usable = _usable(endpoints)
    cluster: Endpoints = ()
    if uses_cluster:
        cluster = _hinted(usable, topology) if usable and usable[0].ready else usable
    if not uses_local:
        return Categories(cluster, (), cluster, bool(cluster))
    local = _usable(local_among(endpoints))
    return Categories(cluster, local, _union(endpoints, cluster, local), bool(usable))


def _usable(endpoints: Sequence[EndpointInfo]) -> Endpoints:
    """The ready endpoints, else those that serve while they terminate."""
    ready = [endpoint for endpoint in endpoints if endpoint.ready]
    if len(ready) == len(endpoints) and isinstance(endpoints, tuple):
        return endpoints  # which saves a large cluster a second list
    return _packed(ready or [endpoint for endpoint in endpoints if endpoint.serving and endpoint.terminating])


def _packed(endpoints: list[EndpointInfo]) -> Endpoints:
    return packed(PackedEndpoints, endpoints) if endpoints else ()


def _hinted(ready: Endpoints, topology: Topology) -> Endpoints:
    """The endpoints that hints assign to this node or else to its zone; all of them unless every one has a hint.

    Hints that name neither this node nor its zone are ignored: some endpoint is better than none.
    """

    def chosen(hints: Callable[[EndpointInfo], frozenset[str]], place: str) -> Endpoints:
        if not all(map(hints, ready)):
            return ()
        return _packed([endpoint for endpoint in ready if place in hints(endpoint)])

    for_node = chosen(lambda endpoint: endpoint.node_hints, topology.node) if topology.node_hints else ()
    if for_node:
        return for_node
    for_zone = chosen(lambda endpoint: endpoint.zone_hints, topology.zone) if topology.zone_hints else ()
    return for_zone or ready


def _union(endpoints: Endpoints, cluster: Endpoints, local: Endpoints) -> Endpoints:
    """The endpoints of either category, in the order of all."""
    if not cluster or not local:
        return cluster or local
    either = {id(endpoint) for endpoint in (*cluster, *local)}
    if len(either) == len(cluster):
        return cluster
    return _packed([endpoint for endpoint in endpoints if id(endpoint) in either])
