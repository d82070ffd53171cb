"""What a resolver in a Pod does with a name: it tries the names of its search list until one has records."""

from __future__ import annotations

from kcompile.evaluate.dns.queries import Answer, Client
from kcompile.evaluate.dns.resolver import Resolver
from kcompile.ir.pod_dns import ResolvConf


def search(
    resolver: Resolver, config: ResolvConf, name: str, rtype: str, client: Client, *, trace: bool = False
) -> tuple[Answer, ...]:
    """The answers in the order in which the names were tried; the last one ended the search.

    As in glibc, a name without records and a failing one are passed over like one that does not exist. What cannot
    be known ends the search too. If no name has records, the last one is not better than the others.
    """
    answers: list[Answer] = []
    for candidate in config.candidates(name):
        answer = resolver.query(candidate, rtype, client, trace=trace)
        answers.append(answer)
        if answer.answer or answer.rcode is None:
            break
    return tuple(answers)
