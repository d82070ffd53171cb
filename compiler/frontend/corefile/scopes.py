"""Which names a plugin answers, as far as its settings tell. The warnings about a Corefile stand on this."""

from __future__ import annotations

from dataclasses import dataclass

from kcompile.frontend.corefile.configuration import Plugin, Server
from kcompile.frontend.corefile.plugins.backends import BackendSettings
from kcompile.frontend.corefile.plugins.file import FileSettings
from kcompile.frontend.corefile.plugins.forward import ForwardSettings
from kcompile.frontend.corefile.plugins.grpc import GrpcSettings
from kcompile.frontend.corefile.plugins.hosts import HostsSettings
from kcompile.frontend.corefile.plugins.k8s_external import K8sExternalSettings
from kcompile.frontend.corefile.plugins.kubernetes import KubernetesSettings
from kcompile.frontend.corefile.plugins.rewrite import NameRule, RewriteSettings
from kcompile.frontend.corefile.plugins.template import TemplateSettings
from kcompile.frontend.corefile.plugins.transfers import ZonesSettings
from kcompile.frontend.corefile.syntax import Token
from kcompile.ir.domain_names import folded, is_subdomain

_ALL = (".",)

_MAX_KEYS = 1000
"""With more keys than this the time to compare each with each plugin's zones is not worth a warning."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The zones in which a plugin answers. Names below one of `passed` may go on to the next plugin.

    `token` is the name of the directive.
    """

    zones: tuple[str, ...]
    passed: tuple[str, ...]
    token: Token


def scopes(plugin: Plugin) -> tuple[Scope, ...]:
    """Empty for a plugin that does not answer by itself, such as cache."""
    token = plugin.directives[0].tokens[0]
    match plugin.settings:
        case KubernetesSettings() | HostsSettings() | K8sExternalSettings() as settings:
            return (Scope(settings.zones, settings.fallthrough, token),)
        case FileSettings() as settings:
            return (Scope(tuple(zone.origin for zone in settings.zones), settings.fallthrough, token),)
        case ForwardSettings() as settings:
            tokens = [directive.tokens[0] for directive in plugin.directives]
            return tuple(
                Scope((forward.zone,), _ALL if forward.next_rcodes else forward.excepted, at)
                for forward, at in zip(settings.forwards, tokens, strict=False)
            )
        case TemplateSettings() as settings:
            # A name that no pattern matches may fall through, and so does every other type of query.
            return tuple(Scope(template.zones, _ALL, token) for template in settings.templates)
        case GrpcSettings() as settings:
            return (Scope((settings.zone,), _ALL, token),)
        case BackendSettings() as settings:
            return (Scope(tuple(map(folded, settings.zones)), _ALL, token),)
        case ZonesSettings() as settings if plugin.name in ("auto", "secondary"):
            return (Scope(settings.zones, _ALL, token),)
    return (Scope(_ALL, (), token),) if plugin.name in ("erratic", "whoami") else ()


def narrower(zone: str, other: str) -> str | None:
    """The one of two zones that lies in the other."""
    if is_subdomain(zone, other):
        return other
    return zone if is_subdomain(other, zone) else None


def incoming_zones(server: Server) -> tuple[str, ...]:
    """The zones whose names the plugins of a block get to see. A block that rewrites names may see any name."""
    if renames(server) or len(server.keys) > _MAX_KEYS:
        return _ALL
    return tuple(key.zone.lower() for key in server.keys)


def renames(server: Server) -> bool:
    """Whether the block rewrites names, so that plugins see other names than its keys let in."""
    plugin = server.plugin("rewrite")
    settings = plugin.settings if plugin else None
    return isinstance(settings, RewriteSettings) and any(isinstance(rule, NameRule) for rule in settings.rules)
