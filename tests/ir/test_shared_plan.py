"""Plans share what does not depend on the node, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kcompile.ir.build_plan import build_plan, planner
from kcompile.ir.plan import KUBE_VERSIONS, KubeVersion
from kcompile.model import Cluster, Endpoint, Node, NodeAddress
from kcompile.model.meta import Meta
from tests.ir.test_build_plan import CLUSTER, ZONE, service, slice_of

NODES = tuple(
    Node(Meta(f"node{i}", labels={ZONE: "ab"[i % 2]}), addresses=(NodeAddress("InternalIP", f"192.168.1.{i}"),))
    for i in range(4)
)
PLAIN = slice_of("plain", *(Endpoint((f"10.244.{i}.1",), node_name=f"node{i}") for i in range(2)))
HINTED = slice_of(
    "hinted", *(Endpoint((f"10.244.{i}.2",), node_name=f"node{i}", zone_hints=("ab"[i],)) for i in range(2))
)
TWICE = slice_of("twice", *(Endpoint(("10.244.1.3",), node_name=f"node{i}", ready=bool(i)) for i in (0, 1)))
RANGES = replace(service("ranges"), load_balancer_source_ranges=("192.168.1.2/32",))
EVERY = Cluster(
    services=(service("plain"), service("hinted"), service("twice"), RANGES),
    endpoint_slices=(PLAIN, HINTED, TWICE),
    nodes=NODES,
)


@pytest.mark.parametrize("version", KUBE_VERSIONS)
def test_the_plan_of_a_node_is_the_same_whatever_was_planned_before(version: KubeVersion) -> None:
    for cluster in (CLUSTER, EVERY):
        plans = planner(cluster, version)
        for name in ("node3", "node0", "elsewhere", "node1", "node2"):
            assert plans.plan(name, "nftables") == build_plan(cluster, name, "nftables", version)


def test_nodes_share_the_service_ports_that_they_see_alike() -> None:
    plans = planner(EVERY, "1.37")
    ports = [{port.service: port for port in plans.plan(node.name, "iptables").ipv4.service_ports} for node in NODES]
    # Nothing of it runs on nodes 2 and 3; node 2 is in the source ranges; 0 and 2 are in zone a.
    assert ports[2]["plain"] is ports[3]["plain"]
    assert ports[1]["ranges"] is ports[3]["ranges"]
    assert ports[2]["ranges"].source_ranges_include_node
    assert ports[0]["plain"] != ports[1]["plain"] != ports[2]["plain"]
    assert ports[2]["hinted"].cluster_endpoints != ports[3]["hinted"].cluster_endpoints
