"""Probabilities that a tool has rounded, as the fractions that were meant."""

from __future__ import annotations

from fractions import Fraction

# xt_statistic keeps a probability in 31 bits and kube-proxy writes ten decimals of 1/n, so what stands in a dump is a
# rounded number. The fraction with the smallest denominator within that rounding is the one that was meant:
# 0.33333333349 is 1/3. Two fractions that close together would need denominators over 40,000.
ROUNDING = Fraction(1, 1 << 31)


def simplest(number: Fraction) -> Fraction:
    """The fraction with the smallest denominator that xt_statistic could not tell from `number`.

    >>> simplest(Fraction("0.33333333349"))
    Fraction(1, 3)
    """
    return min(Fraction(1), _between(max(Fraction(0), number - ROUNDING), number + ROUNDING))


def _between(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the smallest denominator in an interval, by continued fractions."""
    whole = -(-low.numerator // low.denominator)
    if whole <= high:
        return Fraction(whole)
    floor = low.numerator // low.denominator
    return floor + 1 / _between(1 / (high - floor), 1 / (low - floor))
