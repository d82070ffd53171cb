"""EndpointSlices as clusters that tests make up have them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Manifest = dict[str, Any]


def endpoint_slice(service: str, family: str, ports: Iterable[Manifest], endpoints: Iterable[Manifest]) -> Manifest:
    """One of a Service in namespace default; the ports are the Service's, with numbers for target ports."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service}-{family.lower()}",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": family,
        "ports": [{"name": p["name"], "protocol": p["protocol"], "port": p["targetPort"]} for p in ports],
        "endpoints": list(endpoints),
    }
