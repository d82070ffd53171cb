from __future__ import annotations

import pytest

from kcompile.ir.categories import Topology, categorize
from kcompile.ir.plan import EndpointInfo

HERE = Topology("node1", "zone-a", node_hints=True, zone_hints=True)
NO_HINTS = Topology("node1", "zone-a", node_hints=False, zone_hints=False)

READY = EndpointInfo("10.0.0.1", 80)
READY_LOCAL = EndpointInfo("10.0.0.2", 80, local=True)
LEAVING = EndpointInfo("10.0.0.3", 80, ready=False, terminating=True)
LEAVING_LOCAL = EndpointInfo("10.0.0.4", 80, ready=False, terminating=True, local=True)
BROKEN = EndpointInfo("10.0.0.5", 80, ready=False, serving=False, local=True)
GONE = EndpointInfo("10.0.0.6", 80, ready=False, serving=False, terminating=True, local=True)


@pytest.mark.parametrize(
    ("endpoints", "cluster", "local"),
    [
        ((READY, READY_LOCAL, LEAVING, BROKEN), (READY, READY_LOCAL), (READY_LOCAL,)),
        # What terminates serves only where nothing is ready, for each policy by itself.
        ((READY, LEAVING, LEAVING_LOCAL), (READY,), (LEAVING_LOCAL,)),
        ((LEAVING, LEAVING_LOCAL, BROKEN, GONE), (LEAVING, LEAVING_LOCAL), (LEAVING_LOCAL,)),
        ((READY, LEAVING), (READY,), ()),
        ((BROKEN, GONE), (), ()),
        ((), (), ()),
    ],
)
def test_a_policy_takes_ready_endpoints_or_else_terminating_ones_that_serve(
    endpoints: tuple[EndpointInfo, ...], cluster: tuple[EndpointInfo, ...], local: tuple[EndpointInfo, ...]
) -> None:
    both = categorize(endpoints, True, True, HERE)
    assert (both.cluster, both.local) == (cluster, local)
    assert both.reachable == tuple(endpoint for endpoint in endpoints if endpoint in cluster or endpoint in local)
    assert both.has_any is bool(cluster)

    only_cluster = categorize(endpoints, True, False, HERE)
    assert only_cluster == (cluster, (), cluster, bool(cluster))

    only_local = categorize(endpoints, False, True, HERE)
    # Endpoints elsewhere make the difference between dropping and refusing.
    assert only_local == ((), local, local, bool(cluster))


def hinted(ip: str, zones: str = "", nodes: str = "", ready: bool = True, local: bool = False) -> EndpointInfo:
    return EndpointInfo(
        ip, 80, ready=ready, local=local, zone_hints=frozenset(zones.split()), node_hints=frozenset(nodes.split())
    )


IN_A = hinted("10.0.0.1", "zone-a")
IN_B = hinted("10.0.0.2", "zone-b", local=True)
IN_BOTH = hinted("10.0.0.3", "zone-a zone-b")


@pytest.mark.parametrize(
    ("endpoints", "chosen"),
    [
        ((IN_A, IN_B, IN_BOTH), (IN_A, IN_BOTH)),
        ((IN_A, IN_B, READY), (IN_A, IN_B, READY)),  # one without a hint
        ((IN_B,), (IN_B,)),  # none for this zone
        ((IN_A, IN_B, LEAVING), (IN_A,)),  # what is not ready needs no hint
    ],
)
def test_zone_hints_count_when_every_ready_endpoint_has_one(
    endpoints: tuple[EndpointInfo, ...], chosen: tuple[EndpointInfo, ...]
) -> None:
    assert categorize(endpoints, True, False, HERE).cluster == chosen
    ready = tuple(endpoint for endpoint in endpoints if endpoint.ready)
    assert categorize(endpoints, True, False, NO_HINTS).cluster == ready


def test_node_hints_are_tried_before_zone_hints() -> None:
    for_node = hinted("10.0.0.1", "zone-b", "node1")
    for_other = hinted("10.0.0.2", "zone-a", "node2")
    both = (for_node, for_other)
    assert categorize(both, True, False, HERE).cluster == (for_node,)
    assert categorize(both, True, False, HERE._replace(node="node3")).cluster == (for_other,)
    assert categorize(both, True, False, HERE._replace(node_hints=False)).cluster == (for_other,)


def test_hints_do_not_apply_to_terminating_endpoints_nor_to_policy_local() -> None:
    leaving = tuple(
        EndpointInfo(ip, 80, ready=False, terminating=True, zone_hints=frozenset({zone}))
        for ip, zone in (("10.0.0.1", "zone-a"), ("10.0.0.2", "zone-b"))
    )
    assert categorize(leaving, True, False, HERE).cluster == leaving
    both = categorize((IN_A, IN_B), True, True, HERE)
    assert (both.cluster, both.local, both.reachable) == ((IN_A,), (IN_B,), (IN_A, IN_B))
