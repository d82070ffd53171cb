"""Rules as `iptables -L -n -v` lists them, in version 1.8.9, with counters of zero."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from kcompile.ir.ruleset import Chain, Rule, Table, Verdict
from kcompile.readers.iptables_options import Extension, Option, flag_bits
from kcompile.readers.iptables_rules import RuleOptions, parse_rule
from kcompile.readers.values import masked, protocol

HEADER = " pkts bytes target     prot opt in     out     source               destination         "
_ANYWHERE = {"ip": "0.0.0.0/0", "ip6": "::/0"}
_ONE_ADDRESS = {"ip": "/32", "ip6": "/128"}


def listing(table: Table) -> Iterator[str]:
    """The lines for one table, its chains in the order of the text."""
    references = Counter(
        item.chain
        for chain in table.chains.values()
        for rule in chain.rules
        for item in rule.items
        if isinstance(item, Verdict) and item.chain
    )
    for number, chain in enumerate(table.chains.values()):
        if number:
            yield ""
        yield f"Chain {chain.name} ({_state(chain, references[chain.name])})"
        yield HEADER
        for rule in chain.rules:
            yield _rule(rule, table.family)


def _state(chain: Chain, references: int) -> str:
    if chain.base is not None:
        return f"policy {chain.base.policy.upper()} 0 packets, 0 bytes"
    return f"{references} references"


def _rule(rule: Rule, family: str) -> str:
    options = parse_rule(rule.text)
    if options is None:
        return f"    0     0 {rule.text}"
    base = {option.name: option for option in options.base}
    target = options.target.name if options.target else ""
    line = f"    0     0 {target:<9} {_protocol(base.get('-p'))}{_fragment(base.get('-f'))} "
    line += f" {_interface(base.get('-i')):<6} {_interface(base.get('-o')):<6} "
    line += f"{_address(base.get('-s'), family)}{_address(base.get('-d'), family)}"
    return line + _details(options)


def _protocol(option: Option | None) -> str:
    if option is None:
        return " 0    "
    try:
        number = str(protocol(option.values[0]))
    except ValueError:
        number = option.values[0]
    return f"{'!' if option.negated else ' '}{number:<5}"


def _fragment(option: Option | None) -> str:
    return "--" if option is None else "!f" if option.negated else "-f"


def _interface(option: Option | None) -> str:
    return "*" if option is None else f"{'!' if option.negated else ''}{option.values[0]}"


def _address(option: Option | None, family: str) -> str:
    text = _ANYWHERE[family] if option is None else option.values[0].removesuffix(_ONE_ADDRESS[family])
    return f"{'!' if option is not None and option.negated else ' '}{text:<19} "


def _details(options: RuleOptions) -> str:
    """What matches and the target say for themselves, each after a blank."""
    goto = "[goto] " if options.target and options.target.flag == "-g" else ""
    texts = [_MATCHES.get(match.name, _as_given)(match) for match in options.matches]
    if options.target and options.target.name in _TARGETS:
        texts.append(_TARGETS[options.target.name](options.target))
    elif options.target and options.target.options:
        texts.append(" ".join(map(str, options.target.options)))
    return goto + "".join(f" {text}" for text in texts if text)


# ---------------------------------------------------------------- matches


def _as_given(extension: Extension) -> str:
    return " ".join([extension.name, *map(str, extension.options)])


def _ports(match: Extension) -> str:
    words = [match.name]
    for option in match.options:
        value = f"{'!' if option.negated else ''}{option.values[0] if option.values else ''}"
        many = "s" if ":" in value else ""
        if option.name == "--sport":
            words.append(f"spt{many}:{value}")
        elif option.name == "--dport":
            words.append(f"dpt{many}:{value}")
        elif option.name == "--tcp-flags":
            mask, wanted = map(flag_bits, option.values)
            words.append(f"flags:{'!' if option.negated else ''}0x{mask:02X}/0x{wanted:02X}")
        else:
            words.append(str(option))
    return " ".join(words)


def _multiport(match: Extension) -> str:
    words = (f"{o.name[2:]} {'!' if o.negated else ''}{o.values[0]}" for o in match.options)
    return "multiport " + " ".join(words)


def _address_type(match: Extension) -> str:
    words = ["ADDRTYPE match"]
    for option in match.options:
        if option.values:
            words.append(f"{option.name[2:]} {'!' if option.negated else ''}{option.values[0]}")
        else:
            words.append({"--limit-iface-in": "limit-in", "--limit-iface-out": "limit-out"}[option.name])
    return " ".join(words)


def _negatable(option: Option) -> str:
    return f"{'! ' if option.negated else ''}{option.name[2:]} {' '.join(option.values)}".rstrip()


def _mark(match: Extension, name: str) -> str:
    option = match.options[0]
    value, mask = masked(option.values[0])
    text = f"0x{value:x}" if mask == 0xFFFFFFFF else f"0x{value:x}/0x{mask:x}"
    return f"{name} match {'! ' if option.negated else ''}{text}"


_RECENT = {"--set": "SET", "--rcheck": "CHECK", "--update": "UPDATE", "--remove": "REMOVE"}


def _recent(match: Extension) -> str:
    operation = next(option for option in match.options if option.name in _RECENT)
    words = [f"{'! ' if operation.negated else ''}recent: {_RECENT[operation.name]}"]
    for name, text in (("--seconds", "seconds: "), ("--reap", "reap"), ("--hitcount", "hit_count: ")):
        if match.has(name):
            words.append(f"{text}{match.value(name)}")
    side = "dest" if match.has("--rdest") else "source"
    words.append(f"name: {match.value('--name', 'DEFAULT')} side: {side} mask: {match.value('--mask')}")
    return " ".join(words)


def _statistic(match: Extension) -> str:
    words = [f"statistic mode {match.value('--mode')}"]
    words += [_negatable(option) for option in match.options if option.name != "--mode"]
    return " ".join(words)


_MATCHES: Mapping[str, Callable[[Extension], str]] = MappingProxyType(
    {
        "comment": lambda match: f"/* {match.value('--comment')} */",
        "tcp": _ports,
        "udp": _ports,
        "sctp": _ports,
        "multiport": _multiport,
        "addrtype": _address_type,
        "conntrack": lambda match: " ".join(map(_negatable, match.options)),
        "state": lambda match: " ".join(map(_negatable, match.options)),
        "mark": lambda match: _mark(match, "mark"),
        "connmark": lambda match: _mark(match, "connmark"),
        "recent": _recent,
        "statistic": _statistic,
        "set": lambda match: " ".join(map(_negatable, match.options)),
        "physdev": lambda match: "PHYSDEV match " + " ".join(map(str, match.options)),
        "limit": lambda match: f"limit: avg {match.value('--limit')} burst {match.value('--limit-burst', '5')}",
        "icmp": lambda match: f"icmptype {'!' if match.options[0].negated else ''}{match.value('--icmp-type')}",
        "ipvs": lambda match: " ".join(map(_negatable, match.options)),
    }
)


# ---------------------------------------------------------------- targets


def _set_mark(target: Extension) -> str:
    option = target.options[0]
    value, mask = masked(option.values[0])
    if option.name in ("--or-mark", "--and-mark", "--xor-mark"):
        return f"MARK {option.name[2:-5]} 0x{value:x}"
    if option.name == "--set-mark":
        mask |= value
    if value == 0:
        return f"MARK and 0x{mask ^ 0xFFFFFFFF:x}"
    if value == mask:
        return f"MARK or 0x{value:x}"
    if mask == 0:
        return f"MARK xor 0x{value:x}"
    return f"MARK set 0x{value:x}" if mask == 0xFFFFFFFF else f"MARK xset 0x{value:x}/0x{mask:x}"


def _nat(prefix: str, option: str) -> Callable[[Extension], str]:
    def text(target: Extension) -> str:
        words = [f"{prefix}{target.value(option)}"] if target.has(option) else []
        return " ".join(words + [o.name[2:] for o in target.options if o.name != option])

    return text


def _reject(target: Extension) -> str:
    return f"reject-with {target.value('--reject-with', 'icmp-port-unreachable')}"


_TARGETS: Mapping[str, Callable[[Extension], str]] = MappingProxyType(
    {
        "DNAT": _nat("to:", "--to-destination"),
        "SNAT": _nat("to:", "--to-source"),
        "MASQUERADE": _nat("masq ports: ", "--to-ports"),
        "REDIRECT": _nat("redir ports ", "--to-ports"),
        "REJECT": _reject,
        "MARK": _set_mark,
    }
)
