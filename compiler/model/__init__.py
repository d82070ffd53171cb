"""The API objects that decide what a node's rules and a cluster's names are: typed, immutable, as given.

A field that the input leaves out is None, "" or () here; `passes` fills it in. Addresses and quantities stay the text
that was given, because kube-proxy 1.30 and CoreDNS copy some of them verbatim.
"""

from kcompile.model.cluster import Cluster
from kcompile.model.configuration import (
    ClusterConfiguration,
    KubeletConfiguration,
    KubeProxyConfiguration,
)
from kcompile.model.endpoint_slice import Endpoint, EndpointPort, EndpointSlice, TargetReference
from kcompile.model.endpoints import Endpoints, EndpointsAddress, EndpointSubset
from kcompile.model.meta import Meta
from kcompile.model.namespace import ConfigMap, Namespace
from kcompile.model.network import IPAddressPool, ServiceCIDR
from kcompile.model.node import Node, NodeAddress
from kcompile.model.pod import ContainerPort, DNSConfig, Pod, PodSpec, PodStatus
from kcompile.model.service import LoadBalancerIngress, Service, ServicePort
from kcompile.model.workload import Workload

__all__ = [
    "Cluster",
    "ClusterConfiguration",
    "ConfigMap",
    "ContainerPort",
    "DNSConfig",
    "Endpoint",
    "EndpointPort",
    "EndpointSlice",
    "EndpointSubset",
    "Endpoints",
    "EndpointsAddress",
    "IPAddressPool",
    "KubeProxyConfiguration",
    "KubeletConfiguration",
    "LoadBalancerIngress",
    "Meta",
    "Namespace",
    "Node",
    "NodeAddress",
    "Pod",
    "PodSpec",
    "PodStatus",
    "Service",
    "ServiceCIDR",
    "ServicePort",
    "TargetReference",
    "Workload",
]
