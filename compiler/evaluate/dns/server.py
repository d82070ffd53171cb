"""The server: which server block takes a query, and the plugins of a block in the order in which they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kcompile.evaluate.dns.acl import Acl
from kcompile.evaluate.dns.autopath import Autopath
from kcompile.evaluate.dns.cache import Cache
from kcompile.evaluate.dns.chain import Context, Evaluator, Handler, chain
from kcompile.evaluate.dns.file import File
from kcompile.evaluate.dns.forward import Forward
from kcompile.evaluate.dns.hosts import Hosts
from kcompile.evaluate.dns.k8s_external import K8sExternal
from kcompile.evaluate.dns.kubernetes import Kubernetes
from kcompile.evaluate.dns.queries import NOERROR, REFUSED, Message, Question, Reply
from kcompile.evaluate.dns.rewrite import Rewrite
from kcompile.evaluate.dns.simple import (
    WITHOUT_EFFECT,
    Any,
    Header,
    Loadbalance,
    Local,
    Minimal,
    NotEvaluated,
    Whoami,
)
from kcompile.evaluate.dns.template import Template
from kcompile.evaluate.dns.view import takes
from kcompile.evaluate.dns.zone_data import ZoneData
from kcompile.frontend.corefile.configuration import Configuration, Plugin
from kcompile.frontend.corefile.configuration import Server as ServerSettings
from kcompile.frontend.corefile.plugins.acl import AclSettings
from kcompile.frontend.corefile.plugins.autopath import AutopathSettings
from kcompile.frontend.corefile.plugins.cache import CacheSettings
from kcompile.frontend.corefile.plugins.file import FileSettings
from kcompile.frontend.corefile.plugins.forward import ForwardSettings
from kcompile.frontend.corefile.plugins.header import HeaderSettings
from kcompile.frontend.corefile.plugins.hosts import HostsSettings
from kcompile.frontend.corefile.plugins.k8s_external import K8sExternalSettings
from kcompile.frontend.corefile.plugins.kubernetes import KubernetesSettings
from kcompile.frontend.corefile.plugins.loadbalance import LoadbalanceSettings
from kcompile.frontend.corefile.plugins.rewrite import RewriteSettings
from kcompile.frontend.corefile.plugins.template import TemplateSettings
from kcompile.frontend.corefile.plugins.view import ViewSettings
from kcompile.ir.dns_objects import DnsObjects
from kcompile.ir.domain_names import folded, is_domain_name, split
from kcompile.ir.records import ClusterRecords

DNS64_TYPES = ("AAAA",)
"""dns64 makes AAAA records out of A records, and leaves other questions alone."""

DNSSEC_TYPES = ("DNSKEY", "DS")
"""Without the DO bit, which our queries do not carry, dnssec acts on these only."""


@dataclass(frozen=True, slots=True)
class World:
    """What is outside the Corefile: the cluster, the server's own addresses, and what upstream servers know.

    `upstreams` are by HOST:PORT or by the file that names them. `host_search` is the search list of CoreDNS's node.
    `addresses` are all at which Pods reach the server, those of its Service included.
    """

    objects: DnsObjects
    server_addresses: tuple[str, ...] = ()
    addresses: frozenset[str] = frozenset()
    upstreams: Mapping[str, ZoneData] = field(default_factory=dict)
    host_search: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A server block, ready to answer. `handler` is None without plugins. `kubernetes` is its plugin of that name."""

    settings: ServerSettings
    evaluators: tuple[Evaluator, ...]
    handler: Handler | None
    view: ViewSettings | None
    kubernetes: Kubernetes | None

    @property
    def name(self) -> str:
        return " ".join(token.text for token in self.settings.block.keys) or "."


