"""The list of targets: a new one is a file beside this and an entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from kcompile.diagnostics import Diagnostic, KcompileError
from kcompile.ir.plan import MODES, Family, Mode, NodePlan

if TYPE_CHECKING:
    from kcompile.targets.program import SharedTexts

Families = tuple[Family, ...]
Render = Callable[..., bytes]
"""(plan, families), and for a format that shares its texts between nodes, (..., texts)."""

IPV4: Families = (4,)
IPV6: Families = (6,)
BOTH: Families = (4, 6)


@dataclass(frozen=True, slots=True)
class NodeFormat:
    """A format of a node's rules: `module`.`function` writes it, for each group of families into one file.

    `modes` are those that have the format. With one family a file (iptables), a call gets that family alone. With
    `shares` the function takes `SharedTexts`, so that what nodes have in common is written once.
    """

    name: str
    modes: tuple[Mode, ...]
    module: str
    function: str
    files: Mapping[Families, str] = field(default_factory=lambda: MappingProxyType({}))
    shares: bool = False

    @property
    def combines_families(self) -> bool:
        return BOTH in self.files

    def render(self, plan: NodePlan, families: Families, texts: SharedTexts | None = None) -> bytes:
        """The rules of these families."""
        render: Render = getattr(import_module(self.module), self.function)
        return render(plan, families, texts) if self.shares else render(plan, families)


def _iptables(mode: Mode, module: str, shares: bool = False) -> tuple[NodeFormat, NodeFormat]:
    """The two forms of iptables rules, which every mode but nftables has."""
    return (
        NodeFormat(
            "iptables-save",
            (mode,),
            module,
            "save",
            MappingProxyType({IPV4: "iptables.rules", IPV6: "ip6tables.rules"}),
            shares,
        ),
        NodeFormat(
            "iptables-restore",
            (mode,),
            module,
            "restore",
            MappingProxyType({IPV4: "iptables.restore", IPV6: "ip6tables.restore"}),
            shares,
        ),
    )


def _both(
    name: str, modes: tuple[Mode, ...], module: str, function: str, file: str, shares: bool = False
) -> NodeFormat:
    return NodeFormat(name, modes, module, function, MappingProxyType({BOTH: file}), shares)


NODE_FORMATS: tuple[NodeFormat, ...] = (
    *_iptables("iptables", "kcompile.targets.iptables", shares=True),
    *_iptables("ipvs", "kcompile.targets.ipvs"),
    *_iptables("userspace", "kcompile.targets.userspace"),
    _both("nft", ("nftables",), "kcompile.targets.nftables", "nft", "nftables.nft", shares=True),
    _both("nft-commands", ("nftables",), "kcompile.targets.nftables", "commands", "nftables.commands", shares=True),
    _both("ipvsadm", ("ipvs",), "kcompile.targets.ipvs", "ipvsadm", "ipvsadm.rules"),
    _both("ipset", ("ipvs",), "kcompile.targets.ipvs", "ipset", "ipset.rules"),
    _both("ip-batch", ("ipvs",), "kcompile.targets.ipvs", "ip_batch", "ip.batch"),
    _both("proxy-ports", ("userspace",), "kcompile.targets.userspace", "proxy_ports", "proxy-ports.txt"),
    _both("sysctl", MODES, "kcompile.targets.sysctl", "sysctl", "sysctl.conf"),
    _both("ir", MODES, "kcompile.targets.ir", "ir", ""),
)

DIAGNOSTICS: Mapping[Mode, str] = MappingProxyType(
    {
        "ipvs": "kcompile.targets.ipvs",
        "nftables": "kcompile.targets.nftables",
        "userspace": "kcompile.targets.userspace",
    }
)
"""The modules whose `diagnostics` warn of what a mode cannot do with a plan, or what of it is not compiled."""

DEFAULT_FORMATS: Mapping[Mode, str] = MappingProxyType(
    {"iptables": "iptables-save", "userspace": "iptables-save", "nftables": "nft", "ipvs": "ipvsadm"}
)

CLUSTER_FORMATS = ("objects", "corefile", "coredns-configmap", "zone", "resolv.conf")
"""Formats that do not depend on a node."""


def diagnostics(plan: NodePlan, families: Families) -> tuple[Diagnostic, ...]:
    """What the plan's mode cannot do with it."""
    if plan.mode not in DIAGNOSTICS:
        return ()
    return tuple(import_module(DIAGNOSTICS[plan.mode]).diagnostics(plan, families))


def formats() -> tuple[str, ...]:
    """The names of all formats, in the order in which help lists them."""
    return tuple(dict.fromkeys(f.name for f in NODE_FORMATS)) + CLUSTER_FORMATS


def node_format(name: str, mode: Mode) -> NodeFormat:
    """The format of this name in this mode; a `WrongFormat` names what the mode does have."""
    for candidate in NODE_FORMATS:
        if candidate.name == name and mode in candidate.modes:
            return candidate
    has = ", ".join(f.name for f in NODE_FORMATS if mode in f.modes)
    raise WrongFormat(
        f"mode {mode} has no format {name}; it has {has}, and of the cluster {', '.join(CLUSTER_FORMATS)}"
    )


def node_files(mode: Mode) -> tuple[str, ...]:
    """The names of all files that a node has in a mode."""
    return tuple(name for chosen in NODE_FORMATS if mode in chosen.modes for name in chosen.files.values() if name)


def modes_of(name: str) -> tuple[Mode, ...]:
    """The modes that have a format."""
    return tuple(mode for mode in MODES if any(f.name == name and mode in f.modes for f in NODE_FORMATS))


class WrongFormat(KcompileError):
    """A format that the mode does not have, or that does not exist."""
