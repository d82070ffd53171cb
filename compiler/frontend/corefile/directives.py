"""The directives of a Corefile, in the order that is compiled into CoreDNS 1.13.1.

Setup runs in this order, and so do the plugins of a chain: the order in the Corefile decides nothing.
"""

from __future__ import annotations

# plugin.cfg of CoreDNS 1.13.1; `on` is an external plugin that a default build includes.
DIRECTIVES = (
    "root",
    "metadata",
    "geoip",
    "cancel",
    "tls",
    "quic",
    "timeouts",
    "multisocket",
    "reload",
    "nsid",
    "bufsize",
    "bind",
    "debug",
    "trace",
    "ready",
    "health",
    "pprof",
    "prometheus",
    "errors",
    "log",
    "dnstap",
    "local",
    "dns64",
    "acl",
    "any",
    "chaos",
    "loadbalance",
    "tsig",
    "cache",
    "rewrite",
    "header",
    "dnssec",
    "autopath",
    "minimal",
    "template",
    "transfer",
    "hosts",
    "route53",
    "azure",
    "clouddns",
    "k8s_external",
    "kubernetes",
    "file",
    "auto",
    "secondary",
    "etcd",
    "loop",
    "forward",
    "grpc",
    "erratic",
    "whoami",
    "on",
    "sign",
    "view",
    "nomad",
)

POSITION = {name: position for position, name in enumerate(DIRECTIVES)}

WITHOUT_HANDLER = frozenset(
    {
        "bind",
        "debug",
        "health",
        "multisocket",
        "on",
        "pprof",
        "quic",
        "ready",
        "reload",
        "root",
        "sign",
        "timeouts",
        "tls",
    }
)
"""Plugins that no query passes through: they configure the server or do something beside it."""

# From the release notes.
REMOVED = {
    "federation": "removed in 1.7.0 together with Kubernetes federation v1",
    "proxy": "removed in 1.5.0; `forward` took its place",
    "kubernetai": "an external plugin that a default build does not have",
    "reverse": "removed in 1.5.0; `template` can do the same",
    "upstream": "no plugin: CoreDNS looks targets up through itself",
    "metrics": "the directive is called `prometheus`",
    "fallthrough": "an option inside a plugin's braces",
}
"""Names that people write and that are no directive, with the reason."""
