"""What the matches and targets of a rule say for themselves in `iptables -L -n -v`, in version 1.8.9."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from kcompile.readers.iptables_options import Extension, Option, flag_bits
from kcompile.readers.values import masked, protocol

Text = Callable[[Extension], str]

SHOWN_AS: Mapping[str, str] = MappingProxyType({"NOTRACK": "CT"})
"""Targets that are listed by another name."""


def match_text(match: Extension) -> str:
    """What a match says; "" for nothing. One that is not known here is given as it was read."""
    try:
        return _MATCHES.get(match.name, _as_given)(match)
    except _MISFITS:
        return _as_given(match)


def target_text(target: Extension) -> str:
    """What a target says beside its name; "" for nothing."""
    try:
        return _TARGETS.get(target.name, _options_as_given)(target)
    except _MISFITS:
        return _options_as_given(target)


_MISFITS = (LookupError, ValueError, StopIteration)
"""What options raise that iptables would not have taken."""


def _options_as_given(target: Extension) -> str:
    return " ".join(map(str, target.options))


def _as_given(extension: Extension) -> str:
    return " ".join([extension.name, *map(str, extension.options)])


def _negation(option: Option) -> str:
    return "!" if option.negated else ""


def _words(option: Option, prefix: str = "--") -> str:
    """`! ctstate NEW` for `! --ctstate NEW`."""
    words = (*(["!"] if option.negated else []), option.name.removeprefix(prefix), *option.values)
    return " ".join(words)


def _options(title: str = "", prefix: str = "--") -> Text:
    """The options without dashes, after a title."""
    return lambda extension: " ".join([*([title] if title else []), *(_words(o, prefix) for o in extension.options)])


def _value(title: str, negated: str = "!") -> Text:
    """The value of the only option after a title, with `negated` before it where it must not match."""

    def text(extension: Extension) -> str:
        option = extension.options[0]
        return f"{title}{negated if option.negated else ''}{option.values[0]}"

    return text


# ---------------------------------------------------------------- matches


def _ports(match: Extension) -> str:
    words = [match.name]
    for option in match.options:
        value = _negation(option) + (option.values[0] if option.values else "")
        many = "s" if ":" in value else ""
        if option.name in _NUMBERS:
            words.append(f"{_NUMBERS[option.name]}{many}:{value}")
        elif option.name == "--tcp-flags":
            mask, wanted = map(flag_bits, option.values)
            words.append(f"flags:{_negation(option)}0x{mask:02X}/0x{wanted:02X}")
        elif option.name == "--tcp-option":
            words.append(f"option={value}")
        else:
            words.append(str(option))
    return " ".join(words)


_NUMBERS = {"--sport": "spt", "--dport": "dpt", "--ahspi": "spi", "--espspi": "spi"}


def _multiport(match: Extension) -> str:
    return "multiport " + " ".join(f"{o.name[2:]} {' !' if o.negated else ''}{o.values[0]}" for o in match.options)


def _address_type(match: Extension) -> str:
    words = ["ADDRTYPE match"]
    for option in match.options:
        if option.values:
            words.append(f"{option.name[2:]} {_negation(option)}{option.values[0]}")
        else:
            words.append({"--limit-iface-in": "limit-in", "--limit-iface-out": "limit-out"}[option.name])
    return " ".join(words)


def _mark(title: str) -> Text:
    def text(match: Extension) -> str:
        option = match.options[0]
        value, mask = masked(option.values[0])
        number = f"0x{value:x}" if mask == 0xFFFFFFFF else f"0x{value:x}/0x{mask:x}"
        return f"{title}{'! ' if option.negated else ''}{number}"

    return text


def _connection_mark(match: Extension) -> str:
    # iptables 1.8.9 leaves a blank where there is no negation.
    return _mark("connmark match " if match.options[0].negated else "connmark match  ")(match)


_RECENT = {"--set": "SET", "--rcheck": "CHECK", "--update": "UPDATE", "--remove": "REMOVE"}
_RECENT_LIMITS = {"--seconds": "seconds: ", "--reap": "reap", "--hitcount": "hit_count: ", "--rttl": "TTL-Match"}


def _recent(match: Extension) -> str:
    operation = next(option for option in match.options if option.name in _RECENT)
    words = [f"{'! ' if operation.negated else ''}recent: {_RECENT[operation.name]}"]
    words += [f"{text}{match.value(name)}" for name, text in _RECENT_LIMITS.items() if match.has(name)]
    side = "dest" if match.has("--rdest") else "source"
    words.append(f"name: {match.value('--name', 'DEFAULT')} side: {side} mask: {match.value('--mask')}")
    return " ".join(words)


def _statistic(match: Extension) -> str:
    words = [f"statistic mode {match.value('--mode')}"]
    words += [_words(o) for o in match.options if o.name != "--mode" and (o.name, o.values) != ("--packet", ("0",))]
    return " ".join(words)


def _icmp(title: str) -> Text:
    def text(match: Extension) -> str:
        option = match.options[0]
        number, _, code = option.values[0].replace("any", "255").partition("/")
        type_ = f"{title} !type {number}" if option.negated else f"{title}type {number}"
        return f"{type_} code {code}" if code else type_

    return text


def _hash_limit(match: Extension) -> str:
    rate = next(o for o in match.options if o.name in ("--hashlimit-upto", "--hashlimit-above"))
    words = [f"limit: {'up to' if rate.name.endswith('upto') else 'above'} {rate.values[0]}"]
    others = (o for o in match.options if o is not rate and o.name != "--hashlimit-name")
    # The save format has commas in the mode, the list dashes.
    return " ".join([*words, *(_words(o, "--hashlimit-").replace(",", "-") for o in others)])


def _ip_range(match: Extension) -> str:
    sides = {"--src-range": "source", "--dst-range": "destination"}
    return " ".join(f"{sides[o.name]} IP range {'! ' if o.negated else ''}{o.values[0]}" for o in match.options)


_OWNER = {"--uid-owner": "owner UID match", "--gid-owner": "owner GID match", "--socket-exists": "owner socket exists"}


def _owner(match: Extension) -> str:
    return " ".join(" ".join([*(["!"] if o.negated else []), _OWNER[o.name], *o.values]) for o in match.options)


def _hops_left(title: str) -> Text:
    def text(match: Extension) -> str:
        option = match.options[0]
        relation = {"eq": "!=" if option.negated else "==", "lt": "<", "gt": ">"}[option.name[-2:]]
        return f"{title} match {title} {relation} {option.values[0]}"

    return text


def _connection_limit(match: Extension) -> str:
    limit = next(o for o in match.options if o.name in ("--connlimit-above", "--connlimit-upto"))
    side = "dst" if match.has("--connlimit-daddr") else "src"
    relation = ">" if limit.name.endswith("above") else "<="
    return f"#conn {side}/{match.value('--connlimit-mask')} {relation} {limit.values[0]}"


def _connection_bytes(match: Extension) -> str:
    amount, mode, direction = (match.value(f"--connbytes{rest}") for rest in ("", "-mode", "-dir"))
    negation = "! " if match.options[0].negated else ""
    return f"{negation}connbytes {amount} connbytes mode {mode} connbytes direction {direction}"


def _policy(match: Extension) -> str:
    words = ["policy match"]
    for option in match.options:
        value = str(protocol(option.values[0])) if option.name == "--proto" else " ".join(option.values)
        words.append(_words(replace(option, values=(value,) if value else ())))
    return " ".join(words)


_MATCHES: Mapping[str, Text] = MappingProxyType(
    {
        "addrtype": _address_type,
        "ah": _ports,
        "comment": lambda match: f"/* {match.value('--comment')} */",
        "connbytes": _connection_bytes,
        "connlimit": _connection_limit,
        "connmark": _connection_mark,
        "conntrack": _options(),
        "cpu": _value("cpu ", "! "),
        "dccp": _ports,
        "devgroup": _options(),
        "dscp": _value("DSCP match "),
        "esp": _ports,
        "hashlimit": _hash_limit,
        "helper": lambda match: f'helper match {"! " if match.options[0].negated else ""}"{match.value("--helper")}"',
        "hl": _hops_left("HL"),
        "icmp": _icmp("icmp"),
        "icmp6": _icmp("ipv6-icmp"),
        "iprange": _ip_range,
        "ipvs": _options(),
        "length": _value("length "),
        "limit": lambda match: f"limit: avg {match.value('--limit')} burst {match.value('--limit-burst', '5')}",
        "mac": _value("MAC ", "! "),
        "mark": _mark("mark match "),
        "multiport": _multiport,
        "owner": _owner,
        "physdev": lambda match: "PHYSDEV match " + " ".join(map(str, match.options)),
        "pkttype": lambda match: f"PKTTYPE {'!=' if match.options[0].negated else '='} {match.value('--pkt-type')}",
        "policy": _policy,
        "recent": _recent,
        "rpfilter": _options("rpfilter"),
        "sctp": _ports,
        "set": _options(),
        "state": _options(),
        "statistic": _statistic,
        "tcp": _ports,
        "tos": _value("tos match"),
        "ttl": _hops_left("TTL"),
        "u32": lambda match: f'u32{" !" if match.options[0].negated else ""} "{match.value("--u32")}"',
        "udp": _ports,
    }
)


# ---------------------------------------------------------------- targets


def _set_mark(target: Extension) -> str:
    option = target.options[0]
    value, mask = masked(option.values[0])
    if option.name in ("--or-mark", "--and-mark", "--xor-mark"):
        return f"{target.name} {option.name[2:-5]} 0x{value:x}"
    if option.name == "--set-mark":
        mask |= value
    if value == 0:
        return f"{target.name} and 0x{mask ^ 0xFFFFFFFF:x}"
    if value == mask:
        return f"{target.name} or 0x{value:x}"
    if mask == 0:
        return f"{target.name} xor 0x{value:x}"
    return f"{target.name} set 0x{value:x}" if mask == 0xFFFFFFFF else f"{target.name} xset 0x{value:x}/0x{mask:x}"


def _set_connection_mark(target: Extension) -> str:
    operation = target.options[0].name[2:].removesuffix("-mark")
    if operation not in ("save", "restore"):
        return _set_mark(target)
    masks = {name: int(target.value(f"--{name}", "0xffffffff"), 16) for name in ("nfmask", "ctmask")}
    if masks["nfmask"] == masks["ctmask"]:
        mask = masks["nfmask"]
        return f"CONNMARK {operation}" + (f" mask 0x{mask:x}" if mask != 0xFFFFFFFF else "")
    first, second = ("nfmask", "ctmask") if operation == "save" else ("ctmask", "nfmask")
    return f"CONNMARK {operation} {first} 0x{masks[first]:x} {second} ~0x{masks[second]:x}"


def _nat(prefix: str, option: str) -> Text:
    def text(target: Extension) -> str:
        words = [f"{prefix}{target.value(option)}"] if target.has(option) else []
        return " ".join(words + [o.name[2:] for o in target.options if o.name != option])

    return text


def _reject(target: Extension) -> str:
    return f"reject-with {target.value('--reject-with', 'icmp-port-unreachable')}"


_LOGGED = {
    "--log-tcp-sequence": 1,
    "--log-tcp-options": 2,
    "--log-ip-options": 4,
    "--log-uid": 8,
    "--log-macdecode": 32,
}


def _log(target: Extension) -> str:
    flags = sum(_LOGGED.get(option.name, 0) for option in target.options)
    prefix = f' prefix "{target.value("--log-prefix")}"' if target.has("--log-prefix") else ""
    return f"LOG flags {flags} level {target.value('--log-level', '4')}{prefix}"


def _netfilter_log(target: Extension) -> str:
    return " ".join(
        f'nflog-prefix "{option.values[0]}"' if option.name == "--nflog-prefix" else _words(option)
        for option in target.options
    )


def _class(target: Extension) -> str:
    major, _, minor = target.value("--set-class").partition(":")
    return f"CLASSIFY set {int(major, 16):x}:{int(minor, 16):x}"


def _hops_to_leave(target: Extension) -> str:
    option = target.options[0]
    change = {"set": "set to", "dec": "decrement by", "inc": "increment by"}[option.name[-3:]]
    return f"{target.name} {change} {option.values[0]}"


def _transparent_proxy(target: Extension) -> str:
    place = f"{target.value('--on-ip', '0.0.0.0')}:{target.value('--on-port', '0')}"
    return f"TPROXY redirect {place} mark {target.value('--tproxy-mark', '0x0/0x0')}"


def _copy(target: Extension) -> str:
    interface = f" oif={target.value('--oif')}" if target.has("--oif") else ""
    return f"TEE gw:{target.value('--gateway')}{interface}"


_TARGETS: Mapping[str, Text] = MappingProxyType(
    {
        "CHECKSUM": lambda target: "CHECKSUM fill",
        "CLASSIFY": _class,
        "CONNSECMARK": _options("CONNSECMARK"),
        "CONNMARK": _set_connection_mark,
        "CT": _options("CT"),
        "DNAT": _nat("to:", "--to-destination"),
        "DSCP": _value("DSCP set "),
        "HL": _hops_to_leave,
        "LOG": _log,
        "MARK": _set_mark,
        "MASQUERADE": _nat("masq ports: ", "--to-ports"),
        "NETMAP": _value("to:"),
        "NFLOG": _netfilter_log,
        "NFQUEUE": _options("NFQUEUE", "--queue-"),
        "NOTRACK": lambda target: "NOTRACK",
        "REDIRECT": _nat("redir ports ", "--to-ports"),
        "REJECT": _reject,
        "SET": _options(),
        "SNAT": _nat("to:", "--to-source"),
        "TCPMSS": lambda target: (
            f"TCPMSS set {target.value('--set-mss')}" if target.has("--set-mss") else "TCPMSS clamp to PMTU"
        ),
        "TEE": _copy,
        "TOS": _value("TOS set "),
        "TPROXY": _transparent_proxy,
        "TTL": _hops_to_leave,
    }
)
