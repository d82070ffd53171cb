"""The library: load manifests, look at the plan of a node, emit its rules."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcompile.collection import no_collection
from kcompile.diagnostics import Diagnostic, KcompileError, raise_errors
from kcompile.frontend.inputs import read_sources
from kcompile.frontend.source import Source
from kcompile.ir.build_plan import Planner, build_plan, planner
from kcompile.ir.plan import KUBE_VERSIONS, MODES, Family, KubeVersion, Mode, NodePlan
from kcompile.model import Cluster
from kcompile.targets.registry import NODE_FORMATS, NodeFormat, diagnostics, node_format

if TYPE_CHECKING:
    from kcompile.evaluate.dns.resolver import Resolver
    from kcompile.targets.program import SharedTexts

PathLike = str | os.PathLike[str]
NEWEST: KubeVersion = KUBE_VERSIONS[-1]


class NoSuchNode(KcompileError):
    """The cluster has no node of that name, or has several and none was named."""


@dataclass(frozen=True, slots=True)
class CompiledNode:
    """One node of a cluster in one mode: `plan` is what its rules are made of.

    `texts` are those of other nodes, by format, where several are compiled.
    """

    plan: NodePlan
    texts: Mapping[str, SharedTexts] | None = None

    def __repr__(self) -> str:
        plan = self.plan
        return f"<CompiledNode {plan.node}: {plan.mode} mode of {plan.kube_version}>"

    def emit(self, format: str, family: Family | None = None) -> str:
        """The node's rules in one format, as text; see `emit_bytes`."""
        return self.emit_bytes(format, family).decode()

    def emit_bytes(self, format: str, family: Family | None = None) -> bytes:
        """The node's rules in one format, such as "iptables-save" or "nft".

        A format that holds one family (iptables) is written for `family`, by default the cluster's primary one; any
        other holds both, unless a family is named.
        """
        chosen = node_format(format, self.plan.mode)
        if family is None and chosen.combines_families:
            return self._written(chosen, (4, 6))
        return self._written(chosen, (family or self.plan.primary_family,))

    def _written(self, chosen: NodeFormat, families: tuple[Family, ...]) -> bytes:
        with no_collection():
            return chosen.render(self.plan, families, self.texts[chosen.name] if self.texts else None)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the node's mode cannot do with this cluster."""
        return diagnostics(self.plan, (4, 6))

    def files(self) -> dict[str, str]:
        """Every file that `kcompile build -o` writes for this node: file name to text."""
        return {name: text.decode() for name, text in self.render_files()}

    def render_files(self) -> Iterator[tuple[str, bytes]]:
        """The files of `files`, one after the other."""
        for chosen in NODE_FORMATS:
            if self.plan.mode in chosen.modes:
                for families, name in chosen.files.items():
                    if name:
                        yield name, self._written(chosen, families)


class NodeCompiler:
    """Compiles nodes of one cluster in one mode, one after the other."""

    def __init__(self, shared: Planner, mode: Mode, local_addresses: tuple[str, ...] | None) -> None:
        from kcompile.targets.program import SharedTexts

        self.mode: Mode = mode
        self._planner = shared
        self._local_addresses = local_addresses
        self._texts = {chosen.name: SharedTexts() for chosen in NODE_FORMATS if mode in chosen.modes}

    def node(self, name: str) -> CompiledNode:
        """The node of that name. The texts of nodes before it are kept, so it is cheap where little differs."""
        return CompiledNode(self.plan(name), self._texts)

    def write_shared(self, name: str) -> None:
        """Write the texts that are closest to those of all nodes, before many; some node's name is needed."""
        common = CompiledNode(self._planner.without_place(self.plan(name)), self._texts)
        for chosen in NODE_FORMATS:
            if chosen.shares and self.mode in chosen.modes:
                for families in chosen.files:
                    common._written(chosen, families)

    def plan(self, name: str) -> NodePlan:
        """What the node's rules are made of."""
        with no_collection():
            return self._planner.plan(name, self.mode, self._local_addresses)


