"""Fill in what the API server, kube-proxy and the kubelet fill in when a field is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kcompile.diagnostics import Diagnostic
from kcompile.model import (
    Cluster,
    ClusterConfiguration,
    ContainerPort,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    KubeletConfiguration,
    KubeProxyConfiguration,
    Meta,
    Pod,
    PodSpec,
    PodStatus,
    Service,
    ServicePort,
    Workload,
)
from kcompile.passes.service_ranges import KUBE_DNS, KUBE_DNS_OFFSET, service_ranges

AFFINITY_TIMEOUT = 10800
MASQUERADE_BIT = 14
CLUSTER_DOMAIN = "cluster.local"
RESOLV_CONF = "/etc/resolv.conf"


def default_objects(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Give every object its defaults. An object that lacks none stays the same object."""
    return (
        replace(
            cluster,
            services=tuple(map(default_service, cluster.services)),
            endpoint_slices=tuple(map(_default_endpoint_slice, cluster.endpoint_slices)),
            endpoints=tuple(map(_default_endpoints, cluster.endpoints)),
            pods=tuple(map(_default_pod, cluster.pods)),
            workloads=tuple(map(_default_workload, cluster.workloads)),
            kube_proxy=cluster.kube_proxy and _default_kube_proxy(cluster.kube_proxy),
        ),
        (),
    )


def default_service(service: Service) -> Service:
    """Defaults of core/v1; the fields on IP families follow in `ip_families`, when the cluster's families are known."""
    changes: dict[str, Any] = {}
    kind = service.type or "ClusterIP"
    if not service.type:
        changes["type"] = kind
    if not service.session_affinity:
        changes["session_affinity"] = "None"
    if service.session_affinity == "ClientIP":
        if service.session_affinity_timeout is None:
            changes["session_affinity_timeout"] = AFFINITY_TIMEOUT
    elif service.session_affinity_timeout is not None and service.session_affinity in ("", "None"):
        changes["session_affinity_timeout"] = None
    for port in service.ports:
        if not port.protocol or not port.target_port:
            changes["ports"] = tuple(map(_default_service_port, service.ports))
            break
    if service.cluster_ip and not service.cluster_ips and kind != "ExternalName":
        changes["cluster_ips"] = (service.cluster_ip,)
    if not service.internal_traffic_policy and kind in ("ClusterIP", "NodePort", "LoadBalancer"):
        changes["internal_traffic_policy"] = "Cluster"
    outside = kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and service.external_ips)
    if outside and not service.external_traffic_policy:
        changes["external_traffic_policy"] = "Cluster"
    if kind == "LoadBalancer" and service.allocate_load_balancer_node_ports is None:
        changes["allocate_load_balancer_node_ports"] = True
    for ingress in service.ingress:
        if ingress.ip and not ingress.ip_mode:
            changes["ingress"] = tuple(
                replace(i, ip_mode="VIP") if i.ip and not i.ip_mode else i for i in service.ingress
            )
            break
    if service.load_balancer_source_ranges:
        # Blanks around a source range are an old habit that the API server still allows.
        ranges = tuple(text.strip() for text in service.load_balancer_source_ranges)
        if ranges != service.load_balancer_source_ranges:
            changes["load_balancer_source_ranges"] = ranges
    return replace(service, **changes) if changes else service


def _default_service_port(port: ServicePort) -> ServicePort:
    return replace(port, protocol=port.protocol or "TCP", target_port=port.target_port or port.port)


def _default_endpoint_ports(ports: tuple[EndpointPort, ...]) -> tuple[EndpointPort, ...]:
    """The same tuple if nothing is missing. A number that is missing stays so: it means all ports."""
    for port in ports:
        if not port.protocol:
            return tuple(p if p.protocol else replace(p, protocol="TCP") for p in ports)
    return ports


def _default_endpoint_slice(endpoint_slice: EndpointSlice) -> EndpointSlice:
    ports = _default_endpoint_ports(endpoint_slice.ports)
    return endpoint_slice if ports is endpoint_slice.ports else replace(endpoint_slice, ports=ports)


