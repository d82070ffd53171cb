"""forward: ask upstream servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser, SetupError
from kcompile.frontend.corefile.numbers import RCODES
from kcompile.frontend.corefile.plugins.upstreams import Upstream as Upstream
from kcompile.frontend.corefile.plugins.upstreams import read_upstreams
from kcompile.frontend.corefile.tls_files import check_tls_files
from kcompile.frontend.corefile.values import SECOND, format_duration, parse_duration, parse_uint
from kcompile.frontend.corefile.zones import all_zones, normalize_zones
from kcompile.ir.domain_names import is_domain_name

Policy = Literal["random", "round_robin", "sequential"]


@dataclass(frozen=True, slots=True)
class Forward:
    """One `forward`. `excepted` zones go to the next plugin, as do answers whose rcode is in `next_rcodes`."""

    zone: str
    upstreams: tuple[Upstream, ...]
    excepted: tuple[str, ...] = ()
    policy: Policy = "random"
    next_rcodes: tuple[int, ...] = ()
    failover_rcodes: tuple[int, ...] = ()
    force_tcp: bool = False
    prefer_udp: bool = False
    max_fails: int = 2
    max_concurrent: int = 0
    expire_seconds: float = 10.0
    health_check_seconds: float = 0.5
    tls_server_name: str = ""
    failfast: bool = False


@dataclass(frozen=True, slots=True)
class ForwardSettings(Settings):
    """Several forwards stand one behind the other: what the first does not take goes to the second."""

    forwards: tuple[Forward, ...]


_MAX_UPSTREAMS = 15
_SINCE = {
    "max_connect_attempts": "1.13.2",
    "max_age": "1.14.3",
    "max_idle_conns": "1.14.3",
    "next_on_nodata": "1.14.4",
    "resolver": "1.14.4",
}
"""Options that came after CoreDNS 1.13.1."""


def setup(dispenser: Dispenser, context: Context) -> ForwardSettings:
    forwards = []
    for _ in dispenser.occurrences():
        forwards.append(_forward(dispenser, context))
    for forward in forwards:
        if len(forward.upstreams) > _MAX_UPSTREAMS:
            message = f"more than {_MAX_UPSTREAMS} TOs configured: {len(forward.upstreams)}"
            raise dispenser.about_all(message, "arguments")
    return ForwardSettings(tuple(forwards))


def _forward(dispenser: Dispenser, context: Context) -> Forward:
    """`forward FROM TO... { ... }`"""
    source = dispenser.argument()
    zones = normalize_zones(source)
    if not zones:
        raise dispenser.plain(f"unable to normalize '{source}'")
    if len(zones) > 1:
        message = f"Unsupported CIDR notation: '{source}' expands to multiple zones. Using only '{zones[0]}'."
        dispenser.warn("reverse-network", message, "write one `forward` for each of the zones")
    upstreams = read_upstreams(dispenser, context, dispenser.arguments())
    for upstream in upstreams:
        if upstream.transport not in ("dns", "tls"):
            shown = f"{upstream.transport}://{upstream.address}"
            message = f"'{upstream.transport}' is not supported as a destination protocol in forward: {shown}"
            raise dispenser.plain(message)
    forward = Forward(zones[0], upstreams)
    excepted: list[str] = []
    for name in dispenser.properties():
        if name == "tls":
            _tls(dispenser, context)
        elif name == "except":
            excepted += all_zones(dispenser.arguments())
        elif name in _OPTIONS:
            forward = _OPTIONS[name](dispenser, forward)
        else:
            raise _unknown(dispenser, name)
    return replace(forward, excepted=tuple(excepted))


def _unknown(dispenser: Dispenser, name: str) -> SetupError:
    if name in _SINCE:
        return dispenser.error(f"unknown property '{name}'", "unknown-property", f"it came with CoreDNS {_SINCE[name]}")
    if name in ("health_checks", "spray", "protocol", "fail_timeout"):
        hint = "an option of the old `proxy` plugin, which `forward` replaced"
        return dispenser.error(f"unknown property '{name}'", "unknown-property", hint)
    return dispenser.unknown_property((*_OPTIONS, "except", "tls"))


def _tls(dispenser: Dispenser, context: Context) -> None:
    names = dispenser.remaining()
    if len(names) > 3:
        raise dispenser.argument_error()
    check_tls_files(dispenser, context, names)


def _max_fails(dispenser: Dispenser, forward: Forward) -> Forward:
    return replace(forward, max_fails=dispenser.convert(lambda text: parse_uint(text, 32), dispenser.argument()))


def _health_check(dispenser: Dispenser, forward: Forward) -> Forward:
    """`health_check DURATION [no_rec] [domain NAME]`"""
    duration = dispenser.convert(parse_duration, dispenser.argument())
    if duration < 0:
        raise dispenser.plain(f"health_check can't be negative: {duration}")
    while dispenser.next_argument():
        option = dispenser.value
        if option == "domain":
            name = dispenser.argument()
            if not is_domain_name(name):
                raise dispenser.plain(f"health_check: invalid domain name {name}")
        elif option != "no_rec":
            raise dispenser.plain(f"health_check: unknown option {option}", "unknown-property")
    return replace(forward, health_check_seconds=duration / SECOND)


def _force_tcp(dispenser: Dispenser, forward: Forward) -> Forward:
    dispenser.no_argument()
    return replace(forward, force_tcp=True)


def _prefer_udp(dispenser: Dispenser, forward: Forward) -> Forward:
    dispenser.no_argument()
    return replace(forward, prefer_udp=True)


def _tls_server_name(dispenser: Dispenser, forward: Forward) -> Forward:
    return replace(forward, tls_server_name=dispenser.argument())


def _expire(dispenser: Dispenser, forward: Forward) -> Forward:
    duration = dispenser.convert(parse_duration, dispenser.argument())
    if duration < 0:
        raise dispenser.plain(f"expire can't be negative: {format_duration(duration)}")
    return replace(forward, expire_seconds=duration / SECOND)


def _policy(dispenser: Dispenser, forward: Forward) -> Forward:
    return replace(forward, policy=read_policy(dispenser))


def _max_concurrent(dispenser: Dispenser, forward: Forward) -> Forward:
    number = dispenser.number(dispenser.argument())
    if number < 0:
        raise dispenser.plain(f"max_concurrent can't be negative: {number}")
    return replace(forward, max_concurrent=number)


def _next(dispenser: Dispenser, forward: Forward) -> Forward:
    return replace(forward, next_rcodes=forward.next_rcodes + _rcodes(dispenser))


def _failover(dispenser: Dispenser, forward: Forward) -> Forward:
    rcodes = _rcodes(dispenser)
    if RCODES["NOERROR"] in rcodes:
        dispenser.warn("removed-option", "failover NOERROR is refused by CoreDNS 1.13.2 and later")
    return replace(forward, failover_rcodes=forward.failover_rcodes + rcodes)


def _failfast(dispenser: Dispenser, forward: Forward) -> Forward:
    if dispenser.remaining():
        raise dispenser.argument_error()
    return replace(forward, failfast=True)


_OPTIONS: Mapping[str, Callable[[Dispenser, Forward], Forward]] = {
    "max_fails": _max_fails,
    "health_check": _health_check,
    "force_tcp": _force_tcp,
    "prefer_udp": _prefer_udp,
    "tls_servername": _tls_server_name,
    "expire": _expire,
    "policy": _policy,
    "max_concurrent": _max_concurrent,
    "next": _next,
    "failover": _failover,
    "failfast_all_unhealthy_upstreams": _failfast,
}


def _rcodes(dispenser: Dispenser) -> tuple[int, ...]:
    rcodes = []
    for name in dispenser.arguments():
        if name.upper() not in RCODES:
            raise dispenser.plain(f"{name} is not a valid rcode")
        rcodes.append(RCODES[name.upper()])
    return tuple(rcodes)


def read_policy(dispenser: Dispenser) -> Policy:
    """`policy random|round_robin|sequential`"""
    text = dispenser.argument()
    policies: tuple[Policy, ...] = get_args(Policy)
    for policy in policies:
        if policy == text:
            return policy
    raise dispenser.error(f"unknown policy '{text}'", hint=", ".join(policies))
