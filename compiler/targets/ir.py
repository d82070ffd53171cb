"""The plan for a node as JSON, for those who debug a compilation or feed another tool."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from kcompile.frontend.source import Origin
from kcompile.ir.plan import Family, NodePlan


def ir(plan: NodePlan, families: tuple[Family, ...]) -> bytes:
    """The plan as one JSON object: the types of `kcompile.ir.plan`, an origin as `file:line:column`."""
    shown = _data(plan)
    shown = {key: value for key, value in shown.items() if key not in ("ipv4", "ipv6")}
    for family in families:
        shown[f"ipv{family}"] = _data(plan.family(family))
    return (json.dumps(shown, indent=2, ensure_ascii=True) + "\n").encode()


def _data(value: Any) -> Any:
    if isinstance(value, Origin):
        return str(value.span)
    if dataclasses.is_dataclass(value):
        return {field.name: _data(getattr(value, field.name)) for field in dataclasses.fields(value) if field.init}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _data(item) for name, item in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [_data(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return {key: _data(item) for key, item in value.items()}
    return value
