"""Each golden scenario's queries.tsv: what names resolve to.

Columns: name, type, from (the Pod that asks with its search list, empty for a name that stands as it is), rcode (empty
where the answer is not known here) and answer: the records, and "asks SERVERS for NAME" for what is asked elsewhere.
"""

from __future__ import annotations

import csv
from functools import cache
from typing import NamedTuple

import pytest

import kcompile
from kcompile.evaluate.dns.cluster_server import cluster_resolver
from kcompile.evaluate.dns.queries import Answer
from kcompile.evaluate.dns.resolver import Resolver
from kcompile.evaluate.dns.search import search
from kcompile.ir.pod_dns import ResolvConf, pods_dns
from tests.golden.scenarios import GOLDEN, SCENARIOS


class Query(NamedTuple):
    scenario: str
    name: str
    type: str
    source: str
    rcode: str
    answer: str


def queries() -> list[Query]:
    found = []
    for scenario in SCENARIOS:
        path = GOLDEN / scenario / "queries.tsv"
        if path.exists():
            with path.open(newline="") as lines:
                for row in csv.DictReader(lines, delimiter="\t"):
                    found.append(Query(scenario, row["name"], row["type"], row["from"], row["rcode"], row["answer"]))
    return found


@cache
def world(scenario: str) -> tuple[Resolver, dict[tuple[str, str], ResolvConf]]:
    cluster = kcompile.load([GOLDEN / scenario / "input"])
    configs, _ = pods_dns(cluster.model, ResolvConf())
    return cluster_resolver(cluster.model, cluster.given), dict(configs)


def told(answer: Answer) -> str:
    parts = [str(record) for record in answer.answer]
    if answer.forwarded_to:
        # A target further on in a chain of aliases is what was asked elsewhere, else the name itself.
        name = answer.answer[-1].data.rstrip(".") if answer.answer else answer.name
        parts.append(f"asks {' '.join(answer.forwarded_to)} for {name}")
    return "; ".join(parts)


@pytest.mark.parametrize("query", queries(), ids=lambda query: f"{query.scenario}-{query.name}-{query.type}")
def test_a_name_resolves_as_the_scenario_says(query: Query) -> None:
    resolver, configs = world(query.scenario)
    if query.source:
        namespace, _, pod = query.source.partition("/")
        answer = search(resolver, configs[namespace, pod], query.name, query.type, resolver.client)[-1]
    else:
        answer = resolver.query(query.name, query.type)
    assert (answer.rcode or "", told(answer)) == (query.rcode, query.answer)
