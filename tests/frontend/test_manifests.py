"""Documents become objects: lists, kinds, versions, configuration in ConfigMaps, and where everything came from."""

from __future__ import annotations

import json

import pytest

from kcompile.frontend.locate import locate
from kcompile.frontend.manifests import Manifests, read_manifests
from kcompile.frontend.source import Source
from kcompile.model import ConfigMap, KubeProxyConfiguration, Pod, Service, Workload

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}


def read(text: str, name: str = "a.yaml") -> Manifests:
    return read_manifests([Source(name, text.encode())])


def codes(manifests: Manifests) -> list[str]:
    return [diagnostic.code for diagnostic in manifests.diagnostics]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "wrapped",
    [
        {"apiVersion": "v1", "kind": "List", "items": [SERVICE]},
        {"apiVersion": "v1", "items": [SERVICE], "kind": "List"},
        {"items": [SERVICE], "kind": "List", "metadata": {"resourceVersion": ""}, "apiVersion": "v1"},
        {"kind": "ServiceList", "apiVersion": "v1", "items": [SERVICE]},
        {"apiVersion": "v1", "kind": "ServiceList", "items": [{k: SERVICE[k] for k in ("metadata", "spec")}]},
        {"items": [{k: SERVICE[k] for k in ("metadata", "spec")}], "kind": "ServiceList", "apiVersion": "v1"},
        {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "List", "items": [SERVICE]}]},
        {"spec": SERVICE["spec"], "metadata": SERVICE["metadata"], "kind": "Service", "apiVersion": "v1"},
    ],
)
def test_lists_and_the_order_of_keys_do_not_matter(wrapped: dict[str, object], indent: int | None) -> None:
    found = read(json.dumps(wrapped, indent=indent), "a.json")
    assert codes(found) == []
    (service,) = found.objects
    assert isinstance(service, Service)
    assert (service.meta.name, service.meta.namespace, service.ports[0].port) == ("web", "default", 80)
    span = locate(service.origin, ("spec", "ports", 0, "port"))
    assert span.source.line(span.line)[span.column - 1 :].startswith("80")


def test_a_custom_resource_with_items_is_passed_over() -> None:
    assert read("items: [{apiVersion: v1, kind: Service}]\nkind: Menu\napiVersion: example.com/v1\n").skipped == {
        "Menu": 1
    }


@pytest.mark.parametrize("text", ["", "---\n", "# nothing\n", "null\n", "---\n---\n"])
def test_nothing_is_no_error(text: str) -> None:
    found = read(text)
    assert (found.objects, codes(found)) == ([], [])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("hello\n", "not-a-manifest"),
        ("- a\n", "not-a-manifest"),
        ("a: b\n", "not-a-manifest"),
        ("kind: Service\n", "not-a-manifest"),
        ("apiVersion: v1beta3\nkind: Service\n", "unknown-version"),
        ("apiVersion: v1\nkind: Service\nspec: {}\n", "missing-field"),
        ("apiVersion: v1\nkind: Service\nmetadata: {}\nspec: {}\n", "missing-field"),
        ("apiVersion: v1\nkind: Service\nmetadata: {generateName: x-}\nspec: {}\n", "missing-field"),
    ],
)
def test_what_is_no_manifest_is_an_error(text: str, code: str) -> None:
    assert codes(read(text)) == [code]


def test_a_broken_document_does_not_hide_the_errors_of_the_others() -> None:
    text = "a: [\n---\napiVersion: v1\nkind: Service\nmetadata: {name: 5}\nspec: {}\n---\nhello\n"
    assert codes(read(text)) == ["yaml-syntax", "wrong-type", "not-a-manifest"]


CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: kube-proxy
  namespace: kube-system
data:
  config.conf: |-
    apiVersion: kubeproxy.config.k8s.io/v1alpha1
    kind: KubeProxyConfiguration
    mode: ipvs
    iptables:
      masqueradeBit: {bit}
