"""What packets are followed through: a cluster's nodes as they are compiled, or the rules of a dump."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from kcompile.api import CompiledCluster
from kcompile.evaluate.node_view import NodeView, compiled_view, host_of
from kcompile.evaluate.packet import Host, Packet
from kcompile.evaluate.places import Place, Places, Resolve, WrongPlace
from kcompile.ir.addresses import address
from kcompile.ir.plan import Family, KubeVersion, Mode
from kcompile.ir.ruleset import Ruleset
from kcompile.model import Cluster


@dataclass(frozen=True, slots=True)
class Start:
    """A packet at the node where its way begins."""

    node: NodeView
    packet: Packet


class World:
    """The nodes, compiled when they are first needed.

    With `dump` every packet meets its rules instead, on a host with `local_addresses`; the cluster, if there is one,
    then serves to find places and to name what the rules stem from.
    """

    def __init__(
        self,
        cluster: CompiledCluster | None,
        mode: Mode | None,
        kube_version: KubeVersion,
        local_addresses: Sequence[str] | None = None,
        dump: Ruleset | None = None,
        families: Sequence[Family] = (4, 6),
        resolve: Resolve | None = None,
    ) -> None:
        self.cluster = cluster
        self.mode: Mode = mode or (cluster.mode if cluster else "iptables")
        self.kube_version = kube_version
        self.places = Places(cluster.model if cluster else Cluster(), resolve)
        self._local_addresses = local_addresses
        self._dump = dump
        self._families = families
        self._views: dict[str, NodeView] = {}

    def view(self, name: str) -> NodeView:
        """A node by its name; "" without a cluster. Raises `NoSuchNode`."""
        if name not in self._views:
            self._views[name] = self._make(name)
        return self._views[name]

    def other(self, name: str) -> NodeView | None:
        """Another node that a packet comes to. Of a dump, and of a node the cluster lacks, nothing is known."""
        if self._dump is not None or self.cluster is None or name not in self.cluster.node_names:
            return None
        # The addresses that were given are those of the node where the packet starts.
        if name not in self._views:
            compiled = self.cluster.node(name, self.mode, self.kube_version)
            self._views[name] = compiled_view(compiled, None, self._families)
        return self._views[name]

    def _make(self, name: str) -> NodeView:
        if self.cluster is None:
            return NodeView("", Host(tuple(self._local_addresses or ())), self._dump or Ruleset())
        compiled = self.cluster.node(name, self.mode, self.kube_version, self._local_addresses)
        if self._dump is None:
            return compiled_view(compiled, self._local_addresses, self._families)
        return NodeView(name, host_of(compiled.plan, self._local_addresses), self._dump, compiled.plan)

    # ------------------------------------------------------------ packets

    def starts(self, node: str | None, source: Place, target: Place, protocol: str | None) -> list[Start]:
        """Where a packet between two places begins: on one node, or, from outside, on each that it may come to."""
        if target.port is None:
            raise WrongPlace(f"`{target.text}`: name a port, as in {_with_port(target.text)}")
        return [self._start(name, source, target, target.port, protocol) for name in self._nodes(node, source, target)]

    def _nodes(self, node: str | None, source: Place, target: Place) -> list[str]:
        if self.cluster is None:
            return [node or ""]
        names = self.cluster.node_names
        if node is not None or len(names) == 1 or source.kind == "node":
            return [self.cluster.node_name(node)]
        if source.node in names:
            return [source.node]
        if target.host and target.node in names:
            return [target.node]
        return list(names)

    def _start(self, name: str, source: Place, target: Place, port: int, protocol: str | None) -> Start:
        view = self.view(name)
        to_node = target.kind == "node"
        destinations = tuple(text.partition("/")[0] for text in view.host.addresses) if to_node else target.addresses
        family = address(source.addresses[0])[0] if source.kind == "address" else None
        pairs = [
            (source.address_of(address(each)[0]) if source.addresses else "", each)
            for each in destinations
            if family in (None, address(each)[0])
        ]
        pair = next(((origin, each) for origin, each in pairs if origin is not None), None)
        if pair is None:
            raise WrongPlace(f"{source.text} and {target.text} have no addresses of the same family")
        origin, destination = pair
        local = source.host or (bool(origin) and view.host.is_local(*address(origin)))
        # What the host itself sends takes the source that routing chooses, unless it was named.
        chosen = origin if source.kind == "address" or not local else ""
        packet = view.packet(
            chosen,
            destination,
            port,
            protocol or target.protocol or "tcp",
            local=local,
            from_pod=not local and self._is_pod(source, origin, name),
        )
        return Start(view, packet)

    def _is_pod(self, source: Place, text: str, node: str) -> bool:
        if source.pod is not None:
            return True
        nodes = self.cluster.model.nodes if self.cluster else ()
        ranges = next((each.pod_cidrs for each in nodes if each.name == node), ())
        return any(ip_address(text) in ip_network(cidr, strict=False) for cidr in ranges)


def _with_port(text: str) -> str:
    return f"[{text}]:80" if text.count(":") > 1 and not text.startswith(("pod:", "service:")) else f"{text}:80"
