"""The ecosystem's configuration kinds: KubeProxyConfiguration, KubeletConfiguration, kubeadm's ClusterConfiguration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from kcompile.frontend.source import NOWHERE, Origin

NO_GATES: Mapping[str, bool] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DetectLocal:
    bridge_interface: str = ""
    interface_name_prefix: str = ""


@dataclass(frozen=True, slots=True)
class IPTablesOptions:
    masquerade_bit: int | None = None
    masquerade_all: bool = False
    localhost_node_ports: bool | None = None


@dataclass(frozen=True, slots=True)
class NFTablesOptions:
    masquerade_bit: int | None = None
    masquerade_all: bool = False


@dataclass(frozen=True, slots=True)
class IPVSOptions:
    """Timeouts are Go durations as given, such as "15m0s"; "" when not given."""

    scheduler: str = ""
    exclude_cidrs: tuple[str, ...] = ()
    strict_arp: bool = False
    tcp_timeout: str = ""
    tcp_fin_timeout: str = ""
    udp_timeout: str = ""


@dataclass(frozen=True, slots=True)
class KubeProxyConfiguration:
    """KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1); "" or None where the input leaves a field out."""

    origin: Origin = NOWHERE
    mode: str = ""
    hostname_override: str = ""
    cluster_cidr: str = ""
    detect_local_mode: str = ""
    detect_local: DetectLocal = DetectLocal()
    node_port_addresses: tuple[str, ...] = ()
    bind_address: str = ""
    iptables: IPTablesOptions = IPTablesOptions()
    ipvs: IPVSOptions = IPVSOptions()
    nftables: NFTablesOptions = NFTablesOptions()
    tcp_be_liberal: bool = False
    feature_gates: Mapping[str, bool] = field(default_factory=lambda: NO_GATES)


@dataclass(frozen=True, slots=True)
class KubeletConfiguration:
    """KubeletConfiguration (kubelet.config.k8s.io/v1beta1)."""

    origin: Origin = NOWHERE
    cluster_dns: tuple[str, ...] = ()
    cluster_domain: str = ""
    resolv_conf: str | None = None


@dataclass(frozen=True, slots=True)
class ClusterConfiguration:
    """ClusterConfiguration (kubeadm.k8s.io): networking.serviceSubnet, .podSubnet and .dnsDomain."""

    origin: Origin = NOWHERE
    service_subnet: str = ""
    pod_subnet: str = ""
    dns_domain: str = ""
