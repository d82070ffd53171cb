"""A ruleset: what a node's packet filter, ipsets and ipvs hold, as data.

iptables and nftables share one model, that of nftables: tables hold chains and sets, base chains hang in a netfilter
hook, a rule is a sequence of items that are run from left to right until one does not match. The readers translate each
language into it. Addresses, ports, protocols, marks and conntrack states are integers here, interface names text.

Whatever a reader does not understand is kept as `Unknown` with its text: an outcome that depends on it is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from array import array

    from kcompile.evaluate.packet import Host, Memory, Packet, Trace
    from kcompile.evaluate.prepare import Prepared

TableFamily = Literal["ip", "ip6", "inet", "arp", "bridge", "netdev"]
Hook = Literal["ingress", "prerouting", "input", "forward", "output", "postrouting", "egress"]
ChainType = Literal["filter", "nat", "route"]

Interval = tuple[int, int]
"""Both ends are part of it."""
Component = Interval | str
"""What one value may be: an interval of integers, or a name, in which a `*` at the end stands for any rest."""
Value = int | str | tuple["Value", ...]

# conntrack states and statuses, as the kernel numbers their bits (nf_conntrack_common.h); SNAT and DNAT are the two
# that xt_conntrack adds to the states.
STATES: Mapping[str, int] = MappingProxyType(
    {"invalid": 1, "established": 2, "related": 4, "new": 8, "untracked": 64, "snat": 1 << 16, "dnat": 1 << 17}
)
STATUSES: Mapping[str, int] = MappingProxyType(
    {"expected": 1, "seen-reply": 2, "assured": 4, "confirmed": 8, "snat": 16, "dnat": 32, "dying": 512}
)
# Types of addresses, as the kernel numbers them (rtnetlink.h).
ADDRESS_TYPES: Mapping[str, int] = MappingProxyType(
    {
        name: number
        for number, name in enumerate(
            [
                "unspec",
                "unicast",
                "local",
                "broadcast",
                "anycast",
                "multicast",
                "blackhole",
                "unreachable",
                "prohibit",
                "throw",
                "nat",
            ]
        )
    }
)
PROTOCOLS: Mapping[str, int] = MappingProxyType(
    {
        "icmp": 1,
        "igmp": 2,
        "ipencap": 4,
        "tcp": 6,
        "udp": 17,
        "dccp": 33,
        "ipv6": 41,
        "gre": 47,
        "esp": 50,
        "ah": 51,
        "ipv6-icmp": 58,
        "icmpv6": 58,
        "ipip": 4,
        "sctp": 132,
        "mh": 135,
        "udplite": 136,
    }
)


# ---------------------------------------------------------------- expressions: what a rule reads


@dataclass(frozen=True, slots=True)
class Field:
    """One fact about a packet, by the name that `evaluate.fields` gives it: "saddr", "dport", "mark", "ct state", …"""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    value: Value


@dataclass(frozen=True, slots=True)
class Binary:
    """Bit arithmetic, as nft's `mark and 0x4000`."""

    operator: Literal["&", "|", "^", "<<", ">>"]
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Concat:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Uniform:
    """A number from `offset` to `offset + modulus - 1`, each as likely as the next.

    `source` says which: `numgen random`, `numgen inc` and `meta random` draw it, `jhash` and `symhash` compute it from
    the packet with a seed that the kernel keeps to itself.
    """

    modulus: int
    offset: int = 0
    source: str = "numgen random"


@dataclass(frozen=True, slots=True)
class Lookup:
    """The value that a map holds for a key; where there is none, the rule does not match."""

    key: Expression
    container: Container


@dataclass(frozen=True, slots=True)
class Unknown:
    """A match or an expression that is not understood."""

    text: str


Expression = Field | Constant | Binary | Concat | Uniform | Lookup | Unknown


# ---------------------------------------------------------------- sets, maps and ipsets


@dataclass(frozen=True, slots=True)
class Verdict:
    """`chain` is that of jump and goto. "queue" hands the packet to a program, "stolen" to something else."""

    kind: Literal["accept", "drop", "jump", "goto", "return", "continue", "queue"]
    chain: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.chain}".rstrip()


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a set or map: one component for each part of a concatenation.

    `value` is None in a set; in a map a verdict, or one component for each part of the value. `exclude` is ipset's
    nomatch; `expiry` is what nft says of its timeout.
    """

    key: tuple[Component, ...]
    value: Verdict | tuple[Component, ...] | None = None
    comment: str = ""
    line: int = 0
    exclude: bool = False
    expiry: str = ""


@dataclass(frozen=True, slots=True)
class Elements:
    """An anonymous set or map. `default` is the verdict or value of the `*` element."""

    elements: tuple[Element, ...]
    default: Verdict | tuple[Component, ...] | None = None


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A set, a map, or an ipset. `timeout` is that of new elements, in seconds, 0 for none.

    `key_types` are nft's type names; of an ipset, the dimensions of its type ("ip", "port", "net", "mac", "iface", …).
    `lists` names the members of an ipset of type list:set. A map has `value_types`. `declared` is the type of an nft
    set as its text has it; `size` is the most elements that it takes, 0 for any number.
    """

    name: str
    key_types: tuple[str, ...] = ()
    value_types: tuple[str, ...] = ()
    elements: tuple[Element, ...] = ()
    default: Verdict | tuple[Component, ...] | None = None
    flags: frozenset[str] = frozenset()
    timeout: float = 0
    family: TableFamily | None = None
    kind: str = ""
    lists: tuple[str, ...] = ()
    comment: str = ""
    line: int = 0
    declared: str = ""
    size: int = 0
    merges: bool = False


