"""Tables as `nft list ruleset` lists them, from what was read."""

from __future__ import annotations

from collections.abc import Iterator

from kcompile.ir.addresses import address_text
from kcompile.ir.ruleset import PROTOCOLS, Base, Component, Element, NamedSet, Ruleset, Table, Verdict

_PROTOCOL_NAMES = {PROTOCOLS[name]: name for name in ("icmp", "tcp", "udp", "ipv6-icmp", "sctp")}
_MAX = {4: 32, 6: 128}


def listing(rules: Ruleset) -> Iterator[str]:
    """The lines of every nft table."""
    for number, table in enumerate(table for table in rules.tables if table.language == "nft"):
        if number:
            yield ""
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield f"table {table.family} {table.name} {{"
    blocks = [
        *(_set(held) for held in table.sets.values()),
        *(
            [f"chain {chain.name} {{", *_base(chain.base), *(f"\t{_bare(rule.text)}" for rule in chain.rules), "}"]
            for chain in table.chains.values()
        ),
    ]
    for number, lines in enumerate(blocks):
        if number:
            yield ""
        yield from (f"\t{line}" for line in lines)
    yield "}"


def _base(base: Base | None) -> list[str]:
    if base is None:
        return []
    return [f"\ttype {base.type} hook {base.hook} priority {base.priority}; policy {base.policy};"]


def _bare(text: str) -> str:
    """A rule without the command that adds it: `add rule ip kube-proxy services …`."""
    words = text.split(" ", 5)
    return words[5] if words[:2] == ["add", "rule"] and len(words) == 6 else text


def _set(held: NamedSet) -> list[str]:
    kind = "map" if held.value_types else "set"
    value = f" : {' . '.join(held.value_types)}" if held.value_types else ""
    lines = [f"{kind} {held.name} {{", f"\ttype {' . '.join(held.key_types)}{value}"]
    if held.flags:
        lines.append(f"\tflags {','.join(sorted(held.flags))}")
    if held.timeout:
        lines.append(f"\ttimeout {held.timeout:g}s")
    if held.comment:
        lines.append(f'\tcomment "{held.comment}"')
    if held.elements:
        first, *others = (_element(element, held) for element in held.elements)
        lines += [f"{text}," for text in (f"\telements = {{ {first}", *(f"\t\t     {other}" for other in others))]
        lines[-1] = f"{lines[-1][:-1]} }}"
    return [*lines, "}"]


def _element(element: Element, held: NamedSet) -> str:
    text = " . ".join(map(component_text, element.key, held.key_types))
    if element.comment:
        text += f' comment "{element.comment}"'
    if isinstance(element.value, Verdict):
        return f"{text} : {element.value}"
    if element.value is not None:
        return f"{text} : {' . '.join(map(component_text, element.value, held.value_types))}"
    return text


def component_text(component: Component, kind: str) -> str:
    """One value as nft writes it in a set."""
    if isinstance(component, str):
        return f'"{component}"'
    low, high = component
    if kind in ("ipv4_addr", "ipv6_addr"):
        family = 4 if kind == "ipv4_addr" else 6
        size = high - low + 1
        if size & (size - 1) == 0 and low % size == 0:
            length = f"/{_MAX[family] - (size.bit_length() - 1)}" if size > 1 else ""
            return f"{address_text(family, low)}{length}"
        return f"{address_text(family, low)}-{address_text(family, high)}"
    if kind == "inet_proto" and low == high:
        return _PROTOCOL_NAMES.get(low, str(low))
    if kind == "mark" and low == high:
        return f"0x{low:08x}"
    return str(low) if low == high else f"{low}-{high}"
