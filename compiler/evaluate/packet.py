"""What is asked and what is answered: a packet, the host that it meets, and where it may end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, partial
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from types import MappingProxyType
from typing import Any, Literal

from kcompile.ir.ruleset import ADDRESS_TYPES, Rule

OutcomeKind = Literal["dnat", "accept", "reject", "drop", "unknown"]
ConntrackState = Literal["new", "established", "related", "invalid", "untracked"]


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet, by default the first one of a connection.

    `source` "" with `local` lets the host choose its source as routing does. `local` packets are made by the host
    itself (they begin at the output hook), others arrive. A source port, or interfaces, that are not given are open:
    an outcome that depends on them is unknown. `bridged` says whether it arrives through a port of a bridge. `seconds`
    is when it comes, for session affinity.
    """

    source: str
    destination: str
    port: int
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"
    local: bool = False
    source_port: int | None = None
    in_interface: str | None = None
    out_interface: str | None = None
    bridged: bool | None = False
    mark: int = 0
    state: ConntrackState = "new"
    seconds: float = 0


@dataclass(frozen=True)
class Host:
    """The node that the packet meets: its own addresses as "IP/prefix", primary ones first in each family."""

    addresses: tuple[str, ...] = ()

    @cached_property
    def _interfaces(self) -> Mapping[int, tuple[IPv4Interface | IPv6Interface, ...]]:
        known = [ip_interface(text) for text in (*self.addresses, "127.0.0.1/8", "::1/128")]
        return {family: tuple(i for i in known if i.version == family) for family in (4, 6)}

    @cached_property
    def _local(self) -> frozenset[tuple[int, int]]:
        return frozenset((family, int(i.ip)) for family, all_ in self._interfaces.items() for i in all_)

    @cached_property
    def _broadcast(self) -> frozenset[int]:
        subnets = [i.network for i in self._interfaces[4] if i.network.prefixlen < 31 and not i.is_loopback]
        return frozenset(int(n.broadcast_address) for n in subnets) | {0xFFFFFFFF, 0x7FFFFFFF}

    def broadcasts(self, family: int) -> frozenset[int]:
        """The addresses of a family that are broadcast ones."""
        return self._broadcast | {0} if family == 4 else frozenset()

    def is_local(self, family: int, number: int) -> bool:
        """Whether the routing table "local" has the address: the host's own, and all of 127.0.0.0/8."""
        return (family, number) in self._local or (family == 4 and number >> 24 == 127 and number != 0x7FFFFFFF)

    def address_type(self, family: int, number: int) -> int:
        """What the routing tables say of an address, as a number of `ADDRESS_TYPES`."""
        if self.is_local(family, number):
            name = "local"
        elif number in self.broadcasts(family):
            name = "broadcast"
        elif number >> 28 == 0xE if family == 4 else number >> 120 == 0xFF:
            name = "multicast"
        else:
            name = "unicast"
        return ADDRESS_TYPES[name]

    def source_for(self, family: int, destination: int) -> int:
        """The source address that routing chooses: a local destination itself, else an address of the same subnet,
        else the primary one; for IPv6, that which is nearest."""
        if self.is_local(family, destination):
            return 0x7F000001 if family == 4 and destination >> 24 == 127 else destination
        usable = [i for i in self._interfaces[family] if not i.is_loopback]
        shift = 32 if family == 4 else 128
        for interface in usable:
            rest = shift - interface.network.prefixlen
            if int(interface.ip) >> rest == destination >> rest:
                return int(interface.ip)
        wide = [i for i in usable if not i.is_link_local] or usable or self._interfaces[family]
        return int(wide[0].ip) if family == 4 else max((int(i.ip) for i in wide), key=partial(_nearness, destination))


def _nearness(destination: int, source: int) -> tuple[bool, int]:
    """How well an IPv6 source address fits (RFC 6724, rules 6 and 8): unique local ones go together, then the number of
    bits in common counts."""
    unique_local = 0xFC00 >> 9
    return (source >> 121 == unique_local) == (destination >> 121 == unique_local), -(source ^ destination).bit_length()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way in which it ends. `to` is "IP:PORT" for dnat. `source` is the address that the receiver sees.

    `reason` says for an unknown outcome what it depends on. `probability` is that of all the ways that end so.
    """

    verdict: OutcomeKind
    to: str | None = None
    probability: Fraction = Fraction(1)
    masquerade: bool = False
    source: str = ""
    reason: str = ""

    @property
    def bare(self) -> Outcome:
        """The outcome as the end of one way, whatever its share."""
        return replace(self, probability=Fraction(1))

    def as_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "verdict": self.verdict,
            "to": self.to,
            "probability": str(self.probability),
            "masquerade": self.masquerade,
        }
        return data | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True, slots=True)
class Hop:
    """A rule that matched, a policy, or a step of ipvs, with what it did. `translates` the destination, that is."""

    hook: str
    table: str
    chain: str
    action: str
    rule: Rule | None = None
    translates: bool = False

    @property
    def line(self) -> int:
        return self.rule.line if self.rule else 0


@dataclass(frozen=True, slots=True)
class End:
    """Where one way ends, and the hop that decided it. `memory` is what sets and lists hold afterwards."""

    outcome: Outcome
    decided: Hop | None = None
    memory: Memory | None = None


@dataclass(frozen=True, slots=True)
class Fork:
    """Here ways part. With a share each of `ways` is taken by that share of the packets, the rest goes on along the
    branch; a way without one is taken or not, nobody knows."""

    ways: tuple[tuple[Fraction | None, Branch], ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """A way through the rules. `end` is None where every packet has left by the last fork."""

    steps: tuple[Hop | Fork, ...]
    end: End | None


@dataclass(frozen=True)
class Memory:
    """What earlier packets left behind, by the name of a list or set and the key in it: times, or a value.

    It is compared by identity: a changed memory is another one.
    """

    entries: Mapping[tuple[str, Any], tuple[Any, ...]] = field(default_factory=lambda: MappingProxyType({}))

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def get(self, name: str, key: Any) -> tuple[Any, ...]:
        return self.entries.get((name, key), ())

    def keep(self, name: str, key: Any, value: tuple[Any, ...]) -> Memory:
        return Memory(MappingProxyType({**self.entries, (name, key): value}))

    def drop(self, name: str, key: Any) -> Memory:
        return Memory(MappingProxyType({k: v for k, v in self.entries.items() if k != (name, key)}))


@dataclass(frozen=True, slots=True)
class Trace:
    """Every way of one packet, and the outcomes that they add up to."""

    packet: Packet
    branch: Branch
    outcomes: tuple[Outcome, ...]

    def ends(self) -> Iterator[End]:
        """Every end, one for each way; those beyond a fork that is unknown included."""
        yield from _ends(self.branch)


def _ends(branch: Branch) -> Iterator[End]:
    for step in branch.steps:
        if isinstance(step, Fork):
            for _, way in step.ways:
                yield from _ends(way)
    if branch.end:
        yield branch.end
