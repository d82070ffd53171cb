"""What a server outside the cluster answers, from the master file that stands for it."""

from __future__ import annotations

from kcompile.evaluate.dns.queries import NOERROR, NXDOMAIN, Message, Question
from kcompile.evaluate.dns.zone_data import ZoneData
from kcompile.ir.domain_names import parent
from kcompile.ir.records import Record

ROOT_SOA = Record(".", 86400, "SOA", "a.root-servers.net. nstld.verisign-grs.com. 1 1800 900 604800 86400")
"""The authority for names in no zone of the file, as a recursive server would get it from the root."""

MAX_CNAMES = 16


def upstream_answer(zone: ZoneData, question: Question) -> Message:
    """What a recursive server that knows exactly the records of `zone` answers.

    The file may hold several zones, each with its SOA; a name is denied with the SOA of the nearest.
    """
    records: list[Record] = []
    owner, rcode = question.name, NXDOMAIN
    for _ in range(MAX_CNAMES):
        folded = owner.lower()
        found = _types(zone, folded)
        if found is None:
            break
        rcode = NOERROR
        if question.type == "ANY":
            records += [record for rrset in found.values() for record in rrset]
            break
        matching = found.get(question.type, ())
        records += [record._replace(name=owner) for record in matching]
        alias = found.get("CNAME", ())
        if matching or not alias:
            break
        records += [record._replace(name=owner) for record in alias[:1]]
        owner, rcode = alias[0].data, NXDOMAIN
    positive = any(record.type == question.type for record in records) or (question.type == "ANY" and records)
    return Message(
        question,
        rcode,
        recursion_available=True,
        answer=tuple(records),
        authority=() if positive else (_soa(zone, owner.lower()),),
    )


def _types(zone: ZoneData, name: str) -> dict[str, tuple[Record, ...]] | None:
    """The record sets at a name, a wildcard's included, or None where the name does not exist."""
    if name in zone.names:
        return dict(zone.names[name])
    if name in zone.inner:
        return {}
    encloser = parent(name)
    while encloser not in zone.names and encloser not in zone.inner and encloser != ".":
        encloser = parent(encloser)
    wildcard = zone.names.get("*." + ("" if encloser == "." else encloser))
    return None if wildcard is None else dict(wildcard)


def _soa(zone: ZoneData, name: str) -> Record:
    while True:
        soa = zone.find(name, "SOA")
        if soa:
            return soa[0]
        if name == ".":
            return ROOT_SOA
        name = parent(name)
