# Text that is being written: growing bytes objects, and what goes into them. A part of emit.pyx.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

cdef extern from "Python.h":
    # Declared anew with borrowed references: nothing here is counted up and down for each access.
    int PyTuple_Check(PyObject *value)
    int PyTuple_CheckExact(PyObject *value)
    Py_ssize_t PyTuple_GET_SIZE(PyObject *value)
    PyObject *PyTuple_GET_ITEM(PyObject *value, Py_ssize_t position)
    int PyUnicode_Check(PyObject *value)
    int PyUnicode_IS_COMPACT_ASCII(PyObject *value)
    void *PyUnicode_DATA(PyObject *value)
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject *value)
    const char *PyUnicode_AsUTF8AndSize(PyObject *value, Py_ssize_t *length) except NULL
    int PyBytes_Check(PyObject *value)
    char *bytes_text "PyBytes_AS_STRING"(PyObject *value)
    Py_ssize_t bytes_length "PyBytes_GET_SIZE"(PyObject *value)
    int PyLong_Check(PyObject *value)
    int PyBool_Check(PyObject *value)
    PyObject *Py_True
    long long PyLong_AsLongLong(PyObject *value) except? -1
    int PyObject_IsTrue(PyObject *value) except -1
    PyObject *new_bytes "PyBytes_FromStringAndSize"(const char *text, Py_ssize_t length) except NULL
    int _PyBytes_Resize(PyObject **value, Py_ssize_t length) except -1
    void Py_XDECREF(PyObject *value)

cdef extern from "emit.h":
    # A piece of text is a few dozen bytes long: shorter than a call of memcpy.
    void copy_short(char *to, const char *text, size_t length) noexcept
    void copy_padded(char *to, const char *text, size_t length) noexcept
    void copy_before(const char *end, char *to, const char *text, size_t length) noexcept
    size_t PADDING
    int write_decimal(char *to, int64_t number) noexcept

cdef extern from "huge_pages.h":
    # The text runs to dozens of megabytes that are written once: most of the page faults go with huge pages.
    void prefer_huge_pages(void *data, size_t size) noexcept

cdef struct Text:  # inside a bytes object that the program holds
    const char *data
    size_t length

cdef struct Buffer:  # a bytes object that is still being written
    PyObject *bytes
    char *data
    size_t used
    size_t size


cdef int open_buffer(Buffer *buffer, size_t size) except -1:
    buffer.bytes = new_bytes(NULL, size)
    buffer.data = bytes_text(buffer.bytes)
    buffer.used = 0
    buffer.size = size
    prefer_huge_pages(buffer.data, size)
    return 0


cdef inline void close_buffer(Buffer *buffer) noexcept:
    Py_XDECREF(buffer.bytes)
    buffer.bytes = NULL


cdef int grow(Buffer *buffer, size_t size) except -1:
    # Not realloc, which would copy, and so touch, the room that has not been used yet.
    cdef PyObject *larger = new_bytes(NULL, size)
    memcpy(bytes_text(larger), buffer.data, buffer.used)
    Py_XDECREF(buffer.bytes)
    buffer.bytes = larger
    buffer.data = bytes_text(larger)
    buffer.size = size
    prefer_huge_pages(buffer.data, size)
    return 0


cdef inline int reserve(Buffer *buffer, size_t length) except -1:
    """Room for a text, and behind it as much as a padded copy may write or read."""
    if buffer.size - buffer.used < length + PADDING:
        grow(buffer, buffer.size + buffer.size // 2 + length + 2 * PADDING)
    return 0


cdef inline int put(Buffer *buffer, const char *text, size_t length) except -1:
    reserve(buffer, length)
    copy_short(buffer.data + buffer.used, text, length)
    buffer.used += length
    return 0


cdef inline int put_padded(Buffer *buffer, const char *text, size_t length) except -1:
    """`put` of a text that stands in a buffer, where what follows it may be read."""
    reserve(buffer, length)
    copy_padded(buffer.data + buffer.used, text, length)
    buffer.used += length
    return 0


cdef inline int put_text(Buffer *buffer, Text text) except -1:
    return put(buffer, text.data, text.length)


cdef int put_object(Buffer *buffer, PyObject *value) except -1:
    cdef const char *text
    cdef Py_ssize_t length
    if PyUnicode_Check(value):
        if PyUnicode_IS_COMPACT_ASCII(value):
            return put(buffer, <const char *>PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value))
        text = PyUnicode_AsUTF8AndSize(value, &length)
        return put(buffer, text, length)
    if PyBytes_Check(value):
        return put(buffer, bytes_text(value), bytes_length(value))
    if PyLong_Check(value) and not PyBool_Check(value):
        return put_number(buffer, PyLong_AsLongLong(value))
    raise TypeError(f"not a text: {<object>value!r}")


cdef inline int put_number(Buffer *buffer, int64_t number) except -1:
    reserve(buffer, 20)
    buffer.used += write_decimal(buffer.data + buffer.used, number)
    return 0


cdef inline int is_true(PyObject *value) except -1:
    if PyTuple_Check(value):
        return PyTuple_GET_SIZE(value) > 0
    if PyBool_Check(value):
        return value == Py_True
    return PyObject_IsTrue(value)


cdef Text text_of(value) except *:
    cdef Text text
    if not isinstance(value, bytes):
        raise TypeError(f"not bytes: {value!r}")
    text.data = PyBytes_AS_STRING(value)
    text.length = PyBytes_GET_SIZE(value)
    return text


cdef class _Arrays:
    """Memory that is freed with the object."""

    cdef list blocks

    def __cinit__(self):
        self.blocks = []

    cdef void *take(self, size_t count, size_t size) except NULL:
        cdef void *memory = calloc(count + 1, size)
        if memory == NULL:
            raise MemoryError
        prefer_huge_pages(<char *>memory, count * size)
        self.blocks.append(<size_t>memory)
        return memory

    def __dealloc__(self):
        for memory in self.blocks:
            free(<void *><size_t>memory)
