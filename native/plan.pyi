from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from kcompile.frontend.source import Origin
from kcompile.ir.plan import EndpointInfo, PackedEndpoints
from kcompile.model.endpoint_slice import Endpoint

T = TypeVar("T")

def usable(
    kind: type[EndpointInfo],
    endpoints: Iterable[Endpoint],
    ipv6: bool,
    canonical: Callable[[str], str] | None,
    port: int,
    origin: Origin,
) -> tuple[list[EndpointInfo], frozenset[str], bool]: ...
def with_port(kind: type[EndpointInfo], infos: Iterable[EndpointInfo], port: int) -> list[EndpointInfo]: ...
def seen_from(kind: type[EndpointInfo], infos: Iterable[EndpointInfo], node: str) -> list[EndpointInfo]: ...
def packed(kind: type[PackedEndpoints], infos: Iterable[EndpointInfo]) -> PackedEndpoints: ...
def by_address(kind: type[PackedEndpoints], infos: Iterable[EndpointInfo]) -> PackedEndpoints | None: ...
def replaced(given: T, changes: Mapping[str, Any]) -> T: ...
