"""`import` of snippets and files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.parse import parse_corefile
from kcompile.frontend.source import Source
from tests.frontend.corefile.reading import load


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text: str, *, path: str = "Corefile") -> tuple[list[str], list[str]]:
    """All words of all directives, and what is wrong."""
    corefile, problems = parse_corefile(Source(path, text.encode()), {"F": "a.conf"}, Files())
    words = [t.text for block in corefile.server_blocks for d in block.directives for t in d.tokens]
    return words, [problem.coredns_text for problem in problems]


def test_a_snippet_stands_for_its_words() -> None:
    text = "(s) {\n log\n cache {\n  success 5\n }\n}\n. {\n import s\n whoami\n import s\n}\n"
    one = ["log", "cache", "{", "success", "5", "}"]
    assert read(text) == ([*one, "whoami", *one], [])


def test_a_snippet_may_stand_among_keys_and_in_the_braces_of_a_directive() -> None:
    assert read("(k) {\n a b\n}\nimport k\nwhoami\n") == (["whoami"], [])
    assert read("(c) {\n class all\n}\n. {\n log {\n  import c\n }\n}\n") == (["log", "{", "class", "all", "}"], [])


def test_files_are_found_from_the_importing_file(folder: Path) -> None:
    (folder / "conf").mkdir()
    (folder / "conf" / "a.conf").write_text("log\nimport b.conf\n")
    (folder / "conf" / "b.conf").write_text("whoami")
    assert read(". {\n import conf/a.conf\n}\n") == (["log", "whoami"], [])
    (folder / "a.conf").write_text("errors")
    assert read(". {\n import {$F}\n}\n") == (["errors"], [])
    assert read(f". {{\n import {folder}/a.conf\n}}\n") == (["errors"], [])
    assert read(". {\n import ../a.conf\n}\n", path="conf/Corefile") == (["errors"], [])


def test_patterns_match_files_in_order_hidden_ones_too(folder: Path) -> None:
    for name in ("b.conf", "a.conf", ".c.conf", "d.other"):
        (folder / name).write_text("log " + name)
    assert read(". {\n import *.conf\n}\n")[0] == ["log", ".c.conf", "log", "a.conf", "log", "b.conf"]
    assert read(". {\n import ?.conf\n}\n")[0] == ["log", "a.conf", "log", "b.conf"]
    words, problems = read(". {\n import none/*\n}\n")
    assert (words, problems) == ([], ["No files matching import glob pattern: none/*"])


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("import", "Wrong argument count or unexpected line ending after 'import'"),
        ('import ""', "Import requires a non-empty filepath"),
        ("import a b", "Import takes only one argument (glob pattern or file)"),
        ("import none", "File to import not found: none"),
        ("import */*", "Glob pattern may only contain one wildcard (*), but has others: */*"),
        ("import [ab]", "Glob pattern may only contain one wildcard (*), but has others: [ab]"),
        ("import folder", "Could not import folder: is a directory"),
        ("import pipe", "Could not import pipe: not a regular file"),
    ],
)
def test_imports_that_coredns_refuses(statement: str, message: str, folder: Path) -> None:
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    assert read(f". {{\n {statement}\n log\n}}\n") == (["log"], [f"Corefile:2 - Error during parsing: {message}"])


def test_an_error_in_an_imported_file_has_its_name_and_line(folder: Path) -> None:
    (folder / "a.conf").write_text("log\n\nfoo\n")
    assert read(". {\n import a.conf\n}\n")[1] == ["a.conf:3 - Error during parsing: Unknown directive 'foo'"]


@pytest.mark.parametrize("importer", ["Corefile", "a.conf"], ids=["itself", "through another"])
def test_a_file_that_imports_itself_is_an_error(importer: str, folder: Path) -> None:
    text = "x {\n}\nimport a.conf\n"
    (folder / "Corefile").write_text(text)
    (folder / "a.conf").write_text(f"y {{\n}}\nimport {importer}\n")
    assert "maximum file import depth (10000) exceeded" in read(text)[1][0]


def test_a_snippet_that_imports_itself_is_an_error() -> None:
    message = "Corefile:3 - Error during parsing: maximum snippet import depth (10000) exceeded"
    assert read("(s) {\n import s\n}\n. {\n import s\n}\n")[1] == [message]
    through_another = "(a) {\n import b\n}\n(b) {\n import a\n}\n. {\n import a\n}\n"
    assert "maximum snippet import depth (10000) exceeded" in read(through_another)[1][0]


def test_snippets_that_double_are_bounded() -> None:
    text = "".join(f"(s{n}) {{\n import s{n - 1}\n import s{n - 1}\n}}\n" for n in range(1, 40))
    problems = read(f"(s0) {{\n log\n}}\n{text}. {{\n import s39\n}}\n")[1]
    assert "maximum snippet import depth (10000) exceeded" in problems[0]


def test_a_snippet_is_declared_once_and_before_its_use() -> None:
    assert read("(s) {\n}\n(s) {\n}\n")[1] == [
        "Corefile:3 - Error during parsing: redeclaration of previously declared snippet s"
    ]
    assert read(". {\n import s\n}\n(s) {\n}\n")[1] == [
        "Corefile:2 - Error during parsing: File to import not found: s"
    ]


def test_in_a_config_map_the_other_keys_are_the_files() -> None:
    files = {"a.conf": b"log\n", "b.conf": b"whoami\n", "Corefile": b""}
    for pattern in ("*.conf", "/etc/coredns/*.conf"):
        configuration = load(f". {{\n import {pattern}\n}}\n", files=files)
        assert [plugin.name for plugin in configuration.servers[0].plugins] == ["log", "whoami"]
    elsewhere = load(". {\n import custom/*.conf\n import custom/a.conf\n whoami\n}\n", files=files)
    assert elsewhere.rejection is None
    assert [diagnostic.code for diagnostic in elsewhere.diagnostics] == ["import-nothing", "import-nothing"]
