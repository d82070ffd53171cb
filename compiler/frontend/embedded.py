"""The configuration that kubeadm, and those who follow it, keep in ConfigMaps, as sources of their own."""

from __future__ import annotations

from collections.abc import Iterator

from kcompile.frontend.locate import locate
from kcompile.frontend.source import Source
from kcompile.model.namespace import ConfigMap

_CONFIGURATION_KEYS = {
    "kube-proxy": ("config.conf",),
    "kube-proxy-config": ("config",),  # Amazon EKS
    "kubelet-config": ("kubelet",),
    "kubeadm-config": ("ClusterConfiguration",),
}
"""ConfigMaps in kube-system and the keys that hold configuration kinds: kubeadm's, unless another is named."""


def plays_a_part(config_map: ConfigMap) -> bool:
    """Whether a ConfigMap configures the cluster's network: these, and CoreDNS's with what it may import."""
    name = config_map.meta.name
    is_known = config_map.meta.namespace == "kube-system" and (
        name in _CONFIGURATION_KEYS or name.startswith("coredns")
    )
    return is_known or "Corefile" in config_map.data


def embedded_sources(config_map: ConfigMap) -> Iterator[Source]:
    """The texts in a ConfigMap that plays a part which are manifests themselves."""
    for key in _CONFIGURATION_KEYS.get(config_map.meta.name, ()):
        if key in config_map.data:
            yield embedded_source(config_map, key)


def embedded_source(config_map: ConfigMap, key: str) -> Source:
    """One text of a ConfigMap, with positions that lead into the file around it.

    In a literal block scalar each line of the text is a line of the file, so positions are exact; in any other style
    every position is that of the scalar.
    """
    text = config_map.data[key]
    span = locate(config_map.origin, ("data", key))
    around, line = span.source, span.line
    first = next((number for number, content in enumerate(text.split("\n")) if content.strip()), 0)
    content = text.split("\n")[first]
    outer = around.line(line + 1 + first)
    indent = len(outer) - len(content)
    verbatim = bool(content) and indent > 0 and outer.endswith(content) and not outer[:indent].strip()
    if verbatim:
        return Source(around.name, text.encode(), around, line, indent)
    return Source(around.name, text.encode(), around, line - 1, span.column - 1, verbatim=False)
