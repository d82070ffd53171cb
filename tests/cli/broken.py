"""A hundred broken manifests: mutations of a good one, and texts that are no manifests at all."""

from __future__ import annotations

import random
from collections.abc import Iterator

GOOD = """\
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  labels:
    app: web
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.20
  selector:
    app: web
  externalIPs:
  - 192.0.2.7
  loadBalancerSourceRanges:
  - 198.51.100.0/24
  sessionAffinity: ClientIP
  sessionAffinityConfig:
    clientIP:
      timeoutSeconds: 600
  ports:
  - name: http
    port: 80
    targetPort: 8080
    nodePort: 30080
  - name: https
    port: 443
    targetPort: https
    nodePort: 30443
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: web-abc
  namespace: shop
  labels:
    kubernetes.io/service-name: web
addressType: IPv4
ports:
- name: http
  port: 8080
  protocol: TCP
endpoints:
- addresses:
  - 10.244.0.5
  conditions:
    ready: true
  nodeName: node-1
"""

REPLACEMENTS = (
    # wrong types
    ("port: 80\n", 'port: "80"\n'),
    ("port: 80\n", "port: eighty\n"),
    ("port: 80\n", "port: [80]\n"),
    ("port: 80\n", "port: 80.5\n"),
    ("port: 80\n", "port: true\n"),
    ("name: web\n", "name: 5\n"),
    ("name: web\n", "name: {a: b}\n"),
    ("  labels:\n    app: web\n", "  labels: [app]\n"),
    ("  labels:\n    app: web\n", "  labels: {app: 5}\n"),
    ("  labels:\n    app: web\n", "  labels: {app: yes}\n"),
    ("type: LoadBalancer", "type: 5"),
    ("ready: true", "ready: 1"),
    ("ready: true", 'ready: "true"'),
    ("  - 192.0.2.7", "  - {ip: 192.0.2.7}"),
    ("timeoutSeconds: 600", "timeoutSeconds: 10m"),
    ("spec:\n  type", "spec: []\nx:\n  type"),
    ("endpoints:\n", "endpoints: {}\nx:\n"),
    # unknown and missing fields
    ("targetPort: 8080", "targetport: 8080"),
    ("  selector:", "  selecter:"),
    ("  clusterIP:", "  clusterip:"),
    ("nodePort: 30080", "nodePort: 30080\n    color: red"),
    ("addressType: IPv4\n", ""),
    ("addressType: IPv4", "adressType: IPv4"),
    ("  name: web-abc\n", ""),
    ("    port: 80\n", ""),
    ("kind: Service", "kind: service\napiVersion: v1"),
    ("metadata:\n  name: web\n  namespace: shop\n  labels:\n    app: web\n", ""),
    ("- addresses:\n  - 10.244.0.5\n  conditions:\n    ready: true\n  nodeName", "- nodeName"),
    # bad ports
    ("port: 80\n", "port: 0\n"),
    ("port: 80\n", "port: 70000\n"),
    ("port: 80\n", "port: -1\n"),
    ("port: 80\n", "port: 99999999999999999999999\n"),
    ("nodePort: 30080", "nodePort: 70000"),
    ("nodePort: 30443", "nodePort: 30080"),
    ("port: 443", "port: 80"),
    ("targetPort: 8080", "targetPort: -1"),
    ("targetPort: https", "targetPort: not a port"),
    ("targetPort: https", "targetPort: a-name-that-is-too-long"),
    ("  port: 8080\n", "  port: 65536\n"),
    # bad names
    ("name: web\n", "name: Web\n"),
    ("name: web\n", "name: -web\n"),
    ("name: web\n", "name: we b\n"),
    ("name: web\n", "name: " + "w" * 64 + "\n"),
    ("name: web\n", 'name: ""\n'),
    ("name: web\n", "name: wéb\n"),
    ("namespace: shop", "namespace: ../shop"),
    ("namespace: shop", 'namespace: "a\\nb"'),
    ("name: http\n", "name: HTTP\n"),
    ("name: https", "name: http"),
    ("  - name: https\n    port", "  - port"),
    # bad addresses
    ("10.96.0.20", "10.96.0.256"),
    ("10.96.0.20", "10.96.0.20/32"),
    ("10.96.0.20", "010.96.0.20"),
    ("10.96.0.20", "ten"),
    ("10.96.0.20", "fe80::1%eth0"),
    ("- 192.0.2.7", "- 127.0.0.1"),
    ("- 192.0.2.7", "- 0.0.0.0"),
    ("- 192.0.2.7", "- example.com"),
    ("- 192.0.2.7", "- 1٩2.0.2.7"),
    ("198.51.100.0/24", "198.51.100.0/33"),
    ("198.51.100.0/24", "198.51.100.0"),
    ("198.51.100.0/24", "anywhere"),
    ("- 10.244.0.5", "- 10.244.0"),
    ("- 10.244.0.5", "- fd00::5"),
    ("addressType: IPv4", "addressType: IPv5"),
    # bad values
    ("type: LoadBalancer", "type: Loadbalancer"),
    ("sessionAffinity: ClientIP", "sessionAffinity: Cookie"),
    ("timeoutSeconds: 600", "timeoutSeconds: 0"),
    ("timeoutSeconds: 600", "timeoutSeconds: 86401"),
    ("protocol: TCP", "protocol: HTTP"),
    ("type: LoadBalancer", "type: LoadBalancer\n  externalTrafficPolicy: Somewhere"),
    ("type: LoadBalancer", "type: LoadBalancer\n  internalTrafficPolicy: Global"),
    ("type: LoadBalancer", "type: LoadBalancer\n  trafficDistribution: PreferFar"),
    ("type: LoadBalancer", "type: ExternalName"),
    ("type: LoadBalancer", "type: ClusterIP"),
    ("kubernetes.io/service-name: web", "kubernetes.io/service-name: 'a b'"),
    # duplicate names and keys
    ("  clusterIP: 10.96.0.20\n", "  clusterIP: 10.96.0.20\n  clusterIP: 10.96.0.21\n"),
    ("    app: web\nspec", "    app: web\n    app: api\nspec"),
    ("kind: Service\n", "kind: Service\nkind: Service\n"),
    # not YAML
    ("  ports:", "\tports:"),
    ("name: web\n", "name: web: x\n"),
    ("name: web\n", "name: *web\n"),
    ("name: web\n", 'name: "web\n'),
    ("name: web\n", "name: @web\n"),
    ("    app: web\n", "    app: web\n   x: y\n"),
)

