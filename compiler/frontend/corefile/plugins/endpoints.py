"""Plugins that serve HTTP beside the DNS: health, ready, prometheus, pprof."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.addresses import parse_ip, parse_port, split_host_port
from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser, SetupError, did_you_mean
from kcompile.frontend.corefile.problems import Problem
from kcompile.frontend.corefile.values import SECOND, ValueProblem, atoi, parse_duration


@dataclass(frozen=True, slots=True)
class EndpointSettings(Settings):
    """`address` is HOST:PORT; an empty host is every address of the machine."""

    address: str


@dataclass(frozen=True, slots=True)
class HealthSettings(EndpointSettings):
    """`lameduck_seconds`: how long a server that is told to stop goes on serving."""

    lameduck_seconds: float = 0.0


def setup_health(dispenser: Dispenser, context: Context) -> HealthSettings:
    """`health [ADDRESS] { lameduck DURATION }`"""
    settings = HealthSettings(":8080")
    for _ in dispenser.occurrences():
        address = _address(dispenser)
        settings = HealthSettings(address or settings.address, settings.lameduck_seconds)
        for name in dispenser.properties():
            if name != "lameduck":
                raise dispenser.argument_error(did_you_mean(name, ("lameduck",)))
            text = dispenser.one_argument()
            try:
                settings = HealthSettings(settings.address, parse_duration(text) / SECOND)
            except ValueProblem as problem:
                message = f"unable to parse lameduck duration value: '{text}' : {problem}"
                raise dispenser.plain(message) from None
    return settings


def setup_ready(dispenser: Dispenser, context: Context) -> EndpointSettings:
    """`ready [ADDRESS] { monitor until-ready|continuously }`; other properties are not looked at before 1.14.4."""
    address = ":8181"
    for _ in dispenser.occurrences(once=True):
        address = _address(dispenser) or address
        for name in dispenser.properties():
            if name == "monitor":
                kind = dispenser.one_argument()
                if kind not in ("until-ready", "continuously"):
                    raise dispenser.error(f"monitor type '{kind}' not supported", hint="until-ready or continuously")
            else:
                dispenser.warn("removed-option", f"`{name}` has no effect, and CoreDNS 1.14.4 refuses it")
    return EndpointSettings(address)


def setup_prometheus(dispenser: Dispenser, context: Context) -> EndpointSettings:
    """`prometheus [ADDRESS]`"""
    address = "localhost:9153"
    for _ in dispenser.occurrences(once=True):
        address = _address(dispenser) or address
    return EndpointSettings(address)


def setup_pprof(dispenser: Dispenser, context: Context) -> EndpointSettings:
    """`pprof [ADDRESS] { block [RATE] }`"""
    address = "localhost:6053"
    for _ in dispenser.occurrences(once=True):
        words = dispenser.remaining()
        if len(words) == 1:
            try:
                split_host_port(words[0])
            except ValueProblem as problem:
                raise dispenser.error(str(problem), "address", _ADDRESS_HINT) from None
            address = words[0]
        if len(words) > 1:
            raise dispenser.argument_error()
        for name in dispenser.properties():
            if name != "block":
                raise dispenser.unknown_property(("block",))
            rates = dispenser.remaining()
            if len(rates) > 1:
                raise dispenser.argument_error()
            try:
                _ = [atoi(rate) for rate in rates]
            except ValueProblem:
                raise dispenser.error(f"property 'block' invalid integer value '{rates[0]}'") from None
    return EndpointSettings(address)


_ADDRESS_HINT = "write HOST:PORT or :PORT"


def _address(dispenser: Dispenser) -> str:
    words = dispenser.remaining()
    if len(words) > 1:
        raise dispenser.argument_error()
    if words:
        try:
            split_host_port(words[0])
        except ValueProblem as problem:
            raise dispenser.plain(str(problem), "address", _ADDRESS_HINT) from None
    return words[0] if words else ""


def startup(settings: EndpointSettings, context: Context) -> SetupError | None:
    """Whether something can listen on the address."""
    host, port = split_host_port(settings.address)
    address = host.partition("%")[0]
    try:
        number = parse_port(port)
    except ValueProblem as problem:
        return SetupError(Problem("address", f"listen tcp: {problem}"))
    if parse_ip(address) is not None:
        if context.machine.has(address):
            return None
        shown = f"[{host}]:{number}" if ":" in host else f"{host}:{number}"
        message = f"listen tcp {shown}: bind: cannot assign requested address"
        return SetupError(
            Problem("address", message, hint=f"name the machine's own addresses: --local-address {host}/32")
        )
    if host in ("", "localhost") or not context.machine.is_known:
        return None
    return SetupError(Problem("address", f"listen tcp: lookup {host}: no such host"))
