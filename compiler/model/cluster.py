"""Everything that was read, or completed, of one cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from kcompile.model.configuration import ClusterConfiguration, KubeletConfiguration, KubeProxyConfiguration
from kcompile.model.endpoint_slice import EndpointSlice
from kcompile.model.endpoints import Endpoints
from kcompile.model.namespace import ConfigMap, Namespace
from kcompile.model.network import IPAddressPool, ServiceCIDR
from kcompile.model.node import Node
from kcompile.model.pod import Pod
from kcompile.model.service import Service
from kcompile.model.workload import Workload


@dataclass(frozen=True, slots=True)
class Cluster:
    """The objects of a cluster, each kind sorted by (namespace, name).

    `skipped` counts, by kind, the objects that play no part.
    """

    services: tuple[Service, ...] = ()
    endpoint_slices: tuple[EndpointSlice, ...] = ()
    endpoints: tuple[Endpoints, ...] = ()
    pods: tuple[Pod, ...] = ()
    workloads: tuple[Workload, ...] = ()
    nodes: tuple[Node, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    config_maps: tuple[ConfigMap, ...] = ()
    service_cidrs: tuple[ServiceCIDR, ...] = ()
    address_pools: tuple[IPAddressPool, ...] = ()
    kube_proxy: KubeProxyConfiguration | None = None
    kubelet: KubeletConfiguration | None = None
    cluster_configuration: ClusterConfiguration | None = None
    skipped: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