@dataclass(frozen=True, slots=True)
class CompiledCluster:
    """A cluster as the control plane would have completed it. `warnings` are what was odd, but no error.

    `given` is what was read, before anything was filled in: what CoreDNS makes of a dump depends on it.
    """

    model: Cluster
    given: Cluster
    warnings: tuple[Diagnostic, ...] = ()

    def __repr__(self) -> str:
        nodes, services, slices = map(len, (self.model.nodes, self.model.services, self.model.endpoint_slices))
        return f"<CompiledCluster: {nodes} nodes, {services} Services, {slices} EndpointSlices>"

    @property
    def mode(self) -> Mode:
        """The mode that the KubeProxyConfiguration names; without one, iptables."""
        configured = self.model.kube_proxy.mode if self.model.kube_proxy else ""
        return next((mode for mode in MODES if mode == configured), "iptables")

    @property
    def node_names(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.model.nodes)

    def node_name(self, name: str | None = None) -> str:
        """`name`, if the cluster has such a node; without one, its only node."""
        names = self.node_names
        if name is None and len(names) == 1:
            return names[0]
        if name is None:
            raise NoSuchNode(f"the cluster has {len(names)} nodes; name one of {_listed(names)}")
        if name not in names:
            raise NoSuchNode(f"the cluster has no node `{name}`; it has {_listed(names)}")
        return name

    def node(
        self,
        name: str | None = None,
        mode: Mode | None = None,
        kube_version: KubeVersion = NEWEST,
        local_addresses: Sequence[str] | None = None,
    ) -> CompiledNode:
        """One node, by default the only one, in the configured mode.

        `local_addresses` are the node's own addresses as `IP/prefix`; by default those of its status and loopback.
        """
        addresses = None if local_addresses is None else tuple(local_addresses)
        with no_collection():
            plan = build_plan(self.model, self.node_name(name), mode or self.mode, kube_version, addresses)
        return CompiledNode(plan)

    def nodes(
        self,
        mode: Mode | None = None,
        kube_version: KubeVersion = NEWEST,
        local_addresses: Sequence[str] | None = None,
    ) -> NodeCompiler:
        """What compiles several nodes, with the arguments of `node`: what they have in common is done once."""
        with no_collection():
            shared = planner(self.model, kube_version)
        addresses = None if local_addresses is None else tuple(local_addresses)
        return NodeCompiler(shared, mode or self.mode, addresses)

    def dns(self) -> Resolver:
        """The cluster's DNS server, as its Corefile sets it up: `.query(name, type)` gives an answer."""
        from kcompile.evaluate.dns.cluster_server import cluster_resolver

        return cluster_resolver(self.model, self.given)


def load(paths: Sequence[PathLike]) -> CompiledCluster:
    """The cluster that these files and folders describe; `-` is standard input. Raises `Errors`, which has them all."""
    sources, unread = read_sources(paths)
    return compile_sources(sources, unread)


def loads(text: str | bytes, name: str = "<string>") -> CompiledCluster:
    """The cluster that a text of manifests describes."""
    return compile_sources((Source(name, text.encode() if isinstance(text, str) else text),))


def compile_sources(
    sources: Sequence[Source], unread: tuple[Diagnostic, ...] = (), progress: Callable[[int], None] | None = None
) -> CompiledCluster:
    """The cluster of these sources. `progress` is called with the number of bytes after each document that was read."""
    from kcompile.frontend.assemble import assemble
    from kcompile.frontend.manifests import read_manifests
    from kcompile.passes.pipeline import complete

    with no_collection():
        read = read_manifests(sources, progress)
        given, doubled = assemble(read.objects, read.skipped)
        found = (*unread, *read.diagnostics, *doubled)
        # Without a right reading of every object a pass would report what follows from the errors only.
        raise_errors(found)
        completed, problems = complete(given)
    raise_errors((*found, *problems))
    return CompiledCluster(completed, given, (*found, *problems))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


__all__ = ["CompiledCluster", "CompiledNode", "NoSuchNode", "NodeFormat", "load", "loads"]
