"""How `kcompile dig` prints an answer: as dig does, with the way the query took; or as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kcompile.diagnostics import printable
from kcompile.evaluate.dns.queries import Answer
from kcompile.ir.pod_dns import ResolvConf
from kcompile.ir.records import Record

TTL_COLUMN = 24
TAB = 8


def answer_json(answer: Answer) -> dict[str, object]:
    """One answer: records in presentation form. `error` and `forwarded` stand only where there is something to say."""
    result: dict[str, object] = {
        "name": answer.name,
        "type": answer.type,
        "rcode": answer.rcode,
        "aa": answer.authoritative,
        "answer": [str(record) for record in answer.answer],
        "authority": [str(record) for record in answer.authority],
        "additional": [str(record) for record in answer.additional],
    }
    if answer.error:
        result["error"] = answer.error
    if answer.forwarded_to:
        result["forwarded"] = list(answer.forwarded_to)
    return result


def answer_text(answers: Sequence[Answer], config: ResolvConf | None, source: str | None) -> Iterator[str]:
    """The last of the answers as dig prints one, then how it came about; every line of prose starts with `;;`."""
    last = answers[-1]
    yield f"; <<>> kcompile <<>> {printable(last.name)} {last.type}"
    yield from _header(last)
    yield ""
    yield ";; QUESTION SECTION:"
    yield f";{_owner(_absolute(last.name))}\tIN\t{last.type}"
    for title, records in (
        ("ANSWER", last.answer),
        ("AUTHORITY", last.authority),
        ("ADDITIONAL", last.additional),
    ):
        if records:
            yield ""
            yield f";; {title} SECTION:"
            yield from map(_record, records)
    yield ""
    yield ";; THE WAY:"
    if config is not None:
        searched = " ".join(config.searches) or "nothing"
        yield f";; {printable(source or '')} searches {printable(searched)} with ndots {config.ndots}"
    for answer in answers:
        yield f";; {printable(answer.name)} {answer.type}: {_outcome(answer)}"
        for step in answer.steps:
            yield f";;   {'  ' * step.depth}{step.plugin}: {printable(step.text)}"
    yield ""


def _header(answer: Answer) -> Iterator[str]:
    if answer.rcode is None:
        yield f";; no answer from here: {printable(answer.error)}"
        yield from _advice(answer)
        return
    flags = ["qr", "aa", "rd", "ra"]
    present = {"aa": answer.authoritative, "ra": answer.recursion_available}
    yield f";; ->>HEADER<<- opcode: QUERY, status: {answer.rcode}"
    counts = (
        f"QUERY: 1, ANSWER: {len(answer.answer)}, AUTHORITY: {len(answer.authority)}, "
        f"ADDITIONAL: {len(answer.additional)}"
    )
    yield f";; flags: {' '.join(flag for flag in flags if present.get(flag, True))}; {counts}"
    if answer.error:
        yield f";; not all is known: {printable(answer.error)}"
        yield from _advice(answer)


def _advice(answer: Answer) -> Iterator[str]:
    for upstream in answer.forwarded_to[:1]:
        address = upstream.removeprefix("tls://")
        yield f";; --upstream {printable(address)}=ZONEFILE gives the answer of a zone file"


def _outcome(answer: Answer) -> str:
    if answer.rcode is None:
        return printable(answer.error)
    if answer.answer or answer.rcode != "NOERROR":
        return answer.rcode
    return f"NOERROR, but no {answer.type} record"


def _record(record: Record) -> str:
    rest = f"{record.ttl}\t{record.rdclass}\t{record.type}\t{printable(record.data)}"
    return f"{_owner(record.name)}{rest}"


def _owner(name: str) -> str:
    """A name, filled up to dig's column for the TTL."""
    name = printable(name)
    tabs = -(-(TTL_COLUMN - len(name)) // TAB)
    return name + ("\t" * tabs if tabs > 0 else " ")


def _absolute(name: str) -> str:
    return name if name.endswith(".") else name + "."
