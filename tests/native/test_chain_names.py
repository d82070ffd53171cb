from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcompile.twins import chain_names as twin

native = pytest.importorskip("kcompile.native.chain_names", reason="the extensions are not built")

# One and two blocks of SHA-256, and what is left between them.
TEXTS = st.binary(max_size=300) | st.integers(min_value=0, max_value=200).map(lambda length: b"n" * length)


@given(TEXTS, st.integers(min_value=0, max_value=twin.MAX_LENGTH))
def test_the_extension_hashes_as_the_twin_does(text: bytes, length: int) -> None:
    assert native.digest(text, length) == twin.digest(text, length)


@given(st.lists(TEXTS, max_size=20), st.integers(min_value=0, max_value=twin.MAX_LENGTH))
def test_a_batch_is_one_after_the_other(texts: list[bytes], length: int) -> None:
    assert native.digests(texts, length) == twin.digests(texts, length) == [twin.digest(text, length) for text in texts]


@given(st.lists(TEXTS, max_size=20), st.integers(min_value=0, max_value=twin.MAX_LENGTH))
def test_plain_c_hashes_as_the_instructions_of_the_processor_do(texts: list[bytes], length: int) -> None:
    assert native.portable_digests(texts, length) == native.digests(texts, length)


@pytest.mark.parametrize("module", [native, twin])
def test_the_hash_of_a_service_port_is_that_of_kube_proxy(module: object) -> None:
    assert module.digest(b"ns1/web:httptcp") == b"4LVCYZMTA5CQO6SX"  # type: ignore[attr-defined]
    assert module.digest(b"ns1/webtcp") == b"HVJJYLSWUQPHPYT5"  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", [native, twin])
@pytest.mark.parametrize("length", [-1, twin.MAX_LENGTH + 1])
def test_a_length_that_the_hash_does_not_have_is_refused(module: object, length: int) -> None:
    with pytest.raises(ValueError, match="is not between"):
        module.digest(b"", length)  # type: ignore[attr-defined]
