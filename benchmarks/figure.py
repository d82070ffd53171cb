"""What a benchmark is: figures, their cases, and the work that a case prepares."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

GROUPS = ("reading", "whole", "emitting", "all_nodes", "scaling", "start", "dns", "readers", "evaluate")
"""The modules with FIGURES, in the order in which they run."""

KCOMPILE = str(Path(sys.executable).with_name("kcompile"))
"""The command."""


class Work(NamedTuple):
    """What is measured: a function to be called, or a command line to be run, and how much it has to do.

    `amount` counts `unit`s: "B" for bytes, or the plural of what is counted. A command's output goes to a file.
    `clean` takes away what was written elsewhere.
    """

    run: Callable[[], object] | tuple[str, ...]
    input: str
    amount: int
    unit: str = "B"
    clean: Callable[[], object] = lambda: None


class Case(NamedTuple):
    """One way to do a figure's work. `prepare` takes the number of Services of the cluster; it is not timed.

    `needs` is the module of another package that it cannot do without.
    """

    name: str
    prepare: Callable[[int], Work]
    needs: str = ""


class Figure(NamedTuple):
    """The first case is the one that the others are compared with: by processor time, or by `wall` time where several
    processes or the disk take part."""

    name: str
    title: str
    cases: tuple[Case, ...]
    by_wall: bool = False


def figures(group: str) -> tuple[Figure, ...]:
    found: tuple[Figure, ...] = importlib.import_module(f"benchmarks.{group}").FIGURES
    return found


def case_of(group: str, figure: str, case: str) -> Case:
    return next(c for f in figures(group) if f.name == figure for c in f.cases if c.name == case)
