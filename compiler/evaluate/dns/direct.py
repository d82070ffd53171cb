"""The short way to an answer: questions that reach the kubernetes plugin as they were asked.

The general path through the server is the reference. Where nothing but cache and loadbalance stands before the plugin,
its answers can be had without walking the plugins: they say AA, so the cache gives them again as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from kcompile.evaluate.dns.cache import Cache
from kcompile.evaluate.dns.kubernetes import ADDRESS_TYPES, CONTEXT_FREE_TYPES, Asked, Kubernetes
from kcompile.evaluate.dns.queries import Answer, Message, Question
from kcompile.evaluate.dns.server import Block, Server
from kcompile.evaluate.dns.simple import Loadbalance
from kcompile.ir.domain_names import is_subdomain, longest_match
from kcompile.ir.records import NO_SUCH_NAME, Found, Record

_USUAL_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_*-]{1,63}\.)+")

Shape = Callable[[Message], Message]


class Direct:
    """One kubernetes plugin and the zones in which every name leads to it."""

    def __init__(self, plugin: Kubernetes, zones: tuple[str, ...], shape: Shape | None) -> None:
        self.plugin = plugin
        self.zones = tuple((zone, "." + zone) for zone in sorted(zones, key=len, reverse=True))
        self.shape = shape

    def answer(self, name: str, rtype: str) -> Answer | None:
        """The server's answer to a question of class IN, or None where only the general path can tell."""
        folded = name if name[-1:] == "." else name + "."
        if not _USUAL_NAME.fullmatch(folded):
            return None
        for zone, ending in self.zones:
            if folded.endswith(ending) or folded == zone:
                break
        else:
            return None
        asked = Asked(folded, folded, zone, rtype)
        found: Found | None
        if rtype in ADDRESS_TYPES:
            items = self.plugin.items(asked)
            if items is NO_SUCH_NAME:
                found = NO_SUCH_NAME
            elif items and not items[0].address:
                # An ExternalName Service: its target may lie outside.
                return None
            else:
                found = (self.plugin.records.addresses(folded, rtype, items), [])
        elif rtype in CONTEXT_FREE_TYPES:
            found = self.plugin.find(asked)
        else:
            return None
        if found is NO_SUCH_NAME and longest_match(self.plugin.settings.fallthrough, folded):
            return None
        message = self.plugin.message(Question(folded, rtype), zone, found)
        if self.shape is not None:
            message = self.shape(message)
        return Answer(
            name,
            rtype,
            message.rcode,
            message.authoritative,
            message.answer,
            message.authority,
            message.additional,
            plugin=self.plugin.name,
        )


def direct_paths(server: Server, port: int) -> tuple[Direct, ...]:
    """The short ways for questions that come to `port`."""
    paths = []
    for block in server.blocks:
        plugin = block.kubernetes
        if plugin is None or not _reaches_plugin(block):
            continue
        zones = tuple(zone for zone in plugin.zones if _leads_to(server, block, zone, port))
        if zones and not set(zones) & set(plugin.settings.multicluster_zones):
            paths.append(Direct(plugin, zones, _shape(block, plugin)))
    return tuple(paths)


def _reaches_plugin(block: Block) -> bool:
    """Whether a question reaches the kubernetes plugin as it came."""
    before = block.evaluators[: [evaluator.name for evaluator in block.evaluators].index(Kubernetes.name)]
    return block.view is None and all(isinstance(evaluator, (Cache, Loadbalance)) for evaluator in before)


def _leads_to(server: Server, block: Block, zone: str, port: int) -> bool:
    """Whether every name of the zone that is asked for at `port` comes to this block."""
    keys = [key.zone for other in server.blocks for key in other.settings.keys if int(key.port) == port]
    own = [key.zone for key in block.settings.keys if int(key.port) == port]
    nearest = longest_match(keys, zone)
    inner = any(key != nearest and is_subdomain(zone, key) for key in keys)
    return nearest in own and keys.count(nearest) == 1 and not inner


def _shape(block: Block, plugin: Kubernetes) -> Shape | None:
    """What the plugins in front make of a response; None where they leave all of them as they are."""
    front = [evaluator for evaluator in reversed(block.evaluators) if isinstance(evaluator, (Cache, Loadbalance))]
    record = Record("x.", plugin.settings.ttl, "A", "192.0.2.1")
    positive = Message(Question("x.", "A"), authoritative=True, answer=(record,))
    negative = plugin.message(positive.question, "x.", NO_SUCH_NAME)
    if any(evaluator.shaped(message) != message for evaluator in front for message in (positive, negative)):
        return lambda message: _shaped(message, front)
    ordering = [evaluator for evaluator in front if isinstance(evaluator, Loadbalance)]

    def shape(message: Message) -> Message:
        # All records of the plugin have the same TTL, but for dns-version; a single record has no order.
        if message.question.type == "TXT":
            return _shaped(message, front)
        return _shaped(message, ordering) if len(message.answer) + len(message.additional) > 1 else message

    return shape if front else None


def _shaped(message: Message, evaluators: Sequence[Cache | Loadbalance]) -> Message:
    for evaluator in evaluators:
        message = evaluator.shaped(message)
    return message
