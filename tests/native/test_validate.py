"""What is passed natively as plainly right is what the twin passes, and what validation finds nothing wrong with."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kcompile.model import Endpoint, EndpointSlice, Meta, TargetReference
from kcompile.passes import validate_endpoints
from kcompile.passes.validate_meta import Proven
from kcompile.twins import validate as twin

native = pytest.importorskip("kcompile.native.validate", reason="the extensions are not built")

ADDRESSES = st.sampled_from(
    (
        *("10.0.0.1", "255.255.255.255", "0.0.0.0", "0.0.0.1", "127.0.0.1", "128.0.0.1", "169.254.0.1", "169.253.0.1"),
        *("224.0.0.5", "224.0.1.5", "10.0.0.256", "10.0.0.01", "10.0.0", "10.0.0.1.1", "10.0.0.1\n", "10.0.0.٣", ""),
        *("fd00::1", "example.com"),
    )
)
NAMES = st.one_of(
    st.just(""),
    st.text("aZ09-._\n é", max_size=8),
    st.sampled_from(("a" * 63, "a" * 64, ".".join(["a" * 62] * 4), ".".join(["a" * 63] * 4), "node-1.example.com")),
)
HINTS = st.lists(NAMES, max_size=2).map(tuple)
TARGETS = st.builds(TargetReference, kind=st.one_of(st.sampled_from(("Pod", "9Pod", "P" * 64)), NAMES), name=NAMES)
RIGHT = Endpoint(("10.0.0.1",), node_name="node-1", zone="zone-a", target=TargetReference("Pod", "shop", "web-1"))
ENDPOINTS = st.lists(
    st.one_of(
        st.just(RIGHT),
        st.builds(
            Endpoint,
            addresses=st.lists(ADDRESSES, max_size=2).map(tuple),
            node_name=NAMES,
            zone=NAMES,
            hostname=NAMES,
            target=st.one_of(st.none(), TARGETS),
            zone_hints=HINTS,
            node_hints=HINTS,
        ),
        # One thing may be wrong, with an address that is right.
        *(
            NAMES.map(lambda name, field=field: Endpoint(("10.0.0.1",), **{field: name}))
            for field in ("node_name", "zone")
        ),  # type: ignore[misc]
        *(
            HINTS.map(lambda hints, field=field: Endpoint(("10.0.0.1",), **{field: hints}))
            for field in ("zone_hints", "node_hints")
        ),  # type: ignore[misc]
        TARGETS.map(lambda target: Endpoint(("10.0.0.1",), target=target)),
    ),
    max_size=4,
).map(tuple)


@settings(deadline=None, max_examples=500)
@given(ENDPOINTS, st.integers(0, 5))
@example((RIGHT, RIGHT), 0)
def test_the_first_unusual_endpoint_is_that_of_the_twin(endpoints: tuple[Endpoint, ...], start: int) -> None:
    assert native.first_unusual(endpoints, start) == twin.first_unusual(endpoints, start)


@settings(deadline=None, max_examples=500)
@given(ENDPOINTS)
def test_what_is_passed_has_nothing_wrong(endpoints: tuple[Endpoint, ...]) -> None:
    endpoint_slice = EndpointSlice(Meta("web-1", "shop"), address_type="IPv4", endpoints=endpoints)
    found = validate_endpoints.validate_endpoint_slice(endpoint_slice, Proven())
    with patch.object(validate_endpoints, "first_unusual", lambda endpoints, start: start):
        assert validate_endpoints.validate_endpoint_slice(endpoint_slice, Proven()) == found


def test_a_plain_endpoint_is_passed() -> None:
    endpoints = (RIGHT,) * 3
    assert native.first_unusual(endpoints, 0) == twin.first_unusual(endpoints, 0) == 3


def test_what_is_no_endpoint_is_refused() -> None:
    with pytest.raises(AttributeError):
        native.first_unusual((object(),), 0)
    with pytest.raises(TypeError):
        native.first_unusual((Endpoint(("10.0.0.1",), node_name=1),), 0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="negative"):
        native.first_unusual((RIGHT,), -1)
