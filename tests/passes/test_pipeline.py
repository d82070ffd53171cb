"""The passes together."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcompile.diagnostics import has_errors
from kcompile.frontend.source import Origin
from kcompile.model import Cluster
from kcompile.passes import pipeline
from kcompile.passes.pipeline import complete
from tests.passes.cluster import CLUSTER
from tests.passes.objects import completed, errors, port, service

OBJECTS = tuple(f.name for f in fields(Cluster) if isinstance(getattr(CLUSTER, f.name), tuple))


def test_completing_a_completed_cluster_changes_nothing() -> None:
    once = completed(CLUSTER)
    again = completed(once)
    assert again == once
    for name in OBJECTS:
        assert all(a is b for a, b in zip(getattr(again, name), getattr(once, name), strict=True)), name


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_input_does_not_matter(seed: int) -> None:
    shuffle = random.Random(seed)
    kinds: dict[str, Any] = {name: list(getattr(CLUSTER, name)) for name in OBJECTS}
    for objects in kinds.values():
        shuffle.shuffle(objects)
    shuffled = replace(CLUSTER, **{name: tuple(objects) for name, objects in kinds.items()})  # type: ignore[arg-type]
    assert complete(shuffled) == complete(CLUSTER)


def test_the_objects_of_every_kind_are_sorted_by_namespace_and_name() -> None:
    cluster = completed(CLUSTER)
    for name in OBJECTS:
        keys = [api_object.meta.key for api_object in getattr(cluster, name)]
        assert keys == sorted(keys)


def test_nothing_is_completed_that_is_not_valid() -> None:
    cluster, diagnostics = complete(Cluster(services=(service("web", port(70000)),)))
    assert errors(diagnostics) == ["port-range spec.ports[0].port"]
    assert cluster.nodes == ()


def test_the_passes_run_in_the_order_in_which_they_depend_on_each_other() -> None:
    names = [run.__name__ for run in (*pipeline.CHECKS, *pipeline.COMPLETIONS)]
    for earlier, later in (
        ("default_objects", "validate"),
        ("validate", "complete_ip_families"),
        ("complete_ip_families", "allocate_cluster_ips"),
        ("complete_nodes", "make_pods"),
        ("assign_pod_cidrs", "allocate_pod_ips"),
        ("schedule_pods", "allocate_pod_ips"),
        ("allocate_pod_ips", "make_endpoint_slices"),
        ("mirror_endpoints", "make_endpoint_slices"),
        ("allocate_cluster_ips", "complete_configuration"),
    ):
        assert names.index(earlier) < names.index(later)


Place = tuple[str | int, ...]

FREE_TEXT = ("data", "workload")
"""Fields that may hold anything, beside the values of annotations. They reach no rule; `workload` is not even read."""


def strings(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every string in an object, keys of maps included, with the way to it."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Origin):
        return
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if field.name not in FREE_TEXT:
                yield from strings(getattr(value, field.name), (*place, field.name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from strings(item, (*place, index))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield (*place, key, "key"), key
            if place[-1] != "annotations":
                yield from strings(item, (*place, key))


def with_string(value: Any, place: Place, text: str) -> Any:
    """The object with another string at a place."""
    if not place:
        return text
    step, rest = place[0], place[1:]
    if isinstance(value, tuple):
        assert isinstance(step, int)
        return (*value[:step], with_string(value[step], rest, text), *value[step + 1 :])
    if isinstance(value, Mapping):
        if rest == ("key",):
            return MappingProxyType({text if key == step else key: item for key, item in value.items()})
        return MappingProxyType({**value, step: with_string(value[step], rest, text)})
    assert isinstance(step, str)
    return replace(value, **{step: with_string(getattr(value, step), rest, text)})


PLACES = [place for place, _ in strings(CLUSTER)]
VALUES = dict(strings(CLUSTER))

HOSTILE = st.sampled_from(
    [
        " -j ACCEPT",
        '" -j ACCEPT -m comment --comment "',
        "\n-A INPUT -j ACCEPT",
        "\r\nCOMMIT",
        "\\",
        "'",
        "`id`",
        "$(id)",
        ";",
        "{",
        "}",
        "#",
        "\t",
        "\0",
        "\x1b[31m",
        "\x85",
        "\u2028",
        "\xa0",
        "é",
        "１",
    ]
)


IGNORED = [
    place
    for place in PLACES
    if place[2:3] == ("template_meta",) and place[3] in ("name", "namespace", "deletion_timestamp")
]
"""Of a Pod template the API server reads labels and annotations; the rest of its metadata is dropped."""


def test_a_rule_of_its_own_is_refused_in_every_field() -> None:
    assert len(PLACES) > 300
    assert all(getattr(CLUSTER, name) for name in OBJECTS)
    for place in PLACES:
        attacked = with_string(CLUSTER, place, VALUES[place] + '" -j ACCEPT\n')
        assert errors(complete(attacked)[1]) or place in IGNORED, place


@settings(max_examples=400, deadline=None)
@given(place=st.sampled_from(PLACES), hostile=HOSTILE, data=st.data())
def test_a_hostile_value_is_refused_or_gone(place: Place, hostile: str, data: st.DataObject) -> None:
    """In any field, alone or in the middle of a good value."""
    good = VALUES[place]
    at = data.draw(st.integers(0, len(good)))
    text = data.draw(st.sampled_from([good[:at] + hostile + good[at:], hostile]))
    cluster, diagnostics = complete(with_string(CLUSTER, place, text))
    if not has_errors(diagnostics):
        assert not any(hostile in value for _, value in strings(cluster)), place
    assert all(str(d).isprintable() for d in diagnostics)


@settings(max_examples=200, deadline=None)
@given(place=st.sampled_from(PLACES), text=st.text(max_size=20))
def test_no_value_makes_the_passes_fail(place: Place, text: str) -> None:
    complete(with_string(CLUSTER, place, text))