@dataclass(frozen=True, slots=True)
class SetReference:
    """A set or map of the rule's own table."""

    name: str


@dataclass(frozen=True, slots=True)
class IPSetReference:
    """An ipset, with the direction ("src" or "dst") that each of its dimensions reads."""

    name: str
    directions: tuple[str, ...]


Container = SetReference | Elements


# ---------------------------------------------------------------- items of a rule


@dataclass(frozen=True, slots=True)
class Compare:
    """Matches when the expression's value lies in one of `values`; the other way round with `negate`.

    A packet that does not have the field (a port of an ICMP packet) does not match either way.
    """

    expression: Expression
    values: tuple[Component, ...]
    negate: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """Matches when a set holds the expression's value."""

    expression: Expression
    container: Container
    negate: bool = False


@dataclass(frozen=True, slots=True)
class InIPSet:
    """xt_set: unlike `Member`, a packet that lacks a dimension is outside, and so matches when negated."""

    reference: IPSetReference
    negate: bool = False


@dataclass(frozen=True, slots=True)
class Either:
    """Matches when one of the comparisons does; the other way round with `negate`."""

    alternatives: tuple[Compare, ...]
    negate: bool = False


@dataclass(frozen=True, slots=True)
class Chance:
    """Matches with this probability: xt_statistic."""

    probability: Fraction


@dataclass(frozen=True, slots=True)
class Recent:
    """xt_recent: a list of addresses with the times at which they were seen.

    `check` matches when the address is in the list, was seen at most `seconds` ago (0 for ever), and at least `hits`
    times; `update` does so and then notes the time; `set` notes it and matches; `remove` takes it out.
    """

    operation: Literal["check", "update", "set", "remove"]
    name: str
    source: bool = True
    mask: int = -1
    seconds: int = 0
    hits: int = 0
    negate: bool = False


@dataclass(frozen=True, slots=True)
class Assumed:
    """A match on what one packet alone does not decide, such as a rate: taken to be within its limit."""

    text: str
    holds: bool


@dataclass(frozen=True, slots=True)
class SetField:
    """Writes a fact about the packet: its mark, the connection's mark."""

    field: Field
    value: Expression


@dataclass(frozen=True, slots=True)
class Nat:
    """Rewrites the destination or the source, and ends the chain.

    `address` and `port` are intervals or expressions; an address expression with two values gives the port too.
    `redirect` leads to the node itself, `masquerade` takes the address that routing chooses.
    """

    kind: Literal["dnat", "snat", "masquerade", "redirect"]
    address: Expression | tuple[int, int] | None = None
    port: Expression | tuple[int, int] | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuses the packet; `answer` is the ICMP code, or "tcp-reset"."""

    answer: str = ""


@dataclass(frozen=True, slots=True)
class VerdictMap:
    """Does what a verdict map says for a key; goes on where it says nothing."""

    key: Expression
    container: Container


@dataclass(frozen=True, slots=True)
class UpdateSet:
    """Puts a key into a set (or takes it out) as the packet passes. `timeout` 0 means the set's own."""

    operation: Literal["add", "update", "delete"]
    container: SetReference | IPSetReference
    key: Expression | None = None
    value: Expression | None = None
    timeout: float = 0


@dataclass(frozen=True, slots=True)
class NoTrack:
    """Keeps the packet out of conntrack; it has an effect in raw chains only."""


@dataclass(frozen=True, slots=True)
class NoEffect:
    """A statement that does not change where a packet goes: counters, logs, traces, classes of service."""

    text: str


@dataclass(frozen=True, slots=True)
class UnknownStatement:
    """A statement, or a whole rule, that is not understood: what it does to a packet is not known."""

    text: str


Item = (
    Compare
    | Member
    | InIPSet
    | Either
    | Chance
    | Recent
    | Assumed
    | Unknown
    | SetField
    | Nat
    | Reject
    | Verdict
    | VerdictMap
    | UpdateSet
    | NoTrack
    | NoEffect
    | UnknownStatement
)


@dataclass(frozen=True, slots=True)
class Rule:
    """`line` counts from 1 in the text that was read; `text` is the rule as it stands there."""

    items: tuple[Item, ...]
    line: int = 0
    text: str = ""
    comment: str = ""


