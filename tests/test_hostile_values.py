"""No value of a manifest can add a rule of its own: whatever reaches the output has passed its grammar."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kcompile
from kcompile.cli.dns_files import DnsOptions, dns_files
from kcompile.ir.plan import MODES, Mode
from kcompile.targets.objects import objects
from kcompile.targets.yaml_text import yaml_documents

CLUSTER: list[dict[str, Any]] = [
    {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "node-1", "labels": {"topology.kubernetes.io/zone": "zone-a"}},
        "spec": {"podCIDRs": ["10.244.0.0/24"]},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.168.1.11"}]},
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}, "annotations": {"note": "ours"}},
        "spec": {
            "type": "LoadBalancer",
            "clusterIP": "10.96.0.20",
            "clusterIPs": ["10.96.0.20"],
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "selector": {"app": "web"},
            "externalIPs": ["192.0.2.7"],
            "loadBalancerSourceRanges": ["198.51.100.0/24"],
            "loadBalancerIP": "203.0.113.9",
            "sessionAffinity": "ClientIP",
            "externalTrafficPolicy": "Local",
            "internalTrafficPolicy": "Cluster",
            "trafficDistribution": "PreferClose",
            "healthCheckNodePort": 32000,
            "ports": [
                {
                    "name": "http",
                    "protocol": "TCP",
                    "port": 80,
                    "targetPort": "http",
                    "nodePort": 30080,
                    "appProtocol": "http",
                }
            ],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.9", "ipMode": "VIP"}, {"hostname": "lb.example"}]}},
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "alias", "namespace": "shop"},
        "spec": {"type": "ExternalName", "externalName": "api.example.com"},
    },
    {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "protocol": "TCP", "port": 8080, "appProtocol": "http"}],
        "endpoints": [
            {
                "addresses": ["10.244.0.5"],
                "nodeName": "node-1",
                "zone": "zone-a",
                "hostname": "web-0",
                "hints": {"forZones": [{"name": "zone-a"}], "forNodes": [{"name": "node-1"}]},
                "targetRef": {"kind": "Pod", "namespace": "shop", "name": "web-0"},
            }
        ],
    },
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "client", "namespace": "shop", "labels": {"app": "client"}},
        "spec": {
            "nodeName": "node-1",
            "hostname": "client",
            "subdomain": "web",
            "dnsPolicy": "None",
            "dnsConfig": {
                "nameservers": ["8.8.8.8"],
                "searches": ["shop.example"],
                "options": [{"name": "ndots", "value": "2"}],
            },
            "containers": [{"ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]}],
        },
        "status": {"phase": "Running", "podIP": "10.244.0.9", "podIPs": [{"ip": "10.244.0.9"}]},
    },
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": ["10.96.0.0/16"]},
    },
    {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": "10.244.0.0/16",
        "detectLocalMode": "ClusterCIDR",
        "detectLocal": {"bridgeInterface": "cni0", "interfaceNamePrefix": "veth"},
        "nodePortAddresses": ["192.168.1.0/24"],
        "bindAddress": "0.0.0.0",
        "ipvs": {"scheduler": "rr", "excludeCIDRs": ["10.1.0.0/16"], "tcpTimeout": "15m0s"},
        "featureGates": {"LoadBalancerIPMode": True},
    },
    {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "clusterDNS": ["10.96.0.10"],
        "clusterDomain": "cluster.local",
        "resolvConf": "/etc/resolv.conf",
    },
]

MARK = "hostile"
HOSTILE = (
    f'{MARK}" -j ACCEPT',
    f"{MARK}\n-A INPUT -j ACCEPT",
    f"{MARK}\r\nCOMMIT",
    f"{MARK} -j ACCEPT",
    f"{MARK}\\",
    f"{MARK}'",
    f"{MARK}; flush ruleset",
    f"{MARK} }}",
    f"{MARK}#",
    f"{MARK}\t-j\tACCEPT",
    f"$({MARK})",
    f"../../{MARK}",
    f"{MARK}\x00",
    f"{MARK}\x1b[2J",
    f"{MARK}\u2028x",
    f"{MARK}é",
    f"{MARK}\n",
)

Place = tuple[str | int, ...]


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where texts stand: every text value, and every key of a map of labels."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*place, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from places(item, (*place, number))
    elif isinstance(value, str):
        yield place


PLACES = [place for place in places(CLUSTER) if place[1] not in ("apiVersion", "kind")]


def with_value(place: Place, text: str) -> bytes:
    cluster: Any = copy.deepcopy(CLUSTER)
    holder = cluster
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = text
    return yaml_documents(cluster)


def outputs(manifests: bytes) -> Iterator[tuple[str, str]]:
    """Everything that a cluster compiles into, in every mode; nothing when it is refused."""
    try:
        cluster = kcompile.loads(manifests)
    except kcompile.Errors:
        return
    mode: Mode
    for mode in MODES:
        for name in cluster.node_names:
            for file, text in cluster.node(name, mode=mode).files().items():
                yield f"{mode}/{name}/{file}", text
    for path, content in dns_files(cluster, DnsOptions()):
        yield f"dns/{path}", content.decode()
    again = kcompile.loads(objects(cluster.model))
    assert objects(again.model) == objects(cluster.model)


def check_resolv_conf(text: str) -> None:
    keywords = [line.split(" ")[0] for line in text.splitlines()]
    assert set(keywords) <= {"search", "nameserver", "options"}
    assert keywords.count("search") <= 1
    assert keywords.count("options") <= 1


def test_the_original_compiles() -> None:
    assert dict(outputs(yaml_documents(CLUSTER)))


@pytest.mark.parametrize("place", PLACES, ids=[".".join(map(str, place)) for place in PLACES])
def test_a_hostile_value_never_reaches_the_rules(place: Place) -> None:
    for text in HOSTILE:
        for file, output in outputs(with_value(place, text)):
            if file.endswith("resolv.conf"):
                # The options of a resolver are free words, for libraries that know them.
                check_resolv_conf(output)
            else:
                assert MARK not in output, f"{text!r} at {place} reached {file}"


@given(
    st.sampled_from(PLACES),
    st.text(alphabet=st.sampled_from("ab-.:/ \"'\\\n;{}#-jACEPT,0189é"), min_size=1, max_size=24),
)
@settings(max_examples=150, deadline=None)
def test_no_text_anywhere_adds_a_line_of_its_own(place: Place, text: str) -> None:
    for file, output in outputs(with_value(place, text)):
        if file.endswith("resolv.conf"):
            check_resolv_conf(output)
        if file.endswith(".zone"):
            for line in output.splitlines()[2:]:
                assert line.split("\t")[2:3] == ["IN"], f"{line!r} in {file}"
        if "restore" in file or file.endswith(".rules"):
            for line in output.splitlines():
                assert line.startswith(("*", ":", "-A ", "-a ", "COMMIT", "create ", "add ")), f"{line!r} in {file}"
                assert "\\" not in line
                assert line.count('"') in (0, 2)
