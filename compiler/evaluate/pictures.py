"""Journeys as pictures: Mermaid, Graphviz's DOT, SVG."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kcompile.diagnostics import printable
from kcompile.evaluate.hops import parted
from kcompile.evaluate.journey import Journey
from kcompile.evaluate.packet import Branch, Hop
from kcompile.evaluate.words import outcome_text, packet_text

Format = Literal["mermaid", "dot", "svg"]
Kind = Literal["packet", "hops", "arrives", "refused", "unknown", "more"]

MOST_WAYS = 8
"""Of ways that part at one place, as many are drawn."""
_KINDS: dict[str, Kind] = {"dnat": "arrives", "accept": "arrives", "reject": "refused", "drop": "refused"}
_FILLS: dict[Kind, str] = {
    "packet": "#e8eaf6",
    "hops": "#ffffff",
    "arrives": "#e0f2e9",
    "refused": "#fdecea",
    "unknown": "#fff8e1",
    "more": "#f5f5f5",
}


@dataclass(frozen=True, slots=True)
class Box:
    """A box of the picture with the boxes that follow it, each with the words on its arrow."""

    lines: tuple[str, ...]
    kind: Kind
    after: tuple[tuple[str, Box], ...] = ()


def draw(format_name: str, journeys: Sequence[Journey]) -> str:
    """The picture of one or several journeys, in a format of `Format`."""
    boxes = [_printable(_journey(journey)) for journey in journeys]
    return {"mermaid": _mermaid, "dot": _dot, "svg": _svg}[format_name](boxes)


# ---------------------------------------------------------------- journeys as boxes


def _journey(journey: Journey) -> Box:
    first, *others = journey.legs
    onward = {leg.follows: leg for leg in others}
    trees = [(f"on {first.node.name}" if first.node.name else "", _branch(first.trace.branch))]
    trees += [
        (f"{outcome_text(follows)}, on {leg.node.name}", _branch(leg.trace.branch))
        for follows, leg in onward.items()
        if follows is not None
    ]
    return Box((packet_text(journey.packet),), "packet", tuple(trees))


def _branch(branch: Branch) -> Box:
    hops, ways = parted(branch)
    after: tuple[tuple[str, Box], ...] = ()
    if ways:
        shown = ways if len(ways) <= MOST_WAYS + 1 else ways[:MOST_WAYS]
        after = tuple((label, _branch(way)) for label, way in shown)
        if len(ways) > len(shown):
            after += (("", Box((f"{len(ways) - len(shown)} more ways",), "more")),)
    elif branch.end:
        outcome = branch.end.outcome
        after = (("", Box((outcome_text(outcome),), _KINDS.get(outcome.verdict, "unknown"))),)
    lines = _lines(hops)
    if not lines and len(after) == 1:
        return after[0][1]
    return Box(lines or ("no rule",), "hops", after)


def _lines(hops: Sequence[Hop]) -> tuple[str, ...]:
    lines: list[str] = []
    hook = ""
    for hop in hops:
        if hop.hook != hook:
            lines.append(f"{hop.hook}:")
            hook = hop.hook
        lines.append(f"{hop.table} {hop.chain}: {hop.action or 'matches'}")
    return tuple(lines)


def _printable(box: Box) -> Box:
    """Names stem from dumps, which may hold any character."""
    after = tuple((printable(label), _printable(following)) for label, following in box.after)
    return Box(tuple(map(printable, box.lines)), box.kind, after)


# ---------------------------------------------------------------- Mermaid and DOT


def _numbered(boxes: Sequence[Box]) -> tuple[list[Box], list[tuple[int, int, str]]]:
    """All boxes, and the arrows between them by number."""
    found: list[Box] = []
    arrows: list[tuple[int, int, str]] = []

    def add(box: Box) -> int:
        number = len(found)
        found.append(box)
        for label, after in box.after:
            arrows.append((number, add(after), label))
        return number

    for box in boxes:
        add(box)
    return found, arrows


def _mermaid(boxes: Sequence[Box]) -> str:
    found, arrows = _numbered(boxes)
    lines = ["flowchart LR"]
    for number, box in enumerate(found):
        text = "<br/>".join(_mermaid_text(line) for line in box.lines)
        lines.append(f'    n{number}["{text}"]:::{box.kind}')
    for start, end, label in arrows:
        lines.append(f'    n{start} -->|"{_mermaid_text(label)}"| n{end}' if label else f"    n{start} --> n{end}")
    lines += [f"    classDef {kind} fill:{fill},stroke:#607080,color:#000" for kind, fill in _FILLS.items()]
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    """Mermaid reads `#35;` as the character with that number; what is not plain is written so."""
    return "".join(c if c.isalnum() or c in " .,:/-_()[]@=!'" else f"#{ord(c)};" for c in text)


def _dot(boxes: Sequence[Box]) -> str:
    found, arrows = _numbered(boxes)
    lines = ["digraph trace {", "    rankdir=LR;", '    node [shape=box, style=filled, fontname="monospace"];']
    for number, box in enumerate(found):
        text = "\\l".join(_dot_text(line) for line in box.lines)
        lines.append(f'    n{number} [label="{text}\\l", fillcolor="{_FILLS[box.kind]}"];')
    lines += [f'    n{start} -> n{end} [label="{_dot_text(label)}"];' for start, end, label in arrows]
    return "\n".join([*lines, "}"]) + "\n"


def _dot_text(text: str) -> str:
    """Graphviz reads escapes, and entities as HTML has them."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")


