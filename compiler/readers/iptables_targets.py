"""The targets of iptables, each as items of a rule. What stands in no table here is unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from kcompile.ir.ruleset import (
    Binary,
    Constant,
    Expression,
    Field,
    IPSetReference,
    Nat,
    NoEffect,
    NoTrack,
    Reject,
    SetField,
    UnknownStatement,
    UpdateSet,
    Verdict,
)
from kcompile.readers.iptables_options import Extension, Items
from kcompile.readers.values import integer, masked, network, port_range

ALL_ONES = 0xFFFFFFFF

# Targets that leave the packet's way alone. TCPMSS, TOS and the like change what no rule here reads.
NO_EFFECT = frozenset(
    {"LOG", "NFLOG", "ULOG", "TRACE", "AUDIT", "CHECKSUM", "CLASSIFY", "CONNSECMARK", "DSCP", "ECN", "HL", "IDLETIMER"}
    | {"LED", "RATEEST", "SECMARK", "TCPMSS", "TCPOPTSTRIP", "TEE", "TOS", "TTL"}
)
_NAT_FLAGS = ("--random", "--random-fully", "--persistent")


def _verdict(kind: Literal["accept", "drop", "return", "queue"]) -> Callable[[Extension], Items]:
    return lambda target: (Verdict(kind),)


def _reject(target: Extension) -> Items:
    return (Reject(target.value("--reject-with")),)


def _flags(target: Extension) -> tuple[str, ...]:
    return tuple(o.name[2:] for o in target.options if o.name in _NAT_FLAGS)


def nat_destination(text: str) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """(addresses, ports) of `10.0.0.1:80`, `[fd00::1]:80`, `10.0.0.1-10.0.0.9`, `:80-90`; None where not given."""
    host, ports = text, ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        # iptables writes a range of IPv6 addresses as [first]-[last].
        if rest.startswith("-["):
            last, _, rest = rest[2:].partition("]")
            host = f"{host}-{last}"
        if rest and not rest.startswith(":"):
            raise ValueError(f"`{text}` is no destination")
        ports = rest[1:]
    elif text.count(":") == 1:
        host, _, ports = text.partition(":")
    # DNAT may shift a range of ports: `1000-1010/2000`.
    if "/" in ports:
        raise ValueError("shifted ports")
    return network(host)[1] if host else None, port_range(ports, "-") if ports else None


def _destination_nat(target: Extension) -> Items:
    if sum(o.name == "--to-destination" for o in target.options) != 1:
        raise ValueError("one destination")
    address, port = nat_destination(target.value("--to-destination"))
    return (Nat("dnat", address, port, flags=_flags(target)),)


def _source_nat(target: Extension) -> Items:
    if sum(o.name == "--to-source" for o in target.options) != 1:
        raise ValueError("one source")
    address, port = nat_destination(target.value("--to-source"))
    return (Nat("snat", address, port, flags=_flags(target)),)


def _to_ports(kind: Literal["masquerade", "redirect"]) -> Callable[[Extension], Items]:
    def build(target: Extension) -> Items:
        ports = target.value("--to-ports")
        return (Nat(kind, None, port_range(ports, "-") if ports else None, flags=_flags(target)),)

    return build


def rewrite(field: Field, clear: int, flip: Expression) -> SetField:
    """field = (field & ~clear) ^ flip, as the kernel's mark targets compute it."""
    kept: Expression = Binary("&", field, Constant(~clear & ALL_ONES)) if clear != ALL_ONES else Constant(0)
    return SetField(field, Binary("^", kept, flip) if clear != ALL_ONES else flip)


def _set_mark(name: str) -> Callable[[Extension], Items]:
    field = Field(name)

    def build(target: Extension) -> Items:
        if len(target.options) != 1:
            raise ValueError("one change")
        option = target.options[0]
        value, mask = masked(option.values[0])
        if option.name == "--set-xmark":
            return (rewrite(field, mask, Constant(value)),)
        if option.name == "--set-mark":
            return (rewrite(field, mask | value, Constant(value)),)
        if option.name == "--or-mark":
            return (rewrite(field, value, Constant(value)),)
        if option.name == "--xor-mark":
            return (rewrite(field, 0, Constant(value)),)
        if option.name == "--and-mark":
            return (rewrite(field, ~value & ALL_ONES, Constant(0)),)
        raise ValueError(str(option))

    return build


def _connection_mark(target: Extension) -> Items:
    save, restore = target.has("--save-mark"), target.has("--restore-mark")
    if not save and not restore:
        return _set_mark("ct mark")(target)
    if target.rest(("--save-mark", "--restore-mark", "--nfmask", "--ctmask", "--mask")):
        raise ValueError("options of CONNMARK")
    both = target.value("--mask", hex(ALL_ONES))
    packet, connection = integer(target.value("--nfmask", both)), integer(target.value("--ctmask", both))
    if save:
        return (rewrite(Field("ct mark"), connection, Binary("&", Field("mark"), Constant(packet))),)
    return (rewrite(Field("mark"), packet, Binary("&", Field("ct mark"), Constant(connection))),)


def _conntrack(target: Extension) -> Items:
    # Zones keep connections apart and helpers follow them up; neither moves the first packet.
    return (NoTrack(),) if target.has("--notrack") else (NoEffect(str(target)),)


def _update_set(target: Extension) -> Items:
    items: list[UpdateSet] = []
    for option in target.options:
        if option.name in ("--add-set", "--del-set"):
            reference = IPSetReference(option.values[0], tuple(option.values[1].split(",")))
            timeout = integer(target.value("--timeout", "0"))
            items.append(
                UpdateSet("add" if option.name == "--add-set" else "delete", reference, timeout=float(timeout))
            )
        elif option.name not in ("--timeout", "--exist"):
            raise ValueError(str(option))
    return tuple(items)


TARGETS: Mapping[str, Callable[[Extension], Items]] = MappingProxyType(
    {
        "ACCEPT": _verdict("accept"),
        "DROP": _verdict("drop"),
        "RETURN": _verdict("return"),
        "QUEUE": _verdict("queue"),
        "NFQUEUE": _verdict("queue"),
        "REJECT": _reject,
        "DNAT": _destination_nat,
        "SNAT": _source_nat,
        "MASQUERADE": _to_ports("masquerade"),
        "REDIRECT": _to_ports("redirect"),
        "MARK": _set_mark("mark"),
        "CONNMARK": _connection_mark,
        "CT": _conntrack,
        "NOTRACK": lambda target: (NoTrack(),),
        "SET": _update_set,
        **{name: lambda target: (NoEffect(str(target)),) for name in NO_EFFECT},
    }
)

# Targets whose effect is not followed. A name that is in neither table is a chain.
UNFOLLOWED = frozenset(
    {
        "CLUSTERIP",
        "DNPT",
        "ECHO",
        "HMARK",
        "MIRROR",
        "NETMAP",
        "RAWDNAT",
        "RAWSNAT",
        "SNPT",
        "SYNPROXY",
        "TARPIT",
        "TPROXY",
    }
)


def build_target(target: Extension) -> Items:
    """The items of a target with its options; an `Unknown` where it is not understood."""
    if target.name in TARGETS:
        try:
            return TARGETS[target.name](target)
        except (ValueError, KeyError, IndexError):
            return (UnknownStatement(str(target)),)
    if target.name in UNFOLLOWED or target.options:
        return (UnknownStatement(str(target)),)
    return (Verdict("goto" if target.flag == "-g" else "jump", target.name),)
