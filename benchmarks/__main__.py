"""`python -m benchmarks [NAME]...`: see the package's own docstring for how to read what it prints."""

from __future__ import annotations

import argparse
import importlib.util
import sys

from benchmarks.figure import GROUPS, Figure, figures
from benchmarks.measure import Failed, Measured, in_fresh_process, median
from benchmarks.reference_cluster import SERVICES
from benchmarks.results import HEADER, Results, line

RUNS = 5
QUICK_SERVICES = 500


def main() -> int:
    """The exit status is 1 if a run failed."""
    options = _options()
    results = Results.read()
    failed = False
    for group, figure in _chosen(options.names):
        print(f"{group}.{figure.name}: {figure.title}\n{HEADER}", flush=True)
        failed |= not _run(group, figure, options.services, options.runs, results)
        results.write()
    return failed


def _run(group: str, figure: Figure, services: int, runs: int, results: Results) -> bool:
    """The cases take turns, so that what else the machine does meets all of them."""
    cases = [case.name for case in figure.cases if not case.needs or importlib.util.find_spec(case.needs)]
    measured: dict[str, list[Measured]] = {name: [] for name in cases}
    errors: dict[str, str] = {}
    for _ in range(runs):
        for name in cases:
            try:
                measured[name].append(in_fresh_process(group, figure.name, name, services))
            except Failed as error:
                errors[name] = str(error)
    first = None
    for case in figure.cases:
        if case.name in errors:
            print(f"  {case.name}: {errors[case.name]}")
        elif case.name not in measured:
            print(f"  {case.name}: skipped, {case.needs} is not installed (pip install -e '.[bench]')")
        else:
            found = median(measured[case.name])
            first = first or found
            before = results.exchange(f"{group}.{figure.name}", case.name, found)
            print(line(case.name, found, first, before, figure.by_wall), flush=True)
    return not errors


def _chosen(names: list[str]) -> list[tuple[str, Figure]]:
    """The figures of the groups and figures that are named; without names all."""
    every = [(group, figure) for group in GROUPS for figure in figures(group)]
    known = {name for group, figure in every for name in (group, f"{group}.{figure.name}")}
    if unknown := set(names) - known:
        raise SystemExit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    return [(g, f) for g, f in every if not names or g in names or f"{g}.{f.name}" in names]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a group or a figure; without one all")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each case")
    parser.add_argument("--services", type=int, default=SERVICES, help="of the reference cluster")
    parser.add_argument("--quick", action="store_true", help=f"one run, {QUICK_SERVICES} Services")
    options = parser.parse_args()
    if options.quick:
        options.runs, options.services = 1, QUICK_SERVICES
    return options


if __name__ == "__main__":
    sys.exit(main())
