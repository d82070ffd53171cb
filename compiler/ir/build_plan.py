"""A cluster to the plan of one of its nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kcompile.ir.node_addresses import (
    canonical_cidr,
    cidrs_of,
    local_detector,
    node_ips,
    node_port_addresses,
    node_port_cidrs,
    own_addresses,
)
from kcompile.ir.plan import FAMILIES, Family, FamilyPlan, KubeVersion, Mode, NodePlan
from kcompile.ir.shared_plan import SharedFamily, share
from kcompile.model.cluster import Cluster
from kcompile.model.configuration import KubeProxyConfiguration
from kcompile.model.node import Node


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes the plans of a completed cluster's nodes for one release of kube-proxy: see `planner`."""

    kube_version: KubeVersion
    configuration: KubeProxyConfiguration
    nodes: Mapping[str, Node]
    families: Mapping[Family, SharedFamily]
    service_cidrs: Mapping[Family, tuple[str, ...]]

    def plan(self, node: str, mode: Mode, local_addresses: tuple[str, ...] | None = None) -> NodePlan:
        """What kube-proxy on `node` knows before it writes a rule.

        `local_addresses` are the node's own addresses, as "IP/prefix" or "IP"; None stands for loopback and the
        addresses of its status. A node that the cluster does not have is one without addresses, zone and Pod networks.
        """
        # By this name kube-proxy looks for its Node, and tells local endpoints and hints.
        name = self.configuration.hostname_override or node
        found = self.nodes.get(name)
        ips = node_ips(found, self.configuration)
        own = own_addresses(local_addresses, self.nodes.get(node))

        def family_plan(family: Family) -> FamilyPlan:
            node_ip = ips.get(family, "")
            addresses = tuple(address for address in own if (":" in address) == (family == 6))
            cidrs = node_port_cidrs(self.configuration, mode, family, node_ip)
            return FamilyPlan(
                family=family,
                service_ports=self.families[family].ports_on(name, found.zone if found else "", node_ip),
                node_ip=node_ip,
                local_addresses=addresses,
                node_port_cidrs=cidrs,
                node_port_addresses=node_port_addresses(cidrs, addresses, family),
                detect_local=local_detector(self.configuration, found, family),
                service_cidrs=self.service_cidrs[family],
            )

        return NodePlan(
            node=node,
            mode=mode,
            kube_version=self.kube_version,
            ipv4=family_plan(4),
            ipv6=family_plan(6),
            primary_family=next(iter(ips), 4),
            configuration=self.configuration,
        )

    def without_place(self, plan: NodePlan) -> NodePlan:
        """A plan with the Service ports as every node sees them that has none of their endpoints: closest to all."""
        ipv4, ipv6 = (replace(plan.family(f), service_ports=self.families[f].ports) for f in FAMILIES)
        return replace(plan, ipv4=ipv4, ipv6=ipv6)


def planner(cluster: Cluster, kube_version: KubeVersion) -> Planner:
    """What the plans of all nodes of a completed cluster share, worked out once."""
    cidrs = [cidr for item in cluster.service_cidrs for cidr in item.cidrs]
    return Planner(
        kube_version=kube_version,
        configuration=cluster.kube_proxy or KubeProxyConfiguration(),
        nodes={item.name: item for item in cluster.nodes},
        families={family: share(cluster, kube_version, family) for family in FAMILIES},
        service_cidrs={
            family: tuple(dict.fromkeys(map(canonical_cidr, cidrs_of(cidrs, family)))) for family in FAMILIES
        },
    )


def build_plan(
    cluster: Cluster,
    node: str,
    mode: Mode,
    kube_version: KubeVersion,
    local_addresses: tuple[str, ...] | None = None,
) -> NodePlan:
    """The plan for one node; where there are more to come, `planner` shares what they have in common."""
    return planner(cluster, kube_version).plan(node, mode, local_addresses)
