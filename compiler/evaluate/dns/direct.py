"""The short way to an answer: questions that reach the kubernetes plugin as they were asked.

The general path through the server is the reference. Where nothing but cache and loadbalance stands before the plugin,
its answers can be had without walking the plugins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kcompile.evaluate.dns.cache import Cache
from kcompile.evaluate.dns.kubernetes import ADDRESS_TYPES, Asked, Kubernetes
from kcompile.evaluate.dns.queries import Answer, Message, Question, answer_of
from kcompile.evaluate.dns.server import Block, Server
from kcompile.evaluate.dns.simple import Loadbalance
from kcompile.ir.domain_names import is_subdomain, longest_match
from kcompile.ir.records import NO_SUCH_NAME, SOA_TTL_LIMIT, Found

OTHER_TYPES = frozenset({"SRV", "PTR", "CNAME", "MX"})
"""The other types that the plugin answers without asking anyone. All records of such an answer have one TTL."""

_USUAL_NAME = re.compile(r"(?:[a-z0-9_*-]{1,63}\.)+")
_LONGEST = 254


class Direct:
    """One kubernetes plugin and the zones in which every name leads to it.

    Each zone comes with the cache in front of it, or None where that leaves the plugin's responses alone.
    """

    def __init__(self, plugin: Kubernetes, zones: Mapping[str, Cache | None], loadbalance: Loadbalance | None) -> None:
        self.plugin = plugin
        longest_first = sorted(zones, key=len, reverse=True)
        self.zones = tuple((zone, "." + zone, zones[zone]) for zone in longest_first)
        self.loadbalance = loadbalance

    def answer(self, name: str, rtype: str) -> Answer | None:
        """The server's answer to a question of class IN, or None where only the general path can tell."""
        folded = name if name[-1:] == "." else name + "."
        if len(folded) > _LONGEST or not _USUAL_NAME.fullmatch(folded):
            return None
        for served in self.zones:
            if folded.endswith(served[1]) or folded == served[0]:
                break
        else:
            return None
        zone, _, cache = served
        question, plugin = Question(folded, rtype), Kubernetes.name
        message = cache.held(question) if cache else None
        if message is not None:
            plugin = Cache.name
        else:
            message = self._ask_plugin(question, zone)
            if message is None:
                return None
            if cache is not None:
                message = cache.take(question, message)
        if self.loadbalance is not None and len(message.answer) + len(message.additional) > 1:
            message = self.loadbalance.shaped(message)
        return answer_of(name, rtype, message, plugin)

    def _ask_plugin(self, question: Question, zone: str) -> Message | None:
        name, rtype = question.name, question.type
        asked = Asked(name, name, zone, rtype)
        found: Found | None
        if rtype in ADDRESS_TYPES:
            items = self.plugin.items(asked)
            if items and not items[0].address.canonical:
                # An ExternalName Service: its target may lie outside.
                return None
            found = NO_SUCH_NAME if items is NO_SUCH_NAME else (self.plugin.records.addresses(name, rtype, items), [])
        elif rtype in OTHER_TYPES:
            found = self.plugin.find(asked)
        else:
            return None
        if found is NO_SUCH_NAME and longest_match(self.plugin.settings.fallthrough, name):
            return None
        return self.plugin.message(question, zone, found)


def direct_paths(server: Server, port: int) -> tuple[Direct, ...]:
    """The short ways for questions that come to `port`."""
    paths = []
    for block in server.blocks:
        plugin = block.kubernetes
        if plugin is None or block.view is not None or plugin.settings.multicluster_zones:
            continue
        front = block.evaluators[: block.evaluators.index(plugin)]
        if all(isinstance(evaluator, (Cache, Loadbalance)) for evaluator in front):
            cache = next((one for one in front if isinstance(one, Cache)), None)
            zones = {
                zone: _cache_for(zone, cache, plugin)
                for zone in plugin.zones
                if _leads_to(server, block, zone, port) and not _cut_by_cache(zone, cache)
            }
            paths.append(Direct(plugin, zones, next((one for one in front if isinstance(one, Loadbalance)), None)))
    return tuple(path for path in paths if path.zones)


def _leads_to(server: Server, block: Block, zone: str, port: int) -> bool:
    """Whether every name of the zone that is asked for at `port` comes to this block."""
    keys = [key.zone for other in server.blocks for key in other.settings.keys if int(key.port) == port]
    own = [key.zone for key in block.settings.keys if int(key.port) == port]
    nearest = longest_match(keys, zone)
    inner = any(key != nearest and is_subdomain(zone, key) for key in keys)
    return nearest in own and keys.count(nearest) == 1 and not inner


def _cut_by_cache(zone: str, cache: Cache | None) -> bool:
    """Whether the cache is for a part of the zone only."""
    return cache is not None and any(one != zone and is_subdomain(zone, one) for one in cache.settings.zones)


def _cache_for(zone: str, cache: Cache | None, plugin: Kubernetes) -> Cache | None:
    ttl = plugin.settings.ttl
    if cache is None or not longest_match(cache.settings.zones, zone):
        return None
    return None if cache.leaves_alone(zone, ttl, min(ttl, SOA_TTL_LIMIT)) else cache
