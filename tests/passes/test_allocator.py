"""Numbers are chosen by the hash of a name, and nothing else if it can be helped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kcompile.passes.allocator import Allocator, hash_number
from kcompile.passes.generated_names import ALPHABET, GeneratedNames, name_suffix
from tests.passes.objects import pod

NAMES = st.sets(st.text("abcdef", min_size=1, max_size=6), min_size=1, max_size=30)


def test_the_hash_is_the_same_on_every_machine() -> None:
    """A change here would change every allocated address of every user."""
    assert hash_number("Service/default/web/4") == 107897421736944679206472308371661737155
    assert name_suffix("Deployment/default/web", 10) == "bwctdzlt28"


@given(NAMES, st.text("abcdef", min_size=1, max_size=6))
def test_one_more_name_moves_nobody_whom_it_does_not_meet(names: set[str], new: str) -> None:
    """In a range that is large enough, nobody meets anybody: every number is that of the name alone."""

    def allocate(all_names: set[str]) -> dict[str, int | None]:
        allocator = Allocator(0, 2**64, set())
        return {name: allocator.allocate(name) for name in sorted(all_names)}

    before, after = allocate(names), allocate(names | {new})
    assert all(after[name] == number for name, number in before.items())


@given(NAMES, st.sets(st.integers(0, 40)))
def test_numbers_are_unique_within_the_range_and_never_one_in_use(names: set[str], used: set[int]) -> None:
    allocator = Allocator(0, 40, set(used))
    given_out = [number for name in sorted(names) if (number := allocator.allocate(name)) is not None]
    assert len(set(given_out)) == len(given_out)
    assert not set(given_out) & used
    assert all(0 <= number <= 40 for number in given_out)
    assert len(given_out) == min(len(names), 41 - len(used))


def test_the_low_band_is_given_out_last() -> None:
    allocator = Allocator(100, 109, set(), low_band=4)
    numbers = [allocator.allocate(str(n)) for n in range(10)]
    assert sorted(numbers[:6]) == list(range(104, 110))  # type: ignore[type-var]
    assert sorted(numbers[6:]) == list(range(100, 104))  # type: ignore[type-var]
    assert allocator.allocate("late") is None


def test_a_range_of_any_size_costs_nothing() -> None:
    number = Allocator(0, 2**128 - 1, set()).allocate("a")
    assert number is not None
    assert 0 <= number < 2**128


def test_an_empty_range_gives_nothing() -> None:
    assert Allocator(5, 4, set()).allocate("a") is None


def test_allocators_that_share_what_is_used_give_a_number_once() -> None:
    used: set[int] = set()
    one, other = Allocator(0, 1, used), Allocator(1, 2, used)
    assert {one.allocate("a"), one.allocate("b"), other.allocate("c")} == {0, 1, 2}
    assert other.allocate("d") is None


def test_a_generated_name_has_the_real_alphabet_and_length() -> None:
    name = GeneratedNames(()).unique("default", "web-", "key")
    assert name.startswith("web-")
    assert len(name) == 9
    assert set(name[4:]) <= set(ALPHABET)
    assert len(GeneratedNames(()).unique("default", "w" * 200, "key")) == 63


def test_a_generated_name_avoids_those_that_are_taken_in_its_namespace() -> None:
    first = GeneratedNames(()).unique("default", "web-", "key")
    names = GeneratedNames((pod(first),))
    assert names.unique("other", "web-", "key") == first
    assert names.unique("default", "web-", "key") != first
    assert len({first, *(names.unique("default", "web-", "key") for _ in range(10))}) == 11
