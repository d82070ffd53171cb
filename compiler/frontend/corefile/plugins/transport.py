"""Plugins that set up the sockets: tls, quic, timeouts."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser, wrapped
from kcompile.frontend.corefile.tls_files import check_tls_files
from kcompile.frontend.corefile.values import SECOND, ValueProblem, atoi, format_duration, parse_duration

_NONE = Settings()
_CLIENT_AUTH = ("nocert", "request", "require", "verify_if_given", "require_and_verify")


@dataclass(frozen=True, slots=True)
class TlsSettings(Settings):
    certificate: str
    key: str


def setup_tls(dispenser: Dispenser, context: Context) -> TlsSettings:
    """`tls CERT KEY [CA] { client_auth KIND }`"""
    settings = TlsSettings("", "")
    for _ in dispenser.occurrences():
        names = dispenser.remaining()
        if not 2 <= len(names) <= 3:
            raise wrapped(dispenser.argument_error(), "tls")
        for option in dispenser.properties():
            if option != "client_auth":
                hint = "it came with CoreDNS 1.14.3" if option == "keylog" else ""
                raise dispenser.error(f"unknown option '{option}'", "unknown-property", hint)
            kind = dispenser.one_argument()
            if kind not in _CLIENT_AUTH:
                raise dispenser.error(f"unknown authentication type '{kind}'", hint=", ".join(_CLIENT_AUTH))
        check_tls_files(dispenser, context, names)
        settings = TlsSettings(names[0], names[1])
    return settings


_QUIC = ("max_streams", "worker_pool_size")


def setup_quic(dispenser: Dispenser, context: Context) -> Settings:
    """`quic { max_streams N  worker_pool_size N }`, each once."""
    dispenser.next()
    if dispenser.remaining():
        raise dispenser.argument_error()
    seen: set[str] = set()
    for name in dispenser.properties():
        if name not in _QUIC:
            raise dispenser.unknown_property(_QUIC)
        text = dispenser.one_argument()
        try:
            number = atoi(text)
        except ValueProblem as problem:
            raise dispenser.error(f"invalid {name} value '{text}': {problem}") from None
        if number <= 0:
            raise dispenser.error(f"{name} must be a positive integer: {number}")
        if name in seen:
            raise dispenser.error(f"{name} already defined for this server block", "repeated")
        seen.add(name)
    return _NONE


_TIMEOUTS = ("read", "write", "idle")


def setup_timeouts(dispenser: Dispenser, context: Context) -> Settings:
    """`timeouts { read|write|idle DURATION }`; a bare number is seconds."""
    for _ in dispenser.occurrences():
        if dispenser.remaining():
            raise wrapped(dispenser.argument_error(), "timeouts")
        count = 0
        for name in dispenser.properties():
            text = _with_unit(dispenser.one_argument())
            try:
                duration = parse_duration(text)
            except ValueProblem:
                raise dispenser.error(f"failed to parse duration '{text}'") from None
            if not SECOND <= duration <= 24 * 3600 * SECOND:
                shown = format_duration(duration)
                raise dispenser.error(f"timeout provided '{shown}' needs to be between 1 second and 24 hours")
            if name not in _TIMEOUTS:
                raise dispenser.error(f"unknown option: '{name}'", "unknown-property", ", ".join(_TIMEOUTS))
            count += 1
        if not count:
            raise wrapped(dispenser.error("timeouts block with no timeouts specified", "arguments"), "timeouts")
    return _NONE


def _with_unit(text: str) -> str:
    try:
        atoi(text)
    except ValueProblem:
        return text
    return f"{text}s"
