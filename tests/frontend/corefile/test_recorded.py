"""What CoreDNS 1.13.1 said to a Corefile when it was started with it, and what we say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kcompile.diagnostics import Severity
from kcompile.frontend.corefile.files import Files
from kcompile.frontend.corefile.load import load_corefile
from kcompile.frontend.source import Source

DATA = Path(__file__).parents[2] / "data" / "corefile" / "cases.jsonl"
CASES: list[dict[str, Any]] = [json.loads(line) for line in DATA.read_text().splitlines()]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_verdict_its_words_and_its_line_are_those_of_coredns(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in case["files"].items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, newline="")
    configuration = load_corefile(Source("Corefile", case["corefile"].encode()), case["env"], Files())
    rejection = configuration.rejection
    assert (rejection.text if rejection else "") == (case["error"] or "")
    if case["line"]:
        assert rejection
        assert rejection.line == case["line"]
    errors = [d for d in configuration.diagnostics if d.severity is Severity.ERROR]
    assert bool(errors) is not case["accepted"]
    assert all(error.span for error in errors)
    warnings = [d.message for d in configuration.diagnostics if d.severity is Severity.WARNING]
    for line in case["warnings"]:
        if line.startswith("[WARNING] "):
            assert line.removeprefix("[WARNING] ").removeprefix("plugin/") in warnings
