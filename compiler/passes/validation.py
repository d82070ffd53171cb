"""Validate every object: what the API server would refuse, and everything that must not reach an output."""

from __future__ import annotations

from kcompile.diagnostics import Diagnostic
from kcompile.model import Cluster
from kcompile.passes.validate_cluster import (
    validate_address_pool,
    validate_config_map,
    validate_namespace,
    validate_node,
    validate_service_cidr,
)
from kcompile.passes.validate_configuration import (
    validate_cluster_configuration,
    validate_kube_proxy,
    validate_kubelet,
)
from kcompile.passes.validate_endpoints import validate_endpoint_slice, validate_endpoints
from kcompile.passes.validate_meta import Proven, check_unique
from kcompile.passes.validate_pod import WORKLOAD_KINDS, validate_pod, validate_workload
from kcompile.passes.validate_service import validate_service, validate_services_together


def validate(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """The cluster as it is, and everything that is wrong with it. It has its defaults already."""
    proven = Proven()
    found: list[Diagnostic] = []
    for service in cluster.services:
        found += validate_service(service, proven)
    for endpoint_slice in cluster.endpoint_slices:
        found += validate_endpoint_slice(endpoint_slice, proven)
    for endpoints in cluster.endpoints:
        found += validate_endpoints(endpoints, proven)
    for pod in cluster.pods:
        found += validate_pod(pod, proven)
    for workload in cluster.workloads:
        found += validate_workload(workload, proven)
    for node in cluster.nodes:
        found += validate_node(node, proven)
    for namespace in cluster.namespaces:
        found += validate_namespace(namespace, proven)
    for config_map in cluster.config_maps:
        found += validate_config_map(config_map, proven)
    for service_cidr in cluster.service_cidrs:
        found += validate_service_cidr(service_cidr, proven)
    for pool in cluster.address_pools:
        found += validate_address_pool(pool, proven)
    if cluster.kube_proxy is not None:
        found += validate_kube_proxy(cluster.kube_proxy)
    if cluster.kubelet is not None:
        found += validate_kubelet(cluster.kubelet)
    if cluster.cluster_configuration is not None:
        found += validate_cluster_configuration(cluster.cluster_configuration)
    return cluster, (*found, *_validate_together(cluster))


def _validate_together(cluster: Cluster) -> list[Diagnostic]:
    """What is wrong with several objects, each of which would do alone."""
    found = validate_services_together(cluster.services)
    found += check_unique("Service", cluster.services)
    found += check_unique("EndpointSlice", cluster.endpoint_slices)
    found += check_unique("Endpoints", cluster.endpoints)
    found += check_unique("Pod", cluster.pods)
    for kind in WORKLOAD_KINDS:
        found += check_unique(kind, (workload for workload in cluster.workloads if workload.kind == kind))
    found += check_unique("Node", cluster.nodes)
    found += check_unique("Namespace", cluster.namespaces)
    found += check_unique("ConfigMap", cluster.config_maps)
    found += check_unique("ServiceCIDR", cluster.service_cidrs)
    found += check_unique("IPAddressPool", cluster.address_pools)
    return found
