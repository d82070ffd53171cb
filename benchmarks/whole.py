"""The whole job, as a user runs it: `kcompile FILE --mode MODE > rules`, from the start of the process to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.figure import KCOMPILE, Case, Figure, Work
from benchmarks.reference_cluster import Form, reference_cluster

FORMS: tuple[Form, ...] = ("documents.yaml", "yaml", "json")
MODES = {"iptables": (), "nftables": ("--node", "node-000"), "ipvs": ("--node", "node-000")}
"""Each with what else must be said: all but the iptables rules of this cluster depend on the node."""


def _command(form: Form, mode: str) -> Callable[[int], Work]:
    def prepare(services: int) -> Work:
        path = reference_cluster(form, services)
        return Work((KCOMPILE, str(path), "--mode", mode, *MODES[mode]), path.name, path.stat().st_size)

    return prepare


def _figures() -> Iterator[Figure]:
    for mode in MODES:
        cases = tuple(Case(form, _command(form, mode)) for form in FORMS)
        yield Figure(mode, f"the reference cluster to rules, mode {mode}", cases)


FIGURES = tuple(_figures())
