"""Plugins around zone transfer: transfer, secondary, auto."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.addresses import join_host_port, parse_ip, split_host_port
from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser, wrapped
from kcompile.frontend.corefile.regexp import RegexpError, compile_regexp
from kcompile.frontend.corefile.values import ValueProblem, parse_duration, quote
from kcompile.frontend.corefile.zones import origins

_DNS_PORT = "53"


@dataclass(frozen=True, slots=True)
class ZonesSettings(Settings):
    zones: tuple[str, ...]


def setup_transfer(dispenser: Dispenser, context: Context) -> ZonesSettings:
    """`transfer [ZONES...] { to ADDRESS... }`; `*` is everybody."""
    zones: list[str] = []
    for _ in dispenser.occurrences():
        zones += origins(dispenser.remaining(), context.keys)
        targets: list[str] = []
        for name in dispenser.properties():
            if name != "to":
                raise wrapped(dispenser.error(f"unknown property {quote(name)}", "unknown-property"), "transfer")
            targets += [host if host == "*" else _address(dispenser, host) for host in dispenser.arguments()]
        if not targets:
            raise wrapped(dispenser.error("'to' is required", "arguments"), "transfer")
    return ZonesSettings(tuple(zones))


def setup_secondary(dispenser: Dispenser, context: Context) -> ZonesSettings:
    """`secondary [ZONES...] { transfer from ADDRESS... }`"""
    zones: list[str] = []
    for _ in dispenser.occurrences():
        # A brace on the next line is read as if it were the directive's name, and passed over.
        if dispenser.value != "secondary":
            continue
        zones += origins(dispenser.remaining(), context.keys)
        has_transfer = False
        for name in dispenser.properties():
            if name != "transfer":
                hint = "it came with CoreDNS 1.14.4" if name == "fallthrough" else ""
                raise dispenser.error(f"unknown property '{name}'", "unknown-property", hint)
            direction = dispenser.argument()
            if direction != "from":
                raise dispenser.error(f"unknown property {direction}", "unknown-property")
            for host in dispenser.arguments():
                if host == "*":
                    raise dispenser.plain("can't use '*' in transfer from")
                _address(dispenser, host)
            has_transfer = True
        if not has_transfer:
            raise dispenser.error("secondary zones require a transfer from property", "arguments")
    return ZonesSettings(tuple(zones))


def _address(dispenser: Dispenser, text: str) -> str:
    """An IP address with a port, 53 if there is none."""
    try:
        host, port = split_host_port(text)
    except ValueProblem:
        host, port = text, ""
    if parse_ip(host) is None:
        raise dispenser.plain(f"must specify an IP address: `{host}'")
    return join_host_port(host, port or _DNS_PORT)


_AUTO = ("directory", "reload", "upstream")


def setup_auto(dispenser: Dispenser, context: Context) -> ZonesSettings:
    """`auto [ZONES...] { directory FOLDER [REGEXP TEMPLATE]  reload DURATION }`"""
    zones: tuple[str, ...] = ()
    for _ in dispenser.occurrences():
        zones = origins(dispenser.remaining(), context.keys)
        for name in dispenser.properties():
            if name == "directory":
                _directory(dispenser, context)
            elif name == "reload":
                words = dispenser.remaining()
                if not words:
                    raise dispenser.plain("reload duration value is expected", "arguments")
                try:
                    duration = parse_duration(words[0])
                except ValueProblem as problem:
                    raise wrapped(dispenser.plain(str(problem)), "file") from None
                if duration < 0:
                    raise wrapped(dispenser.plain("invalid duration"), "file")
            elif name == "upstream":
                dispenser.remaining()
                dispenser.warn("removed-option", "upstream: has no effect any more")
            else:
                raise dispenser.unknown_property(_AUTO)
    return ZonesSettings(zones)


def _directory(dispenser: Dispenser, context: Context) -> None:
    folder = context.path(dispenser.argument())
    if not context.files.exists(folder):
        dispenser.warn("file", f"Directory does not exist: {folder}")
    if dispenser.next_argument():
        try:
            pattern = compile_regexp(dispenser.value)
        except RegexpError as problem:
            raise dispenser.plain(str(problem), "regexp") from None
        if not pattern.groups:
            raise dispenser.error("Need at least one sub expression", "regexp")
        dispenser.argument()
    dispenser.no_argument()
