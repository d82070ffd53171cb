"""A small cluster with an object of every kind, and a value in every field."""

from __future__ import annotations

from types import MappingProxyType

from kcompile.model import (
    Cluster,
    ClusterConfiguration,
    ConfigMap,
    DNSConfig,
    Endpoint,
    EndpointPort,
    EndpointsAddress,
    EndpointSubset,
    KubeletConfiguration,
    KubeProxyConfiguration,
    LoadBalancerIngress,
    Namespace,
    NodeAddress,
    PodStatus,
    ServicePort,
    TargetReference,
)
from kcompile.model.configuration import DetectLocal, IPTablesOptions, IPVSOptions, NFTablesOptions
from tests.passes.objects import (
    container_port,
    endpoint_slice,
    endpoints,
    meta,
    node,
    pod,
    pool,
    port,
    service,
    service_cidr,
    workload,
)

_TARGET = TargetReference("Pod", "default", "web-0")

_SERVICES = (
    service(
        "full",
        ServicePort(80, "http", "TCP", "web", 30080, "kubernetes.io/h2c"),
        ServicePort(53, "dns", "UDP", 5353, 30053),
        labels={"team": "x"},
        annotations={"example.com/note": "free text"},
        owners=(("Gateway", "front"),),
        type="LoadBalancer",
        cluster_ip="10.96.7.7",
        cluster_ips=("10.96.7.7", "fd00:10:96::7"),
        ip_families=("IPv4", "IPv6"),
        ip_family_policy="RequireDualStack",
        selector={"app": "web"},
        external_ips=("198.51.100.7",),
        session_affinity="ClientIP",
        session_affinity_timeout=60,
        load_balancer_ip="192.0.2.9",
        load_balancer_class="example.com/lb",
        load_balancer_source_ranges=("10.0.0.0/8",),
        allocate_load_balancer_node_ports=True,
        external_traffic_policy="Local",
        internal_traffic_policy="Local",
        health_check_node_port=32100,
        traffic_distribution="PreferSameNode",
        ingress=(LoadBalancerIngress("192.0.2.1", ip_mode="Proxy"), LoadBalancerIngress(hostname="lb.example.com")),
    ),
    service("bare", port(443, target_port="https"), selector={"app": "bare"}),
    service("pending", type="LoadBalancer", annotations={"metallb.io/address-pool": "pool"}),
    service("ports", port(1, name="a"), port(2, name="b"), type="NodePort"),
    service("headless", cluster_ip="None", selector={"app": "db"}),
    service("alias", type="ExternalName", external_name="www.example.com"),
    service("mirrored"),
    service("sliced", selector={"app": "web"}),
    service("kube-dns", port(53, protocol="UDP"), namespace="kube-system"),
)

CLUSTER = Cluster(
    services=_SERVICES,
    endpoint_slices=(
        endpoint_slice(
            "sliced-1",
            "sliced",
            Endpoint(("10.9.0.1",), True, True, False, "web-0", "node-a", "zone-a", _TARGET, ("zone-a",), ("node-a",)),
            ports=(EndpointPort("http", "TCP", 8080, "http"), EndpointPort("all", "UDP", None)),
        ),
        endpoint_slice("names", "sliced", Endpoint(("www.example.com",)), address_type="FQDN"),
    ),
    endpoints=(
        endpoints(
            "mirrored",
            EndpointSubset(
                (EndpointsAddress("10.9.1.1", "web-0", "node-a", _TARGET),),
                (EndpointsAddress("10.9.1.2"),),
                (EndpointPort("http", "TCP", 8080, "http"),),
            ),
        ),
    ),
    pods=(
        pod(
            "web-0",
            {"app": "web"},
            deletion_timestamp="2024-01-02T00:00:00Z",
            node_name="node-a",
            node_selector={"disk": "ssd"},
            hostname="web-0",
            subdomain="peers",
            dns_policy="None",
            dns_config=DNSConfig(("8.8.8.8",), ("my.local",), (("ndots", "2"), ("edns0", None))),
            ports=(container_port(8080, "web"),),
            status=PodStatus("Running", "10.244.0.9", ("10.244.0.9", "fd00:10:244::9"), True),
        ),
        pod("lone", {"app": "web"}, ports=(container_port(9090, "web"),)),
        pod("host", host_network=True, node_name="node-a"),
    ),
    workloads=(
        workload("Deployment", "bare", 3, ports=(container_port(8443, "https"),)),
        workload("StatefulSet", "db", 2, service_name="headless"),
        workload("DaemonSet", "agent", node_selector={"disk": "ssd"}),
        workload("Job", "batch", 2, completions=5),
        workload("ReplicaSet", "old", 0),
    ),
    nodes=(
        node(
            "node-a",
            "10.244.0.0/24",
            zone="zone-a",
            addresses=(NodeAddress("InternalIP", "192.168.1.1"), NodeAddress("Hostname", "node-a")),
            disk="ssd",
        ),
        node("node-b", zone="zone-b"),
    ),
    namespaces=(Namespace(meta("default", "")), Namespace(meta("kube-system", "", {"env": "prod"}))),
    config_maps=(ConfigMap(meta("coredns", "kube-system"), data=MappingProxyType({"Corefile": ". {\n}\n"})),),
    service_cidrs=(service_cidr("10.96.0.0/12", "fd00:10:96::/108"),),
    address_pools=(pool("192.0.2.0/24"),),
    kube_proxy=KubeProxyConfiguration(
        mode="nftables",
        hostname_override="node-a",
        cluster_cidr="10.244.0.0/16,fd00:10:244::/56",
        detect_local_mode="InterfaceNamePrefix",
        detect_local=DetectLocal("cni0", "cali"),
        node_port_addresses=("192.168.0.0/16",),
        bind_address="0.0.0.0",
        iptables=IPTablesOptions(14, True, True),
        ipvs=IPVSOptions("rr", ("10.0.0.0/8",), True, "15m0s", "30s", "5m"),
        nftables=NFTablesOptions(14, True),
    ),
    kubelet=KubeletConfiguration(
        cluster_dns=("10.96.0.10",), cluster_domain="cluster.local", resolv_conf="/run/r.conf"
    ),
    cluster_configuration=ClusterConfiguration(
        service_subnet="10.96.0.0/12,fd00:10:96::/108",
        pod_subnet="10.244.0.0/16,fd00:10:244::/56",
        dns_domain="cluster.local",
    ),
)
