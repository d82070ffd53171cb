"""What makes a plan in bulk natively gives what its twin gives, for any endpoints."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcompile.frontend.source import NOWHERE as ORIGIN
from kcompile.ir.endpoints import canonical_address
from kcompile.ir.plan import EndpointInfo, PackedEndpoints, ServicePortInfo
from kcompile.model import Endpoint
from kcompile.twins import plan as twin

native = pytest.importorskip("kcompile.native.plan", reason="the extensions are not built")

ADDRESSES = st.sampled_from(
    (
        *("10.0.0.1", "10.0.0.10", "10.0.0.2", "255.255.255.255", "010.0.0.1", "10.0.0.256", "10.0.0", "1.2.3.4.5"),
        *("fd00::1", "FD00:0::1", "::ffff:10.0.0.1", "example.com", "10.0.0.é", "10.0.0.1\0", "10.0.0.1/", ""),
        "1" * 256,
    )
)
CONDITIONS = st.sampled_from((None, True, False))
NAMES = st.lists(st.sampled_from("abc"), max_size=2).map(tuple)
ENDPOINTS = st.lists(
    st.builds(
        Endpoint,
        addresses=st.lists(ADDRESSES, max_size=2).map(tuple),
        ready=CONDITIONS,
        serving=CONDITIONS,
        terminating=CONDITIONS,
        node_name=st.sampled_from(("", "node1", "node2")),
        zone_hints=NAMES,
        node_hints=NAMES,
    )
)
PORTS = st.integers(0, 65535)


def with_texts(endpoints: PackedEndpoints | None) -> object:
    return endpoints and (type(endpoints), endpoints, endpoints.texts, endpoints.has_local)


@settings(deadline=None)
@given(ENDPOINTS, st.booleans(), st.sampled_from((None, canonical_address)), PORTS, PORTS)
def test_endpoints_are_those_of_the_twin(
    endpoints: list[Endpoint], ipv6: bool, canonical: object, one: int, two: int
) -> None:
    arguments = (EndpointInfo, endpoints, ipv6, canonical, one, ORIGIN)
    made = native.usable(*arguments)
    assert made == twin.usable(*arguments)  # type: ignore[arg-type]
    infos = made[0]
    assert all(type(info) is EndpointInfo and info.origin is ORIGIN for info in infos)
    moved = native.with_port(EndpointInfo, infos, two)
    assert moved == twin.with_port(EndpointInfo, infos, two)
    for node in ("node1", "node3"):
        seen = native.seen_from(EndpointInfo, infos, node)
        assert seen == twin.seen_from(EndpointInfo, infos, node)
        assert all(one is other for one, other in zip(seen, infos, strict=True) if other.node != node)
    assert all(type(info) is EndpointInfo for info in (*moved, *seen))
    for some in (moved, seen):
        assert with_texts(native.packed(PackedEndpoints, some)) == with_texts(twin.packed(PackedEndpoints, some))
    found = native.by_address(PackedEndpoints, infos)
    assert with_texts(found) == with_texts(twin.by_address(PackedEndpoints, infos))
    unique = list({info.address: info for info in infos}.values())
    found = native.by_address(PackedEndpoints, unique)
    assert [info.address for info in found] == sorted(info.address for info in unique)


def test_what_are_no_endpoints_is_refused() -> None:
    functions = (
        lambda infos: native.packed(PackedEndpoints, infos),
        lambda infos: native.by_address(PackedEndpoints, infos),
        lambda infos: native.with_port(EndpointInfo, infos, 80),
        lambda infos: native.seen_from(EndpointInfo, infos, ""),
    )
    for function in functions:
        for wrong in ([("10.0.0.1", 80)], ["10.0.0.1"], [None]):
            with pytest.raises(ValueError, match="a tuple of 10 fields"):
                function(wrong)
    for kind in (dict, 5, None):
        with pytest.raises(TypeError, match="tuples"):
            native.usable(kind, [], False, None, 80, None)
    with pytest.raises(AttributeError):
        native.usable(EndpointInfo, [object()], False, None, 80, None)


def test_objects_without_the_slots_of_an_endpoint_are_read_by_name() -> None:
    @dataclass
    class Other:
        addresses: tuple[str, ...] = ("10.0.0.1",)
        ready: bool = True
        serving: bool = True
        terminating: bool = False
        zone_hints: tuple[str, ...] = ()
        node_hints: tuple[str, ...] = ()
        node_name: str = "node1"

    mixed = [Other(), Endpoint(("10.0.0.2",)), Other(("10.0.0.3",))]
    arguments = (EndpointInfo, mixed, False, None, 80, ORIGIN)
    assert native.usable(*arguments) == twin.usable(*arguments)  # type: ignore[arg-type]


def test_a_copy_with_other_fields_is_that_of_dataclasses() -> None:
    port = ServicePortInfo("ns", "web", "http", "TCP", "10.96.0.10", 80)
    changes = {"port_name": "dns", "endpoints": (EndpointInfo("10.0.0.1", 53),)}
    for function in (native.replaced, twin.replaced):
        assert function(port, changes) == replace(port, **changes)  # type: ignore[arg-type]
        assert function(port, {}) == port
        with pytest.raises((TypeError, AttributeError)):
            function(port, {"nothing": 1})
    assert port.port_name == "http"
    with pytest.raises(TypeError):
        native.replaced(EndpointInfo("10.0.0.1", 53), {"port": 1})
