"""Fill in a compiled table; `kcompile.twins.emit` says the same in plain Python.

The values of all records (chain names above all) are worked out first, in one go. Then each section is written in turn
into one growing bytes object, which is the result. What a line says of its record is put together once a record, and
copied for each item. Where items are sorted, it is kept with them, and they are written when their turn comes.

Everything that is read by position is checked against its length; literals and templates are pointed to inside the
program and the records, which are held for as long as the text is being written.
"""

cimport cython

include "emit_buffer.pxi"
include "emit_program.pxi"
include "emit_records.pxi"
include "emit_sections.pxi"
include "emit_kept.pxi"


def fill(program, records, frames):
    cdef _Sections text
    cdef int s
    check_frames(program, frames)
    text = _Sections(_Program(program), tuple(records))
    text.make_room()
    for s, (head, tail) in enumerate(frames):
        text.put_section(&text.program.sections[s], head, tail)
    return text.finish()


cdef int check_frames(program, frames) except -1:
    if len(frames) != len(program.sections):
        raise ValueError("the frames must be those of the program's sections")
    return 0