"""


@pytest.mark.parametrize(("name", "key"), [("kube-proxy", "config.conf"), ("kube-proxy-config", "config")])
def test_configuration_is_taken_out_of_config_maps(name: str, key: str) -> None:
    text = CONFIG_MAP.replace("name: kube-proxy", f"name: {name}").replace("config.conf:", f"{key}:")
    found = read(text.format(bit=7))
    configuration = next(o for o in found.objects if isinstance(o, KubeProxyConfiguration))
    assert (configuration.mode, configuration.iptables.masquerade_bit) == ("ipvs", 7)
    assert any(isinstance(o, ConfigMap) for o in found.objects)


def test_an_error_in_a_literal_block_has_its_place_in_the_file() -> None:
    (diagnostic,) = read(CONFIG_MAP.format(bit="x")).diagnostics
    assert str(diagnostic.span) == "a.yaml:12:22"
    assert diagnostic.message.startswith("iptables.masqueradeBit: ")


def test_an_error_in_an_escaped_text_has_the_place_of_the_text() -> None:
    data = {"config.conf": "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmod: x\n"}
    metadata = {"name": "kube-proxy", "namespace": "kube-system"}
    text = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}, indent=2)
    (diagnostic,) = read(text, "a.json").diagnostics
    assert diagnostic.span is not None
    assert '"config.conf"' in text.split("\n")[diagnostic.span.line - 1]


def test_pod_fields_that_play_no_part_are_passed_over_and_ports_are_kept() -> None:
    text = """\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  volumes: [{name: x, emptyDir: {}}]
  containers:
  - name: a
    image: b
    ports: [{containerPort: 80, name: http}, {containerPort: 53, protocol: UDP, hostPort: 53}]
  initContainers:
  - {name: sidecar, restartPolicy: Always, ports: [{containerPort: 9090}]}
  - {name: once, ports: [{containerPort: 1}]}
status:
  conditions: [{type: Ready, status: "False", lastProbeTime: null}]
"""
    (pod,) = read(text).objects
    assert isinstance(pod, Pod)
    assert [port.container_port for port in pod.spec.ports] == [80, 53, 9090]
    assert pod.status is not None
    assert pod.status.ready is False


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("spec: {containers: [{name: a, ports: 80}]}", "wrong-type"),
        ("spec: {containers: [{ports: [{name: a}]}], initContainers: [x]}", "missing-field"),
        ("spec: {dnsConfig: {options: [{name: ndots}, {value: 5}]}}", "wrong-type"),
        ("status: {conditions: [{type: 80, status: 'True'}]}", "wrong-type"),
    ],
)
def test_what_is_wrong_with_one_of_several_parts_is_all_that_is_said(rest: str, code: str) -> None:
    found = read(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\n{rest}\n")
    assert found.objects == []
    assert code in {diagnostic.code for diagnostic in found.diagnostics}


def test_a_key_that_stands_twice_around_a_list_is_named_by_its_own_path() -> None:
    found = read(
        "apiVersion: v1\nkind: List\nmetadata: {b: 1, b: 2}\na: 1\na: 2\nitems:\n"
        "- {apiVersion: v1, kind: Namespace, kind: Namespace, metadata: {name: a}}\n"
    )
    twice = [(str(d.span), d.message.partition(":")[0]) for d in found.diagnostics if d.code == "duplicate-key"]
    assert sorted(twice) == [("a.yaml:3:18", "metadata.b"), ("a.yaml:5:1", "a"), ("a.yaml:7:37", "items[0].kind")]


def test_a_job_counts_its_pods_by_parallelism() -> None:
    spec = "{parallelism: 3, template: {spec: {hostNetwork: yes}}}"
    text = f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: a}}\nspec: {spec}\n"
    (job,) = read(text).objects
    assert isinstance(job, Workload)
    assert (job.kind, job.replicas, job.template_spec.host_network) == ("Job", 3, True)
