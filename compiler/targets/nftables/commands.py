"""The commands form: one `add` command a line, as kube-proxy's knftables dumps a table.

All objects stand first, then their contents, both by kind and name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kcompile.ir.plan import Family
from kcompile.targets.nftables.form import Form, Part, elements, of_chain, once, rules
from kcompile.targets.nftables.rules import AFFINITY_SET, CHAINS, SETS, TABLE_COMMENT, Chain, Set
from kcompile.targets.template import Each, Line


def _parts() -> Iterator[Part]:
    yield once(f'add table {{ip}} kube-proxy {{ comment "{TABLE_COMMENT}" ; }}')
    for chain in CHAINS:
        yield of_chain(chain, [(f"add chain {{ip}} kube-proxy {chain.name}{_properties(chain)}", "", "")])
    affinity_set = "{ type {address} ; flags dynamic,timeout ; timeout {affinity} ; }"
    add_affinity_set = Line("", f"add set {{ip}} kube-proxy {AFFINITY_SET} {affinity_set}", "affinity")
    yield Part((Each("chained", (add_affinity_set,)),), order_by="endpoint_name")
    for set_ in SETS:
        kind = "map" if set_.is_map else "set"
        properties = f'{{ type {set_.type} ; comment "{set_.comment}" ; }}'
        yield once(f"add {kind} {{ip}} kube-proxy {set_.name} {properties}", when=set_.when)
    for chain in CHAINS:
        yield of_chain(chain, rules(chain, f"add rule {{ip}} kube-proxy {chain.name} "))
    for set_ in SETS:
        if set_.listed:
            yield Part(listed=set_)
        else:
            yield Part(elements(set_, f"add element {{ip}} kube-proxy {set_.name} {{ ", " }"))


def _properties(chain: Chain) -> str:
    if chain.hook:
        return f" {{ type {chain.hook} priority {chain.priority} ; }}"
    return f' {{ comment "{chain.comment}" ; }}' if chain.comment else ""


def _listed(set_: Set, family: Family, keys: Sequence[str]) -> str:
    ip = "ip" if family == 4 else "ip6"
    return "".join(f"add element {ip} kube-proxy {set_.name} {{ {key} }}\n" for key in keys)


def _interval_set(ranges: Sequence[str], separator: str) -> str:
    return f"{{ {separator.join(ranges)} }}"


COMMANDS = Form(
    parts=tuple(_parts()),
    words={
        "or_mark": "mark set mark or {mark}",
        "xor_mark": "mark set mark xor {mark}",
        "mark_is_set": "mark and {mark} != 0",
        "mark_is_clear": "mark and {mark} == 0",
        "to_concatenation": "{ip} addr . port to",
    },
    top_bit_words={},
    comma=" , ",
    interval_set=_interval_set,
    timeout="{}s".format,
    interface=str,
    listed=_listed,
)
