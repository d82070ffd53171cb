"""Server blocks for people and for programs: the plugins in the order in which a query passes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kcompile.diagnostics import Diagnostic
from kcompile.frontend.corefile.configuration import Configuration, Plugin, Server
from kcompile.frontend.corefile.directives import WITHOUT_HANDLER
from kcompile.frontend.corefile.servers import hosts
from kcompile.frontend.corefile.syntax import Directive, Token

_NEEDS_QUOTES = re.compile(r'[\s#]|^"|^$')


def listing(configuration: Configuration) -> Iterator[str]:
    """Each server block as lines, an empty line between blocks."""
    for number, server in enumerate(configuration.servers):
        if number:
            yield ""
        yield from _server(server)


def _server(server: Server) -> Iterator[str]:
    yield f"{' '.join(_word(token) for token in server.block.keys) or '.'}  ({_place(server)})"
    yield f"    serves  {', '.join(key.text for key in server.keys)}"
    addresses = hosts(server)
    yield f"    on      {', '.join(address or 'every address' for address in addresses) or 'no address'}"
    beside = [plugin for plugin in server.plugins if plugin.name in WITHOUT_HANDLER]
    chain = [plugin for plugin in server.plugins if plugin.name not in WITHOUT_HANDLER]
    if beside:
        yield "    set up beside the queries:"
        for plugin in beside:
            yield from _plugin(plugin, "  -")
    yield "    a query passes:" if chain else "    no plugin: every query is REFUSED"
    for number, plugin in enumerate(chain, 1):
        yield from _plugin(plugin, f"{number:>3}")


def _plugin(plugin: Plugin, mark: str) -> Iterator[str]:
    for directive in plugin.directives:
        words = [directive.name, *(_word(token) for token in directive.tokens[1 : 1 + len(directive.arguments)])]
        yield f"    {mark}  {' '.join(words)}"
        depth = 0
        for line in directive.lines:
            depth -= line[0].text == "}"
            yield f"    {'':>{len(mark)}}  {'    ' * (depth + 1)}{' '.join(map(_word, line))}"
            depth += sum((token.text == "{") - (token.text == "}") for token in line) + (line[0].text == "}")
        mark = " " * len(mark)


def _word(token: Token) -> str:
    text = token.text
    return '"' + text.replace('"', '\\"') + '"' if _NEEDS_QUOTES.search(text) else text


def _place(server: Server) -> str:
    span = server.keys[0].token.span
    return f"{span.source.name}:{span.line}" if span.line else span.source.name


def listing_json(configuration: Configuration) -> dict[str, Any]:
    """The same as JSON: `servers` with `keys`, `addresses` and `plugins`; a plugin without `passes` sees no query."""
    return {"servers": [_server_json(server) for server in configuration.servers]}


def _server_json(server: Server) -> dict[str, Any]:
    span = server.keys[0].token.span
    return {
        "keys": [key.text for key in server.keys],
        "addresses": [address for address in hosts(server) if address],
        "file": span.source.name,
        "line": span.line,
        "plugins": [
            {"name": plugin.name, "passes": plugin.name not in WITHOUT_HANDLER, **_directive_json(directive)}
            for plugin in server.plugins
            for directive in plugin.directives
        ],
    }


def _directive_json(directive: Directive) -> dict[str, Any]:
    return {
        "arguments": list(directive.arguments),
        "lines": [[token.text for token in line] for line in directive.lines],
        "file": directive.span.source.name,
        "line": directive.span.line,
    }


def diagnostic_json(diagnostic: Diagnostic) -> dict[str, Any]:
    span = diagnostic.span
    return {
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "file": span.source.name if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
    }
