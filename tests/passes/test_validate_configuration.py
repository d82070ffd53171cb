"""Configurations that kube-proxy, the kubelet and kubeadm refuse, and those that they take."""

from __future__ import annotations

import pytest

from kcompile.model import Cluster, ClusterConfiguration, KubeletConfiguration, KubeProxyConfiguration
from kcompile.model.configuration import DetectLocal, IPTablesOptions, IPVSOptions, NFTablesOptions
from kcompile.passes.defaults import default_objects
from kcompile.passes.validation import validate
from tests.passes.objects import errors


def found(cluster: Cluster) -> list[str]:
    return errors(validate(default_objects(cluster)[0])[1])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (KubeProxyConfiguration(), []),
        (KubeProxyConfiguration(mode="nftables", cluster_cidr="10.244.0.0/16,fd00:10:244::/48"), []),
        (KubeProxyConfiguration(mode="kernelspace"), ["bad-value mode"]),
        (KubeProxyConfiguration(cluster_cidr="10.244.0.0/16, fd00::/48"), ["bad-cidr clusterCIDR"]),
        (KubeProxyConfiguration(cluster_cidr="10.244.0.0/16,10.245.0.0/16"), ["bad-cidr clusterCIDR"]),
        (KubeProxyConfiguration(cluster_cidr="10.244.0.0/16 -j ACCEPT"), ["bad-cidr clusterCIDR"]),
        (KubeProxyConfiguration(hostname_override="a b"), ["bad-name hostnameOverride"]),
        (KubeProxyConfiguration(bind_address="0.0.0"), ["bad-address bindAddress"]),
        (KubeProxyConfiguration(bind_address="::"), []),
        (KubeProxyConfiguration(detect_local_mode="Cluster"), ["bad-value detectLocalMode"]),
        (KubeProxyConfiguration(detect_local_mode="BridgeInterface"), ["missing-field detectLocal.bridgeInterface"]),
        (
            KubeProxyConfiguration(detect_local_mode="InterfaceNamePrefix"),
            ["missing-field detectLocal.interfaceNamePrefix"],
        ),
        (KubeProxyConfiguration(detect_local=DetectLocal("cni0", "cali")), []),
        (KubeProxyConfiguration(detect_local=DetectLocal("cni0 -j ACCEPT")), ["bad-name detectLocal.bridgeInterface"]),
        (KubeProxyConfiguration(detect_local=DetectLocal("", 'a"')), ["bad-name detectLocal.interfaceNamePrefix"]),
        (KubeProxyConfiguration(node_port_addresses=("primary",)), []),
        (KubeProxyConfiguration(node_port_addresses=("primary", "localhost", "10.0.0.0/8", "all")), []),
        (KubeProxyConfiguration(node_port_addresses=("secondary",)), ["bad-cidr nodePortAddresses[0]"]),
        (KubeProxyConfiguration(node_port_addresses=("10.0.0.0/8", "::1/128")), []),
        (KubeProxyConfiguration(node_port_addresses=("10.0.0.1",)), ["bad-cidr nodePortAddresses[0]"]),
        (KubeProxyConfiguration(feature_gates={"AllBeta": False, "LoadBalancerIPMode": True}), []),
        (KubeProxyConfiguration(feature_gates={"A\nb": True}), ["bad-name featureGates['A\\nb']"]),
        (KubeProxyConfiguration(iptables=IPTablesOptions(masquerade_bit=31)), []),
        (KubeProxyConfiguration(iptables=IPTablesOptions(masquerade_bit=32)), ["bad-value iptables.masqueradeBit"]),
        (KubeProxyConfiguration(nftables=NFTablesOptions(masquerade_bit=-1)), ["bad-value nftables.masqueradeBit"]),
        (KubeProxyConfiguration(ipvs=IPVSOptions(scheduler="mh", tcp_timeout="15m0s")), []),
        (KubeProxyConfiguration(ipvs=IPVSOptions(scheduler="rr -p")), ["bad-value ipvs.scheduler"]),
        (KubeProxyConfiguration(ipvs=IPVSOptions(exclude_cidrs=("x",))), ["bad-cidr ipvs.excludeCIDRs[0]"]),
        (KubeProxyConfiguration(ipvs=IPVSOptions(udp_timeout="-1s")), ["bad-value ipvs.udpTimeout"]),
    ],
)
def test_kube_proxy_is_held_to_its_fields(given: KubeProxyConfiguration, expected: list[str]) -> None:
    assert found(Cluster(kube_proxy=given)) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (KubeletConfiguration(cluster_dns=("169.254.20.10",), cluster_domain="a.example", resolv_conf="/run/x"), []),
        (KubeletConfiguration(resolv_conf=""), []),
        (KubeletConfiguration(cluster_dns=("kube-dns",)), ["bad-address clusterDNS[0]"]),
        (KubeletConfiguration(cluster_domain="Cluster.local"), ["bad-name clusterDomain"]),
        (KubeletConfiguration(resolv_conf="resolv.conf"), ["bad-value resolvConf"]),
    ],
)
def test_the_kubelet_is_held_to_its_fields(given: KubeletConfiguration, expected: list[str]) -> None:
    assert found(Cluster(kubelet=given)) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (ClusterConfiguration(service_subnet="10.96.0.0/12,fd00:10:96::/108", pod_subnet="10.244.0.0/16"), []),
        (ClusterConfiguration(service_subnet="10.96.0.0"), ["bad-cidr networking.serviceSubnet"]),
        (ClusterConfiguration(dns_domain="a b"), ["bad-name networking.dnsDomain"]),
    ],
)
def test_kubeadm_is_held_to_its_fields(given: ClusterConfiguration, expected: list[str]) -> None:
    assert found(Cluster(cluster_configuration=given)) == expected


def test_a_pod_subnet_is_refused_once() -> None:
    config = ClusterConfiguration(pod_subnet="10.244.0.0/16,x")
    assert found(Cluster(cluster_configuration=config)) == ["bad-cidr networking.podSubnet"]
