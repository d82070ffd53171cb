"""From the text of a Corefile to what the server is set up to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kcompile.diagnostics import Severity
from kcompile.frontend.corefile.advice import advise
from kcompile.frontend.corefile.configuration import Configuration, Rejection
from kcompile.frontend.corefile.context import Machine
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.parse import parse_corefile
from kcompile.frontend.corefile.problems import Problem
from kcompile.frontend.corefile.servers import check_duplicates, check_ports, check_sockets, read_keys
from kcompile.frontend.corefile.setup import set_up
from kcompile.frontend.source import Source

_DEFAULT = Source("Corefile", b".:53 {\nwhoami\nlog\n}\n")
"""What CoreDNS serves when a Corefile has no server block."""


def load_corefile(
    source: Source,
    environment: Mapping[str, str],
    files: Files,
    *,
    machine: Machine | None = None,
    in_cluster: bool = False,
) -> Configuration:
    """Read, check and set up a Corefile as CoreDNS 1.13.1 would; never raises for what the text says.

    `environment` holds the variables for `{$NAME}`. With `in_cluster` CoreDNS is taken to run in a Pod, so that
    `kubernetes` without `endpoint` finds the API server.
    """
    machine = machine or Machine(is_known=not in_cluster)
    corefile, problems = parse_corefile(source, environment, files)
    blocks = corefile.server_blocks or parse_corefile(_DEFAULT, {}, files)[0].server_blocks
    keyed = list(read_keys(blocks))
    key_problems = [problem for _, _, found in keyed for problem in found]
    usable = [(block, keys) for block, keys, _ in keyed if keys]
    servers, setup_problems, startup_problems = set_up(usable, files, machine, environment, in_cluster=in_cluster)
    # In the order in which CoreDNS meets them: it stops at the first error.
    ordered = [
        *problems,
        *key_problems,
        *setup_problems,
        *check_ports(servers),
        *check_duplicates(servers),
        *startup_problems,
        *check_sockets(servers, machine),
    ]
    rejection = _rejection(ordered)
    if rejection is None:
        ordered += advise(servers, machine)
    return Configuration(corefile, servers, tuple(problem.diagnostic for problem in ordered), rejection)


def _rejection(problems: Iterable[Problem]) -> Rejection | None:
    first = next((problem for problem in problems if problem.severity is Severity.ERROR), None)
    if first is None:
        return None
    span = first.token.span if first.token else None
    return Rejection(first.coredns_text, span.source.name if span else None, span.line if span else None)
