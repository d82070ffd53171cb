"""Chain names as kube-proxy hashes them; `kcompile.twins.chain_names` says the same in plain Python."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t

cdef extern from "sha256.h":
    ctypedef struct Sha256:
        const uint8_t *text
        size_t n_blocks
        uint32_t state[8]
    ctypedef void (*sha256_function)(Sha256 *one, Sha256 *other, size_t block) noexcept
    sha256_function sha256_select(int portable) noexcept
    size_t sha256_pad(uint8_t *text, size_t length) noexcept
    void sha256_hash(sha256_function function, Sha256 *one, Sha256 *other) noexcept
    void sha256_base32(const uint32_t *state, char *out, int count) noexcept
    int SHA256_PADDING
    int SHA256_BASE32_LENGTH

MAX_LENGTH = SHA256_BASE32_LENGTH

cdef sha256_function BEST = sha256_select(0)
cdef sha256_function PORTABLE = sha256_select(1)


cdef list _digests(sha256_function function, list texts, int length):
    """The digests of one text, or of two at once."""
    cdef Sha256 hashes[2]
    cdef int i, count = len(texts)
    if not 0 <= length <= SHA256_BASE32_LENGTH:
        raise ValueError(f"length {length} is not between 0 and {SHA256_BASE32_LENGTH}")
    cdef list copies = [<bytes?>text + bytes(SHA256_PADDING) for text in texts]
    cdef list results = [PyBytes_FromStringAndSize(NULL, length) for _ in texts]
    for i in range(count):
        hashes[i].text = <const uint8_t *>PyBytes_AS_STRING(copies[i])
        hashes[i].n_blocks = sha256_pad(<uint8_t *>hashes[i].text, PyBytes_GET_SIZE(texts[i]))
    sha256_hash(function, &hashes[0], &hashes[1] if count == 2 else NULL)
    for i in range(count):
        sha256_base32(hashes[i].state, PyBytes_AS_STRING(results[i]), length)
    return results


cdef list _all_digests(sha256_function function, texts, int length):
    cdef list given = list(texts), results = []
    for i in range(0, len(given), 2):
        results += _digests(function, given[i : i + 2], length)
    return results


def digest(bytes text not None, int length=16):
    return _digests(BEST, [text], length)[0]


def digests(texts, int length=16):
    return _all_digests(BEST, texts, length)


def portable_digests(texts, int length=16):
    """`digests` without the processor's own instructions."""
    return _all_digests(PORTABLE, texts, length)
