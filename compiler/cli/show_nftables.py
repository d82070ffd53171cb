"""Tables as `nft list ruleset` lists them, in version 1.0.6, from what was read."""

from __future__ import annotations

from collections.abc import Iterator

from kcompile.ir.addresses import ADDRESS_MAX, address_text
from kcompile.ir.ruleset import (
    PROTOCOLS,
    Base,
    Chain,
    Component,
    Element,
    Hook,
    NamedSet,
    Ruleset,
    Table,
    TableFamily,
    Verdict,
)
from kcompile.readers.nft import BRIDGE_PRIORITIES, PRIORITIES
from kcompile.readers.nft_types import NAMES

_MAX = {4: 32, 6: 128}

REACH = 10
"""So far from a named priority nft still writes its name."""
_HOOKS = {"dstnat": ("prerouting",), "srcnat": ("postrouting",)}
_BRIDGE_HOOKS = {"dstnat": "prerouting", "out": "output", "srcnat": "postrouting"}

_NUMBERS = ("inet_service", "inet_proto", "mark", "integer", "nf_proto", "iface_index", "uid", "gid", "classid")
_MANY_ON_A_LINE = {"ipv4_addr": 2, "ct_state": 2, "ct_status": 2, "pkt_type": 2, **dict.fromkeys(_NUMBERS, 5)}
"""How many elements nft puts on a line, by the type of their key; of any other type, one."""


def listing(rules: Ruleset) -> Iterator[str]:
    """The lines of every nft table."""
    for table in rules.tables:
        if table.language == "nft":
            yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield f"table {table.family} {table.name} {{"
    if table.dormant:
        yield "\tflags dormant"
    if table.comment:
        yield f'\tcomment "{table.comment}"'
    if table.dormant:
        yield ""
    blocks = [*map(_set, table.sets.values()), *(_chain(chain, table.family) for chain in table.chains.values())]
    for number, lines in enumerate(blocks):
        if number:
            yield ""
        yield from (f"\t{line}" for line in lines)
    yield "}"


def _chain(chain: Chain, family: TableFamily) -> list[str]:
    comment = [f'\tcomment "{chain.comment}"'] if chain.comment else []
    rules = (f"\t{_bare(rule.text)}" for rule in chain.rules)
    return [f"chain {chain.name} {{", *comment, *_base(chain.base, family), *rules, "}"]


def _base(base: Base | None, family: TableFamily) -> list[str]:
    if base is None:
        return []
    devices = f" devices = {{ {', '.join(base.devices)} }}" if len(base.devices) > 1 else ""
    devices = f' device "{base.devices[0]}"' if len(base.devices) == 1 else devices
    priority = _priority(base, family)
    return [f"\ttype {base.type} hook {base.hook}{devices} priority {priority}; policy {base.policy};"]


def _priority(base: Base, family: TableFamily) -> str:
    """`dstnat - 10`: the name of a priority at most so far away, where the hook knows it."""
    names = BRIDGE_PRIORITIES if family == "bridge" else PRIORITIES
    for name, number in names.items():
        offset = base.priority - number
        if abs(offset) <= REACH:
            if not _has_priority(name, base.hook, family):
                break
            return f"{name} {'+' if offset > 0 else '-'} {abs(offset)}" if offset else name
    return str(base.priority)


def _has_priority(name: str, hook: Hook, family: TableFamily) -> bool:
    if family == "bridge":
        return hook == _BRIDGE_HOOKS.get(name, hook)
    if family in ("arp", "netdev"):
        return name == "filter"
    return hook in _HOOKS.get(name, (hook,))


def _bare(text: str) -> str:
    """A rule without the command that adds it: `add rule ip kube-proxy services …`."""
    words = text.split(" ", 5)
    return words[5] if words[:2] == ["add", "rule"] and len(words) == 6 else text


def _set(held: NamedSet) -> list[str]:
    kind = "map" if held.value_types else "set"
    lines = [f"{kind} {held.name} {{", f"\t{held.declared}"]
    if held.size:
        lines.append(f"\tsize {held.size}")
    # A default timeout says by itself that elements have one.
    if held.flags and not (held.timeout and held.flags == {"timeout"}):
        lines.append(f"\tflags {','.join(sorted(held.flags))}")
    if held.merges:
        lines.append("\tauto-merge")
    if held.timeout:
        lines.append(f"\ttimeout {_time(held.timeout)}")
    if held.comment:
        lines.append(f'\tcomment "{held.comment}"')
    elements = [_element(element, held) for element in held.elements]
    if held.default is not None:
        elements.append(f"* : {_value(held.default, held)}")
    if elements:
        width = _MANY_ON_A_LINE.get(held.key_types[0], 1) if len(held.key_types) == 1 else 1
        texts = [", ".join(elements[start : start + width]) for start in range(0, len(elements), width)]
        lines.append(f"\telements = {{ {texts[0]}")
        for text in texts[1:]:
            lines[-1] += ","
            lines.append(f"\t\t     {text}")
        lines[-1] += " }"
    return [*lines, "}"]


def _time(seconds: float) -> str:
    """`23h59m59s`, as nft writes a duration."""
    milliseconds = round(seconds * 1000)
    text = ""
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        amount, milliseconds = divmod(milliseconds, length)
        text += f"{amount}{unit}" if amount else ""
    return text


def _element(element: Element, held: NamedSet) -> str:
    text = " . ".join(map(component_text, element.key, held.key_types))
    if element.expiry:
        text += f" {element.expiry}"
    if element.comment:
        text += f' comment "{element.comment}"'
    return text if element.value is None else f"{text} : {_value(element.value, held)}"


def _value(value: Verdict | tuple[Component, ...], held: NamedSet) -> str:
    if isinstance(value, Verdict):
        return str(value)
    return " . ".join(map(component_text, value, held.value_types))


def component_text(component: Component, kind: str) -> str:
    """One value as nft writes it in a set."""
    if isinstance(component, str):
        return f'"{component}"'
    low, high = component
    family = {"ipv4_addr": 4, "ipv6_addr": 6}.get(kind)
    # A broken text may have given the set another type after its elements.
    if family and high <= ADDRESS_MAX[family]:
        size = high - low + 1
        if size & (size - 1) == 0 and low % size == 0:
            length = f"/{_MAX[family] - (size.bit_length() - 1)}" if size > 1 else ""
            return f"{address_text(family, low)}{length}"
        return f"{address_text(family, low)}-{address_text(family, high)}"
    names = PROTOCOLS if kind == "inet_proto" else NAMES.get(kind, {})
    if low == high and low in names.values():
        return next(name for name, number in names.items() if number == low)
    if kind == "ether_addr" and low < 1 << 48:
        return low.to_bytes(6, "big").hex(":")
    if kind == "mark" and low == high:
        return f"0x{low:08x}"
    return str(low) if low == high else f"{low}-{high}"
