"""What CoreDNS 1.13.1 answered, query by query.

tests/data/dns/CASE has the Corefile with its files, the manifests as the API server held them, the zone file of the
server that CoreDNS forwarded to, and case.json with the queries in the order in which they were asked.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import kcompile
from kcompile.evaluate.dns.cluster_server import cluster_resolver
from kcompile.evaluate.dns.queries import Client
from kcompile.evaluate.dns.resolver import Resolver
from kcompile.evaluate.dns.zone_data import read_zone
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.load import load_corefile
from kcompile.frontend.source import Source
from kcompile.ir.records import Record

DATA = Path(__file__).parents[2] / "data" / "dns"
CASES = sorted(folder.name for folder in DATA.iterdir())


def recorded_server(case: str) -> Resolver:
    folder = DATA / case
    spec = json.loads((folder / "case.json").read_text())
    cluster = kcompile.load([folder / "manifests.yaml"])
    # Imports are relative to the Corefile, so its name leads to the folder.
    source = Source(str(folder / "Corefile"), (folder / "Corefile").read_bytes())
    configuration = load_corefile(source, spec["env"], Files(str(folder)))
    upstreams = {
        address: read_zone((folder / zone).read_text(), ".", zone) for address, zone in spec["upstreams"].items()
    }
    return cluster_resolver(
        cluster.model,
        cluster.given,
        configuration,
        server_addresses=spec["server_addresses"],
        upstreams=upstreams,
        client=Client(port=spec["port"]),
    )


def in_order(records: tuple[Record, ...]) -> list[str]:
    return sorted(re.sub(r"(IN SOA \S+ \S+ )\S+ ", r"\1SERIAL ", str(record)) for record in records)


@pytest.mark.parametrize("case", CASES)
def test_answers_are_those_of_coredns(case: str) -> None:
    server = recorded_server(case)
    for query in json.loads((DATA / case / "case.json").read_text())["queries"]:
        client = server.client._replace(address=query.get("client", "127.0.0.1"))
        answer = server.query(query["name"], query["type"], client)
        found = {
            "rcode": answer.rcode,
            "aa": answer.authoritative,
            "answer": in_order(answer.answer),
            "authority": in_order(answer.authority),
            "additional": in_order(answer.additional),
        }
        assert found == query["expect"], f"{query['name']} {query['type']} {answer.error}"


@pytest.mark.parametrize("case", CASES)
def test_many_queries_at_once_are_answered_as_one_by_one(case: str) -> None:
    """The short way and what is remembered give what the general path gives."""
    queries = json.loads((DATA / case / "case.json").read_text())["queries"]
    names, types = [query["name"] for query in queries] * 2, [query["type"] for query in queries] * 2
    general, many = recorded_server(case), recorded_server(case)
    one_by_one = [general.query(name, rtype, general.client) for name, rtype in zip(names, types, strict=True)]
    at_once = many.query_many(names, types)
    assert [answer._replace(plugin="") for answer in at_once] == [answer._replace(plugin="") for answer in one_by_one]
