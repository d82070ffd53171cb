"""Chain names as kube-proxy hashes them; `kcompile.twins.chain_names` says the same in plain Python."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

cdef extern from "sha256.h":
    ctypedef void (*sha256_block_function)(unsigned int *state, const unsigned char *block) noexcept
    sha256_block_function sha256_select(int portable) noexcept
    void sha256_base32(
        sha256_block_function block, const char *text, size_t length, char *out, int count
    ) noexcept
    int SHA256_BASE32_LENGTH

MAX_LENGTH = SHA256_BASE32_LENGTH

cdef sha256_block_function BEST = sha256_select(0)
cdef sha256_block_function PORTABLE = sha256_select(1)


cdef bytes _digest(sha256_block_function block, bytes text, int length):
    if not 0 <= length <= SHA256_BASE32_LENGTH:
        raise ValueError(f"length {length} is not between 0 and {SHA256_BASE32_LENGTH}")
    cdef bytes result = PyBytes_FromStringAndSize(NULL, length)
    sha256_base32(block, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), PyBytes_AS_STRING(result), length)
    return result


def digest(bytes text not None, int length=16):
    return _digest(BEST, text, length)


def portable_digest(bytes text not None, int length=16):
    """`digest` without the processor's own instructions."""
    return _digest(PORTABLE, text, length)


def digests(texts, int length=16):
    return [_digest(BEST, text, length) for text in texts]
