"""Master files; tests/data/corefile/master_files.jsonl is recorded from miekg/dns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kcompile.frontend.corefile.master_file import MasterFileError, NotRead, master_file_problem, read_records

RECORDED = Path(__file__).parents[2] / "data" / "corefile" / "master_files.jsonl"
SOA = "@ 60 IN SOA a b 1 2 3 4 5\n"


def test_files_give_the_records_and_the_errors_of_coredns_library() -> None:
    """Of an error only that there is one: the words about the data are dnspython's."""
    for line in RECORDED.read_text().splitlines():
        case = json.loads(line)
        try:
            records = [" ".join(map(str, record)) for record in read_records(case["text"], "zone.example.")]
        except MasterFileError:
            records = None
        assert (case["text"], records) == (case["text"], case.get("records"))


def test_an_error_names_file_origin_and_line() -> None:
    found = master_file_problem(f"{SOA}\n(\n)\nwww x A 1.2.3.4\n".encode(), "zone.example.", "db")
    words = 'failed to parse file "db" for origin zone.example. with error db: dns: not a TTL: "x" at line: 5'
    assert found == words


def test_a_record_without_a_ttl_needs_one_before_it_unless_it_names_its_class() -> None:
    text = "@ SOA a b 1 2 3 4 5\n"
    assert "missing TTL with no previous value" in master_file_problem(text.encode(), "a.", "db")
    assert master_file_problem(text.replace("SOA", "IN SOA").encode(), "a.", "db") == ""
    assert master_file_problem(f"$TTL 5\n{text}".encode(), "a.", "db") == ""


@pytest.mark.parametrize("text", ["$INCLUDE /etc/passwd\n", "$GENERATE 1-15000 h$ 5 A 10.0.0.1\n" * 2, ";" * (3 << 20)])
def test_what_is_not_looked_into(text: str) -> None:
    with pytest.raises(NotRead):
        list(read_records(text, "zone.example."))
    assert master_file_problem(text.encode(), "zone.example.", "db") == ""


@pytest.mark.parametrize(
    "text",
    ["(" * 100_000, '"' * 100_001, "\\" * 100_001, "a " * 100_000, "$GENERATE 1-9 ${" + "0," * 100_000 + "} A 1.2.3.4"],
)
def test_what_is_no_master_file_is_an_error(text: str) -> None:
    with pytest.raises(MasterFileError):
        list(read_records(text, "zone.example.", 5))