SERVICE = GOOD.partition("---\n")[0]


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join([*lines, GOOD])


def broken_manifests() -> Iterator[tuple[str, bytes]]:
    """(what is broken, the text), a hundred of them."""
    for old, new in REPLACEMENTS:
        assert GOOD.count(old) >= 1, old
        yield f"{old.strip()[:24]} -> {new.strip()[:24]}", GOOD.replace(old, new, 1).encode()
    yield "the same object twice", f"{SERVICE}---\n{SERVICE}".encode()
    yield "two objects with one node port", f"{SERVICE}---\n{SERVICE.replace('name: web', 'name: web2', 1)}".encode()
    yield "truncated in a flow map", (SERVICE + "---\n{a: [b, {c: ").encode()
    yield "truncated in a quoted text", SERVICE.encode().replace(b"name: web\n", b'name: "web')[:60]
    yield "truncated JSON", b'{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"'
    yield "JSON with a comma too many", b'{"apiVersion": "v1", "kind": "Service",}'
    yield "binary", random.Random(1).randbytes(4096)
    yield "UTF-16 without a mark", SERVICE.encode("utf-16-le")
    yield "a NUL in the middle", SERVICE.replace("shop", "sh\0op").encode()
    yield "100,000 nested brackets", b"[" * 100_000
    yield "100,000 nested maps in a manifest", (SERVICE + "x: " + "{a: " * 100_000).encode()
    yield "100,000 nested brackets in JSON", b'{"a": ' + b"[" * 100_000
    yield "a 50 MB scalar", b"apiVersion: v1\nkind: Service\nmetadata: {name: '" + b"x" * 50_000_000 + b"'}\n"
    yield "an alias bomb", bomb().encode()
    yield "a list instead of a manifest", b"- a\n- b\n"
