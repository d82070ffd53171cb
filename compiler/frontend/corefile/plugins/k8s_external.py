"""k8s_external: names of Services under an outside zone, answered with their external addresses."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser, SetupError
from kcompile.frontend.corefile.problems import Problem
from kcompile.frontend.corefile.zones import origins


@dataclass(frozen=True, slots=True)
class K8sExternalSettings(Settings):
    """`apex` is the label of the zone's own name server and SOA contact."""

    zones: tuple[str, ...]
    apex: str
    ttl: int
    headless: bool
    fallthrough: tuple[str, ...]


_PROPERTIES = ("ttl", "apex", "headless", "fallthrough")
_MAX_TTL = 3600


def setup(dispenser: Dispenser, context: Context) -> K8sExternalSettings:
    settings = K8sExternalSettings((), apex="dns", ttl=5, headless=False, fallthrough=())
    for _ in dispenser.occurrences():
        settings = replace(settings, zones=origins(dispenser.remaining(), context.keys))
        for name in dispenser.properties():
            if name == "ttl":
                ttl = dispenser.number(dispenser.arguments()[0])
                if not 0 <= ttl <= _MAX_TTL:
                    raise dispenser.error(f"ttl must be in range [0, {_MAX_TTL}]: {ttl}")
                settings = replace(settings, ttl=ttl)
            elif name == "apex":
                settings = replace(settings, apex=dispenser.arguments()[0])
            elif name == "headless":
                settings = replace(settings, headless=True)
            elif name == "fallthrough":
                settings = replace(settings, fallthrough=dispenser.fallthrough())
            else:
                raise dispenser.unknown_property(_PROPERTIES)
    return settings


def startup(settings: K8sExternalSettings, context: Context) -> SetupError | None:
    if "kubernetes" in context.plugins:
        return None
    hint = "it answers with the Services that a kubernetes plugin in the same block knows"
    return SetupError(Problem("missing-plugin", "kubernetes plugin not loaded", hint=hint))
