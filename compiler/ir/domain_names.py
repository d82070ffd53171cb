"""Domain names and addresses as text, in the forms that CoreDNS reads and prints.

A name is in presentation form (RFC 1035, section 5.1) with the final dot: `a\\.b.example.` has the labels `a.b` and
`example`. Case is kept and does not count in comparisons.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

MAX_NAME = 255
MAX_LABEL = 63

# The characters that miekg/dns, CoreDNS's DNS library, prints with a backslash before them.
_SPECIAL = frozenset(b". '@;()\"\\")
_PLAIN = re.compile(r"(?:[!#-&*-\-/-:<-?A-\[\]-~]{1,63}\.)+")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_ESCAPE = re.compile(r"\\(\d{3}|.)?", re.DOTALL)
_THREE_DIGITS = re.compile(rb"[0-9]{3}")


def absolute(name: str) -> str:
    """The name with its final dot. A dot behind a backslash belongs to the label."""
    return name if is_absolute(name) else name + "."


def is_absolute(name: str) -> bool:
    if not name.endswith("."):
        return False
    before = name[:-1]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 0


def folded(name: str) -> str:
    """The name as CoreDNS compares it: absolute and in lower case, character by character."""
    name = absolute(name)
    return name.lower() if name.isascii() else "".join(c.lower() if len(c.lower()) == 1 else c for c in name)


def split(name: str) -> list[str]:
    """The labels of a name, still escaped, without the root: `www.example.` is ["www", "example"]."""
    if "\\" not in name:
        text = name.removesuffix(".")
        return text.split(".") if text else []
    text = name[:-1] if is_absolute(name) else name
    labels, start, position = [], 0, 0
    while position < len(text):
        if text[position] == "\\":
            position += 2
            continue
        if text[position] == ".":
            labels.append(text[start:position])
            start = position + 1
        position += 1
    return [*labels, text[start:]]


def parent(name: str) -> str:
    """The name without its first label; the root for a name of one label."""
    return ".".join(split(name)[1:]) + "."


def below(labels: str, zone: str) -> str:
    """The name of labels (without a final dot) in a zone."""
    return f"{labels}." if zone == "." else f"{labels}.{zone}"


def is_subdomain(zone: str, name: str) -> bool:
    """Whether `name` is `zone` or lies below it. Both are absolute."""
    if zone == ".":
        return True
    zone, name = zone.lower(), name.lower()
    if name == zone:
        return True
    if not name.endswith("." + zone):
        return False
    return "\\" not in name or split(name)[-len(split(zone)) :] == split(zone)


def longest_match(zones: Iterable[str], name: str) -> str:
    """The longest of the zones that `name` lies in, or ""."""
    best = ""
    for zone in zones:
        if len(zone) > len(best) and is_subdomain(zone, name):
            best = zone
    return best


def suffix_of(name: str, zone: str) -> str:
    """The end of `name` that is `zone`, in the case in which `name` writes it."""
    return "." if zone == "." else name[len(name) - len(zone) :]


def normalize(text: str) -> str:
    """The absolute name as miekg/dns prints it after it came over the wire. Raises ValueError for what is no name."""
    if len(text) < MAX_NAME - 1 and _PLAIN.fullmatch(name := text if text[-1:] == "." else text + "."):
        return name
    name = absolute(text)
    if name == ".":
        return name
    if not is_absolute(name):
        raise ValueError(f"{text!r} is not a domain name")
    labels = split(name)
    wire = 1
    result = []
    for label in labels:
        data = unescape(label)
        if not data:
            raise ValueError(f"{text!r} has an empty label")
        if len(data) > MAX_LABEL:
            raise ValueError(f"{text!r} has a label of {len(data)} octets, more than {MAX_LABEL}")
        wire += len(data) + 1
        result.append(escape(data))
    if wire > MAX_NAME:
        raise ValueError(f"{text!r} has {wire} octets, more than {MAX_NAME}")
    return ".".join(result) + "."


def is_domain_name(name: str) -> bool:
    """Whether miekg/dns takes a text for a name: labels of 1 to 63 bytes, 255 in all; an escape counts as one byte.

    The text need not be absolute. Some names pass that would not go over the wire, such as one with `\\256`.
    """
    if not name or (name.endswith(".") and len(name[-2:-1].encode()) in (2, 4)):
        # Behind a character of two or four bytes the library takes the final dot for an escaped one, and adds another.
        return False
    data = absolute(name).encode()
    length = begin = position = 0
    was_dot = False
    while position < len(data):
        if data[position] == 0x5C:
            escaped = _THREE_DIGITS.match(data, position + 1)
            skipped = 3 if escaped else 1
            position += skipped
            begin += skipped
            if position >= len(data):
                return False
            was_dot = False
        elif data[position] == 0x2E:
            if was_dot or (position == 0 and len(data) > 1) or position - begin > 63:
                return False
            was_dot = True
            length += 1 + position - begin
            if length > 256:
                return False
            begin = position + 1
        else:
            was_dot = False
        position += 1
    return True


def unescape(label: str) -> bytes:
    """The octets of a label. Raises ValueError for a dangling backslash or `\\DDD` above 255."""
    if "\\" not in label:
        return label.encode()

    def octet(match: re.Match[str]) -> str:
        text = match[1] or ""
        # A digit begins \\DDD, and nothing else.
        if not text or (text.isdecimal() and (len(text) < 3 or int(text) > 255)):
            raise ValueError(f"{label!r} is no label")
        return chr(int(text)) if len(text) == 3 else text

    # Octets travel as the code points 0 to 255 here; anything beyond was UTF-8 in the input.
    text = _ESCAPE.sub(octet, label)
    return b"".join(bytes([ord(c)]) if ord(c) < 256 else c.encode() for c in text)


def escape(octets: bytes) -> str:
    return "".join(
        f"\\{chr(octet)}" if octet in _SPECIAL else chr(octet) if 0x20 < octet < 0x7F else f"\\{octet:03d}"
        for octet in octets
    )


def canonical_address(text: str) -> str:
    """An IP address as Go prints it (an IPv4-mapped IPv6 address as IPv4), or "" for what is none.

    No zone index, no leading zeros: Go's net.ParseIP takes neither.
    """
    if _IPV4.fullmatch(text):
        return text
    if "%" in text:
        return ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def address_of_reverse_name(name: str) -> str:
    """The address that an absolute name in in-addr.arpa or ip6.arpa stands for, or "".

    As in CoreDNS, labels before the 32 nibbles of an IPv6 address are not looked at.
    """
    name = name.lower()
    if name.endswith(".in-addr.arpa."):
        text = ".".join(reversed(name[: -len(".in-addr.arpa.")].split(".")))
        address = canonical_address(text)
        return address if "." in address else ""
    if name.endswith(".ip6.arpa."):
        nibbles = name[: -len(".ip6.arpa.")].split(".")[::-1]
        groups = ["".join(nibbles[i : i + 4]) for i in range(0, len(nibbles) // 4 * 4, 4)]
        return canonical_address(":".join(groups))
    return ""


def reverse_name(address: str) -> str:
    """The name below in-addr.arpa or ip6.arpa that stands for an address."""
    if _IPV4.fullmatch(address):
        return ".".join(reversed(address.split("."))) + ".in-addr.arpa."
    return ipaddress.ip_address(address).reverse_pointer + "."


def is_below_reverse_zone(name: str) -> bool:
    """Whether a name lies below in-addr.arpa or ip6.arpa; the two themselves do not, in CoreDNS's eyes."""
    return name.endswith((".in-addr.arpa.", ".ip6.arpa."))
