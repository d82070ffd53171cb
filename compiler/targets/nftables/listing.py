"""The listing form: what `nft list table` of nft 1.0.6 prints after it has loaded the same text.

nft normalizes what it reads: it merges the ranges of an anonymous set, writes hook priorities by name where they are
near one, and times in days to seconds. Elements of named sets stand in the plan's order here; nft sorts them by the
bytes of their keys in the machine's memory.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence

from kcompile.ir.plan import Family
from kcompile.targets.nftables.form import Form, Part, comment, elements, of_chain, once, rules
from kcompile.targets.nftables.rules import AFFINITY_SET, CHAINS, SETS, TABLE_COMMENT, Chain, Set
from kcompile.targets.template import Each, Line

NEXT_ELEMENT = ",\n\t\t\t     "

# nft names a priority where the hook and the family have a name for it or within 10 of it; -100 is dstnat in
# prerouting, but nothing in output.
PRIORITIES = {
    ("filter hook forward", 0): "filter",
    ("filter hook input", 0): "filter",
    ("filter hook output", 0): "filter",
    ("filter hook output", -110): "-110",
    ("filter hook prerouting", -110): "dstnat - 10",
    ("nat hook output", -100): "-100",
    ("nat hook postrouting", 100): "srcnat",
    ("nat hook prerouting", -100): "dstnat",
}


def _parts() -> Iterator[Part]:
    yield once("table {ip} kube-proxy {", f'\tcomment "{TABLE_COMMENT}"')
    affinity_set = (
        f"\tset {AFFINITY_SET} {{",
        "\t\ttype {address}",
        # The kernel's default for a set that rules fill.
        "\t\tsize 65535",
        "\t\tflags dynamic,timeout",
        "\t\ttimeout {affinity}",
        "\t}",
        "",
    )
    yield Part((Each("chained", tuple(Line("", line, "affinity") for line in affinity_set)),), order_by="endpoint_name")
    for set_ in SETS:
        yield from _set(set_)
    for chain in CHAINS:
        yield _chain(chain)
    yield once("}")


def _set(set_: Set) -> Iterator[Part]:
    kind = "map" if set_.is_map else "set"
    head = (f"\t{kind} {set_.name} {{", f"\t\ttype {set_.type}", f'\t\tcomment "{set_.comment}"')
    yield once(*head, when=set_.when)
    if set_.listed:
        yield Part(listed=set_)
    else:
        yield Part(elements(set_), separator=NEXT_ELEMENT, head="\t\telements = { ", tail=" }\n")
    yield once("\t}", "", when=set_.when)


def _listed(set_: Set, family: Family, keys: Sequence[str]) -> str:
    if not keys:
        return ""
    # As many on a line as nft puts there for the type of the key.
    width = 2 if family == 4 and " . " not in set_.type else 1
    lines = (", ".join(keys[start : start + width]) for start in range(0, len(keys), width))
    return f"\t\telements = {{ {NEXT_ELEMENT.join(lines)} }}\n"


def _chain(chain: Chain) -> Part:
    lines = [f"\tchain {chain.name} {{"]
    if chain.comment:
        lines.append(f"\t\t{comment(chain.comment).strip()}")
    if chain.hook:
        priority = PRIORITIES[chain.hook, chain.priority]
        lines.append(f"\t\ttype {chain.hook} priority {priority}; policy accept;")
    is_last = chain is CHAINS[-1]
    end = ("\t}",) if is_last else ("\t}", "")
    return of_chain(
        chain, (*((line, "", "") for line in lines), *rules(chain, "\t\t"), *((line, "", "") for line in end))
    )


def _interval_set(ranges: Sequence[str], separator: str) -> str:
    """Ranges as nft prints an anonymous set of them: merged, sorted, and without braces if there is only one."""
    family = socket.AF_INET6 if ":" in ranges[0] else socket.AF_INET
    merged: list[list[int]] = []
    for first, last in sorted(_bounds(text, family) for text in ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    texts = [_range(first, last, family) for first, last in merged]
    return texts[0] if len(texts) == 1 else f"{{ {', '.join(texts)} }}"


def _bounds(text: str, family: socket.AddressFamily) -> tuple[int, int]:
    """The first and the last address of a network or an address, as numbers."""
    address, _, prefix = text.partition("/")
    packed = socket.inet_pton(family, address)
    host_bits = len(packed) * 8 - int(prefix) if prefix else 0
    first = int.from_bytes(packed, "big") >> host_bits << host_bits
    return first, first + (1 << host_bits) - 1


def _range(first: int, last: int, family: socket.AddressFamily) -> str:
    length = 16 if family == socket.AF_INET6 else 4
    start, end = (socket.inet_ntop(family, number.to_bytes(length, "big")) for number in (first, last))
    size = last - first + 1
    if size == 1:
        return start
    if size & (size - 1) == 0 and first % size == 0:
        return f"{start}/{length * 8 - size.bit_length() + 1}"
    return f"{start}-{end}"


def _timeout(seconds: int) -> str:
    units = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
    text = ""
    for unit, length in units:
        count, seconds = divmod(seconds, length)
        text += f"{count}{unit}" if count else ""
    return text


LISTING = Form(
    parts=tuple(_parts()),
    words={
        "or_mark": "meta mark set meta mark | {mark}",
        "xor_mark": "meta mark set meta mark ^ {mark}",
        "mark_is_set": "meta mark & {mark} != 0x00000000",
        "mark_is_clear": "meta mark & {mark} == 0x00000000",
        "to_concatenation": "{ip} to",
    },
    # nft takes a test of the top bit alone for one of a prefix.
    top_bit_words={"mark_is_set": "meta mark != 0x00000000/1", "mark_is_clear": "meta mark 0x00000000/1"},
    comma=", ",
    interval_set=_interval_set,
    timeout=_timeout,
    interface='"{}"'.format,
    listed=_listed,
)
