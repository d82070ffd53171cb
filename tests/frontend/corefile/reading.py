"""Read Corefiles in tests."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import indent

from kcompile.frontend.corefile.configuration import Configuration, Settings
from kcompile.frontend.corefile.context import Machine
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.load import load_corefile
from kcompile.frontend.source import Source


def load(
    text: str,
    environment: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
    machine: Machine | None = None,
) -> Configuration:
    """The Corefile of a Pod; `files` are the other keys of its ConfigMap."""
    source = Source("Corefile", text.encode())
    return load_corefile(source, environment or {}, Files(mounted=files or {}), machine=machine, in_cluster=True)


def settings(text: str, files: Mapping[str, bytes] | None = None, key: str = ".") -> Settings:
    """What a plugin makes of these lines, alone in a server block; the Corefile must be accepted."""
    configuration = load(f"{key} {{\n{indent(text, '    ')}\n}}\n", files=files)
    assert configuration.rejection is None, configuration.rejection
    (plugin,) = configuration.servers[0].plugins
    assert plugin.settings is not None
    return plugin.settings


def rejection(text: str, files: Mapping[str, bytes] | None = None, key: str = ".") -> str:
    """CoreDNS's message against these lines in a server block; empty if it takes them."""
    found = load(f"{key} {{\n{indent(text, '    ')}\n}}\n", files=files).rejection
    return found.text if found else ""


def warnings(configuration: Configuration) -> list[tuple[int, str]]:
    """Line and code of each warning; there must be no error."""
    assert configuration.rejection is None, configuration.rejection
    return sorted((d.span.line, d.code) for d in configuration.diagnostics if d.span)
