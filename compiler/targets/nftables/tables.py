"""One table of one family, in one form: the rules with everything filled in that a node, a version and a form settle,
then emitted for every ServicePort."""

from __future__ import annotations

import functools
from dataclasses import replace

from kcompile import diagnostics
from kcompile.ir.node_addresses import is_loopback
from kcompile.ir.plan import Family, FamilyPlan, NodePlan
from kcompile.passes.addresses import parse_address
from kcompile.targets.nftables import claims, records
from kcompile.targets.nftables.form import Form
from kcompile.targets.nftables.rules import COMMENT_LIMITS, VERSIONS
from kcompile.targets.program import Program, SharedTexts, compile_table
from kcompile.targets.template import Constant, Line, Row, Section, Table, map_lines, specialize

Frames = dict[str, tuple[bytes, bytes]]

DEFAULT_MASQUERADE_BIT = 14
TOP_BIT = 31
FAMILY_WORDS: dict[Family, dict[str, str]] = {
    4: {"ip": "ip", "address": "ipv4_addr", "left": "", "right": "", "not_loopback": "ip daddr != 127.0.0.0/8"},
    6: {"ip": "ip6", "address": "ipv6_addr", "left": "[", "right": "]", "not_loopback": "ip6 daddr != ::1"},
}


def write_table(plan: NodePlan, family: Family, form: Form, texts: SharedTexts | None = None) -> bytes:
    """The text of the table `ip kube-proxy` or `ip6 kube-proxy`."""
    if plan.kube_version not in VERSIONS:
        message = f"the nftables mode of Kubernetes {plan.kube_version} was alpha and is not compiled"
        hint = f"use --kube-version {' or '.join(VERSIONS)}"
        raise diagnostics.Errors([diagnostics.error("nftables-version", message, hint=hint)])
    own = plan.family(family)
    constants = _constants(plan, own, form)
    listed = {
        "cluster_ips": records.cluster_ips(own),
        "hairpin_connections": records.hairpin_connections(own) if constants["hairpins_in_set"] else (),
        "node_port_ips": _node_port_ips(own),
    }
    program, frames = _program(form, tuple(constants.items()))
    for number, part in enumerate(form.parts):
        if part.listed:
            text = form.listed(part.listed, family, listed[part.listed.listed])
            frames = {**frames, str(number): (text.encode(), b"")}
    record_of = records.record_maker(
        comment_limit=COMMENT_LIMITS[plan.kube_version],
        chain_every_endpoint=not constants["hairpins_in_set"],
        timeout=form.timeout,
        interval_set=form.interval_set,
    )
    owners = claims.owners(own.service_ports)
    if owners:
        elements = [claims.owned(number, port, owners) for number, port in enumerate(own.service_ports)]
        return program.emit(list(map(record_of, own.service_ports, elements)), frames)
    if texts is not None:
        return texts.emit(program, own.service_ports, record_of, frames)
    return program.emit(list(map(record_of, own.service_ports)), frames)


@functools.lru_cache(maxsize=16)
def _program(form: Form, constants: tuple[tuple[str, Constant], ...]) -> tuple[Program, Frames]:
    """What to fill in for every record, and the text around it: the same for most nodes of a cluster."""
    sections: list[Section] = []
    rows: list[Row] = []
    frames: Frames = {}
    for number, part in enumerate(form.parts):
        name = str(number)
        settled = specialize(Table((), (), part.rows), dict(constants)).rows
        if part.once:
            frames[name] = ("".join(f"{row.text}\n" for row in settled if isinstance(row, Line)).encode(), b"")
        else:
            rows += _in_section(settled, name)
        if part.separator:
            frames[name] = (part.head.encode(), part.tail.encode())
            sections.append(Section(name, end="", separator=part.separator, omit_empty=True))
        else:
            sections.append(Section(name, part.order_by))
    table = Table(
        fields=records.Record._fields,
        sections=tuple(sections),
        rows=tuple(rows),
        lists=records.LISTS,
        values=records.values(form.comma),
    )
    return compile_table(table), frames


def _in_section(rows: tuple[Row, ...], section: str) -> tuple[Row, ...]:
    return map_lines(rows, lambda line: (replace(line, section=section),))


def _constants(plan: NodePlan, own: FamilyPlan, form: Form) -> dict[str, Constant]:
    """Slots and conditions that are the same for every ServicePort."""
    options = plan.configuration.nftables
    bit = DEFAULT_MASQUERADE_BIT if options.masquerade_bit is None else options.masquerade_bit
    version = VERSIONS[plan.kube_version]
    words = FAMILY_WORDS[own.family]
    return {
        **words,
        **form.words,
        **(form.top_bit_words if bit == TOP_BIT else {}),
        **version,
        "mark": f"{1 << bit:#010x}",
        "mark_for_masquerade": "jump mark-for-masquerade" if version["marks_in_chain"] else "{or_mark}",
        "masquerade_all": options.masquerade_all,
        "if_local": _source_test(own, form, ""),
        "if_not_local": _source_test(own, form, "!= "),
        "service_cidrs": form.interval_set(own.service_cidrs, ",") if own.service_cidrs else "",
        "node_ports_everywhere": own.node_ports_everywhere,
        # No loopback: answers could not get back (KEP-3866).
        "of_local_address": "fib daddr type local " if own.node_ports_everywhere else "",
        "to_node_port_address": "{not_loopback}" if own.node_ports_everywhere else "{ip} daddr @nodeport-ips",
    }


def _source_test(own: FamilyPlan, form: Form, negation: str) -> str:
    """The match for packets of local Pods, or with a negation for others; "" where nothing tells them."""
    detector = own.detect_local
    if detector.kind == "cidr":
        return f"{{ip}} saddr {negation}{detector.value}"
    if detector.kind == "bridge":
        return f"iifname {negation}{form.interface(detector.value)}"
    if detector.kind == "interface-prefix":
        return f"iifname {negation}{form.interface(detector.value + '*')}"
    return ""


def _node_port_ips(own: FamilyPlan) -> tuple[str, ...]:
    """The addresses that node ports answer on, in the order of their numbers."""
    if own.node_ports_everywhere:
        return ()
    addresses = (address for address in own.node_port_addresses if not is_loopback(address))
    return tuple(sorted(addresses, key=lambda address: parse_address(address) or ()))
