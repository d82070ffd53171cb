"""A node as packets meet it: its rules, read back from the text that is compiled for it, and its addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from kcompile.api import CompiledNode
from kcompile.evaluate.packet import Host, Outcome, Packet, Trace
from kcompile.ir.addresses import address, address_text
from kcompile.ir.plan import EndpointInfo, Family, FamilyPlan, LocalDetector, Mode, NodePlan, ServicePortInfo
from kcompile.ir.ruleset import Ruleset
from kcompile.readers import read_ruleset

# The formats that together are all the rules of a node, by mode. What iptables writes for one family says which.
_FORMATS: Mapping[Mode, tuple[str, ...]] = MappingProxyType(
    {
        "iptables": ("iptables-save",),
        "nftables": ("nft",),
        "ipvs": ("iptables-save", "ipvsadm", "ipset"),
        "userspace": ("iptables-save",),
    }
)
_IPTABLES_FILES: Mapping[Family, str] = MappingProxyType({4: "iptables.rules", 6: "ip6tables.rules"})
_FILES: Mapping[str, str] = MappingProxyType(
    {"nft": "nftables.nft", "ipvsadm": "ipvsadm.rules", "ipset": "ipset.rules"}
)


@dataclass(frozen=True)
class NodeView:
    """`plan` is None for a node of which only a dump is known."""

    name: str
    host: Host
    rules: Ruleset
    plan: NodePlan | None = None

    def packet(self, source: str, destination: str, port: int, protocol: str, *, local: bool, from_pod: bool) -> Packet:
        """A new connection's first packet. Where kube-proxy tells local Pods by interface, it comes through such a one,
        or through another."""
        family = address(destination)[0]
        detector = self.plan.family(6 if family == 6 else 4).detect_local if self.plan else LocalDetector()
        return Packet(
            source,
            destination,
            port,
            protocol,  # type: ignore[arg-type]
            local=local,
            in_interface=None if local else _interface(detector, from_pod),
            # A CNI plug-in may put Pods on a bridge, or not.
            bridged=None if from_pod else False,
        )

    def outcomes(self, trace: Trace) -> tuple[Outcome, ...]:
        """Where a packet ends. In the userspace mode the rules lead to a port of kube-proxy, and that goes on from the
        node to the ready endpoints in turn."""
        ends: list[Outcome] = []
        for outcome in trace.outcomes:
            served = self._proxies.get((trace.packet.protocol, outcome.to.rpartition(":")[2])) if outcome.to else None
            if served is None or outcome.to is None or not self._is_own(outcome.to):
                ends.append(outcome)
                continue
            ready = [endpoint for endpoint in served.endpoints if endpoint.ready]
            share = outcome.probability / max(1, len(ready))
            ends += [
                Outcome("dnat", endpoint.address, share, True, address_text(*self._source_for(endpoint.ip)))
                for endpoint in ready
            ] or [Outcome("reject", None, share)]
        return tuple(ends)

    def _is_own(self, to: str) -> bool:
        return self.host.is_local(*address(to.rpartition(":")[0].strip("[]")))

    def _source_for(self, text: str) -> tuple[int, int]:
        family, number = address(text)
        return family, self.host.source_for(family, number)

    @cached_property
    def _proxies(self) -> Mapping[tuple[str, str], ServicePortInfo]:
        """In the userspace mode, the Service ports by protocol and the port on which kube-proxy listens for each."""
        if self.plan is None or self.plan.mode != "userspace":
            return {}
        from kcompile.targets.userspace import proxies

        found = proxies(self.plan, (4, 6))
        return {(each.service_port.protocol.lower(), str(each.number)): each.service_port for each in found}

    def service_port(self, destination: str, port: int, protocol: str) -> tuple[ServicePortInfo, str] | None:
        """The Service port that an address and port belong to, and as what: "cluster IP", "node port", …"""
        family, number = address(destination)
        found = self._frontends.get((family, number, port, protocol))
        if found is None and self.host.is_local(family, number):
            found = self._frontends.get((family, -1, port, protocol))
        return found

    @cached_property
    def _frontends(self) -> Mapping[tuple[int, int, int, str], tuple[ServicePortInfo, str]]:
        """By family, address (-1 for node ports), port and protocol."""
        found: dict[tuple[int, int, int, str], tuple[ServicePortInfo, str]] = {}
        families = (self.plan.ipv4, self.plan.ipv6) if self.plan else ()
        for plan in families:
            for info in plan.service_ports:
                protocol = info.protocol.lower()
                for text, what in (
                    (info.cluster_ip, "cluster IP"),
                    *((ip, "external IP") for ip in info.external_ips),
                    *((ip, "load-balancer IP") for ip in info.load_balancer_vips),
                ):
                    if text:
                        found.setdefault((*address(text), info.port, protocol), (info, what))
                if info.node_port:
                    found.setdefault((plan.family, -1, info.node_port, protocol), (info, "node port"))
        return found


def _interface(detector: LocalDetector, from_pod: bool) -> str | None:
    if detector.kind not in ("bridge", "interface-prefix") or not detector.value:
        return None
    if from_pod:
        return detector.value if detector.kind == "bridge" else f"{detector.value}0"
    return "eth0" if not "eth0".startswith(detector.value) else "wan0"


def endpoint_of(info: ServicePortInfo, to: str) -> EndpointInfo | None:
    """The endpoint of a Service port that has an "IP:PORT"."""
    return next((endpoint for endpoint in info.endpoints if endpoint.address == to), None)


def compiled_view(node: CompiledNode, local_addresses: Sequence[str] | None, families: Sequence[Family]) -> NodeView:
    """The view of a compiled node. Its text is read back by the readers, so what is followed is what is written."""
    rules = Ruleset()
    for name in _FORMATS[node.plan.mode]:
        if name == "iptables-save":
            for family in families:
                text = node.emit(name, family)
                rules += read_ruleset(text, _IPTABLES_FILES[family], "ip" if family == 4 else "ip6")
        else:
            rules += read_ruleset(node.emit(name), _FILES[name])
    return NodeView(node.plan.node, host_of(node.plan, local_addresses), rules, node.plan)


def host_of(plan: NodePlan, local_addresses: Sequence[str] | None) -> Host:
    """The node's addresses, the primary ones first. Those of Node.status have no prefix: each is its own network."""
    given: dict[str, str] = {}
    for text in local_addresses or ():
        host, slash, length = text.partition("/")
        given[address_text(*address(host))] = f"{address_text(*address(host))}{slash}{length}"
    own = [text for family in (plan.ipv4, plan.ipv6) for text in _primary_first(family)]
    return Host(tuple(given.get(text, text) for text in own))


def _primary_first(plan: FamilyPlan) -> list[str]:
    return sorted(plan.local_addresses, key=lambda text: text != plan.node_ip)