class Server:
    """All server blocks of an accepted Corefile. Blocks with the same zone and port are told apart by their views."""

    def __init__(self, configuration: Configuration, world: World) -> None:
        self.world = world
        self.blocks = tuple(_block(settings, world) for settings in configuration.servers)
        self.ports = tuple(dict.fromkeys(int(key.port) for block in self.blocks for key in block.settings.keys))
        self._zones: dict[int, dict[str, list[Block]]] = {}
        for block in self.blocks:
            for key in block.settings.keys:
                self._zones.setdefault(int(key.port), {}).setdefault(key.zone, []).append(block)
        self._answers_chaos = {
            int(key.port)
            for block in self.blocks
            for key in block.settings.keys
            if any(evaluator.name in ("chaos", "forward") for evaluator in block.evaluators)
        }

    def resolve(self, question: Question, context: Context) -> Reply:
        """What the client, or the plugin that looks something up, gets to see."""
        port = context.client.port
        if question.rdclass != "IN" and port not in self._answers_chaos:
            context.answered_by("server", f"class {question.rdclass} is not served: REFUSED")
            return Reply(NOERROR, Message(question, REFUSED))
        block = self.route(question, context)
        if block is None or block.handler is None:
            why = "no server block is for this name" if block is None else f"server block {block.name} is empty"
            context.answered_by("server", f"{why}: REFUSED")
            return Reply(NOERROR, Message(question, REFUSED))
        if context.steps is not None:
            context.say("server", f"server block {block.name}")
        return block.handler(question, context)

    def route(self, question: Question, context: Context) -> Block | None:
        """The block of the longest zone that holds the name; for DS the one of the parent, if that is served too."""
        zones = self._zones.get(context.client.port, {})
        found: Block | None = None
        if len(zones) > ("." in zones):
            labels = split(question.name.lower())
            for position in range(len(labels)):
                block = _taking(zones.get(".".join(labels[position:]) + "."), question, context)
                if block is None:
                    continue
                if question.type != "DS" or block.handler is None:
                    return block
                found = block
        return found or _taking(zones.get("."), question, context)


def _taking(blocks: list[Block] | None, question: Question, context: Context) -> Block | None:
    """The first of the blocks of one zone whose view takes the query."""
    for block in blocks or ():
        if block.handler is None or block.view is None or takes(block.view, question, context):
            return block
    return None


def _block(settings: ServerSettings, world: World) -> Block:
    cluster = settings.plugin("kubernetes")
    kubernetes = None
    if cluster is not None and isinstance(cluster.settings, KubernetesSettings):
        kubernetes = Kubernetes(ClusterRecords(cluster.settings, world.objects, world.server_addresses))
    made = (_evaluator(plugin, settings, kubernetes, world) for plugin in settings.plugins)
    evaluators = tuple(evaluator for evaluator in made if evaluator is not None)
    view = settings.plugin("view")
    return Block(
        settings=settings,
        evaluators=evaluators,
        handler=chain(evaluators) if settings.plugins else None,
        view=view.settings if view is not None and isinstance(view.settings, ViewSettings) else None,
        kubernetes=kubernetes,
    )


def _evaluator(plugin: Plugin, server: ServerSettings, kubernetes: Kubernetes | None, world: World) -> Evaluator | None:
    """What carries a plugin out, or None for one that does nothing to an answer."""
    match plugin.settings:
        case KubernetesSettings():
            return kubernetes
        case AclSettings() as settings:
            return Acl(settings)
        case AutopathSettings() as settings:
            return Autopath(settings, kubernetes, world.host_search)
        case CacheSettings() as settings:
            return Cache(settings)
        case FileSettings() as settings:
            return File(settings)
        case ForwardSettings() as settings:
            return Forward(settings, world.upstreams)
        case HeaderSettings() as settings:
            return Header(settings)
        case HostsSettings() as settings:
            return Hosts(settings)
        case K8sExternalSettings() as settings:
            return K8sExternal(settings, kubernetes)
        case LoadbalanceSettings() as settings:
            return Loadbalance(settings)
        case RewriteSettings() as settings:
            return Rewrite(settings)
        case TemplateSettings() as settings:
            return Template(settings)
    match plugin.name:
        case "any":
            return Any()
        case "local":
            return Local()
        case "minimal":
            return Minimal()
        case "whoami":
            return Whoami()
        case "chaos":
            return NotEvaluated("chaos", chaos=True)
        case "dns64":
            return NotEvaluated("dns64", types=DNS64_TYPES)
        case "dnssec":
            return NotEvaluated("dnssec", types=DNSSEC_TYPES)
        case name if name in WITHOUT_EFFECT:
            return None
    return NotEvaluated(plugin.name, _zones(plugin, server))


def _zones(plugin: Plugin, server: ServerSettings) -> tuple[str, ...]:
    """The zones that a plugin which is not evaluated may answer for: its arguments where they are zones, else all."""
    own = [key.zone for key in server.keys]
    if plugin.name not in ("auto", "etcd", "secondary"):
        return (".",)
    zones: list[str] = []
    for directive in plugin.directives:
        zones += [folded(word) for word in directive.arguments if is_domain_name(word)] or own
    return tuple(zones)
