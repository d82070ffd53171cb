"""Namespaces and Nodes that the input leaves out."""

from __future__ import annotations

from typing import Any

import pytest

from kcompile.model import Cluster, Endpoint, EndpointsAddress, EndpointSubset, KubeProxyConfiguration, Namespace
from kcompile.passes.surroundings import complete_nodes
from tests.passes.objects import completed, endpoint_slice, endpoints, meta, node, pod, service, workload


@pytest.mark.parametrize(
    ("kinds", "names"),
    [
        ({}, ["node-1"]),
        ({"services": (service("web"),)}, ["node-1"]),
        ({"nodes": (node("a"),), "pods": (pod("p", node_name="b"),)}, ["a"]),
        ({"pods": (pod("p", node_name="b"), pod("q", node_name="a"), pod("r"))}, ["a", "b"]),
        ({"endpoint_slices": (endpoint_slice("s", "web", Endpoint(("10.0.0.1",), node_name="c")),)}, ["c"]),
        (
            {"endpoints": (endpoints("web", EndpointSubset((), (EndpointsAddress("10.0.0.1", node_name="d"),))),)},
            ["d"],
        ),
    ],
)
def test_nodes_are_those_of_the_input_or_those_that_it_names(kinds: dict[str, Any], names: list[str]) -> None:
    assert [n.name for n in completed(Cluster(**kinds)).nodes] == names


def test_kube_proxy_may_name_its_node() -> None:
    override = KubeProxyConfiguration(hostname_override="n")
    assert [n.name for n in completed(Cluster(kube_proxy=override)).nodes] == ["n"]
    for names, warned in ((("n",), []), (("n", "m"), ["hostnameOverride: on m kube-proxy takes itself for n"])):
        _, found = complete_nodes(Cluster(kube_proxy=override, nodes=tuple(map(node, names))))
        assert [problem.message for problem in found] == warned


@pytest.mark.parametrize(
    ("kinds", "names"),
    [
        ({}, []),
        ({"services": (service("web"), service("web", namespace="prod"))}, ["default", "prod"]),
        ({"workloads": (workload("Job", namespace="jobs"),)}, ["jobs"]),
        ({"services": (service("web", namespace="ghost"),), "namespaces": (Namespace(meta("prod", "")),)}, ["prod"]),
    ],
)
def test_namespaces_are_those_of_the_input_or_those_that_it_names(kinds: dict[str, Any], names: list[str]) -> None:
    assert [n.meta.name for n in completed(Cluster(**kinds)).namespaces] == names
