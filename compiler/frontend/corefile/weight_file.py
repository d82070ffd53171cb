"""The weight file of the loadbalance plugin: a name on a line of its own, then addresses with their weights."""

from __future__ import annotations

from kcompile.frontend.corefile.addresses import parse_ip
from kcompile.frontend.corefile.tokens import decode
from kcompile.frontend.corefile.values import ValueProblem, parse_uint


def weight_file_problem(content: bytes, name: str) -> str:
    """What CoreDNS says against a weight file; empty if nothing."""
    has_domain = False
    for line in decode(content).split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) == 1:
            if parse_ip(words[0]) is not None:
                reason = "(Maybe a missing weight value?)"
                return f'wrong domain name:"{words[0]}" in weight file {name}. {reason}'
            has_domain = True
        elif len(words) == 2:
            if parse_ip(words[0]) is None:
                return f'wrong IP address:"{words[0]}" in weight file {name}'
            if not _is_weight(words[1]):
                return f'wrong weight value:"{words[1]}" in weight file {name}'
            if not has_domain:
                return f"missing domain name in weight file {name}"
        else:
            return f'could not parse weight line:"{line.strip()}" in weight file {name}'
    return ""


def _is_weight(text: str) -> bool:
    try:
        return parse_uint(text, 8) > 0
    except ValueProblem:
        return False
