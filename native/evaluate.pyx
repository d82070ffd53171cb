"""Run a program of `kcompile.evaluate.program` for many packets, as `kcompile.twins.evaluate` does in plain Python.

The words of a program are trusted: `kcompile.evaluate.assemble` made them, and every index in them points into its
arrays. The columns are not: their lengths are checked before the first packet.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

include "evaluate_program.pxi"
include "evaluate_packet.pxi"
include "evaluate_rules.pxi"
include "evaluate_path.pxi"
include "evaluate_columns.pxi"


def evaluate_ipv4(
    program,
    uint64_t seed,
    const uint32_t[::1] source not None,
    const uint32_t[::1] destination not None,
    const uint8_t[::1] protocol not None,
    const uint16_t[::1] port not None,
    const int32_t[::1] source_port not None,
    const uint8_t[::1] local not None,
    const uint32_t[::1] mark not None,
    const uint64_t[::1] choice not None,
    uint8_t[::1] verdict not None,
    uint32_t[::1] to not None,
    uint16_t[::1] to_port not None,
    uint8_t[::1] masquerade not None,
    int32_t[::1] line not None,
):
    cdef Columns c
    c.count = protocol.shape[0]
    check(c.count, [
        source.shape[0], destination.shape[0], port.shape[0],
        source_port.shape[0] or c.count, local.shape[0] or c.count, mark.shape[0] or c.count, choice.shape[0] or c.count,
        verdict.shape[0], to.shape[0], to_port.shape[0], masquerade.shape[0], line.shape[0],
    ])
    if c.count == 0:
        return
    c.source_4 = &source[0]
    c.destination_4 = &destination[0]
    c.to_4 = &to[0]
    c.source_6 = NULL
    c.destination_6 = NULL
    c.to_6 = NULL
    c.protocol = &protocol[0]
    c.port = &port[0]
    c.source_port = &source_port[0] if source_port.shape[0] else NULL
    c.local = &local[0] if local.shape[0] else NULL
    c.mark = &mark[0] if mark.shape[0] else NULL
    c.choice = &choice[0] if choice.shape[0] else NULL
    c.seed = seed
    c.verdict = &verdict[0]
    c.to_port = &to_port[0]
    c.masquerade = &masquerade[0]
    c.line = &line[0]
    cdef Loaded held = loaded(program)
    with nogil:
        run_columns(&held.tables, &c)


def evaluate_ipv6(
    program,
    uint64_t seed,
    const uint8_t[::1] source not None,
    const uint8_t[::1] destination not None,
    const uint8_t[::1] protocol not None,
    const uint16_t[::1] port not None,
    const int32_t[::1] source_port not None,
    const uint8_t[::1] local not None,
    const uint32_t[::1] mark not None,
    const uint64_t[::1] choice not None,
    uint8_t[::1] verdict not None,
    uint8_t[::1] to not None,
    uint16_t[::1] to_port not None,
    uint8_t[::1] masquerade not None,
    int32_t[::1] line not None,
):
    cdef Columns c
    c.count = protocol.shape[0]
    check(c.count, [
        port.shape[0],
        source_port.shape[0] or c.count, local.shape[0] or c.count, mark.shape[0] or c.count, choice.shape[0] or c.count,
        verdict.shape[0], to_port.shape[0], masquerade.shape[0], line.shape[0],
    ])
    check(16 * c.count, [source.shape[0], destination.shape[0], to.shape[0]])
    if c.count == 0:
        return
    c.source_6 = &source[0]
    c.destination_6 = &destination[0]
    c.to_6 = &to[0]
    c.source_4 = NULL
    c.destination_4 = NULL
    c.to_4 = NULL
    c.protocol = &protocol[0]
    c.port = &port[0]
    c.source_port = &source_port[0] if source_port.shape[0] else NULL
    c.local = &local[0] if local.shape[0] else NULL
    c.mark = &mark[0] if mark.shape[0] else NULL
    c.choice = &choice[0] if choice.shape[0] else NULL
    c.seed = seed
    c.verdict = &verdict[0]
    c.to_port = &to_port[0]
    c.masquerade = &masquerade[0]
    c.line = &line[0]
    cdef Loaded held = loaded(program)
    with nogil:
        run_columns(&held.tables, &c)
