"""Numbers, durations and quoting as Go has them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kcompile.frontend.corefile.values import (
    ValueProblem,
    atoi,
    format_duration,
    parse_bool,
    parse_duration,
    parse_float,
    parse_int,
    parse_uint,
    quote,
)


@pytest.mark.parametrize(
    ("function", "text", "expected"),
    [
        (atoi, "0", 0),
        (atoi, "-07", -7),
        (atoi, "+5", 5),
        (atoi, "9223372036854775807", (1 << 63) - 1),
        (lambda text: parse_int(text, 32), "-2147483648", -(1 << 31)),
        (lambda text: parse_uint(text, 16), "65535", 65535),
        (lambda text: parse_uint(text, 16, 0), "0xFF", 255),
        (lambda text: parse_uint(text, 16, 0), "0b1_01", 5),
        (lambda text: parse_uint(text, 16, 0), "017", 15),
        (parse_float, "1e3", 1000.0),
        (parse_bool, "T", True),
        (parse_duration, "300ms", 300_000_000),
        (parse_duration, "-1.5h", -5_400_000_000_000),
        (parse_duration, "1h2m3s4ms5us6ns", 3_723_004_005_006),
        (parse_duration, "0", 0),
        (parse_duration, ".5s", 500_000_000),
        (parse_duration, "1µs", 1_000),
        (format_duration, 0, "0s"),
        (format_duration, 90_000_000_000, "1m30s"),
        (format_duration, 3_600_000_000_000, "1h0m0s"),
        (format_duration, 1_500_000, "1.5ms"),
        (format_duration, -1, "-1ns"),
        (quote, 'a"b\\c\n\x00\x7fé\u200b', '"a\\"b\\\\c\\n\\x00\\x7fé\\u200b"'),
    ],
)
def test_values_are_read_and_printed_as_in_go(
    function: Callable[[object], object], text: object, expected: object
) -> None:
    assert function(text) == expected


@pytest.mark.parametrize(
    ("function", "text", "message"),
    [
        (atoi, "", 'strconv.Atoi: parsing "": invalid syntax'),
        (atoi, "1_0", 'strconv.Atoi: parsing "1_0": invalid syntax'),
        (atoi, "٣", 'strconv.Atoi: parsing "٣": invalid syntax'),
        (atoi, "9223372036854775808", 'strconv.Atoi: parsing "9223372036854775808": value out of range'),
        (atoi, "9" * 5000, None),
        (lambda text: parse_uint(text, 16), "-1", 'strconv.ParseUint: parsing "-1": invalid syntax'),
        (lambda text: parse_uint(text, 16), "65536", 'strconv.ParseUint: parsing "65536": value out of range'),
        (lambda text: parse_uint(text, 16, 0), "0x", 'strconv.ParseUint: parsing "0x": invalid syntax'),
        (lambda text: parse_uint(text, 16, 0), "1__0", 'strconv.ParseUint: parsing "1__0": invalid syntax'),
        (parse_duration, "", 'time: invalid duration ""'),
        (parse_duration, "10", 'time: missing unit in duration "10"'),
        (parse_duration, "1d", 'time: unknown unit "d" in duration "1d"'),
        (parse_duration, "s", 'time: invalid duration "s"'),
        (parse_duration, "1000000h1s1000000000h", None),
        (parse_bool, "yes", 'strconv.ParseBool: parsing "yes": invalid syntax'),
    ],
)
def test_go_refuses_them_in_these_words(function: Callable[[str], object], text: str, message: str | None) -> None:
    with pytest.raises(ValueProblem) as caught:
        function(text)
    assert message is None or str(caught.value) == message
