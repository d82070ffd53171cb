"""Completed objects come back as they were written."""

from __future__ import annotations

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import kcompile
from kcompile.targets.objects import objects
from kcompile.targets.yaml_text import yaml_documents

TEXTS = st.text(max_size=12)


@given(
    st.dictionaries(TEXTS, TEXTS | st.booleans() | st.integers() | st.lists(TEXTS, max_size=3), min_size=1, max_size=4)
)
@settings(max_examples=200, deadline=None)
def test_pyyaml_reads_back_what_we_write(value: dict[str, object]) -> None:
    assert yaml.safe_load(yaml_documents([{"a": value}])) == {"a": value}  # type: ignore[dict-item]


def test_a_text_of_several_lines_stays_readable() -> None:
    assert yaml_documents([{"Corefile": ".:53 {\n    whoami\n}\n"}]) == b"Corefile: |\n  .:53 {\n      whoami\n  }\n"


def test_configuration_in_a_config_map_stays_there() -> None:
    text = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-proxy, namespace: kube-system}
data:
  config.conf: |
    apiVersion: kubeproxy.config.k8s.io/v1alpha1
    kind: KubeProxyConfiguration
    mode: ipvs
"""
    cluster = kcompile.loads(text)
    printed = objects(cluster.model)
    assert cluster.mode == "ipvs"
    assert b"\nkind: KubeProxyConfiguration" not in printed
    assert kcompile.loads(printed).mode == "ipvs"
    assert objects(kcompile.loads(printed).model) == printed


def test_a_label_without_a_value_stays() -> None:
    text = """\
apiVersion: v1
kind: Service
metadata: {name: web, labels: {service.kubernetes.io/headless: ""}, annotations: {note: ""}}
spec: {ports: [{port: 80}], selector: {app: ""}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: ""}}
spec: {nodeSelector: {fast: ""}, containers: [{name: main}]}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
resolvConf: ""
"""
    cluster = kcompile.loads(text).model
    again = kcompile.loads(objects(cluster)).model
    (service,) = again.services
    assert service.meta.labels == {"service.kubernetes.io/headless": ""}
    assert service.meta.annotations == {"note": ""}
    assert service.selector == {"app": ""}
    assert again.pods[0].spec.node_selector == {"fast": ""}
    assert again.kubelet
    assert again.kubelet.resolv_conf == ""
