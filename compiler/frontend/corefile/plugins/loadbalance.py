"""loadbalance: the order of addresses in an answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from kcompile.frontend.corefile.addresses import parse_cidr
from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser, SetupError
from kcompile.frontend.corefile.files import FileError
from kcompile.frontend.corefile.problems import Problem
from kcompile.frontend.corefile.values import SECOND, ValueProblem, format_duration, parse_duration, quote
from kcompile.frontend.corefile.weight_file import weight_file_problem


@dataclass(frozen=True, slots=True)
class LoadbalanceSettings(Settings):
    """`weight_file` belongs to the weighted policy; `preferred` networks come first."""

    policy: Literal["round_robin", "weighted"] = "round_robin"
    weight_file: str = ""
    reload_seconds: float = 30.0
    preferred: tuple[IPv4Network | IPv6Network, ...] = ()


def setup(dispenser: Dispenser, context: Context) -> LoadbalanceSettings:
    settings = LoadbalanceSettings()
    preferred: list[IPv4Network | IPv6Network] = []
    for _ in dispenser.occurrences():
        words = dispenser.remaining()
        if words[:1] == ["weighted"]:
            settings = _weighted(dispenser, words, context)
        elif words and words[0] != "round_robin":
            raise dispenser.plain(f"unknown policy: {words[0]}", hint="round_robin or weighted")
        elif len(words) > 1:
            raise dispenser.error(f"unknown property for {words[0]}", "arguments")
        else:
            settings = replace(settings, policy="round_robin")
        for name in dispenser.properties():
            if name != "prefer":
                raise dispenser.unknown_property(("prefer", "reload"))
            preferred += _networks(dispenser)
    return replace(settings, preferred=tuple(preferred))


def _weighted(dispenser: Dispenser, words: list[str], context: Context) -> LoadbalanceSettings:
    """`weighted FILE { reload DURATION }`"""
    if len(words) < 2:
        raise dispenser.error("missing weight file argument", "arguments")
    if len(words) > 2:
        raise dispenser.error("unexpected argument(s)", "arguments")
    settings = LoadbalanceSettings("weighted", context.path(words[1]))
    for name in dispenser.properties():
        if name != "reload":
            raise dispenser.unknown_property(("reload",))
        durations = dispenser.remaining()
        if len(durations) != 1:
            what = "unexpected argument" if durations else "reload duration value is missing"
            raise dispenser.error(what, "arguments")
        try:
            settings = replace(settings, reload_seconds=parse_duration(durations[0]) / SECOND)
        except ValueProblem:
            raise dispenser.error(f"invalid reload duration '{durations[0]}'") from None
    try:
        context.files.read(settings.weight_file)
    except FileError:
        if not settings.reload_seconds:
            return settings
        interval = format_duration(int(settings.reload_seconds * SECOND))
        dispenser.warn("file", f"Failed to open weight file:weight file open error. Will try again in {interval}")
    return settings


def _networks(dispenser: Dispenser) -> list[IPv4Network | IPv6Network]:
    networks = []
    for text in dispenser.remaining():
        parsed = parse_cidr(text)
        if parsed is None:
            raise dispenser.error(f"invalid CIDR {quote(text)}: invalid CIDR address: {text}")
        networks.append(parsed[1])
    return networks


def startup(settings: LoadbalanceSettings, context: Context) -> SetupError | None:
    """A weight file that is missing is read later; one that cannot be understood is an error."""
    if settings.policy == "weighted":
        try:
            content = context.files.read(settings.weight_file)
        except FileError:
            if settings.reload_seconds:
                return None
            return SetupError(Problem("file", "weight file open error"))
        if content is not None and (problem := weight_file_problem(content, settings.weight_file)):
            return SetupError(Problem("weight-file", problem))
    return None
