"""Rules as `iptables -L -n -v` lists them, in version 1.8.9, with counters of zero."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kcompile.cli.show_iptables_extensions import SHOWN_AS, match_text, target_text
from kcompile.ir.ruleset import Chain, Rule, Table, Verdict
from kcompile.readers.iptables_options import Option
from kcompile.readers.iptables_rules import RuleOptions, parse_rule
from kcompile.readers.values import protocol

HEADER = " pkts bytes target     prot opt in     out     source               destination         "
_ANYWHERE = {"ip": "0.0.0.0/0", "ip6": "::/0"}
_ONE_ADDRESS = {"ip": "/32", "ip6": "/128"}


def listing(table: Table) -> Iterator[str]:
    """The lines for one table: its built-in chains in the order of the text, then the others by name."""
    references = Counter(
        item.chain
        for chain in table.chains.values()
        for rule in chain.rules
        for item in rule.items
        if isinstance(item, Verdict) and item.chain
    )
    chains = sorted(table.chains.values(), key=lambda chain: "" if chain.base else chain.name)
    for number, chain in enumerate(chains):
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
    target = SHOWN_AS.get(options.target.name, options.target.name) if options.target else ""
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
    texts = [match_text(match) for match in options.matches]
    if options.target:
        texts.append(target_text(options.target))
    return goto + "".join(f" {text}" for text in texts if text)
