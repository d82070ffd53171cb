"""The reference cluster: Services with two ports and an EndpointSlice of twenty endpoints each, as kubectl prints them.

`python -m benchmarks.reference_cluster [SERVICES]` writes it as YAML and as JSON and prints where. The same number of
Services gives the same bytes on every machine. The files are kept in build/bench/.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, TextIO

Manifest = dict[str, Any]
Form = Literal["yaml", "json", "documents.yaml"]
FORMS: tuple[Form, ...] = ("yaml", "json", "documents.yaml")
"""`kubectl get -o yaml`, `kubectl get -o json`, and one YAML document for each object."""

SERVICES = 10_000
ENDPOINTS = 20
NODES = 500
NAMESPACES = 100
SEED = 1

CACHE = Path(__file__).parents[1] / "build" / "bench"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes makes random suffixes of."""


def reference_cluster(form: Form, services: int = SERVICES) -> Path:
    """The file with the cluster of so many Services; written when it is not there yet."""
    path = CACHE / f"cluster-{services}.{form}"
    if not path.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".new")
        with open(unfinished, "w", encoding="utf-8") as file:
            _WRITERS[form](manifests(services), file)
        unfinished.replace(path)
    return path


def manifests(services: int) -> Iterator[Manifest]:
    """The Services, then their EndpointSlices, with keys in kubectl's order (sorted)."""
    for number in range(services):
        yield _service(number, random.Random(f"{SEED} service {number}"))
    for number in range(services):
        yield _endpoint_slice(number, random.Random(f"{SEED} slice {number}"))


