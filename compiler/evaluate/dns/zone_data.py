"""The records of a master file (RFC 1035, section 5), indexed by name and type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from kcompile.frontend.corefile.master_file import MasterFileError, NotRead, read_records
from kcompile.ir.domain_names import is_subdomain, parent
from kcompile.ir.records import Record

Types = Mapping[str, tuple[Record, ...]]

DEFAULT_TTL = 3600


class ZoneError(ValueError):
    """A master file that cannot be read; says where and why."""


@dataclass(frozen=True, slots=True)
class ZoneData:
    """`names` is by lower-case absolute name, then by type. `inner` holds every name that lies above another one."""

    origin: str
    names: Mapping[str, Types]
    inner: frozenset[str]

    def find(self, name: str, rtype: str) -> tuple[Record, ...]:
        return self.names.get(name, _NO_TYPES).get(rtype, ())

    def addresses(self, name: str) -> tuple[Record, ...]:
        return self.find(name, "A") + self.find(name, "AAAA")


_NO_TYPES: Types = MappingProxyType({})


class ServedZone(NamedTuple):
    """A zone of the file plugin: the SOA and the name servers of its apex, which CoreDNS keeps apart from the names."""

    soa: tuple[Record, ...]
    name_servers: tuple[Record, ...]
    data: ZoneData


def read_zone(text: str, origin: str, file_name: str) -> ZoneData:
    """The records of a master file at or below `origin`, with names in lower case. Raises ZoneError."""
    records = _read(text, origin, file_name, DEFAULT_TTL)
    return zone_data(origin, [record._replace(name=record.name.lower()) for record in records])


def read_record(text: str) -> Record:
    """One record as a line of text, as miekg/dns takes it: without a TTL it has 3600 seconds. Raises ZoneError."""
    records = _read(text, ".", "record", DEFAULT_TTL)
    if not records:
        raise ZoneError(f"{text!r} holds no record")
    return records[0]


def served_zone(text: str, origin: str, file_name: str) -> ServedZone:
    """A master file as the file plugin takes it. Raises ZoneError."""
    soa: tuple[Record, ...] = ()
    name_servers: list[Record] = []
    others: list[Record] = []
    for read in _read(text, origin, file_name):
        record = _inserted(read)
        if record.type == "SOA":
            # Of whatever name; the last one counts.
            soa = (record,)
        elif record.type == "NS" and record.name == origin:
            name_servers.append(record)
        else:
            others.append(record)
    return ServedZone(soa, tuple(name_servers), zone_data(origin, others))


_LOWERED = {"NS": (0,), "SOA": (0, 1), "CNAME": (0,), "MX": (1,)}
"""Where names stand among the words of the data that the file plugin puts in lower case."""


def _inserted(record: Record) -> Record:
    """With its names in lower case, except for SRV (RFC 6763)."""
    words = record.data.split(" ")
    for position in _LOWERED.get(record.type, ()):
        words[position] = words[position].lower()
    name = record.name if record.type == "SRV" else record.name.lower()
    return record._replace(name=name, data=" ".join(words))


def _read(text: str, origin: str, file_name: str, default_ttl: int | None = None) -> list[Record]:
    try:
        return [
            Record(read.name, read.ttl, read.type, read.data, read.rdclass)
            for read in read_records(text, origin, default_ttl)
        ]
    except (MasterFileError, NotRead) as error:
        raise ZoneError(f"{file_name}: {error}") from error


def zone_data(origin: str, records: list[Record]) -> ZoneData:
    """Index records; of addresses and mail exchangers the second one with the same data is left out, as in CoreDNS."""
    names: dict[str, dict[str, dict[object, Record]]] = {}
    for position, record in enumerate(records):
        same = record.data if record.type in ("A", "AAAA", "MX") else position
        names.setdefault(record.name.lower(), {}).setdefault(record.type, {}).setdefault(same, record)
    inner = set()
    for name in names:
        above = name
        while above != "." and (above := parent(above)) not in inner and is_subdomain(origin, above):
            inner.add(above)
    index = {
        name: MappingProxyType({rtype: tuple(rrset.values()) for rtype, rrset in types.items()})
        for name, types in names.items()
    }
    return ZoneData(origin, MappingProxyType(index), frozenset(inner))