# ---------------------------------------------------------------- chains, tables, virtual servers


@dataclass(frozen=True, slots=True)
class Base:
    """How a base chain hangs in the packet's path. `devices` are those of an ingress or egress chain."""

    type: ChainType
    hook: Hook
    priority: int
    policy: Literal["accept", "drop"] = "accept"
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    name: str
    rules: Sequence[Rule] = ()
    base: Base | None = None
    line: int = 0
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """`language` is "iptables" or "nft"; `source` names the text it was read from. A dormant table has no effect."""

    family: TableFamily
    name: str
    language: Literal["iptables", "nft"]
    chains: Mapping[str, Chain] = field(default_factory=lambda: MappingProxyType({}))
    sets: Mapping[str, NamedSet] = field(default_factory=lambda: MappingProxyType({}))
    dormant: bool = False
    source: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class RealServer:
    """`forwarding` is how ipvs sends to it: "masq", "gate" or "ipip"."""

    address: str
    port: int
    weight: int = 1
    forwarding: Literal["masq", "gate", "ipip"] = "masq"
    line: int = 0


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """A virtual server of ipvs, found by protocol, address and port, or by a firewall mark.

    `persistence` is the timeout of persistent connections in seconds, 0 for none; `netmask` groups their clients (a
    prefix length), and `engine` is what else tells them apart.
    """

    protocol: Literal["tcp", "udp", "sctp", "fwmark"]
    address: str
    port: int
    scheduler: str = "wlc"
    persistence: int = 0
    netmask: int | None = None
    mark: int = 0
    flags: tuple[str, ...] = ()
    servers: tuple[RealServer, ...] = ()
    engine: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class UnknownLine:
    """A line outside any rule that no reader understands."""

    source: str
    line: int
    text: str


@dataclass(frozen=True)
class Ruleset:
    """Everything that was read. Rulesets add up: `iptables + ipset + ipvs` is the node that has all three."""

    tables: tuple[Table, ...] = ()
    ipsets: Mapping[str, NamedSet] = field(default_factory=lambda: MappingProxyType({}))
    virtual_servers: tuple[VirtualServer, ...] = ()
    unknown: tuple[UnknownLine, ...] = ()

    def __repr__(self) -> str:
        counts = {
            "tables": len(self.tables),
            "chains": sum(len(table.chains) for table in self.tables),
            "ipsets": len(self.ipsets),
            "virtual servers": len(self.virtual_servers),
            "unknown lines": len(self.unknown),
        }
        return f"<Ruleset: {', '.join(f'{count} {name}' for name, count in counts.items())}>"

    def __add__(self, other: Ruleset) -> Ruleset:
        return Ruleset(
            tables=self.tables + other.tables,
            ipsets=MappingProxyType({**self.ipsets, **other.ipsets}),
            virtual_servers=self.virtual_servers + other.virtual_servers,
            unknown=self.unknown + other.unknown,
        )

    @cached_property
    def _prepared(self) -> Prepared:
        from kcompile.evaluate.prepare import Prepared

        return Prepared(self)

    def trace(self, packet: Packet, host: Host | None = None, memory: Memory | None = None) -> Trace:
        """Every way that the packet may take through these rules on a host, with exact probabilities.

        `memory` is what earlier packets left in sets and lists: that of an end of their trace.
        """
        from kcompile.evaluate.walk import trace

        return trace(self._prepared, packet, host, memory)

    def evaluate_many(
        self, columns: Mapping[str, Any], host: Host | None = None, seed: int = 0
    ) -> dict[str, array[Any]]:
        """What becomes of very many packets, as columns. See `kcompile.evaluate.many`."""
        from kcompile.evaluate.many import evaluate_many

        return evaluate_many(self._prepared, columns, host, seed)

    def unknown_items(self) -> Iterable[tuple[Table, Chain, Rule, Unknown | UnknownStatement]]:
        """Every part of a rule that is not understood."""
        for table in self.tables:
            for chain in table.chains.values():
                for rule in chain.rules:
                    for item in rule.items:
                        for unknown in unknown_parts(item):
                            yield table, chain, rule, unknown


def unknown_parts(part: object) -> Iterable[Unknown | UnknownStatement]:
    """The unknown parts inside an item or expression."""
    if isinstance(part, Unknown | UnknownStatement):
        yield part
    elif isinstance(part, Compare | Member):
        yield from unknown_parts(part.expression)
    elif isinstance(part, VerdictMap | Lookup | UpdateSet):
        yield from unknown_parts(part.key)
    elif isinstance(part, SetField):
        yield from unknown_parts(part.value)
    elif isinstance(part, Nat):
        yield from unknown_parts(part.address)
        yield from unknown_parts(part.port)
    elif isinstance(part, Binary):
        yield from unknown_parts(part.left)
        yield from unknown_parts(part.right)
    elif isinstance(part, Concat):
        for each in part.parts:
            yield from unknown_parts(each)
