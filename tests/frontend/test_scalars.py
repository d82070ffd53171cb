"""Plain scalars are what kubectl reads."""

from __future__ import annotations

import pytest

from kcompile.frontend.scalars import resolve


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("NULL", None)),
        ("~", ("NULL", None)),
        ("null", ("NULL", None)),
        ("yes", ("BOOL", True)),
        ("Off", ("BOOL", False)),
        ("y", ("BOOL", True)),
        ("yEs", ("STRING", "yEs")),
        ("80", ("INT", 80)),
        ("-1", ("INT", -1)),
        ("+5", ("INT", 5)),
        ("0644", ("INT", 420)),
        ("0o17", ("INT", 15)),
        ("0x1F", ("INT", 31)),
        ("0b101", ("INT", 5)),
        ("1_000", ("INT", 1000)),
        ("08", ("INT", 8)),
        ("1e3", ("INT", 1000)),
        ("80.0", ("INT", 80)),
        ("1.5", ("FLOAT", 1.5)),
        ("12:30:45", ("STRING", "12:30:45")),
        ("2001-01-01", ("STRING", "2001-01-01")),
        ("10.0.0.1", ("STRING", "10.0.0.1")),
        ("fd00::1", ("STRING", "fd00::1")),
        ("-", ("STRING", "-")),
        (".", ("STRING", ".")),
        ("٣", ("STRING", "٣")),
        ("1" * 5000, ("STRING", "1" * 5000)),
    ],
)
def test_plain_scalar_resolves_as_kubectl_resolves_it(text: str, expected: tuple[str, object]) -> None:
    assert resolve(text) == expected
