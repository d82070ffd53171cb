"""The Corefile of a cluster, with the changes that people make to it."""

from __future__ import annotations

import pytest

import kcompile
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.load import load_corefile
from kcompile.frontend.source import Source
from kcompile.targets.corefile import (
    CorefileChanges,
    StubDomain,
    coredns_configmap,
    corefile,
    parse_servers,
    parse_stub_domain,
    takes_effect,
)

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: coredns
  namespace: kube-system
  labels: {team: net}
data:
  Corefile: |
    (logged) {
        errors   # as everywhere
        log
    }
    .:53 {
        import logged
        kubernetes cluster.local in-addr.arpa {
            pods verified
        }
        hosts /etc/coredns/NodeHosts {
            fallthrough
        }
        forward . /etc/resolv.conf
    }
    corp.example:53 {
        forward . 10.1.1.1
    }
  NodeHosts: |
    192.0.2.1 node-1
"""
KUBELET = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nclusterDomain: k8s.example\n"


def changed(manifests: str, **changes: object) -> str:
    text, found = corefile(kcompile.loads(manifests).model, CorefileChanges(**changes))  # type: ignore[arg-type]
    assert not found, found
    return text.decode()


def is_accepted(text: str) -> bool:
    source = Source("Corefile", text.encode())
    return load_corefile(source, {}, Files(mounted={}), in_cluster=True).rejection is None


def test_without_a_config_map_it_is_kubeadms_with_the_clusters_domain() -> None:
    text = changed(KUBELET)
    assert "kubernetes k8s.example in-addr.arpa ip6.arpa {" in text
    assert "disable denial k8s.example" in text
    assert is_accepted(text)


def test_unchanged_it_is_the_config_maps_to_the_byte() -> None:
    text = changed(CONFIG_MAP)
    assert text.startswith("(logged) {\n    errors   # as everywhere\n")
    assert text.endswith("corp.example:53 {\n    forward . 10.1.1.1\n}\n")


def test_upstreams_take_the_place_of_the_nodes_resolv_conf_and_of_nothing_else() -> None:
    text = changed(CONFIG_MAP, upstreams=("8.8.8.8", "1.1.1.1"))
    assert text == changed(CONFIG_MAP).replace("forward . /etc/resolv.conf", "forward . 8.8.8.8 1.1.1.1")
    assert is_accepted(text)


def test_a_stub_domain_is_one_more_server_block() -> None:
    text = changed(CONFIG_MAP, stub_domains=(StubDomain("consul.local", ("10.150.0.1", "10.150.0.2")),))
    block = "consul.local:53 {\n    errors\n    cache 30\n    forward . 10.150.0.1 10.150.0.2\n}\n"
    assert text == changed(CONFIG_MAP) + block
    assert is_accepted(text)


def test_static_zones_take_the_place_of_the_plugin() -> None:
    zones = {"cluster.local.": "zones/cluster.local.zone", "96.10.in-addr.arpa.": "zones/96.10.zone"}
    text = changed(CONFIG_MAP, static_zones=zones)
    plugin = "kubernetes cluster.local in-addr.arpa {\n        pods verified\n    }"
    files = "file zones/cluster.local.zone cluster.local\n    file zones/96.10.zone 96.10.in-addr.arpa"
    assert text == changed(CONFIG_MAP).replace(plugin, files)


def test_a_plugin_in_a_snippet_is_changed_where_it_stands() -> None:
    manifests = CONFIG_MAP.replace("        log\n", "        forward . /etc/resolv.conf\n").replace(
        "        forward . /etc/resolv.conf\n    }\n    corp", "    }\n    corp"
    )
    text = changed(manifests, upstreams=("8.8.8.8",))
    assert text.count("forward . 8.8.8.8") == 1
    assert "resolv.conf" not in text


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (CorefileChanges(stub_domains=(StubDomain("corp.example", ("10.0.0.1",)),)), "stub-domain-taken"),
        (CorefileChanges(upstreams=("8.8.8.8",)), "no-forward"),
    ],
)
def test_what_cannot_be_changed_is_an_error(changes: CorefileChanges, code: str) -> None:
    manifests = CONFIG_MAP.replace("forward . /etc/resolv.conf", "forward . 9.9.9.9")
    _, found = corefile(kcompile.loads(manifests).model, changes)
    assert [diagnostic.code for diagnostic in found] == [code]


def test_a_change_that_coredns_would_not_take_is_an_error() -> None:
    upstreams = tuple(f"192.0.2.{number}" for number in range(16))
    _, found = corefile(kcompile.loads(CONFIG_MAP).model, CorefileChanges(upstreams=upstreams))
    assert any("more than 15" in diagnostic.message for diagnostic in found)


def test_the_config_map_keeps_its_other_keys_and_its_labels() -> None:
    text, _ = coredns_configmap(kcompile.loads(CONFIG_MAP).model, CorefileChanges(upstreams=("8.8.8.8",)))
    again = kcompile.loads(text).model
    (config_map,) = again.config_maps
    assert config_map.meta.key == ("kube-system", "coredns")
    assert config_map.meta.labels == {"team": "net"}
    assert config_map.data["NodeHosts"] == "192.0.2.1 node-1\n"
    assert corefile(again)[0].decode() == changed(CONFIG_MAP, upstreams=("8.8.8.8",))


def test_without_reload_coredns_needs_a_restart() -> None:
    assert "picks the change up" in takes_effect(kcompile.loads(KUBELET).model)
    assert "rollout restart" in takes_effect(kcompile.loads(CONFIG_MAP).model)


@pytest.mark.parametrize("text", ["8.8.8.8", "8.8.8.8,1.1.1.1:5353", "2001:db8::1", "[2001:db8::1]:53", "[::1]"])
def test_servers_are_addresses_with_or_without_port(text: str) -> None:
    assert ",".join(parse_servers(text)) == text


@pytest.mark.parametrize("text", ["", "dns.example", "8.8.8.8:0", "8.8.8.8:99999", "8.8.8.8,,", "[::1", "8.8.8.8}"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_servers(text)


@pytest.mark.parametrize("text", ["=1.1.1.1", "a.example", "a..b=1.1.1.1", ".=1.1.1.1", "a b=1.1.1.1", "{$X}=1.1.1.1"])
def test_what_is_no_stub_domain_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_stub_domain(text)
