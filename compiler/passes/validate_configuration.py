"""Validate KubeProxyConfiguration, KubeletConfiguration and ClusterConfiguration as their programs do."""

from __future__ import annotations

from kcompile.diagnostics import Diagnostic
from kcompile.frontend.source import Path
from kcompile.model import ClusterConfiguration, KubeletConfiguration, KubeProxyConfiguration
from kcompile.passes.addresses import parse_address
from kcompile.passes.problems import Problems
from kcompile.passes.syntax import SUBDOMAIN, is_duration, is_file_path, is_interface, is_kind, is_subdomain, shown
from kcompile.passes.validate_cluster import check_cidr, check_cidrs

PROXY_MODES = ("iptables", "ipvs", "nftables", "userspace")
DETECT_LOCAL_MODES = ("ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix")
NODE_PORT_ADDRESS_WORDS = ("primary", "localhost", "all")
"""Up to 1.36 kube-proxy knew "primary" only, and that alone."""

SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos")
"""What the kernel has; kube-proxy leaves the name to it."""


def validate_kube_proxy(config: KubeProxyConfiguration) -> list[Diagnostic]:
    """What is wrong with a KubeProxyConfiguration that has its defaults."""
    check = Problems(config.origin)
    if config.mode not in PROXY_MODES:
        check.not_one_of(("mode",), config.mode, PROXY_MODES)
    if config.hostname_override and not is_subdomain(config.hostname_override):
        check.error("bad-name", ("hostnameOverride",), f"{shown(config.hostname_override)} is not {SUBDOMAIN}")
    _check_cidr_list(check, ("clusterCIDR",), config.cluster_cidr)
    _check_detect_local(check, config)
    _check_node_port_addresses(check, config.node_port_addresses)
    if parse_address(config.bind_address) is None:
        check.not_an_address(("bindAddress",), config.bind_address)
    for key, bit in (("iptables", config.iptables.masquerade_bit), ("nftables", config.nftables.masquerade_bit)):
        if bit is not None and not 0 <= bit <= 31:
            check.error("bad-value", (key, "masqueradeBit"), f"{shown(bit)} is not a bit of the mark (0-31)")
    _check_ipvs(check, config)
    for name in config.feature_gates:
        if not is_kind(name):
            check.error("bad-name", ("featureGates", name), f"{shown(name)} does not name a feature gate")
    return check.found


def _check_detect_local(check: Problems, config: KubeProxyConfiguration) -> None:
    mode = config.detect_local_mode
    if mode not in DETECT_LOCAL_MODES:
        check.not_one_of(("detectLocalMode",), mode, DETECT_LOCAL_MODES)
    for needing, key, name in (
        ("BridgeInterface", "bridgeInterface", config.detect_local.bridge_interface),
        ("InterfaceNamePrefix", "interfaceNamePrefix", config.detect_local.interface_name_prefix),
    ):
        if not name and mode == needing:
            check.error("missing-field", ("detectLocal", key), f"must be set when detectLocalMode is {needing}")
        elif name and not is_interface(name):
            check.error("bad-name", ("detectLocal", key), f"{shown(name)} is not the name of an interface")


def _check_node_port_addresses(check: Problems, texts: tuple[str, ...]) -> None:
    for index, text in enumerate(texts):
        if text not in NODE_PORT_ADDRESS_WORDS:
            check_cidr(check, ("nodePortAddresses", index), text)


def _check_ipvs(check: Problems, config: KubeProxyConfiguration) -> None:
    options = config.ipvs
    if options.scheduler not in SCHEDULERS:
        check.not_one_of(("ipvs", "scheduler"), options.scheduler, SCHEDULERS)
    for index, text in enumerate(options.exclude_cidrs):
        check_cidr(check, ("ipvs", "excludeCIDRs", index), text)
    for key, timeout in (
        ("tcpTimeout", options.tcp_timeout),
        ("tcpFinTimeout", options.tcp_fin_timeout),
        ("udpTimeout", options.udp_timeout),
    ):
        if timeout and not is_duration(timeout):
            check.error("bad-value", ("ipvs", key), f"{shown(timeout)} is not a duration such as 15m0s")


def _check_cidr_list(check: Problems, path: Path, text: str) -> None:
    """A CIDR, or two of different families with a comma between them, as several programs take it in one string."""
    if text:
        listed = Problems(check.origin)
        check_cidrs(listed, path, tuple(text.split(",")))
        if listed.found:
            message = f"{shown(text)} is neither a CIDR nor one of each family, as 10.244.0.0/16,fd00:10:244::/56"
            check.error("bad-cidr", path, message)


def validate_kubelet(config: KubeletConfiguration) -> list[Diagnostic]:
    check = Problems(config.origin)
    for index, text in enumerate(config.cluster_dns):
        if parse_address(text) is None:
            check.not_an_address(("clusterDNS", index), text)
    if config.cluster_domain and not is_subdomain(config.cluster_domain):
        check.error("bad-name", ("clusterDomain",), f"{shown(config.cluster_domain)} is not {SUBDOMAIN}")
    if config.resolv_conf and not is_file_path(config.resolv_conf):
        check.error("bad-value", ("resolvConf",), f"{shown(config.resolv_conf)} is not the path of a file")
    return check.found


def validate_cluster_configuration(config: ClusterConfiguration) -> list[Diagnostic]:
    check = Problems(config.origin)
    _check_cidr_list(check, ("networking", "serviceSubnet"), config.service_subnet)
    _check_cidr_list(check, ("networking", "podSubnet"), config.pod_subnet)
    if config.dns_domain and not is_subdomain(config.dns_domain):
        check.error("bad-name", ("networking", "dnsDomain"), f"{shown(config.dns_domain)} is not {SUBDOMAIN}")
    return check.found
