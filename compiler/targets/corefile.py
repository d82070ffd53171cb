"""The Corefile that CoreDNS runs with: that of the `coredns` ConfigMap, or kubeadm's, with the changes asked for."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kcompile.diagnostics import Diagnostic, error
from kcompile.frontend.corefile.configuration import Configuration
from kcompile.frontend.corefile.load import load_corefile
from kcompile.frontend.corefile.syntax import Corefile, Directive, Token
from kcompile.frontend.source import NOWHERE, Source
from kcompile.ir.cluster_corefile import (
    CONFIG_MAP,
    CONFIG_MAP_KEY,
    coredns_config_map,
    corefile_source,
    load_cluster_corefile,
)
from kcompile.ir.domain_names import absolute, is_domain_name
from kcompile.model.cluster import Cluster
from kcompile.model.meta import Meta
from kcompile.model.namespace import ConfigMap
from kcompile.targets.yaml_text import yaml_documents

HOST_RESOLV_CONF = "/etc/resolv.conf"

STUB_BLOCK = """\
{domain}:53 {{
    errors
    cache 30
    forward . {servers}
}}
"""
"""A server block for a stub domain, as the Kubernetes documentation has it."""


@dataclass(frozen=True, slots=True)
class StubDomain:
    """A domain whose names are asked of its own servers."""

    domain: str
    servers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CorefileChanges:
    """What to change: `upstreams` take the place of the node's resolv.conf as the target of `forward .`.

    With `static_zones` (origin to path) these files are served instead of asking the API server.
    """

    upstreams: tuple[str, ...] = ()
    stub_domains: tuple[StubDomain, ...] = ()
    static_zones: Mapping[str, str] | None = None


def parse_servers(text: str) -> tuple[str, ...]:
    """Addresses of name servers, separated by commas, each with a port if it is not 53. Raises ValueError."""
    servers = tuple(word.strip() for word in text.split(","))
    for server in servers:
        host, _, port = server.rpartition(":") if server.count(":") == 1 or server.startswith("[") else (server, "", "")
        if server.startswith("[") and server.endswith("]"):
            host, port = server, ""
        ipaddress.ip_address(host[1:-1] if host.startswith("[") else host)
        if port and not (port.isdecimal() and 0 < int(port[:6]) <= 65535):
            raise ValueError(f"{port!r} in {server!r} is not a port")
    return servers


def parse_stub_domain(text: str) -> StubDomain:
    """`example.org=10.0.0.53,10.0.0.54`. Raises ValueError."""
    domain, equals, servers = text.partition("=")
    if not equals or not is_domain_name(domain) or absolute(domain) == ".":
        raise ValueError(f"{text!r} is not DOMAIN=ADDRESS[,ADDRESS]...")
    if any(character in domain for character in ' \t"{}#$%\\,:/'):
        raise ValueError(f"{domain!r} cannot stand in a Corefile as a zone")
    return StubDomain(domain.lower().rstrip("."), parse_servers(servers))


def corefile(cluster: Cluster, changes: CorefileChanges = CorefileChanges()) -> tuple[bytes, tuple[Diagnostic, ...]]:
    """The cluster's Corefile with the changes; without any, to the byte as it is in the ConfigMap."""
    configuration = load_cluster_corefile(cluster)
    source = configuration.corefile.source
    if configuration.rejection is not None:
        return source.data, configuration.diagnostics
    edits: list[_Edit] = []
    found: list[Diagnostic] = []
    if changes.upstreams:
        edits, found = _replace_upstreams(configuration.corefile, changes.upstreams)
    if changes.static_zones is not None:
        edits += _serve_files(configuration.corefile, changes.static_zones)
    text = _applied(source, edits)
    for stub in changes.stub_domains:
        taken = _block_of(configuration, stub.domain)
        if taken is not None:
            message = f"the Corefile has a server block for {stub.domain} already"
            found.append(error("stub-domain-taken", message, taken.span, "change that block, or leave the option out"))
        text += STUB_BLOCK.format(domain=stub.domain, servers=" ".join(stub.servers))
    if changes != CorefileChanges() and not found:
        found += _refusal(cluster, text)
    return text.encode(), tuple(found)


