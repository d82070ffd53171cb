"""The names and numbers of DNS types, classes and response codes (IANA's DNS parameters), as miekg/dns knows them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TYPE_NUMBERS: Mapping[str, int] = MappingProxyType(
    {
        "A": 1, "NS": 2, "MD": 3, "MF": 4, "CNAME": 5, "SOA": 6, "MB": 7, "MG": 8, "MR": 9, "NULL": 10, "PTR": 12,
        "HINFO": 13, "MINFO": 14, "MX": 15, "TXT": 16, "RP": 17, "AFSDB": 18, "X25": 19, "ISDN": 20, "RT": 21,
        "NSAP-PTR": 23, "SIG": 24, "KEY": 25, "PX": 26, "GPOS": 27, "AAAA": 28, "LOC": 29, "NXT": 30, "EID": 31,
        "NIMLOC": 32, "SRV": 33, "ATMA": 34, "NAPTR": 35, "KX": 36, "CERT": 37, "DNAME": 39, "OPT": 41, "APL": 42,
        "DS": 43, "SSHFP": 44, "IPSECKEY": 45, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "DHCID": 49, "NSEC3": 50,
        "NSEC3PARAM": 51, "TLSA": 52, "SMIMEA": 53, "HIP": 55, "NINFO": 56, "RKEY": 57, "TALINK": 58, "CDS": 59,
        "CDNSKEY": 60, "OPENPGPKEY": 61, "CSYNC": 62, "ZONEMD": 63, "SVCB": 64, "HTTPS": 65, "SPF": 99, "UINFO": 100,
        "UID": 101, "GID": 102, "UNSPEC": 103, "NID": 104, "L32": 105, "L64": 106, "LP": 107, "EUI48": 108,
        "EUI64": 109, "NXNAME": 128, "TKEY": 249, "TSIG": 250, "IXFR": 251, "AXFR": 252, "MAILB": 253, "MAILA": 254,
        "ANY": 255, "URI": 256, "CAA": 257, "AVC": 258, "AMTRELAY": 260, "RESINFO": 261, "TA": 32768, "DLV": 32769,
    }
)  # fmt: skip
TYPE_NAMES: Mapping[int, str] = MappingProxyType({number: name for name, number in TYPE_NUMBERS.items()})

CLASS_NAMES: Mapping[int, str] = MappingProxyType({1: "IN", 2: "CS", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"})
CLASS_NUMBERS: Mapping[str, int] = MappingProxyType({name: number for number, name in CLASS_NAMES.items()})

RCODE_NAMES: Mapping[int, str] = MappingProxyType(
    {
        0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN",
        7: "YXRRSET", 8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE", 16: "BADSIG", 17: "BADKEY", 18: "BADTIME",
        19: "BADMODE", 20: "BADNAME", 21: "BADALG", 22: "BADTRUNC", 23: "BADCOOKIE",
    }
)  # fmt: skip
RCODE_NUMBERS: Mapping[str, int] = MappingProxyType({name: number for number, name in RCODE_NAMES.items()})


def type_name(number: int) -> str:
    """`TYPE65280` for a type without a name (RFC 3597)."""
    return TYPE_NAMES.get(number, f"TYPE{number}")


def type_number(name: str) -> int | None:
    """The number of a type written in either form and any case, or None."""
    name = name.upper()
    if name.startswith("TYPE") and name[4:].isdecimal() and int(name[4:]) <= 0xFFFF:
        return int(name[4:])
    return TYPE_NUMBERS.get(name)


def class_name(number: int) -> str:
    return CLASS_NAMES.get(number, f"CLASS{number}")


def rcode_name(number: int) -> str:
    return RCODE_NAMES.get(number, f"RCODE{number}")
