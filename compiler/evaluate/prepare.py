"""A ruleset made ready to be walked: what hangs in each hook in which order, sets by hash, long chains by address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kcompile.collection import no_collection
from kcompile.evaluate.set_index import SetIndex
from kcompile.ir.addresses import address
from kcompile.ir.ruleset import (
    PROTOCOLS,
    Assumed,
    Chain,
    Compare,
    Container,
    Either,
    Elements,
    Field,
    InIPSet,
    Member,
    NamedSet,
    Rule,
    Ruleset,
    SetReference,
    Table,
    Unknown,
    VirtualServer,
)

if TYPE_CHECKING:
    from kcompile.evaluate.packet import Host
    from kcompile.evaluate.program import Program

HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
CONNTRACK_PRIORITY = -200
# ip_vs hangs in LOCAL_IN just before source NAT and in LOCAL_OUT just after destination NAT (ip_vs_core.c).
IPVS_PRIORITY: Mapping[str, int] = {"input": 99, "output": -98}
# The kernel calls every NAT chain from one hook of its own; their priorities order them among themselves only
# (nf_nat_core.c, since 4.18).
NAT_PRIORITY: Mapping[str, int] = {"prerouting": -100, "output": -100, "input": 100, "postrouting": 100}

# Matches that leave nothing behind and draw nothing: a rule may be passed over for a later one of them.
PURE = (Assumed, Compare, Either, InIPSet, Member, Unknown)

LONG_CHAIN = 12
"""Shorter chains are not worth an index."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One thing that a hook calls: a base chain with its table, conntrack, or ipvs."""

    kind: Literal["filter", "nat", "conntrack", "ipvs"]
    table: Table | None = None
    chain: Chain | None = None


class Prepared:
    """The indexes of a ruleset. They are made on first use and never change what it means."""

    def __init__(self, ruleset: Ruleset) -> None:
        self.ruleset = ruleset
        bases = [(table, chain) for table in ruleset.tables for chain in table.chains.values() if chain.base]
        self.stages = {(family, hook): _stages(ruleset, bases, family, hook) for family in (4, 6) for hook in HOOKS}
        self._sets: dict[int, SetIndex] = {}
        self._chains: dict[int, ChainIndex | None] = {}
        self._servers: dict[tuple[int, int, int, int], VirtualServer] = {}
        self._marks: dict[tuple[int, int], VirtualServer] = {}
        for server in ruleset.virtual_servers:
            if server.protocol == "fwmark":
                family = 6 if "ipv6" in server.flags else 4
                self._marks.setdefault((family, server.mark), server)
            else:
                family, number = address(server.address)
                self._servers.setdefault((family, PROTOCOLS[server.protocol], number, server.port), server)
        self._programs: dict[tuple[int, Host], Program] = {}
        self.virtual_hosts: dict[Host, Host] = {}
        self.virtual_addresses = frozenset((family, number) for family, _, number, _ in self._servers)

    def elements(self, table: Table, container: Container) -> tuple[NamedSet | Elements | None, SetIndex]:
        """A set or map with its index; None where the table has no such set."""
        held = table.sets.get(container.name) if isinstance(container, SetReference) else container
        return held, self.index(held) if held is not None else SetIndex(())

    def index(self, held: NamedSet | Elements) -> SetIndex:
        index = self._sets.get(id(held))
        if index is None:
            index = self._sets[id(held)] = SetIndex(held.elements)
        return index

    def program(self, family: int, host: Host) -> Program:
        """The program for one family of addresses on a host, made on first use."""
        from kcompile.evaluate.assemble import assemble

        key = (family, host)
        if key not in self._programs:
            with no_collection():
                self._programs[key] = assemble(self, family, host)
        return self._programs[key]

    def rules_for(self, chain: Chain, daddr: int, dport: int) -> tuple[int, ...]:
        """The rules of a chain, by number, that a packet to this address and port can match at all."""
        if id(chain) not in self._chains:
            self._chains[id(chain)] = ChainIndex(chain) if len(chain.rules) > LONG_CHAIN else None
        index = self._chains[id(chain)]
        return tuple(range(len(chain.rules))) if index is None else index.find(daddr, dport)

    def virtual_server(self, family: int, protocol: int, daddr: int, dport: int, mark: int) -> VirtualServer | None:
        """The virtual server that takes a packet: by mark, by port, or the one for port 0 of its address."""
        return (
            self._marks.get((family, mark))
            or self._servers.get((family, protocol, daddr, dport))
            or self._servers.get((family, protocol, daddr, 0))
        )


class ChainIndex:
    """The rules of a long chain by the one destination address, or else the one destination port, that each wants."""

    def __init__(self, chain: Chain) -> None:
        self._by_address: dict[int, list[int]] = {}
        self._by_port: dict[int, list[int]] = {}
        self._any: list[int] = []
        self._found: dict[tuple[int, int], tuple[int, ...]] = {}
        for number, rule in enumerate(chain.rules):
            wanted = _single(rule, "daddr")
            if wanted is not None:
                self._by_address.setdefault(wanted, []).append(number)
            elif (wanted := _single(rule, "dport")) is not None:
                self._by_port.setdefault(wanted, []).append(number)
            else:
                self._any.append(number)

    def find(self, daddr: int, dport: int) -> tuple[int, ...]:
        at = self._by_address.get(daddr, ())
        port = self._by_port.get(dport, ())
        key = (daddr if at else -1, dport if port else -1)
        if key not in self._found:
            self._found[key] = tuple(sorted((*at, *port, *self._any)))
        return self._found[key]


def _single(rule: Rule, field: str) -> int | None:
    """The only value of a field with which a rule can match; None where there are more."""
    for item in rule.items:
        if not isinstance(item, PURE):
            return None
        if isinstance(item, Compare) and item.expression == Field(field) and not item.negate and len(item.values) == 1:
            value = item.values[0]
            if isinstance(value, tuple) and value[0] == value[1]:
                return value[0]
    return None


def _stages(ruleset: Ruleset, bases: Sequence[tuple[Table, Chain]], family: int, hook: str) -> tuple[Stage, ...]:
    """What a hook calls for packets of a family, by priority.

    Of chains with one priority the kernel calls the one that came last first (nf_hook_entries_grow in
    net/netfilter/core.c), and the tools list them in the order in which they came.
    """
    families = ("ip" if family == 4 else "ip6", "inet")
    found: list[tuple[int, int, Stage]] = []
    for table, chain in bases:
        base = chain.base
        if table.family not in families or table.dormant or base is None or base.hook != hook:
            continue
        if base.type == "nat":
            found.append((NAT_PRIORITY.get(hook, base.priority), base.priority, Stage("nat", table, chain)))
        else:
            found.append((base.priority, 0, Stage("filter", table, chain)))
    if hook in ("prerouting", "output"):
        found.append((CONNTRACK_PRIORITY, 0, Stage("conntrack")))
    if hook in IPVS_PRIORITY and ruleset.virtual_servers:
        found.append((IPVS_PRIORITY[hook], 0, Stage("ipvs")))
    found.reverse()
    return tuple(stage for _, _, stage in sorted(found, key=lambda each: each[:2]))
