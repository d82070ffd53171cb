"""Names of a stranger's dump or manifest neither drive a terminal nor become markup of a picture."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcompile.cli import show_iptables, show_nftables
from kcompile.cli.trace_text import journey_text
from kcompile.diagnostics import printable
from kcompile.evaluate.journey import Journey, travel
from kcompile.evaluate.pictures import draw
from kcompile.evaluate.world import World
from kcompile.readers import read_ruleset
from tests.cli.command import kcompile
from tests.evaluate.test_places import MANIFESTS

ESCAPES = (
    "\x1b[8m",
    "\x1b]0;title\x07",
    "\x9b2J",
    "\x90",
    "\x00",
    "\x08",
    "\x7f",
    "\u202e",
    "\u2066",
    "\u200b",
    "\ufeff",
)
LINES = ("\n", "\r", "\x0b", "\x0c", "\x85", "\u2028")
NOT_XML = ("\ufffe", "\uffff", "\U0001ffff", "\ud800", "\ue000")
MARKUP = (
    "<script>",
    "</text>",
    "<!--",
    "]]>",
    "&",
    "&#27;",
    "&lt;",
    '"',
    "'",
    "`",
    "\\",
    "\\n",
    "#35;",
    "%%{",
    "--",
    ";",
    "|",
)
PIECES = (*ESCAPES, *LINES, *NOT_XML, *MARKUP, "a", "é", "漢", " ", "\t", "{", "}", "]", ")", "@", "*", "+")

names = st.lists(st.sampled_from(PIECES) | st.characters(), min_size=1, max_size=6).map("".join)

IPTABLES = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:{name} - [0:0]
-A FORWARD -m comment --comment "{name}" -j {name}
-A FORWARD -i {name} -m {name} --{name} {name} -m set --match-set {name} src -j REJECT
-A {name} -m comment --comment "{name}" -m statistic --mode random --probability 0.5 -j RETURN
-A {name} -j {name}
COMMIT
"""
NFT = """\
table ip {name} {{
	comment "{name}"
	set {name} {{
		type ifname
		comment "{name}"
		elements = {{ "{name}" comment "{name}", {name} }}
	}}
	chain {name} {{
		comment "{name}"
		iifname @{name} accept comment "{name}"
		{name} {name}
	}}
	chain forward {{
		type filter hook forward priority filter; policy drop;
		oifname "{name}" drop
		numgen random mod 2 vmap {{ 0 : accept, 1 : jump {name} }}
		log prefix "{name}" jump {name}
	}}
}}
"""
DUMPS = (IPTABLES, NFT)
COLOURS = {f"\x1b[{number}m" for number in (0, 1, 2, 31, 32, 33, 36)}


def journey(dump: str, name: str) -> tuple[Journey, World]:
    rules = read_ruleset(dump.format(name=name))
    world = World(None, None, "1.37", ["192.168.1.11/24"], rules)
    origin = world.places.find("10.244.0.7")
    [start] = world.starts(None, origin, world.places.find("10.96.0.10:80", origin), "tcp")
    return travel(start.node, start.packet, world.places, world.other), world


def is_harmless(line: str) -> bool:
    return line.replace("\t", "").isprintable()


@given(names)
def test_printable_text_is_one_line_that_xml_and_terminals_take(name: str) -> None:
    text = printable(name)
    assert text.isprintable()
    assert ElementTree.fromstring(f"<a>{html.escape(text)}</a>").text == text
    assert printable(text) == text


@pytest.mark.parametrize("dump", DUMPS, ids=["iptables", "nft"])
@given(name=names)
def test_svg_is_xml_with_text_only(dump: str, name: str) -> None:
    found, _ = journey(dump, name)
    picture = draw("svg", [found])
    assert all(map(is_harmless, picture.split("\n")))
    root = ElementTree.fromstring(picture)
    assert {each.tag.rpartition("}")[2] for each in root.iter()} <= {"svg", "rect", "path", "text"}
    assert {name for each in root.iter() for name in each.attrib} <= {
        *("width", "height", "font-family", "font-size", "x", "y", "rx", "d", "fill", "stroke")
    }


