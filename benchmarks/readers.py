"""Dumps of nodes to rulesets: iptables-save of 700,000 lines, and Services as nft, ipvsadm and ipset print them.

The twin is the line scan in plain Python, on a tenth of the dump.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.figure import Case, Figure, Work
from benchmarks.rulesets import dumps
from kcompile.ir.plan import Mode

LINES = 700_000
LINES_OF_A_SERVICE = 22
"""In iptables-save text, with two ports and two endpoints, about."""
TWIN_SHARE = 10


def _read(mode: Mode, format_: str, services_of: Callable[[int], int]) -> Callable[[int], Work]:
    def prepare(services: int) -> Work:
        from kcompile.readers import read_ruleset

        size = services_of(services)
        text = dumps(size, mode)[format_]
        read_ruleset("*nat\nCOMMIT\n")
        return Work(
            lambda: read_ruleset(text),
            f"{len(text) / 1e6:.1f} MB {format_}, {size:,} Services",
            text.count("\n"),
            "lines",
        )

    return prepare


def _twin(services: int) -> Work:
    from kcompile.readers import iptables_dump
    from kcompile.twins import dump_lines

    iptables_dump.group, iptables_dump.scan = dump_lines.group, dump_lines.scan
    return _read("iptables", "iptables-save", lambda _: LINES // LINES_OF_A_SERVICE // TWIN_SHARE)(services)


def _same(services: int) -> int:
    return services


FIGURES = (
    Figure(
        "iptables",
        "an iptables-save dump of 700,000 lines",
        (
            Case("kcompile", _read("iptables", "iptables-save", lambda _: LINES // LINES_OF_A_SERVICE)),
            Case("the twin", _twin),
        ),
    ),
    Figure(
        "others",
        "the dumps of the other tools, by line",
        (
            Case("iptables", _read("iptables", "iptables-save", _same)),
            Case("nft", _read("nftables", "nft", _same)),
            Case("ipvsadm", _read("ipvs", "ipvsadm", _same)),
            Case("ipset", _read("ipvs", "ipset", _same)),
        ),
    ),
)