def _default_endpoints(endpoints: Endpoints) -> Endpoints:
    subsets = tuple(replace(subset, ports=_default_endpoint_ports(subset.ports)) for subset in endpoints.subsets)
    return endpoints if subsets == endpoints.subsets else replace(endpoints, subsets=subsets)


def _default_container_port(port: ContainerPort) -> ContainerPort:
    return port if port.protocol else replace(port, protocol="TCP")


def _default_pod_spec(spec: PodSpec) -> PodSpec:
    ports = spec.ports
    if all(port.protocol for port in ports):
        if spec.dns_policy:
            return spec
    else:
        ports = tuple(map(_default_container_port, ports))
    return replace(spec, dns_policy=spec.dns_policy or "ClusterFirst", ports=ports)


def _default_pod_status(status: PodStatus) -> PodStatus:
    """podIP and podIPs stand for each other, as the API server keeps them."""
    if status.pod_ip and not status.pod_ips:
        return replace(status, pod_ips=(status.pod_ip,))
    if status.pod_ips and not status.pod_ip:
        return replace(status, pod_ip=status.pod_ips[0])
    return status


def _default_pod(pod: Pod) -> Pod:
    spec = _default_pod_spec(pod.spec)
    status = pod.status and _default_pod_status(pod.status)
    return pod if spec is pod.spec and status is pod.status else replace(pod, spec=spec, status=status)


def _default_workload(workload: Workload) -> Workload:
    spec = _default_pod_spec(workload.template_spec)
    # Of a template's metadata the labels and annotations count; a name there has no effect.
    given = workload.template_meta
    meta = Meta("", workload.meta.namespace, given.labels, given.annotations)
    replicas, completions = workload.replicas, workload.completions
    if workload.kind == "Job" and replicas is None and completions is None:
        completions = 1
    if replicas is None and workload.kind != "DaemonSet":
        replicas = 1
    completed = replace(workload, template_meta=meta, template_spec=spec, replicas=replicas, completions=completions)
    return workload if completed == workload else completed


def _default_kube_proxy(config: KubeProxyConfiguration) -> KubeProxyConfiguration:
    return replace(
        config,
        mode=config.mode or "iptables",
        hostname_override=config.hostname_override.strip().lower(),
        detect_local_mode=config.detect_local_mode or "ClusterCIDR",
        bind_address=config.bind_address or "0.0.0.0",
        iptables=replace(
            config.iptables,
            masquerade_bit=_masquerade_bit(config.iptables.masquerade_bit),
            localhost_node_ports=config.iptables.localhost_node_ports is not False,
        ),
        ipvs=replace(config.ipvs, scheduler=config.ipvs.scheduler or "rr"),
        nftables=replace(config.nftables, masquerade_bit=_masquerade_bit(config.nftables.masquerade_bit)),
    )


def _masquerade_bit(given: int | None) -> int:
    return MASQUERADE_BIT if given is None else given


def complete_configuration(cluster: Cluster) -> tuple[Cluster, tuple[Diagnostic, ...]]:
    """Configure kube-proxy and the kubelet as kubeadm does. Comes late: the kubelet asks the cluster IP of kube-dns."""
    kubeadm = cluster.cluster_configuration or ClusterConfiguration()
    kube_proxy = cluster.kube_proxy or _default_kube_proxy(KubeProxyConfiguration(cluster_cidr=kubeadm.pod_subnet))
    given = cluster.kubelet or KubeletConfiguration()
    kubelet = replace(
        given,
        cluster_dns=given.cluster_dns or (_cluster_dns(cluster),),
        cluster_domain=given.cluster_domain or kubeadm.dns_domain or CLUSTER_DOMAIN,
        resolv_conf=RESOLV_CONF if given.resolv_conf is None else given.resolv_conf,
    )
    return replace(cluster, kube_proxy=kube_proxy, kubelet=kubelet), ()


def _cluster_dns(cluster: Cluster) -> str:
    for service in cluster.services:
        if service.meta.key == KUBE_DNS and service.cluster_ip not in ("", "None"):
            return service.cluster_ip
    return service_ranges(cluster).nth_address(KUBE_DNS_OFFSET)