def coredns_configmap(
    cluster: Cluster, changes: CorefileChanges = CorefileChanges()
) -> tuple[bytes, tuple[Diagnostic, ...]]:
    """The `coredns` ConfigMap with the changed Corefile, ready to apply. Its other keys stay."""
    text, found = corefile(cluster, changes)
    given = coredns_config_map(cluster) or ConfigMap(Meta(CONFIG_MAP[1], CONFIG_MAP[0]), NOWHERE)
    metadata: dict[str, str | dict[str, str]] = {"name": given.meta.name, "namespace": given.meta.namespace}
    if given.meta.labels:
        metadata["labels"] = dict(given.meta.labels)
    if given.meta.annotations:
        metadata["annotations"] = dict(given.meta.annotations)
    data = {**given.data, CONFIG_MAP_KEY: text.decode()}
    return yaml_documents([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}]), found


def takes_effect(cluster: Cluster) -> str:
    """How a changed Corefile gets into effect: by itself or by a restart, and why."""
    servers = load_cluster_corefile(cluster).servers
    if any(server.plugin("reload") for server in servers):
        return (
            "CoreDNS picks the change up by itself: the Corefile has `reload`, which looks every 30 seconds, once the "
            "kubelet has updated the mounted ConfigMap (a minute or two)"
        )
    return (
        "CoreDNS needs a restart: the Corefile has no `reload`; "
        "kubectl -n kube-system rollout restart deployment coredns"
    )


def _refusal(cluster: Cluster, text: str) -> tuple[Diagnostic, ...]:
    """What CoreDNS would say against the changed Corefile: `autopath @kubernetes` without `kubernetes`, say."""
    _, files = corefile_source(cluster)
    checked = load_corefile(Source("Corefile (changed)", text.encode()), {}, files, in_cluster=True)
    return checked.diagnostics if checked.rejection is not None else ()


@dataclass(frozen=True, slots=True)
class _Edit:
    """Text that takes the place of the words from `first` to `last`."""

    first: Token
    last: Token
    text: str


def _replace_upstreams(corefile: Corefile, upstreams: tuple[str, ...]) -> tuple[list[_Edit], list[Diagnostic]]:
    edits: list[_Edit] = []
    for directive in _directives(corefile, "forward"):
        zone, *targets = directive.arguments
        if zone == "." and targets == [HOST_RESOLV_CONF]:
            target = directive.tokens[2]
            edits.append(_Edit(target, target, " ".join(upstreams)))
    if edits:
        return edits, []
    message = f"nothing in the Corefile forwards to {HOST_RESOLV_CONF}, so there is nothing to replace"
    return [], [error("no-forward", message, corefile.source.span(1, 1), f"it needs `forward . {HOST_RESOLV_CONF}`")]


def _serve_files(corefile: Corefile, zones: Mapping[str, str]) -> list[_Edit]:
    """Put the `file` plugin in the place of `kubernetes`."""
    edits = []
    for directive in _directives(corefile, "kubernetes"):
        first = directive.tokens[0]
        indent = " " * (first.column - 1)
        lines = (f"file {path} {origin.rstrip('.') or '.'}" for origin, path in zones.items())
        edits.append(_Edit(first, directive.tokens[-1], f"\n{indent}".join(lines)))
    return edits


def _directives(corefile: Corefile, name: str) -> Iterable[Directive]:
    """The directives of a name that stand in the Corefile itself, not in what it imports."""
    for block in corefile.server_blocks:
        for directive in block.directives:
            if directive.name == name and all(token.source is corefile.source for token in directive.tokens):
                yield directive


def _block_of(configuration: Configuration, domain: str) -> Token | None:
    zone = absolute(domain)
    keys = (key for server in configuration.servers for key in server.keys)
    return next((key.token for key in keys if key.zone == zone), None)


def _applied(source: Source, edits: Iterable[_Edit]) -> str:
    text = source.data.decode("utf-8", "replace")
    starts = [0]
    starts += (position + 1 for position, character in enumerate(text) if character == "\n")
    # A snippet that is imported twice gives the same edit twice.
    by_place = {(starts[edit.first.line - 1] + edit.first.column - 1): edit for edit in edits}
    for start, edit in sorted(by_place.items(), reverse=True):
        end = starts[edit.last.line - 1] + edit.last.column - 1 + edit.last.length
        text = text[:start] + edit.text + text[end:]
    return text if text.endswith("\n") or not text else text + "\n"
