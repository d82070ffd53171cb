"""What the server of a Corefile is set up to do: each server block with its plugins in the order in which they run."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.diagnostics import Diagnostic
from kcompile.frontend.corefile.syntax import Corefile, Directive, ServerBlock, ServerKey


@dataclass(frozen=True, slots=True)
class Settings:
    """The base of every plugin's settings; used itself by plugins that have none, such as `whoami`."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin of a server block. `settings` is the class of that name in `plugins/`, None where its setup failed.

    A repeated plugin is one `Plugin`: CoreDNS sets all its occurrences up together.
    """

    name: str
    settings: Settings | None
    directives: tuple[Directive, ...]


@dataclass(frozen=True, slots=True)
class Server:
    """One server block, ready to answer: the zones that lead to it, and its plugins in execution order."""

    block: ServerBlock
    keys: tuple[ServerKey, ...]
    plugins: tuple[Plugin, ...]

    def plugin(self, name: str) -> Plugin | None:
        return next((plugin for plugin in self.plugins if plugin.name == name), None)


@dataclass(frozen=True, slots=True)
class Rejection:
    """The first error in CoreDNS's own order and words. `line` is ours where CoreDNS names none."""

    text: str
    file: str | None
    line: int | None


@dataclass(frozen=True, slots=True)
class Configuration:
    """A Corefile and all that follows from it. It is usable for answers only where `rejection` is None."""

    corefile: Corefile
    servers: tuple[Server, ...]
    diagnostics: tuple[Diagnostic, ...]
    rejection: Rejection | None