@pytest.mark.parametrize("dump", DUMPS, ids=["iptables", "nft"])
@given(name=names)
def test_dot_and_mermaid_hold_names_in_strings_only(dump: str, name: str) -> None:
    found, _ = journey(dump, name)
    dot = draw("dot", [found]).split("\n")
    text = r'"(?:[^"\\]|\\["\\l])*"'
    assert all(re.fullmatch(rf'    n\d+ (-> n\d+ )?\[label={text}(, fillcolor="#\w+")?\];', line) for line in dot[3:-2])
    assert not any(re.search(r"&(?!amp;)", line) for line in dot)
    mermaid = draw("mermaid", [found]).split("\n")
    plain = r'"(?:[^"#<>&\\`%]|#\d+;|<br/>)*"'
    kind = r"classDef \w+ fill:#\w+,stroke:#\w+,color:#000"
    box, arrow = rf"n\d+\[{plain}\]:::\w+", rf"n\d+ -->(\|{plain}\|)? n\d+"
    assert all(re.fullmatch(f"    ({box}|{arrow}|{kind})", line) for line in mermaid[1:-1])
    assert all(map(is_harmless, (*dot, *mermaid)))


@pytest.mark.parametrize("dump", DUMPS, ids=["iptables", "nft"])
@given(name=names)
def test_the_tree_has_no_escape_sequence_but_colours(dump: str, name: str) -> None:
    found, world = journey(dump, name)
    for line in journey_text(found, world.places, "through the dump"):
        assert set(re.findall(r"\x1b\[\d+m", line)) <= COLOURS
        assert re.sub(r"\x1b\[\d+m", "", line).isprintable()


@pytest.mark.parametrize("dump", DUMPS, ids=["iptables", "nft"])
@given(name=names)
def test_a_listing_can_be_made_of_any_name(dump: str, name: str) -> None:
    rules = read_ruleset(dump.format(name=name))
    for table in rules.tables:
        assert list(show_iptables.listing(table) if table.language == "iptables" else show_nftables.listing(rules))


HOSTILE = "".join(piece for piece in (*ESCAPES, *LINES, *NOT_XML, *MARKUP) if piece not in ("\x00", "\ud800"))


@pytest.mark.parametrize("dump", DUMPS, ids=["iptables", "nft"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "iptables", "-t", "filter"),
        ("show", "nftables"),
        ("show", "ipvs"),
        *(("trace", "--from", "10.244.0.7", "--to", "10.96.0.10:80", "--format", each) for each in ("svg", "dot")),
        ("trace", "--from", "10.244.0.7", "--to", "10.96.0.10:80"),
        ("trace", "--from", "10.244.0.7", "--to", "10.96.0.10:80", "--json"),
    ],
    ids=" ".join,
)
def test_what_the_command_prints_of_a_hostile_dump_is_printable(
    tmp_path: Path, dump: str, arguments: tuple[str, ...]
) -> None:
    file = tmp_path / "\x1b[8m\u202edump"
    file.write_text(dump.format(name=HOSTILE), encoding="utf-8")
    done = kcompile(*arguments, "--rules", file)
    assert "Traceback" not in done.stderr
    assert all(map(is_harmless, done.stdout.split("\n")))
    assert all(map(is_harmless, done.stderr.split("\n")))


def test_what_the_command_prints_of_hostile_manifests_is_printable(tmp_path: Path) -> None:
    file = tmp_path / "\x1b[8m\u202emanifests.yaml"
    file.write_text(MANIFESTS)
    done = kcompile("trace", file, "--from", "pod:default/client", "--to", "service:default/web:http")
    assert done.status == 0
    assert all(map(is_harmless, done.stdout.split("\n")))
    file.write_text(MANIFESTS.replace("name: web", 'name: "web\\e[8m\\u202E<&"').replace("port: 80", "port: '\x85'"))
    done = kcompile(file)
    assert done.status == 1
    assert all(map(is_harmless, done.stderr.split("\n")))
