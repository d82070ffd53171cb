"""The records of a master file (RFC 1035, section 5), indexed by name and type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from kcompile.ir.domain_names import is_subdomain, parent
from kcompile.ir.records import Record

Types = Mapping[str, tuple[Record, ...]]

DIRECTIVES = ("$ORIGIN", "$TTL")
"""Without $INCLUDE, which reads other files, and $GENERATE, which can make billions of records out of one line."""


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


def read_zone(text: str, origin: str, file_name: str) -> ZoneData:
    """The records of a master file at or below `origin`, with names in lower case. Raises ZoneError."""
    return zone_data(origin, [record._replace(name=record.name.lower()) for record in _read(text, origin, file_name)])


def read_record(text: str) -> Record:
    """One record as a line of text, as miekg/dns takes it: without a TTL it has 3600 seconds. Raises ZoneError."""
    records = _read(text, ".", "record", default_ttl=DEFAULT_TTL)
    if not records:
        raise ZoneError(f"{text!r} holds no record")
    return records[0]


def _read(text: str, origin: str, file_name: str, default_ttl: int | None = None) -> list[Record]:
    import dns.exception
    import dns.name
    import dns.rdataclass
    import dns.tokenizer
    import dns.zonefile

    records: list[Record] = []
    try:
        collector: Any = _Collector(dns.name.from_text(origin), records.append)
        tokenizer = dns.tokenizer.Tokenizer(text, file_name)
        reader = dns.zonefile.Reader(
            tokenizer, dns.rdataclass.IN, collector, allow_directives=DIRECTIVES, default_ttl=default_ttl
        )
        reader.read()
    except (dns.exception.DNSException, ValueError, AssertionError, IndexError) as error:
        raise ZoneError(f"{file_name}: {str(error) or type(error).__name__}") from error
    return records


def zone_data(origin: str, records: list[Record]) -> ZoneData:
    """Index records whose names are in lower case."""
    names: dict[str, dict[str, dict[Record, None]]] = {}
    for record in records:
        names.setdefault(record.name, {}).setdefault(record.type, {})[record] = None
    inner = set()
    for name in names:
        above = name
        while above != "." and (above := parent(above)) not in inner and is_subdomain(origin, above):
            inner.add(above)
    index = {
        name: MappingProxyType({rtype: tuple(rrset) for rtype, rrset in types.items()}) for name, types in names.items()
    }
    return ZoneData(origin, MappingProxyType(index), frozenset(inner))


class _Collector:
    """Just enough of a dnspython transaction for its zone reader: takes the records one by one, each with its TTL."""

    def __init__(self, origin: Any, take: Callable[[Record], None]) -> None:
        self.manager = self
        self._origin = origin
        self._take = take

    def origin_information(self) -> tuple[Any, bool, Any]:
        return self._origin, False, self._origin

    def check_put_rdataset(self, check: object) -> None:
        """dnspython would check for CNAMEs beside other data; CoreDNS does not."""

    def _set_origin(self, origin: object) -> None:
        """$ORIGIN: the reader keeps it itself."""

    def add(self, name: Any, ttl: int, rdata: Any) -> None:
        import dns.rdatatype

        rtype = dns.rdatatype.to_text(rdata.rdtype)
        self._take(Record(name.to_text(), ttl, rtype, rdata.to_text()))
