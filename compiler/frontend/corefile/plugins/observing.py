"""Plugins that tell others what happens: trace, dnstap, on."""

from __future__ import annotations

import shlex

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser
from kcompile.frontend.corefile.values import ValueProblem, atoi, parse_bool, parse_float, parse_uint, quote

_NONE = Settings()
_TRACERS = ("zipkin", "datadog")


def setup_trace(dispenser: Dispenser, context: Context) -> Settings:
    """`trace [zipkin|datadog] [ENDPOINT] { ... }`; unknown properties are not looked at before 1.14.4."""
    for _ in dispenser.occurrences():
        words = dispenser.remaining()
        if len(words) > 2:
            raise dispenser.argument_error()
        if len(words) == 2 and words[0].lower() not in _TRACERS:
            raise dispenser.plain(f"tracing endpoint type '{words[0].lower()}' is not supported")
        for name in dispenser.properties():
            _trace_property(dispenser, name)
    return _NONE


def _trace_property(dispenser: Dispenser, name: str) -> None:
    if name == "every":
        dispenser.convert(lambda text: parse_uint(text, 64), dispenser.one_argument())
    elif name == "service":
        dispenser.one_argument()
    elif name in ("client_server", "datadog_analytics_rate"):
        words = dispenser.remaining()
        if len(words) > 1:
            raise dispenser.argument_error()
        if words and name == "client_server":
            dispenser.convert(parse_bool, words[0])
        elif words:
            rate = dispenser.convert(parse_float, words[0])
            if rate > 1 or rate < 0:
                message = f"datadog analytics rate must be between 0 and 1, '{rate:f}' is not supported"
                raise dispenser.plain(message)
    elif name in ("zipkin_max_backlog_size", "zipkin_max_batch_size"):
        dispenser.number(dispenser.one_argument())
    elif name == "zipkin_max_batch_interval":
        dispenser.seconds(dispenser.one_argument())
    else:
        dispenser.warn("removed-option", f"`{name}` has no effect, and CoreDNS 1.14.4 refuses it")


_MAX_WRITE_BUFFER = 1024
_MAX_QUEUE = 4096


def setup_dnstap(dispenser: Dispenser, context: Context) -> Settings:
    """`dnstap SOCKET [full [WRITE_BUFFER [QUEUE]]] { ... }`; unknown properties are not looked at before 1.14.4."""
    for _ in dispenser.occurrences():
        words = dispenser.arguments()
        if len(words) >= 3:
            _multiple(dispenser, words[2], "MultipleTcpWriteBuf", _MAX_WRITE_BUFFER, "MiB units")
        if len(words) >= 4:
            _multiple(dispenser, words[3], "MultipleQueue", _MAX_QUEUE, "x10k messages")
        for name in dispenser.properties():
            if name in ("identity", "version", "extra"):
                dispenser.argument()
            elif name != "skipverify":
                dispenser.warn("removed-option", f"`{name}` has no effect, and CoreDNS 1.14.4 refuses it")
    return _NONE


def _multiple(dispenser: Dispenser, text: str, name: str, maximum: int, unit: str) -> None:
    try:
        number = atoi(text)
    except ValueProblem as problem:
        raise dispenser.error(f"dnstap: invalid {name} {quote(text)}: {problem}") from None
    if not 1 <= number <= maximum:
        raise dispenser.error(f"dnstap: {name} must be between 1 and {maximum} ({unit}): {number}")


_EVENTS = ("startup", "shutdown", "certrenew")


def setup_on(dispenser: Dispenser, context: Context) -> Settings:
    """`on EVENT COMMAND...`"""
    for _ in dispenser.occurrences():
        event = dispenser.argument()
        if event.lower() not in _EVENTS:
            raise dispenser.error(f"Wrong event name or event not supported: '{event}'", hint=", ".join(_EVENTS))
        command = " ".join(dispenser.remaining())
        try:
            words = shlex.split(command)
        except ValueError as problem:
            raise dispenser.error(f"error parsing command: {problem}") from None
        if not words:
            raise dispenser.error(f"no command contained in '{command}'", "arguments")
    return _NONE
