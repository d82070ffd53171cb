"""grpc: ask upstream servers over gRPC."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Settings
from kcompile.frontend.corefile.context import Context
from kcompile.frontend.corefile.dispenser import Dispenser
from kcompile.frontend.corefile.plugins.forward import read_policy
from kcompile.frontend.corefile.plugins.upstreams import Upstream, read_upstreams
from kcompile.frontend.corefile.tls_files import check_tls_files
from kcompile.frontend.corefile.zones import normalize_zones

_MAX_UPSTREAMS = 15
_PROPERTIES = ("except", "tls", "tls_servername", "policy", "fallthrough")


@dataclass(frozen=True, slots=True)
class GrpcSettings(Settings):
    zone: str
    upstreams: tuple[Upstream, ...]


def setup(dispenser: Dispenser, context: Context) -> GrpcSettings:
    settings = GrpcSettings(".", ())
    for _ in dispenser.occurrences(once=True):
        source = dispenser.argument()
        zones = normalize_zones(source)
        if not zones:
            raise dispenser.plain(f"unable to normalize '{source}'")
        settings = GrpcSettings(zones[0], read_upstreams(dispenser, context, dispenser.arguments()))
        for name in dispenser.properties():
            _property(dispenser, context, name)
    if len(settings.upstreams) > _MAX_UPSTREAMS:
        raise dispenser.about_all(f"more than {_MAX_UPSTREAMS} TOs configured: {len(settings.upstreams)}", "arguments")
    return settings


def _property(dispenser: Dispenser, context: Context, name: str) -> None:
    if name == "except":
        dispenser.arguments()
    elif name == "tls":
        names = dispenser.remaining()
        if len(names) > 3:
            raise dispenser.argument_error()
        check_tls_files(dispenser, context, names)
    elif name == "tls_servername":
        dispenser.argument()
    elif name == "policy":
        read_policy(dispenser)
    elif name == "fallthrough":
        dispenser.fallthrough()
    else:
        raise dispenser.unknown_property(_PROPERTIES)
