"""autopath: answer the search list's names on the server's side."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.directives import WITHOUT_HANDLER
from kcompile.frontend.corefile.dispenser import Dispenser, SetupError
from kcompile.frontend.corefile.files import FileError
from kcompile.frontend.corefile.problems import Problem
from kcompile.frontend.corefile.resolv_conf import read_resolv_conf
from kcompile.frontend.corefile.values import quote
from kcompile.frontend.corefile.zones import origins
from kcompile.ir.domain_names import folded


@dataclass(frozen=True, slots=True)
class AutopathSettings(Settings):
    """`plugin` is the NAME of `@NAME` ("kubernetes"); without it `search` is the search list of a resolv.conf."""

    zones: tuple[str, ...]
    plugin: str | None
    search: tuple[str, ...]


def setup(dispenser: Dispenser, context: Context) -> AutopathSettings:
    settings = AutopathSettings((), None, ())
    for _ in dispenser.occurrences():
        words = dispenser.remaining()
        if not words:
            raise dispenser.plain("no resolv-conf specified", "arguments")
        plugin = words[-1][1:] if words[-1].startswith("@") else settings.plugin
        search = settings.search if words[-1].startswith("@") else _search(dispenser, context, words[-1])
        settings = AutopathSettings(origins(words[:-1], context.keys), plugin, search)
    return settings


def _search(dispenser: Dispenser, context: Context, name: str) -> tuple[str, ...]:
    try:
        content = context.files.read(name)
    except FileError as failure:
        message = f"failed to parse {quote(name)}: open {name}: {failure.reason}"
        raise dispenser.plain(
            message, "file", "write @kubernetes to take the search list from the Pod's namespace"
        ) from None
    return tuple(folded(zone) for zone in read_resolv_conf(content or b"").search)


# The plugins that can tell a client's search list.
_PROVIDERS = frozenset({"erratic", "kubernetes"})


def startup(settings: AutopathSettings, context: Context) -> SetupError | None:
    """A plugin that is not in the block is no error, one that cannot tell a search list is."""
    if settings.plugin in context.plugins - _PROVIDERS and settings.plugin not in WITHOUT_HANDLER:
        message = f"{settings.plugin} does not implement the AutoPather interface"
        return SetupError(Problem("wrong-plugin", message))
    return None
