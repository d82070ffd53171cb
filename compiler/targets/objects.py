"""The completed objects as manifests: compiled again, they give the same output byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kcompile.model import (
    Cluster,
    ConfigMap,
    Endpoint,
    EndpointPort,
    Endpoints,
    EndpointsAddress,
    EndpointSlice,
    IPAddressPool,
    KubeletConfiguration,
    KubeProxyConfiguration,
    Meta,
    Namespace,
    Node,
    Pod,
    PodSpec,
    Service,
    ServiceCIDR,
    TargetReference,
    Workload,
)
from kcompile.model.configuration import ClusterConfiguration
from kcompile.targets.yaml_text import yaml_documents

Manifest = dict[str, Any]


def objects(cluster: Cluster) -> bytes:
    """Every object of the cluster as YAML documents, kind by kind, each sorted by namespace and name.

    Configuration that stands in a ConfigMap stays there.
    """
    return yaml_documents(map(_pruned, _manifests(cluster)))


def _manifests(cluster: Cluster) -> Iterable[Manifest]:
    yield from map(_namespace, cluster.namespaces)
    yield from map(_node, cluster.nodes)
    yield from map(_service_cidr, cluster.service_cidrs)
    yield from map(_address_pool, cluster.address_pools)
    yield from map(_config_map, cluster.config_maps)
    if cluster.cluster_configuration and _is_bare(cluster.cluster_configuration):
        yield _cluster_configuration(cluster.cluster_configuration)
    if cluster.kube_proxy and _is_bare(cluster.kube_proxy):
        yield _kube_proxy(cluster.kube_proxy)
    if cluster.kubelet and _is_bare(cluster.kubelet):
        yield _kubelet(cluster.kubelet)
    yield from map(_workload, cluster.workloads)
    yield from map(_pod, cluster.pods)
    yield from map(_service, cluster.services)
    yield from map(_endpoints, cluster.endpoints)
    yield from map(_endpoint_slice, cluster.endpoint_slices)


def _is_bare(configuration: KubeProxyConfiguration | KubeletConfiguration | ClusterConfiguration) -> bool:
    return configuration.origin.source.parent is None


def _pruned(mapping: Manifest) -> Manifest:
    """Without what is not given: None, empty texts, lists and maps. `_KEEP` says what stays even when empty.

    Endpoints, of which there are most, have only what is given from the start.
    """
    pruned = {}
    for key, value in mapping.items():
        if isinstance(value, dict):
            value = value if key in _TEXTS_BY_NAME else _pruned(value)
        elif isinstance(value, list) and key != "endpoints":
            value = [_pruned(item) if isinstance(item, dict) else item for item in value]
        if value or isinstance(value, int) or (key in _KEEP and value is not None):
            pruned[key] = value
    return pruned


_KEEP = frozenset({"endpoints", "resolvConf"})

# The names in these maps are the user's: a label without a value is a label.
_TEXTS_BY_NAME = frozenset({"labels", "annotations", "selector", "nodeSelector", "data"})


def _meta(meta: Meta) -> Manifest:
    return {
        "name": meta.name,
        "namespace": meta.namespace,
        "labels": dict(meta.labels),
        "annotations": dict(meta.annotations),
        "deletionTimestamp": meta.deletion_timestamp,
        "ownerReferences": [{"kind": kind, "name": name} for kind, name in meta.owners],
    }


def _service(service: Service) -> Manifest:
    ports = [
        {
            "name": port.name,
            "protocol": port.protocol,
            "port": port.port,
            "targetPort": port.target_port,
            "nodePort": port.node_port or None,
            "appProtocol": port.app_protocol,
        }
        for port in service.ports
    ]
    timeout = service.session_affinity_timeout
    ingress = [{"ip": i.ip, "hostname": i.hostname, "ipMode": i.ip_mode} for i in service.ingress]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(service.meta),
        "spec": {
            "type": service.type,
            "clusterIP": service.cluster_ip,
            "clusterIPs": service.cluster_ips,
            "ipFamilies": service.ip_families,
            "ipFamilyPolicy": service.ip_family_policy,
            "selector": None if service.selector is None else dict(service.selector),
            "ports": ports,
            "externalIPs": service.external_ips,
            "externalName": service.external_name,
            "sessionAffinity": service.session_affinity,
            "sessionAffinityConfig": None if timeout is None else {"clientIP": {"timeoutSeconds": timeout}},
            "loadBalancerIP": service.load_balancer_ip,
            "loadBalancerClass": service.load_balancer_class,
            "loadBalancerSourceRanges": service.load_balancer_source_ranges,
            "allocateLoadBalancerNodePorts": service.allocate_load_balancer_node_ports,
            "externalTrafficPolicy": service.external_traffic_policy,
            "internalTrafficPolicy": service.internal_traffic_policy,
            "healthCheckNodePort": service.health_check_node_port or None,
            "publishNotReadyAddresses": service.publish_not_ready_addresses or None,
            "trafficDistribution": service.traffic_distribution,
        },
        "status": {"loadBalancer": {"ingress": ingress}},
    }


def _endpoint_slice(slice_: EndpointSlice) -> Manifest:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": _meta(slice_.meta),
        "addressType": slice_.address_type,
        "ports": list(map(_endpoint_port, slice_.ports)),
        "endpoints": list(map(_endpoint, slice_.endpoints)),
    }


def _endpoint_port(port: EndpointPort) -> Manifest:
    return {"name": port.name, "protocol": port.protocol, "port": port.port, "appProtocol": port.app_protocol}


def _endpoint(endpoint: Endpoint) -> Manifest:
    conditions = (("ready", endpoint.ready), ("serving", endpoint.serving), ("terminating", endpoint.terminating))
    hints = (("forZones", endpoint.zone_hints), ("forNodes", endpoint.node_hints))
    fields = (
        ("addresses", endpoint.addresses),
        ("conditions", {name: value for name, value in conditions if value is not None}),
        ("hostname", endpoint.hostname),
        ("nodeName", endpoint.node_name),
        ("zone", endpoint.zone),
        ("targetRef", _target(endpoint.target)),
        ("hints", {name: [{"name": each} for each in names] for name, names in hints if names}),
    )
    return {name: value for name, value in fields if value}


def _target(target: TargetReference | None) -> Manifest | None:
    if target is None:
        return None
    fields = (("kind", target.kind), ("namespace", target.namespace), ("name", target.name))
    return {name: value for name, value in fields if value}


def _endpoints(endpoints: Endpoints) -> Manifest:
    def address(one: EndpointsAddress) -> Manifest:
        return {"ip": one.ip, "hostname": one.hostname, "nodeName": one.node_name, "targetRef": _target(one.target)}

    subsets = [
        {
            "addresses": list(map(address, subset.addresses)),
            "notReadyAddresses": list(map(address, subset.not_ready_addresses)),
            "ports": list(map(_endpoint_port, subset.ports)),
        }
        for subset in endpoints.subsets
    ]
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": _meta(endpoints.meta), "subsets": subsets}


def _pod(pod: Pod) -> Manifest:
    status = None
    if pod.status is not None:
        ready = pod.status.ready
        status = {
            "phase": pod.status.phase,
            "conditions": [] if ready is None else [{"type": "Ready", "status": str(ready)}],
            "podIP": pod.status.pod_ip,
            "podIPs": [{"ip": ip} for ip in pod.status.pod_ips],
        }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _meta(pod.meta),
        "spec": _pod_spec(pod.spec),
        "status": status,
    }


def _pod_spec(spec: PodSpec) -> Manifest:
    dns = spec.dns_config
    ports = [{"name": p.name, "containerPort": p.container_port, "protocol": p.protocol} for p in spec.ports]
    return {
        "nodeName": spec.node_name,
        "nodeSelector": dict(spec.node_selector),
        "hostNetwork": spec.host_network or None,
        "hostname": spec.hostname,
        "subdomain": spec.subdomain,
        "setHostnameAsFQDN": spec.set_hostname_as_fqdn or None,
        "dnsPolicy": spec.dns_policy,
        "dnsConfig": None
        if dns is None
        else {
            "nameservers": dns.nameservers,
            "searches": dns.searches,
            "options": [{"name": name, "value": value} for name, value in dns.options],
        },
        "containers": [{"name": "main", "ports": ports}] if ports else None,
    }


_WORKLOAD_VERSIONS: Mapping[str, str] = {"Job": "batch/v1"}


def _workload(workload: Workload) -> Manifest:
    is_job = workload.kind == "Job"
    template = {
        "metadata": {
            "labels": dict(workload.template_meta.labels),
            "annotations": dict(workload.template_meta.annotations),
        },
        "spec": _pod_spec(workload.template_spec),
    }
    return {
        "apiVersion": _WORKLOAD_VERSIONS.get(workload.kind, "apps/v1"),
        "kind": workload.kind,
        "metadata": _meta(workload.meta),
        "spec": {
            "parallelism" if is_job else "replicas": workload.replicas,
            "completions": workload.completions,
            "serviceName": workload.service_name,
            "ordinals": {"start": workload.first_ordinal or None},
            "template": template,
        },
    }


def _node(node: Node) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": _meta(node.meta),
        "spec": {"podCIDRs": node.pod_cidrs},
        "status": {"addresses": [{"type": a.type, "address": a.address} for a in node.addresses]},
    }


def _namespace(namespace: Namespace) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": _meta(namespace.meta)}


def _config_map(config_map: ConfigMap) -> Manifest:
    meta = _meta(config_map.meta)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": dict(config_map.data)}


def _service_cidr(service_cidr: ServiceCIDR) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": _meta(service_cidr.meta),
        "spec": {"cidrs": service_cidr.cidrs},
    }


def _address_pool(pool: IPAddressPool) -> Manifest:
    return {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": _meta(pool.meta),
        "spec": {"addresses": pool.addresses, "autoAssign": None if pool.auto_assign else False},
    }


def _kube_proxy(configuration: KubeProxyConfiguration) -> Manifest:
    iptables, ipvs, nftables = configuration.iptables, configuration.ipvs, configuration.nftables
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": configuration.mode,
        "hostnameOverride": configuration.hostname_override,
        "clusterCIDR": configuration.cluster_cidr,
        "detectLocalMode": configuration.detect_local_mode,
        "detectLocal": {
            "bridgeInterface": configuration.detect_local.bridge_interface,
            "interfaceNamePrefix": configuration.detect_local.interface_name_prefix,
        },
        "nodePortAddresses": configuration.node_port_addresses,
        "bindAddress": configuration.bind_address,
        "iptables": {
            "masqueradeBit": iptables.masquerade_bit,
            "masqueradeAll": iptables.masquerade_all or None,
            "localhostNodePorts": iptables.localhost_node_ports,
        },
        "ipvs": {
            "scheduler": ipvs.scheduler,
            "excludeCIDRs": ipvs.exclude_cidrs,
            "strictARP": ipvs.strict_arp or None,
            "tcpTimeout": ipvs.tcp_timeout,
            "tcpFinTimeout": ipvs.tcp_fin_timeout,
            "udpTimeout": ipvs.udp_timeout,
        },
        "nftables": {"masqueradeBit": nftables.masquerade_bit, "masqueradeAll": nftables.masquerade_all or None},
        "conntrack": {"tcpBeLiberal": configuration.tcp_be_liberal or None},
        "featureGates": configuration.feature_gates,
    }


def _kubelet(configuration: KubeletConfiguration) -> Manifest:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "clusterDNS": configuration.cluster_dns,
        "clusterDomain": configuration.cluster_domain,
        "resolvConf": configuration.resolv_conf,
    }


def _cluster_configuration(configuration: ClusterConfiguration) -> Manifest:
    return {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "networking": {
            "serviceSubnet": configuration.service_subnet,
            "podSubnet": configuration.pod_subnet,
            "dnsDomain": configuration.dns_domain,
        },
    }
