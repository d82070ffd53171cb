from __future__ import annotations

from dataclasses import replace

import pytest

from kcompile.ir.endpoints import Gathered, endpoints_on, gather_endpoints
from kcompile.ir.plan import EndpointInfo
from kcompile.ir.versions import ENDPOINT_RULES
from kcompile.model import Endpoint, EndpointPort, EndpointSlice, Meta

OLD, NEW = ENDPOINT_RULES["1.30"], ENDPOINT_RULES["1.37"]
KEY = ("ns", "web", "http", "TCP")
LABELS = {"kubernetes.io/service-name": "web"}


def slice_of(*endpoints: Endpoint, name: str = "web-1", kind: str = "IPv4", **labels: str) -> EndpointSlice:
    return EndpointSlice(
        Meta(
            name,
            "ns",
            {**LABELS, **{f"service.kubernetes.io/{key.replace('_', '-')}": value for key, value in labels.items()}},
        ),
        address_type=kind,
        ports=(EndpointPort("http", "TCP", 8080),),
        endpoints=endpoints,
    )


def collect(*slices: EndpointSlice, family: int = 4, rules: object = NEW) -> tuple[EndpointInfo, ...]:
    gathered = gather_endpoints(slices, family, rules).get(KEY, Gathered())  # type: ignore[arg-type]
    return endpoints_on(gathered, "node1", rules)  # type: ignore[arg-type]


def test_endpoints_sort_by_the_text_of_address_and_port() -> None:
    numbers = (100, 10, 2, 9)
    got = collect(slice_of(*(Endpoint((f"10.0.0.{i}",)) for i in reversed(numbers))))
    # ":" comes after the digits.
    assert [endpoint.ip for endpoint in got] == ["10.0.0.100", "10.0.0.10", "10.0.0.2", "10.0.0.9"]


def test_conditions_that_are_not_given_mean_ready() -> None:
    ready, not_ready, leaving = collect(
        slice_of(
            Endpoint(("10.0.0.1",)),
            Endpoint(("10.0.0.2",), ready=False),
            Endpoint(("10.0.0.3",), ready=False, serving=False, terminating=True),
        )
    )
    assert (ready.ready, ready.serving, ready.terminating) == (True, True, False)
    assert (not_ready.ready, not_ready.serving, not_ready.terminating) == (False, True, False)
    assert (leaving.ready, leaving.serving, leaving.terminating) == (False, False, True)


def test_an_endpoint_is_local_on_its_node() -> None:
    got = collect(
        slice_of(
            Endpoint(("10.0.0.1",), node_name="node1"),
            Endpoint(("10.0.0.2",), node_name="node2"),
            Endpoint(("10.0.0.3",)),
        )
    )
    assert [endpoint.local for endpoint in got] == [True, False, False]


def test_only_the_first_address_counts() -> None:
    assert [e.ip for e in collect(slice_of(Endpoint(("10.0.0.1", "10.0.0.2"))))] == ["10.0.0.1"]


def test_slices_of_the_other_family_of_names_and_of_others_are_left_out() -> None:
    endpoint = Endpoint(("10.0.0.1",))
    assert collect(slice_of(endpoint))
    assert not collect(slice_of(endpoint), family=6)
    assert not collect(slice_of(Endpoint(("example.com",)), kind="FQDN"))
    assert not collect(slice_of(Endpoint(("fd00::1",))))  # an address of the other family than the slice says
    assert not collect(slice_of(endpoint, service_proxy_name="other"))
    assert not collect(slice_of(endpoint, headless=""))
    assert not collect(replace(slice_of(endpoint), meta=Meta("web-1", "ns")))


@pytest.mark.parametrize("port", [None, 0])
def test_a_port_without_a_number_is_left_out(port: int | None) -> None:
    assert not collect(replace(slice_of(Endpoint(("10.0.0.1",))), ports=(EndpointPort("http", "TCP", port),)))


def test_a_port_without_a_protocol_is_tcp_and_without_a_name_unnamed() -> None:
    item = replace(slice_of(Endpoint(("10.0.0.1",))), ports=(EndpointPort("", "", 80),))
    assert set(gather_endpoints([item], 4, NEW)) == {("ns", "web", "", "TCP")}


def test_ports_of_one_name_are_collected_from_every_slice() -> None:
    first = slice_of(Endpoint(("10.0.0.2",)))
    second = replace(slice_of(Endpoint(("10.0.0.1",)), name="web-2"), ports=(EndpointPort("http", "TCP", 9090),))
    assert [endpoint.address for endpoint in collect(first, second)] == ["10.0.0.1:9090", "10.0.0.2:8080"]


def test_old_releases_copy_addresses_as_given() -> None:
    item = slice_of(Endpoint(("FD00:0::1",)), kind="IPv6")
    assert collect(item, family=6, rules=OLD)[0].address == "[FD00:0::1]:8080"
    assert collect(item, family=6)[0].address == "[fd00::1]:8080"


def test_an_address_in_two_slices_is_that_of_the_running_pod() -> None:
    leaving = Endpoint(("10.0.0.1",), ready=False, terminating=True, node_name="node1")
    running = Endpoint(("10.0.0.1",), node_name="node2")
    for first, second in ((leaving, running), (running, leaving)):
        (endpoint,) = collect(slice_of(first), slice_of(second, name="web-2"))
        assert endpoint.ready


def test_in_old_releases_the_first_slice_wins_unless_a_later_one_is_local() -> None:
    local, remote = Endpoint(("10.0.0.1",), node_name="node1"), Endpoint(("10.0.0.1",), ready=False, node_name="node2")
    for first, second in ((local, remote), (remote, local)):
        # The slices are taken by name, wherever they stand in the input.
        (endpoint,) = collect(slice_of(second, name="web-2"), slice_of(first), rules=OLD)
        assert endpoint.local
    elsewhere = Endpoint(("10.0.0.1",), node_name="node3")
    (endpoint,) = collect(slice_of(elsewhere), slice_of(remote, name="web-2"), rules=OLD)
    assert endpoint.ready


def test_of_an_address_twice_in_a_slice_the_later_one_wins_wherever_its_spelling_sorts() -> None:
    first, second = Endpoint(("fd00::1",)), Endpoint(("fd00:0::1",), ready=False)
    (endpoint,) = collect(slice_of(first, second, kind="IPv6"), family=6)
    assert not endpoint.ready
    # What old releases took for two addresses, they sorted.
    assert [e.ip for e in collect(slice_of(first, second, kind="IPv6"), family=6, rules=OLD)] == [
        "fd00:0::1",
        "fd00::1",
    ]


def test_hints_become_sets() -> None:
    (endpoint,) = collect(slice_of(Endpoint(("10.0.0.1",), zone_hints=("b", "a", "b"), node_hints=("node1",))))
    assert (endpoint.zone_hints, endpoint.node_hints) == ({"a", "b"}, {"node1"})
