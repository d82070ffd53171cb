"""The packets.tsv of a scenario: what becomes of a connection, in the words of kube-proxy's own tests.

Columns: a name; the node that the packet meets; its source, an address or "node"; protocol, destination and port; the
modes that a row holds for, "all" for those in MODES; the outcome: the endpoints that share the connections, or ACCEPT
(passed on unchanged), REJECT or DROP; and whether the endpoints see an address of the node: "true", "false", or those
that do. `make golden` leaves these files alone: they are expectations.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from kcompile.ir.plan import Mode
from tests.golden.scenarios import GOLDEN

FILE = "packets.tsv"
COLUMNS = ("name", "node", "source", "protocol", "destination", "port", "modes", "outcome", "masquerade")
MODES: tuple[Mode, ...] = ("iptables", "nftables", "ipvs")
"""The userspace mode leads to a process."""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    node: str
    source: str
    protocol: str
    destination: str
    port: int
    modes: tuple[Mode, ...]
    outcome: str
    masquerade: str

    @property
    def packet(self) -> tuple[str, str, str, str, int]:
        return self.node, self.source, self.protocol, self.destination, self.port


def rows(path: Path) -> tuple[Row, ...]:
    with path.open(newline="") as file:
        header, *lines = csv.reader(file, delimiter="\t")
    assert tuple(header) == COLUMNS, f"{path}: the columns are {', '.join(COLUMNS)}"
    return tuple(_row(path, line) for line in lines)


def _row(path: Path, line: list[str]) -> Row:
    assert len(line) == len(COLUMNS), f"{path}: {line}"
    name, node, source, protocol, destination, port, modes, outcome, masquerade = line
    named = MODES if modes == "all" else tuple(mode for mode in MODES if mode in modes.split(", "))
    assert modes in ("all", ", ".join(named)), f"{path}: {name}: modes are {', '.join(MODES)}, in this order, or all"
    return Row(name, node, source, protocol, destination, int(port), named, outcome, masquerade)


TABLES = tuple(sorted(path.parent.name for path in GOLDEN.glob(f"*/{FILE}")))
