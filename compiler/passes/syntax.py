"""The grammars of names and other values that reach an output, as the API server has them.

Every string that a target prints has matched one of these in full. They are ASCII only, and none of them admits a
blank, a quote, a backslash or a line end.
"""

from __future__ import annotations

import re

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_PART = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_QUALIFIED = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_UNDERSCORED = r"[a-z0-9_](?:[-_a-z0-9]*[a-z0-9])?"

is_dns_label = re.compile(_LABEL).fullmatch
"""RFC 1123 label: at most 63 characters."""

is_label_value = re.compile(rf"(?:{_QUALIFIED})?").fullmatch
is_port_name = re.compile(r"(?=[-0-9]*[a-z])(?!.*--)[a-z0-9](?:[-a-z0-9]{0,13}[a-z0-9])?").fullmatch
"""IANA service name (RFC 6335): at most 15 characters, one of them a letter."""

is_duration = re.compile(r"(?:0|(?:(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:ns|us|ms|s|m|h))+)").fullmatch
"""A Go duration that is not negative, such as `15m0s`."""

is_timestamp = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]{1,9})?(?:Z|[-+][0-9]{2}:[0-9]{2})").fullmatch
is_interface = re.compile(r"[A-Za-z0-9_][-A-Za-z0-9_.]{0,14}").fullmatch
"""A name that Linux takes for an interface (15 characters at most), less those that a rule could misread."""

is_file_path = re.compile(r"/[-A-Za-z0-9_./@+~]{0,4095}").fullmatch
is_word = re.compile(r"[-A-Za-z0-9_.:/]{1,255}").fullmatch
"""What may stand in a line of resolv.conf as an option's name or value, and the name of an object of any kind."""

is_kind = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}").fullmatch

_subdomain = re.compile(rf"{_PART}(?:\.{_PART})*").fullmatch
_search_domain = re.compile(rf"{_UNDERSCORED}(?:\.{_UNDERSCORED})*").fullmatch
_qualified = re.compile(_QUALIFIED).fullmatch

LABEL = "a DNS label: lower-case letters, digits and `-`, at most 63 characters"
SUBDOMAIN = "a DNS name: lower-case letters, digits, `-` and `.`, at most 253 characters"
PORT_NAME = "a port name: lower-case letters, digits and single `-`, one letter at least, at most 15 characters"


def is_subdomain(text: str) -> bool:
    """Whether `text` is an RFC 1123 subdomain, as names of most objects are."""
    return len(text) <= 253 and _subdomain(text) is not None


def is_search_domain(text: str) -> bool:
    """Whether `text` may stand in a Pod's DNS search list (KEP-4427 admits `.` alone and underscores)."""
    name = text.removesuffix(".")
    return text == "." or (len(name) <= 253 and _search_domain(name) is not None)


def is_qualified_name(text: str) -> bool:
    """Whether `text` is a key of a label or annotation: a name of up to 63 characters, after a DNS name and `/`."""
    if len(text) > 317:
        return False
    prefix, slash, name = text.rpartition("/")
    return _qualified(name) is not None and (not slash or is_subdomain(prefix))


def shown(value: object) -> str:
    """A value as a diagnostic shows it: one line of printable ASCII, cut where it is long."""
    try:
        text = str(value)
    except ValueError:  # Python refuses to print an integer of more than 4300 digits.
        return "a number of thousands of digits"
    if len(text) > 80:
        text = text[:77] + "..."
    return text if text.isascii() and text.isprintable() and text.strip() == text and text else ascii(text)
