"""What was measured, in build/benchmarks.json, and as lines to read, with what was measured before."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

from benchmarks.measure import Measured

PATH = Path(__file__).parents[1] / "build" / "benchmarks.json"


class Results:
    """The last result for each figure, case and input: runs of some figures leave the others alone."""

    def __init__(self, figures: dict[str, dict[str, Any]]) -> None:
        self._figures = figures

    @classmethod
    def read(cls) -> Results:
        return cls(json.loads(PATH.read_text())["figures"] if PATH.is_file() else {})

    def exchange(self, figure: str, case: str, found: Measured) -> Measured | None:
        """Keep what was found; what was found before for the same input, if anything."""
        cases = self._figures.setdefault(figure, {})
        key = f"{case} ({found.input})"
        before = cases.get(key)
        cases[key] = found._asdict() | {"rate": round(found.rate, 1)}
        return before and Measured(**{name: before[name] for name in Measured._fields})

    def write(self) -> None:
        PATH.parent.mkdir(exist_ok=True)
        machine = {"machine": platform.machine(), "python": platform.python_version(), "system": platform.platform()}
        PATH.write_text(json.dumps({"machine": machine, "figures": self._figures}, indent=2) + "\n")


HEADER = f"  {'':<30}{'input':<42}{'cpu s':>9}{'wall s':>9}{'MB':>7}{'a second':>14}{'ratio':>8}{'last s':>9}"


def line(name: str, found: Measured, first: Measured, before: Measured | None, by_wall: bool = False) -> str:
    """One case, below the header."""
    amount = f"{found.amount / 1e6:.1f} MB" if found.unit == "B" else f"{found.amount:,} {found.unit}"
    rate = f"{found.rate / 1e6:,.1f} MB/s" if found.unit == "B" else f"{found.rate:,.0f}/s"
    ratio = "" if found is first or not found.rate else f"{first.rate / found.rate:.3g}"
    if by_wall and ratio:
        ratio = f"{found.wall / first.wall:.3g}"
    last = f"{before.cpu:.3f}" if before else ""
    figures = f"{found.cpu:9.3f}{found.wall:9.3f}{found.peak / 1e6:7.0f}"
    return f"  {name:<30}{amount + ' ' + found.input:<42}{figures}{rate:>14}{ratio:>8}{last:>9}"
