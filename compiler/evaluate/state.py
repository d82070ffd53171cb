"""A packet on its way: what it looks like now, and the fields of it that rules read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kcompile.evaluate.packet import Host, Memory
from kcompile.ir.ruleset import STATES, STATUSES, Component

Assumption = tuple[str, tuple[Component, ...]]


@dataclass(frozen=True, slots=True)
class Open:
    """A value that nobody has settled: an integer within bounds, or a name that is none of `excluded`."""

    low: int = 0
    high: int = (1 << 128) - 1
    excluded: frozenset[str] = frozenset()


FieldValue = int | str | Open | None
"""None where the packet has no such field."""

ANYTHING = Open()
# The host and the Pods connect from the range of net.ipv4.ip_local_port_range.
EPHEMERAL = Open(32768, 60999)
SOME_INTERFACE = Open(excluded=frozenset({"lo", ""}))


@dataclass(frozen=True, slots=True)
class State:
    """Everything that a rule may read or change.

    `destination_done` and `source_done` say that conntrack has settled that half of the connection's addresses, by a
    rule or by there being none: NAT chains are asked once. `original` is (source, port, destination, port) as it came.
    `settled` holds what a way through an unknown fork takes for granted. `order` is the number of the packet's path.
    """

    family: int
    saddr: int
    daddr: int
    protocol: int
    sport: int | None
    dport: int
    original: tuple[int, int | None, int, int]
    hook: str = "prerouting"
    local: bool = False
    iif: str | None = None
    oif: str | None = None
    bridged: bool | None = False
    mark: int | Open = 0
    ct_mark: int | Open = 0
    ct_state: int = STATES["invalid"]
    ct_status: int = 0
    destination_done: bool = False
    source_done: bool = False
    translated: bool = False
    masqueraded: bool = False
    ipvs: tuple[int, int, int] | None = None
    seconds: float = 0
    settled: frozenset[tuple[Assumption, bool]] = frozenset()
    memory: Memory = Memory()

    @property
    def first(self) -> bool:
        """Whether NAT chains are asked: the first packet of a connection that conntrack follows."""
        return bool(self.ct_state & STATES["new"])


def _interface(name: str | None) -> FieldValue:
    return SOME_INTERFACE if name is None else name


def _out_interface(state: State, _: Host) -> FieldValue:
    return "" if state.hook in ("prerouting", "input") else _interface(state.oif)


def _in_interface(state: State, _: Host) -> FieldValue:
    return "" if state.hook == "output" or (state.local and state.iif is None) else _interface(state.iif)


def _flag(value: bool | None) -> FieldValue:
    return Open(0, 1) if value is None else int(value)


def _state_and_nat(state: State, _: Host) -> FieldValue:
    nat = STATES["dnat"] * bool(state.ct_status & STATUSES["dnat"]) | STATES["snat"] * bool(
        state.ct_status & STATUSES["snat"]
    )
    return state.ct_state | nat


def _tcp_flags(state: State, _: Host) -> FieldValue:
    if state.protocol != 6:
        return None
    return 2 if state.first else Open(0, 255)


def _type_on_interface(number: int) -> FieldValue:
    # Which interface an address is on is not known; that it is nobody's is.
    return Open(0, 10) if number in (2, 3) else number


def _of_ipvs(part: int) -> Callable[[State, Host], FieldValue]:
    return lambda state, _: state.ipvs[part] if state.ipvs else None


def _of_socket(state: State, _: Host) -> FieldValue:
    """Only what the host itself sends has a socket, and a user."""
    return ANYTHING if state.local else None


def _ip_only(family: int, field: str) -> Callable[[State, Host], FieldValue]:
    return lambda state, _: getattr(state, field) if state.family == family else None


FIELDS: Mapping[str, Callable[[State, Host], FieldValue]] = MappingProxyType(
    {
        "saddr": lambda state, _: state.saddr,
        "daddr": lambda state, _: state.daddr,
        "nfproto": lambda state, _: 2 if state.family == 4 else 10,
        "ether type": lambda state, _: 0x0800 if state.family == 4 else 0x86DD,
        "l4proto": lambda state, _: state.protocol,
        "sport": lambda state, _: EPHEMERAL if state.sport is None else state.sport,
        "dport": lambda state, _: state.dport,
        "iif": _in_interface,
        "oif": _out_interface,
        "physical iif": lambda state, _: SOME_INTERFACE if state.bridged is not False else "",
        "physical oif": lambda state, _: SOME_INTERFACE if state.bridged is not False else "",
        "bridged in": lambda state, _: _flag(state.bridged),
        "bridged out": lambda state, _: _flag(state.bridged and None),
        "bridged": lambda state, _: _flag(state.bridged and None),
        "mark": lambda state, _: state.mark,
        "ct mark": lambda state, _: state.ct_mark,
        "ct state": lambda state, _: state.ct_state,
        "ct state and nat": _state_and_nat,
        "ct status": lambda state, _: state.ct_status,
        "ct direction": lambda state, _: 0,
        "ct original saddr": lambda state, _: state.original[0],
        "ct original sport": lambda state, _: EPHEMERAL if state.original[1] is None else state.original[1],
        "ct original daddr": lambda state, _: state.original[2],
        "ct original dport": lambda state, _: state.original[3],
        "ct reply saddr": lambda state, _: state.daddr,
        "ct reply sport": lambda state, _: state.dport,
        "ct reply daddr": lambda state, _: state.saddr,
        "ct reply dport": lambda state, _: EPHEMERAL if state.sport is None else state.sport,
        "src type": lambda state, host: host.address_type(state.family, state.saddr),
        "dst type": lambda state, host: host.address_type(state.family, state.daddr),
        "src type on iif": lambda state, host: _type_on_interface(host.address_type(state.family, state.saddr)),
        "dst type on iif": lambda state, host: _type_on_interface(host.address_type(state.family, state.daddr)),
        "src type on oif": lambda state, host: _type_on_interface(host.address_type(state.family, state.saddr)),
        "dst type on oif": lambda state, host: _type_on_interface(host.address_type(state.family, state.daddr)),
        "ipvs": lambda state, _: int(state.ipvs is not None),
        "ipvs protocol": _of_ipvs(0),
        "ipvs address": _of_ipvs(1),
        "ipvs port": _of_ipvs(2),
        "tcp flags": _tcp_flags,
        "fragment": lambda state, _: 0,
        "packet type": lambda state, _: 0,
        "uid": _of_socket,
        "gid": _of_socket,
        "socket": lambda state, _: Open(0, 1) if state.local else 0,
        "icmp type": lambda state, _: None,
        "icmp code": lambda state, _: None,
        "length": lambda state, _: Open(28, 65535),
        "ttl": lambda state, _: Open(1, 255),
        "dscp": lambda state, _: Open(0, 63),
        "ether saddr": lambda state, _: ANYTHING,
    }
)
