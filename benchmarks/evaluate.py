"""Packets through the compiled ruleset of a node, in each mode, in columns.

The ratio is for each packet: of the reference cluster's number of Services, of a hundredth of them, and of the twin in
plain Python. What a ruleset costs to compile is a figure of its own. See `rulesets` for the cluster and the packets.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.figure import Case, Figure, Work
from benchmarks.rulesets import HOST, VERSIONS, packets, ruleset
from kcompile.ir.plan import Mode

PACKETS = 1_000_000
TWIN_PACKETS = 2_000
AT_ONCE = 200_000


def _evaluated(mode: Mode, share: int = 1) -> Callable[[int], Work]:
    def prepare(services: int) -> Work:
        size = max(10, services // share)
        rules = ruleset(size, mode)
        columns = packets(size, AT_ONCE)
        rules.evaluate_many({name: column[:10] for name, column in columns.items()}, HOST)

        def run() -> None:
            for seed in range(PACKETS // AT_ONCE):
                rules.evaluate_many(columns, HOST, seed=seed)

        return Work(run, f"{size:,} Services, {mode}", PACKETS, "packets")

    return prepare


def _twin(mode: Mode) -> Callable[[int], Work]:
    def prepare(services: int) -> Work:
        from kcompile.evaluate import many
        from kcompile.twins.evaluate import evaluate_ipv4

        rules = ruleset(services, mode)
        columns = packets(services, TWIN_PACKETS)
        many.evaluate_ipv4 = evaluate_ipv4
        rules.evaluate_many({name: column[:10] for name, column in columns.items()}, HOST)
        return Work(
            lambda: rules.evaluate_many(columns, HOST), f"{services:,} Services, {mode}", TWIN_PACKETS, "packets"
        )

    return prepare


def _compiled(mode: Mode) -> Callable[[int], Work]:
    def prepare(services: int) -> Work:
        rules = ruleset(services, mode)
        columns = {name: column[:10] for name, column in packets(services, 10).items()}
        return Work(lambda: rules.evaluate_many(columns, HOST), f"rules, mode {mode}", services, "Services")

    return prepare


def _figure(mode: Mode) -> Figure:
    cases = (
        Case("kcompile", _evaluated(mode)),
        Case("a hundredth", _evaluated(mode, 100)),
        Case("the twin", _twin(mode)),
    )
    return Figure(mode, f"packets through the rules of mode {mode}", cases)


FIGURES = (
    *map(_figure, VERSIONS),
    Figure("compiled", "rules to a program", tuple(Case(mode, _compiled(mode)) for mode in VERSIONS)),
)
