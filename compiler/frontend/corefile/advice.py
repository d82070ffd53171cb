"""Warnings that CoreDNS does not give: what it takes, and what is probably not what was meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kcompile.frontend.corefile.configuration import Server
from kcompile.frontend.corefile.problems import Problem


def advise(servers: Sequence[Server]) -> Iterable[Problem]:
    return ()
