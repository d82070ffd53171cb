"""RFC 1035 master files: whether CoreDNS would load one."""

from __future__ import annotations

import re

from kcompile.frontend.corefile.tokens import decode
from kcompile.frontend.corefile.values import quote

MAX_SIZE = 2 << 20
"""A bigger file is taken for good: reading it here would take many seconds."""

_MAX_GENERATED = 65535
_GENERATE = re.compile(r"^\$GENERATE[ \t]+([0-9]{1,10})-([0-9]{1,10})(?:/([0-9]{1,10}))?", re.IGNORECASE | re.MULTILINE)
_INCLUDE = re.compile(r"^\$INCLUDE", re.IGNORECASE | re.MULTILINE)


def master_file_problem(content: bytes, origin: str, name: str) -> str:
    """What CoreDNS's file plugin says against a zone; empty if nothing.

    A file with `$INCLUDE` is not looked into: what it includes is on the machine that CoreDNS runs on.
    """
    import dns.exception
    import dns.name
    import dns.rdataclass
    import dns.rdatatype
    import dns.tokenizer
    import dns.zone
    import dns.zonefile

    text = decode(content)
    if len(content) > MAX_SIZE or _INCLUDE.search(text):
        return ""
    failed = f"failed to parse file {quote(name)} for origin {origin} with error "
    for start, stop, step in _GENERATE.findall(text):
        if not 0 <= (int(stop) - int(start)) // (int(step or 1) or 1) <= _MAX_GENERATED:
            return f"{failed}dns: bad range in $GENERATE range"
    try:
        zone = dns.zone.Zone(dns.name.from_text(origin), relativize=False)
        with zone.writer(replacement=True) as records:
            dns.zonefile.Reader(dns.tokenizer.Tokenizer(text, name), dns.rdataclass.IN, records, default_ttl=0).read()
    except dns.zonefile.CNAMEAndOtherData:
        return ""
    except (dns.exception.DNSException, ValueError) as failure:
        return f"{failed}{failure}"
    types = {dataset.rdtype for _, dataset in zone.iterate_rdatasets()}
    if types & {dns.rdatatype.NSEC3, dns.rdatatype.NSEC3PARAM}:
        return f"NSEC3 zone is not supported, dropping RR for zone: {origin}"
    return "" if dns.rdatatype.SOA in types else f"file {quote(name)} has no SOA record for origin {origin}"
