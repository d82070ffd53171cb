"""The matches of iptables, each as items of a rule. What stands in no table here is unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType

from kcompile.ir.addresses import address
from kcompile.ir.ruleset import (
    ADDRESS_TYPES,
    STATES,
    STATUSES,
    Assumed,
    Binary,
    Chance,
    Compare,
    Component,
    Constant,
    Either,
    Field,
    InIPSet,
    IPSetReference,
    NoEffect,
    Recent,
    Unknown,
)
from kcompile.readers.iptables_options import Extension, Items, Option, flag_bits
from kcompile.readers.values import (
    address_match,
    integer,
    interface,
    masked,
    network,
    port_range,
    probability,
    protocol,
)

PORT_MATCHES = ("tcp", "udp", "sctp", "dccp", "udplite")


def _ports(field: str) -> Callable[[Option], Items]:
    return lambda option: (Compare(Field(field), (port_range(option.values[0]),), option.negated),)


def _port_list(text: str) -> tuple[Component, ...]:
    return tuple(port_range(part) for part in text.split(","))


def _multiport(field: str) -> Callable[[Option], Items]:
    return lambda option: (Compare(Field(field), _port_list(option.values[0]), option.negated),)


def _either_port(option: Option) -> Items:
    values = _port_list(option.values[0])
    return (Either((Compare(Field("sport"), values), Compare(Field("dport"), values)), option.negated),)


def _tcp_flags(option: Option) -> Items:
    mask, wanted = map(flag_bits, option.values)
    return (Compare(Binary("&", Field("tcp flags"), Constant(mask)), ((wanted, wanted),), option.negated),)


def _syn(option: Option) -> Items:
    return _tcp_flags(Option("--tcp-flags", ("FIN,SYN,RST,ACK", "SYN"), option.negated))


def _address(field: str) -> Callable[[Option], Items]:
    return lambda option: (address_match(field, option.values[0], option.negated)[1],)


def _address_range(field: str) -> Callable[[Option], Items]:
    return lambda option: (Compare(Field(field), (network(option.values[0])[1],), option.negated),)


def _interface(field: str) -> Callable[[Option], Items]:
    return lambda option: (Compare(Field(field), (interface(option.values[0], "+"),), option.negated),)


def _fact(field: str) -> Callable[[Option], Items]:
    return lambda option: (Compare(Field(field), ((1, 1),), option.negated),)


def _number(field: str, low: int | None = None, high: int | None = None) -> Callable[[Option], Items]:
    """A number or a range of numbers; `low` or `high` make it a bound."""

    def match(option: Option) -> Items:
        first, colon, last = option.values[0].replace("-", ":").partition(":")
        begin = integer(first) if first else 0
        end = (integer(last) if last else 0xFFFFFFFF) if colon else begin
        if low is not None:
            begin, end = begin + low, 0xFFFFFFFF
        if high is not None:
            begin, end = 0, end + high
        return (Compare(Field(field), ((begin, end),), option.negated),)

    return match


def _protocol(field: str) -> Callable[[Option], Items]:
    def match(option: Option) -> Items:
        if option.values[0] in ("all", "0"):
            return ()
        number = protocol(option.values[0])
        return (Compare(Field(field), ((number, number),), option.negated),)

    return match


def _mark(field: str) -> Callable[[Option], Items]:
    def match(option: Option) -> Items:
        value, mask = masked(option.values[0])
        return (Compare(Binary("&", Field(field), Constant(mask)), ((value, value),), option.negated),)

    return match


def _bits(field: str, names: Mapping[str, int]) -> Callable[[Option], Items]:
    """Whether one of the named bits is set."""

    def match(option: Option) -> Items:
        mask = 0
        for name in option.values[0].split(","):
            key = name.lower().replace("_", "-")
            if key not in names:
                raise ValueError(f"`{name}` is no state")
            mask |= names[key]
        return (Compare(Binary("&", Field(field), Constant(mask)), ((0, 0),), not option.negated),)

    return match


def _choice(field: str, names: Mapping[str, int]) -> Callable[[Option], Items]:
    def match(option: Option) -> Items:
        number = names.get(option.values[0].lower())
        if number is None:
            raise ValueError(f"`{option.values[0]}` is none of {', '.join(names)}")
        return (Compare(Field(field), ((number, number),), option.negated),)

    return match


# The names that iptables gives to the types of ICMP messages, as far as firewalls use them.
_ICMP_TYPES = {
    "echo-reply": 0,
    "pong": 0,
    "destination-unreachable": 3,
    "source-quench": 4,
    "redirect": 5,
    "echo-request": 8,
    "ping": 8,
    "router-advertisement": 9,
    "router-solicitation": 10,
    "time-exceeded": 11,
    "ttl-exceeded": 11,
    "parameter-problem": 12,
    "timestamp-request": 13,
    "timestamp-reply": 14,
}
_ICMPV6_TYPES = {
    "destination-unreachable": 1,
    "packet-too-big": 2,
    "time-exceeded": 3,
    "ttl-exceeded": 3,
    "parameter-problem": 4,
    "echo-request": 128,
    "ping": 128,
    "echo-reply": 129,
    "pong": 129,
    "router-solicitation": 133,
    "router-advertisement": 134,
    "neighbour-solicitation": 135,
    "neighbor-solicitation": 135,
    "neighbour-advertisement": 136,
    "neighbor-advertisement": 136,
    "redirect": 137,
}


def _icmp(names: Mapping[str, int]) -> Callable[[Option], Items]:
    def match(option: Option) -> Items:
        kind, _, code = option.values[0].partition("/")
        if kind in ("any", "255"):
            return ()
        number = names[kind] if kind in names else integer(kind, 255)
        matches = [Compare(Field("icmp type"), ((number, number),), option.negated)]
        if code:
            if option.negated:
                raise ValueError("a type and a code together, negated")
            matches.append(Compare(Field("icmp code"), ((integer(code, 255), integer(code, 255)),)))
        return tuple(matches)

    return match


def _hardware_address(option: Option) -> Items:
    number = int(option.values[0].replace(":", ""), 16)
    return (Compare(Field("ether saddr"), ((number, number),), option.negated),)


# Matches whose options stand each for themselves.
OPTIONS: Mapping[tuple[str, str], Callable[[Option], Items]] = MappingProxyType(
    {
        ("", "-p"): _protocol("l4proto"),
        ("", "-s"): _address("saddr"),
        ("", "-d"): _address("daddr"),
        ("", "-i"): _interface("iif"),
        ("", "-o"): _interface("oif"),
        ("", "-f"): _fact("fragment"),
        **{(name, "--sport"): _ports("sport") for name in PORT_MATCHES},
        **{(name, "--dport"): _ports("dport") for name in PORT_MATCHES},
        ("tcp", "--tcp-flags"): _tcp_flags,
        ("tcp", "--syn"): _syn,
        ("multiport", "--sports"): _multiport("sport"),
        ("multiport", "--dports"): _multiport("dport"),
        ("multiport", "--ports"): _either_port,
        ("iprange", "--src-range"): _address_range("saddr"),
        ("iprange", "--dst-range"): _address_range("daddr"),
        ("icmp", "--icmp-type"): _icmp(_ICMP_TYPES),
        ("icmp6", "--icmpv6-type"): _icmp(_ICMPV6_TYPES),
        ("state", "--state"): _bits("ct state and nat", STATES),
        ("conntrack", "--ctstate"): _bits("ct state and nat", STATES),
        ("conntrack", "--ctstatus"): _bits("ct status", STATUSES),
        ("conntrack", "--ctdir"): _choice("ct direction", {"original": 0, "reply": 1}),
        ("conntrack", "--ctproto"): _protocol("l4proto"),
        ("conntrack", "--ctorigsrc"): _address("ct original saddr"),
        ("conntrack", "--ctorigdst"): _address("ct original daddr"),
        ("conntrack", "--ctreplsrc"): _address("ct reply saddr"),
        ("conntrack", "--ctrepldst"): _address("ct reply daddr"),
        ("conntrack", "--ctorigsrcport"): _ports("ct original sport"),
        ("conntrack", "--ctorigdstport"): _ports("ct original dport"),
        ("conntrack", "--ctreplsrcport"): _ports("ct reply sport"),
        ("conntrack", "--ctrepldstport"): _ports("ct reply dport"),
        ("mark", "--mark"): _mark("mark"),
        ("connmark", "--mark"): _mark("ct mark"),
        ("physdev", "--physdev-in"): _interface("physical iif"),
        ("physdev", "--physdev-out"): _interface("physical oif"),
        ("physdev", "--physdev-is-in"): _fact("bridged in"),
        ("physdev", "--physdev-is-out"): _fact("bridged out"),
        ("physdev", "--physdev-is-bridged"): _fact("bridged"),
        ("ipvs", "--ipvs"): _fact("ipvs"),
        ("ipvs", "--vproto"): _protocol("ipvs protocol"),
        ("ipvs", "--vaddr"): _address("ipvs address"),
        ("ipvs", "--vport"): _ports("ipvs port"),
        ("ipvs", "--vdir"): _choice("ct direction", {"original": 0, "reply": 1}),
        ("owner", "--uid-owner"): _number("uid"),
        ("owner", "--gid-owner"): _number("gid"),
        ("owner", "--socket-exists"): _fact("socket"),
        ("pkttype", "--pkt-type"): _choice("packet type", {"unicast": 0, "broadcast": 1, "multicast": 2}),
        ("length", "--length"): _number("length"),
        ("mac", "--mac-source"): _hardware_address,
        ("dscp", "--dscp"): _number("dscp"),
        ("ttl", "--ttl-eq"): _number("ttl"),
        ("ttl", "--ttl-gt"): _number("ttl", low=1),
        ("ttl", "--ttl-lt"): _number("ttl", high=-1),
        ("hl", "--hl-eq"): _number("ttl"),
        ("hl", "--hl-gt"): _number("ttl", low=1),
        ("hl", "--hl-lt"): _number("ttl", high=-1),
    }
)


# ---------------------------------------------------------------- matches that are read as a whole


def _address_type(match: Extension) -> Items:
    at = "on iif" if match.has("--limit-iface-in") else "on oif" if match.has("--limit-iface-out") else ""
    items = []
    for option in match.options:
        if option.name in ("--src-type", "--dst-type"):
            names = option.values[0].lower().split(",")
            if not ADDRESS_TYPES.keys() >= set(names):
                raise ValueError(f"{option.values[0]} names no type of address")
            values = tuple((ADDRESS_TYPES[name], ADDRESS_TYPES[name]) for name in names)
            field = f"{option.name[2:5]} type {at}".rstrip()
            items.append(Compare(Field(field), values, option.negated))
        elif option.name not in ("--limit-iface-in", "--limit-iface-out"):
            raise ValueError(str(option))
    return tuple(items)


def _statistic(match: Extension) -> Items:
    mode = match.value("--mode")
    if mode == "random":
        option = match.get("--probability")
        if option is None:
            raise ValueError("no probability")
        share = probability(option.values[0])
    elif mode == "nth":
        # One packet in n: which one is a matter of those before it.
        option = match.get("--every")
        if option is None or integer(option.values[0]) == 0:
            raise ValueError("no period")
        share = Fraction(1, integer(option.values[0]))
    else:
        raise ValueError(f"mode `{mode}`")
    return (Chance(1 - share if option.negated else share),)


_RECENT = {"--set": "set", "--rcheck": "check", "--update": "update", "--remove": "remove"}


def _recent(match: Extension) -> Items:
    operations = [o for o in match.options if o.name in _RECENT]
    if len(operations) != 1 or match.rest(
        {*_RECENT, "--seconds", "--hitcount", "--reap", "--name", "--rsource", "--rdest", "--mask"}
    ):
        raise ValueError("options of recent")
    mask = match.value("--mask")
    return (
        Recent(
            _RECENT[operations[0].name],  # type: ignore[arg-type]
            match.value("--name", "DEFAULT"),
            source=not match.has("--rdest"),
            mask=address(mask)[1] if mask else -1,
            seconds=integer(match.value("--seconds", "0")),
            hits=integer(match.value("--hitcount", "0")),
            negate=operations[0].negated,
        ),
    )


def _set(match: Extension) -> Items:
    option = match.get("--match-set")
    # The counters of an element do not decide unless they are compared.
    if option is None or match.rest({"--match-set", "--return-nomatch", "--update-counters", "--update-subcounters"}):
        raise ValueError("options of set")
    directions = tuple(option.values[1].split(","))
    if not set(directions) <= {"src", "dst"}:
        raise ValueError(f"directions `{option.values[1]}`")
    return (InIPSet(IPSetReference(option.values[0], directions), option.negated),)


def _policy(match: Extension) -> Items:
    # A packet that is traced is not part of an IPsec tunnel.
    option = match.get("--pol")
    if option is None or option.values[0] not in ("none", "ipsec"):
        raise ValueError("no policy")
    return (Assumed(str(match), (option.values[0] == "none") != option.negated),)


def _socket(match: Extension) -> Items:
    # Transparent sockets are those of proxies, for connections that they have taken: no first packet is for one.
    if not match.has("--transparent"):
        raise ValueError("any socket")
    return (Assumed(str(match), False),)


def _within(*limits: str, above: str = "") -> Callable[[Extension], Items]:
    """A limit that one packet alone keeps within."""

    def build(match: Extension) -> Items:
        upto = next((o for o in match.options if o.name in limits), None)
        over = match.get(above) if above else None
        if over is not None:
            return (Assumed(str(match), over.negated),)
        if upto is None and limits:
            raise ValueError("no limit")
        return (Assumed(str(match), not (upto and upto.negated)),)

    return build


WHOLE: Mapping[str, Callable[[Extension], Items]] = MappingProxyType(
    {
        "addrtype": _address_type,
        "statistic": _statistic,
        "recent": _recent,
        "set": _set,
        "policy": _policy,
        "limit": _within(),
        "hashlimit": _within("--hashlimit-upto", above="--hashlimit-above"),
        "connlimit": _within("--connlimit-upto", above="--connlimit-above"),
        "quota": _within("--quota"),
        "rpfilter": lambda match: (Assumed(str(match), not match.has("--invert")),),
        "socket": _socket,
        "nfacct": lambda match: (NoEffect(str(match)),),
        "comment": lambda match: (),
    }
)

# Options that a match reads as a whole, and those of matches that nobody interprets, by the match they belong to.
OWNERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "--proto": ("policy",),
        "--tcp-option": ("tcp",),
        "--chunk-types": ("sctp",),
        "--ctexpire": ("conntrack",),
        "--src-type": ("addrtype",),
        "--dst-type": ("addrtype",),
        "--limit-iface-in": ("addrtype",),
        "--limit-iface-out": ("addrtype",),
        "--mode": ("statistic", "policy"),
        "--probability": ("statistic",),
        "--every": ("statistic",),
        "--packet": ("statistic",),
        "--set": ("recent",),
        "--rcheck": ("recent",),
        "--update": ("recent",),
        "--remove": ("recent",),
        "--seconds": ("recent",),
        "--reap": ("recent",),
        "--hitcount": ("recent",),
        "--rttl": ("recent",),
        "--name": ("recent",),
        "--rsource": ("recent",),
        "--rdest": ("recent",),
        "--mask": ("recent",),
        "--match-set": ("set",),
        "--return-nomatch": ("set",),
        "--update-counters": ("set",),
        "--update-subcounters": ("set",),
        "--packets-eq": ("set",),
        "--packets-lt": ("set",),
        "--packets-gt": ("set",),
        "--bytes-eq": ("set",),
        "--bytes-lt": ("set",),
        "--bytes-gt": ("set",),
        "--comment": ("comment",),
        "--limit": ("limit",),
        "--limit-burst": ("limit",),
        "--quota": ("quota",),
        "--nfacct-name": ("nfacct",),
        "--transparent": ("socket",),
        "--nowildcard": ("socket",),
        "--restore-skmark": ("socket",),
        "--loose": ("rpfilter",),
        "--validmark": ("rpfilter",),
        "--accept-local": ("rpfilter",),
        "--invert": ("rpfilter",),
        "--dir": ("policy",),
        "--pol": ("policy",),
        "--strict": ("policy",),
        "--reqid": ("policy",),
        "--spi": ("policy",),
        "--tunnel-src": ("policy",),
        "--tunnel-dst": ("policy",),
        "--next": ("policy",),
    }
)


def owns(match: str, option: str) -> bool:
    """Whether an option belongs to a match."""
    return (
        (match, option) in OPTIONS
        or match in OWNERS.get(option, ())
        or (match in ("hashlimit", "connlimit") and option.startswith(f"--{match}"))
        or (match not in WHOLE and not any(name == match for name, _ in OPTIONS))
    )


def build_match(match: Extension) -> Items:
    """The items of a match with all its options; an `Unknown` where some of it is not understood."""
    try:
        if match.name in WHOLE:
            return WHOLE[match.name](match)
        if not match.options and match.name not in PORT_MATCHES:
            raise ValueError("no options")
        return tuple(item for option in match.options for item in OPTIONS[match.name, option.name](option))
    except (ValueError, KeyError, IndexError):
        return (Unknown(str(match)),)


def build_base(option: Option) -> Items:
    """The items of an option that belongs to no match: protocol, addresses, interfaces."""
    try:
        return OPTIONS["", option.name](option)
    except (ValueError, KeyError, IndexError):
        return (Unknown(str(option)),)
