"""The clusters of tests/data/proxy and golden/, each as seen from its nodes, and ways to vary their configuration."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import kcompile
from kcompile.api import CompiledNode
from kcompile.ir.build_plan import build_plan
from kcompile.ir.plan import KubeVersion, Mode
from kcompile.model.cluster import Cluster
from kcompile.model.configuration import DetectLocal, KubeProxyConfiguration
from tests.golden.scenarios import GOLDEN, SCENARIOS
from tests.targets import recorded

SECOND_ADDRESSES = ("172.16.5.4", "fd00:172::54")


@dataclass(frozen=True, slots=True)
class Site:
    """A node of a completed cluster. `local_addresses` are without prefix; None stands for those of its status."""

    name: str
    cluster: Cluster
    node: str
    local_addresses: tuple[str, ...] | None = None

    def compile(self, mode: Mode, version: KubeVersion = "1.37") -> CompiledNode:
        return CompiledNode(build_plan(self.cluster, self.node, mode, version, self.local_addresses))


NAMES = (*(f"recorded/{case}" for case in recorded.CASES), *(f"golden/{scenario}" for scenario in SCENARIOS))


@functools.cache
def sites(name: str) -> tuple[Site, ...]:
    """The nodes of the cluster that has a name of NAMES."""
    kind, case = name.split("/")
    if kind == "golden":
        compiled = kcompile.load([GOLDEN / case / "input"])
        return tuple(Site(name, compiled.model, node) for node in compiled.node_names)
    folder = recorded.FOLDER / case
    spec = json.loads((folder / "case.json").read_text())
    addresses = tuple(address.partition("/")[0] for address in spec["local_addresses"])
    return (Site(name, kcompile.load([folder / "cluster.yaml"]).model, spec["node"], addresses),)


def configured(change: Callable[[KubeProxyConfiguration], KubeProxyConfiguration]) -> Callable[[Site], Site]:
    def vary(site: Site) -> Site:
        given = site.cluster.kube_proxy or KubeProxyConfiguration()
        return replace(site, cluster=replace(site.cluster, kube_proxy=change(given)))

    return vary


def with_endpoints_elsewhere(site: Site) -> Site:
    """The same node under a name that another has in the EndpointSlices, so that other endpoints are its own."""
    others = {
        endpoint.node_name
        for each in site.cluster.endpoint_slices
        for endpoint in each.endpoints
        if endpoint.node_name not in ("", site.node)
    }
    name = min(others, default=site.node)
    nodes = tuple(
        replace(node, meta=replace(node.meta, name=name)) if node.name == site.node else node
        for node in site.cluster.nodes
        if node.name != name
    )
    return replace(site, node=name, cluster=replace(site.cluster, nodes=nodes))


def with_a_second_address(site: Site) -> Site:
    plan = site.compile("iptables").plan
    own = (*plan.ipv4.local_addresses, *plan.ipv6.local_addresses)
    return replace(site, local_addresses=(*own, *SECOND_ADDRESSES))


VARIATIONS: Mapping[str, Callable[[Site], Site]] = MappingProxyType(
    {
        "as given": lambda site: site,
        "no detection of local Pods": configured(
            lambda c: replace(c, detect_local_mode="ClusterCIDR", cluster_cidr="")
        ),
        "local Pods by bridge": configured(
            lambda c: replace(c, detect_local_mode="BridgeInterface", detect_local=DetectLocal(bridge_interface="cbr0"))
        ),
        "local Pods by interface prefix": configured(
            lambda c: replace(
                c, detect_local_mode="InterfaceNamePrefix", detect_local=DetectLocal(interface_name_prefix="cali")
            )
        ),
        "masquerade all": configured(
            lambda c: replace(
                c,
                iptables=replace(c.iptables, masquerade_all=True),
                nftables=replace(c.nftables, masquerade_all=True),
            )
        ),
        "node ports on all addresses": configured(lambda c: replace(c, node_port_addresses=("0.0.0.0/0", "::/0"))),
        "node ports on the primary address": configured(lambda c: replace(c, node_port_addresses=("primary",))),
        "no node ports on loopback": configured(
            lambda c: replace(c, iptables=replace(c.iptables, localhost_node_ports=False))
        ),
        "endpoints elsewhere": with_endpoints_elsewhere,
        "no endpoints": lambda site: replace(site, cluster=replace(site.cluster, endpoint_slices=())),
        "a second address of the node": with_a_second_address,
    }
)
