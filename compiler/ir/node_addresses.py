"""What kube-proxy knows of its node: its addresses, those that node ports answer on, and what tells local Pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kcompile.ir.endpoints import canonical_address
from kcompile.ir.plan import Family, LocalDetector, Mode
from kcompile.model.configuration import KubeProxyConfiguration
from kcompile.model.node import Node
from kcompile.passes.addresses import BITS, AddressRange, format_address, parse_address, parse_cidr

LOOPBACK: Mapping[Family, str] = {4: "127.0.0.1", 6: "::1"}
ANY_CIDR: Mapping[Family, str] = {4: "0.0.0.0/0", 6: "::/0"}
LOCALHOST_CIDR: Mapping[Family, str] = {4: "127.0.0.0/8", 6: "::1/128"}


def canonical_cidr(cidr: AddressRange) -> str:
    """A network as Go prints it: `10.1.2.3/16` is `10.1.0.0/16`."""
    prefix = BITS[cidr.family] - (cidr.last - cidr.first).bit_length()
    return f"{format_address((cidr.family, cidr.first))}/{prefix}"


def cidrs_of(texts: Iterable[str], family: Family) -> list[AddressRange]:
    """The networks of one family; what is no network is left out, and blanks around it are ignored."""
    parsed = (parse_cidr(text.strip()) for text in texts)
    return [cidr for cidr in parsed if cidr and cidr.family == family]


def contains(cidrs: Iterable[AddressRange], address: str) -> bool:
    parsed = parse_address(address)
    return parsed is not None and any(parsed in cidr for cidr in cidrs)


def node_ips(node: Node | None, configuration: KubeProxyConfiguration) -> dict[Family, str]:
    """The node's address of each family that it has, its primary family first.

    InternalIPs come before ExternalIPs; a bindAddress that is not unspecified takes precedence.
    """
    addresses = node.addresses if node else ()
    found: dict[Family, str] = {}
    bind = parse_address(configuration.bind_address)
    if bind and bind[1]:
        found[bind[0]] = format_address(bind)
    for kind in ("InternalIP", "ExternalIP"):
        for address in addresses:
            parsed = parse_address(address.address) if address.type == kind else None
            if parsed:
                found.setdefault(parsed[0], format_address(parsed))
    return found


def own_addresses(given: tuple[str, ...] | None, node: Node | None) -> tuple[str, ...]:
    """The node's addresses without prefix, in the order given; by default loopback and Node.status.addresses."""
    if given is not None:
        texts = [address.partition("/")[0] for address in given]
    else:
        texts = [*LOOPBACK.values(), *(address.address for address in (node.addresses if node else ()))]
    return tuple(dict.fromkeys(canonical_address(text) for text in texts if parse_address(text)))


def is_loopback(address: str) -> bool:
    return address == LOOPBACK[6] or address.startswith("127.")


def node_port_cidrs(configuration: KubeProxyConfiguration, mode: Mode, family: Family, node_ip: str) -> tuple[str, ...]:
    """The networks of one family whose addresses node ports answer on; `ANY_CIDR` alone for every address.

    The nftables mode takes the primary addresses when nothing is configured (KEP-3866). A family for which nothing is
    left answers on every address. Since 1.37 keywords stand beside networks; before, "primary" stood alone.
    """
    words = {
        "primary": f"{node_ip}/{BITS[family]}" if node_ip and not is_loopback(node_ip) else "",
        "localhost": LOCALHOST_CIDR[family],
        "all": ANY_CIDR[family],
    }
    given = configuration.node_port_addresses or (("primary",) if mode == "nftables" else ())
    texts = [words.get(text, text) for text in given]
    cidrs = tuple(canonical_cidr(cidr) for cidr in cidrs_of(texts, family))
    return (ANY_CIDR[family],) if ANY_CIDR[family] in cidrs or not cidrs else cidrs


def node_port_addresses(cidrs: tuple[str, ...], local_addresses: Iterable[str], family: Family) -> tuple[str, ...]:
    """The node's own addresses inside the networks, loopback included, sorted by number.

    kube-proxy collects them in a map, whose order is random.
    """
    networks = cidrs_of(cidrs, family)
    parsed = filter(None, map(parse_address, local_addresses))
    return tuple(format_address(ip) for ip in sorted(parsed) if any(ip in network for network in networks))


def local_detector(configuration: KubeProxyConfiguration, node: Node | None, family: Family) -> LocalDetector:
    """How traffic of local Pods is told from other traffic: the first network of the family, or an interface."""
    match configuration.detect_local_mode or "ClusterCIDR":
        case "ClusterCIDR":
            cidrs = cidrs_of(configuration.cluster_cidr.split(","), family)
        case "NodeCIDR":
            cidrs = cidrs_of(node.pod_cidrs if node else (), family)
        case "BridgeInterface":
            return LocalDetector("bridge", configuration.detect_local.bridge_interface)
        case "InterfaceNamePrefix":
            return LocalDetector("interface-prefix", configuration.detect_local.interface_name_prefix)
        case _:
            cidrs = []
    return LocalDetector("cidr", canonical_cidr(cidrs[0])) if cidrs else LocalDetector()