def _service(number: int, chance: random.Random) -> Manifest:
    """One Service in ten has node ports, while there are any (30000-32767), and one in fifty a load balancer."""
    exposed = number % 10 == 0 and number // 5 + 1 < 2768
    kind = "ClusterIP" if not exposed else "NodePort" if number % 50 else "LoadBalancer"
    ports: list[Manifest] = [
        {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080},
        {"name": "metrics", "port": 9090, "protocol": "TCP", "targetPort": "metrics"},
    ]
    address = _address("10.96.0.0", 256 + number)
    spec: Manifest = {
        "clusterIP": address,
        "clusterIPs": [address],
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "ports": ports,
        "selector": {"app": _name(number)},
        "sessionAffinity": "None",
        "type": kind,
    }
    ingress: Manifest = {}
    if exposed:
        spec["ports"] = [_sorted(port | {"nodePort": 30000 + number // 5 + i}) for i, port in enumerate(ports)]
        spec["externalTrafficPolicy"] = "Cluster"
    if kind == "LoadBalancer":
        spec["allocateLoadBalancerNodePorts"] = True
        ingress = {"ingress": [{"ip": _address("192.0.2.0", number // 50), "ipMode": "VIP"}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "annotations": {"kubernetes.io/description": f"the front of {_name(number)}: http, and its metrics"},
            "creationTimestamp": "2026-03-02T09:14:11Z",
            "labels": {"app": _name(number), "app.kubernetes.io/managed-by": "Helm"},
            "name": _name(number),
            "namespace": _namespace(number),
            "resourceVersion": str(1_000_000 + number),
            "uid": _uid(chance),
        },
        "spec": _sorted(spec),
        "status": {"loadBalancer": ingress},
    }


def _endpoint_slice(number: int, chance: random.Random) -> Manifest:
    replica_set = "".join(chance.choices(_LETTERS, k=10))
    return {
        "addressType": "IPv4",
        "apiVersion": "discovery.k8s.io/v1",
        "endpoints": [_endpoint(number, i, replica_set, chance) for i in range(ENDPOINTS)],
        "kind": "EndpointSlice",
        "metadata": {
            "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": "2026-03-02T09:15:02Z"},
            "creationTimestamp": "2026-03-02T09:14:11Z",
            "generateName": f"{_name(number)}-",
            "generation": chance.randrange(1, 40),
            "labels": {
                "app": _name(number),
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                "kubernetes.io/service-name": _name(number),
            },
            "name": f"{_name(number)}-{''.join(chance.choices(_LETTERS, k=5))}",
            "namespace": _namespace(number),
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "blockOwnerDeletion": True,
                    "controller": True,
                    "kind": "Service",
                    "name": _name(number),
                    "uid": _uid(chance),
                }
            ],
            "resourceVersion": str(2_000_000 + number),
            "uid": _uid(chance),
        },
        "ports": [
            {"name": "http", "port": 8080, "protocol": "TCP"},
            {"name": "metrics", "port": 9100, "protocol": "TCP"},
        ],
    }


def _endpoint(number: int, index: int, replica_set: str, chance: random.Random) -> Manifest:
    ready = chance.random() < 0.98
    node = chance.randrange(NODES)
    return {
        "addresses": [_address("10.128.0.0", number * ENDPOINTS + index)],
        "conditions": {"ready": ready, "serving": ready, "terminating": False},
        "nodeName": f"node-{node:03}",
        "targetRef": {
            "kind": "Pod",
            "name": f"{_name(number)}-{replica_set}-{''.join(chance.choices(_LETTERS, k=5))}",
            "namespace": _namespace(number),
            "uid": _uid(chance),
        },
        "zone": f"zone-{'abc'[node % 3]}",
    }


def _sorted(value: Manifest) -> Manifest:
    return dict(sorted(value.items()))


def _name(number: int) -> str:
    return f"service-{number:05}"


def _namespace(number: int) -> str:
    return f"team-{number % NAMESPACES:02}"


def _address(base: str, offset: int) -> str:
    first, second, third, fourth = map(int, base.split("."))
    number = (first << 24 | second << 16 | third << 8 | fourth) + offset
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def _uid(chance: random.Random) -> str:
    digits = f"{chance.getrandbits(128):032x}"
    return f"f{digits[1:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _write_json(items: Iterable[Manifest], file: TextIO) -> None:
    file.write('{\n    "apiVersion": "v1",\n    "items": [')
    separator = "\n"
    for item in items:
        file.write(separator)
        _json_value(item, "        ", file.write)
        separator = ",\n"
    file.write('\n    ],\n    "kind": "List",\n    "metadata": {\n        "resourceVersion": ""\n    }\n}\n')


def _json_value(value: Any, indent: str, write: Callable[[str], object]) -> None:
    """One value at an indentation: json.dumps would build the whole text."""
    write(indent)
    text = json.dumps(value, indent=4)
    write(text.replace("\n", f"\n{indent}"))


def _write_yaml(items: Iterable[Manifest], file: TextIO) -> None:
    file.write("apiVersion: v1\nitems:\n")
    for item in items:
        file.write("\n".join(_yaml_list_item(item, "")) + "\n")
    file.write('kind: List\nmetadata:\n  resourceVersion: ""\n')


def write_documents(items: Iterable[Manifest], file: TextIO) -> None:
    for item in items:
        file.write("---\n" + "\n".join(_yaml_map(item, "")) + "\n")


def _yaml_map(value: Manifest, indent: str) -> Iterator[str]:
    """Block style as kubectl writes it: items of a list stand below their key, not right of it."""
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield f"{indent}{key}:"
            yield from _yaml_map(item, indent + "  ")
        elif isinstance(item, list):
            yield f"{indent}{key}:"
            for one in item:
                yield from _yaml_list_item(one, indent)
        else:
            yield f"{indent}{key}: {_yaml_scalar(item)}"


def _yaml_list_item(item: Any, indent: str) -> Iterator[str]:
    if not isinstance(item, dict):
        yield f"{indent}- {_yaml_scalar(item)}"
        return
    lines = _yaml_map(item, indent + "  ")
    yield f"{indent}- {next(lines)[len(indent) + 2 :]}"
    yield from lines


def _yaml_scalar(value: Any) -> str:
    if isinstance(value, str):
        quoted = not value or value.isdigit() or (value[0].isdigit() and ":" in value)
        return f'"{value}"' if quoted else f"'{value}'" if ": " in value else value
    return json.dumps(value)


_WRITERS: dict[Form, Callable[[Iterable[Manifest], TextIO], None]] = {
    "yaml": _write_yaml,
    "json": _write_json,
    "documents.yaml": write_documents,
}


def main() -> None:
    services = int(sys.argv[1]) if len(sys.argv) > 1 else SERVICES
    for form in FORMS:
        path = reference_cluster(form, services)
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