# ---------------------------------------------------------------- SVG

LINE, CHARACTER, PADDING, GAP_ACROSS, GAP_DOWN = 16, 7, 8, 70, 14


@dataclass(frozen=True, slots=True)
class _Placed:
    box: Box
    x: int
    y: int
    label: str
    parent: _Placed | None

    @property
    def width(self) -> int:
        return max(map(len, self.box.lines)) * CHARACTER + 2 * PADDING

    @property
    def height(self) -> int:
        return len(self.box.lines) * LINE + 2 * PADDING


def _svg(boxes: Sequence[Box]) -> str:
    """A tree from left to right: each box stands beside the one before it, ways below each other."""
    placed: list[_Placed] = []

    def place(box: Box, x: int, y: int, label: str, parent: _Placed | None) -> int:
        """Place a box and what follows it; the first free place below."""
        here = _Placed(box, x, y, label, parent)
        placed.append(here)
        below = y
        for text, after in box.after:
            below = place(after, x + here.width + GAP_ACROSS + len(text) * CHARACTER, below, text, here)
        return max(below, y + here.height + GAP_DOWN)

    bottom = GAP_DOWN
    for box in boxes:
        bottom = place(box, GAP_DOWN, bottom, "", None)
    width = max(each.x + each.width for each in placed) + GAP_DOWN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom}" font-family="monospace" '
        f'font-size="{CHARACTER * 5 // 3}">'
    ]
    for each in placed:
        lines += [*_arrow(each), *_rectangle(each)]
    return "\n".join([*lines, "</svg>"]) + "\n"


def _arrow(placed: _Placed) -> list[str]:
    parent = placed.parent
    if parent is None:
        return []
    x1, y1 = parent.x + parent.width, parent.y + PADDING + LINE // 2
    x2, y2 = placed.x, placed.y + PADDING + LINE // 2
    bend = x1 + GAP_ACROSS // 3
    path = f'<path d="M{x1} {y1} H{bend} V{y2} H{x2 - 6}" fill="none" stroke="#607080"/>'
    head = f'<path d="M{x2} {y2} l-6 -4 v8 z" fill="#607080"/>'
    label = f'<text x="{bend + 4}" y="{y2 - 4}">{html.escape(placed.label)}</text>' if placed.label else ""
    return [path, head, *([label] if label else [])]


def _rectangle(placed: _Placed) -> list[str]:
    fill = _FILLS[placed.box.kind]
    shape = (
        f'<rect x="{placed.x}" y="{placed.y}" width="{placed.width}" height="{placed.height}" rx="4" '
        f'fill="{fill}" stroke="#607080"/>'
    )
    texts = [
        f'<text x="{placed.x + PADDING}" y="{placed.y + PADDING + LINE * number + LINE - 4}">{html.escape(line)}</text>'
        for number, line in enumerate(placed.box.lines)
    ]
    return [shape, *texts]
