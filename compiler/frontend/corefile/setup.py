"""Sets up the plugins of all server blocks in CoreDNS's order: plugin by plugin, each in every block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kcompile.frontend.corefile.configuration import Plugin, Server, Settings
from kcompile.frontend.corefile.context import Context, Machine
from kcompile.frontend.corefile.directives import DIRECTIVES, POSITION
from kcompile.frontend.corefile.dispenser import Dispenser, SetupError
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.plugins.registry import SETUPS, STARTUPS
from kcompile.frontend.corefile.plugins.switches import RootSettings
from kcompile.frontend.corefile.problems import Problem
from kcompile.frontend.corefile.syntax import Directive, ServerBlock, ServerKey, Token
from kcompile.frontend.corefile.values import ValueProblem

_MAX_ERRORS = 100
"""After so many errors of one plugin in one block the rest is not looked at."""


def set_up(
    blocks: Sequence[tuple[ServerBlock, tuple[ServerKey, ...]]],
    files: Files,
    machine: Machine,
    environment: Mapping[str, str],
    *,
    in_cluster: bool,
) -> tuple[tuple[Server, ...], list[Problem], list[Problem]]:
    """The servers, the problems of setup, and those of startup, each in the order in which CoreDNS meets them."""
    problems: list[Problem] = []
    plugins: list[dict[str, Plugin]] = [{} for _ in blocks]
    contexts = [
        Context(
            tuple(key.text for key in keys),
            frozenset(directive.name for directive in block.directives),
            files,
            machine,
            environment,
            in_cluster=in_cluster,
        )
        for block, keys in blocks
    ]
    for name in DIRECTIVES:
        for index, (block, _) in enumerate(blocks):
            directives = tuple(directive for directive in block.directives if directive.name == name)
            if not directives:
                continue
            settings, found = _set_up_plugin(name, directives, contexts[index])
            problems += found
            plugins[index][name] = Plugin(name, settings, directives)
            if isinstance(settings, RootSettings):
                contexts[index] = replace(contexts[index], root=settings.path)
    servers = tuple(
        Server(block, keys, tuple(sorted(found.values(), key=lambda plugin: POSITION[plugin.name])))
        for (block, keys), found in zip(blocks, plugins, strict=True)
    )
    return servers, problems, list(_start(servers, contexts))


def _start(servers: Sequence[Server], contexts: Sequence[Context]) -> Iterable[Problem]:
    for name in DIRECTIVES:
        if name not in STARTUPS:
            continue
        for server, context in zip(servers, contexts, strict=True):
            plugin = server.plugin(name)
            if plugin and plugin.settings and (error := STARTUPS[name](plugin.settings, context)):
                prefix = f"plugin/{name}: " if error.problem.code != "address" else ""
                yield replace(error.problem, token=plugin.directives[0].tokens[0], prefix=prefix)


def _set_up_plugin(
    name: str, directives: tuple[Directive, ...], context: Context
) -> tuple[Settings | None, list[Problem]]:
    """The settings, and every error: after one, the line that holds it is left out and setup runs again."""
    tokens = tuple(token for directive in directives for token in directive.tokens)
    found: list[Problem] = []
    warnings: list[Problem] = []
    settings: Settings | None = None
    left_out: Mapping[int, tuple[Token, ...]] = {}
    while tokens and len(found) < _MAX_ERRORS:
        dispenser = Dispenser(tokens)
        try:
            settings = SETUPS[name](dispenser, context)
            warnings = dispenser.warnings
            break
        except SetupError as error:
            found.append(replace(error.problem, prefix=f"plugin/{name}: {error.problem.prefix}"))
            warnings = dispenser.warnings
            left_out = left_out or _left_out(directives)
            removed = frozenset(map(id, left_out.get(id(error.problem.token), tokens)))
            tokens = tuple(token for token in tokens if id(token) not in removed)
        except ValueProblem as problem:
            found.append(Problem("value", str(problem), dispenser.token, prefix=f"plugin/{name}: "))
            break
    warnings = [replace(problem, prefix=f"plugin/{name}: ") for problem in warnings]
    return (None if found else settings), found + warnings


def _left_out(directives: tuple[Directive, ...]) -> Mapping[int, tuple[Token, ...]]:
    """By the identity of a word: what is left out if it is wrong, its property or, outside of one, its directive."""
    left_out: dict[int, tuple[Token, ...]] = {}
    for directive in directives:
        left_out.update((id(token), directive.tokens) for token in directive.tokens)
        for line in directive.lines:
            if not any(token.text in ("{", "}") for token in line):
                left_out.update((id(token), line) for token in line)
    return left_out
