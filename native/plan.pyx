"""What the plan of a large cluster is made of in bulk; `kcompile.twins.plan` says the same in plain Python.

An endpoint's tuple is of a type that is given (`kcompile.ir.plan.EndpointInfo`), whose fields stand here by position.
"""

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_SET_ITEM
from libc.stdint cimport UINT32_MAX, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

include "emit_buffer.pxi"
include "slots.pxi"

cdef extern from "Python.h":
    int PyType_IsSubtype(PyTypeObject *one, PyTypeObject *other)
    int PyType_HasFeature(PyTypeObject *type, unsigned long feature)
    unsigned long Py_TPFLAGS_TUPLE_SUBCLASS
    PyObject *PyType_GenericAlloc(PyTypeObject *type, Py_ssize_t items) except NULL
    int PyObject_GenericSetAttr(object target, object name, object value) except -1

cdef extern from *:
    """
    #include "emit.h"

    /* Only slots lie between the head of such an object and its end: no dict, no weak references, no other base. */
    static int has_slots_only(PyTypeObject *type) {
        return type->tp_base == &PyBaseObject_Type && !type->tp_dictoffset && !type->tp_weaklistoffset
            && !type->tp_itemsize && PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE);
    }

    static PyObject *copy_slots(PyObject *given) {
        PyTypeObject *type = Py_TYPE(given);
        PyObject *made = PyType_GenericAlloc(type, 0);
        if (!made) return NULL;
        PyObject **from = (PyObject **)(given + 1), **to = (PyObject **)(made + 1);
        size_t count = (type->tp_basicsize - sizeof(PyObject)) / sizeof(PyObject *);
        for (size_t i = 0; i < count; i++) {
            Py_XINCREF(from[i]);
            to[i] = from[i];
        }
        return made;
    }
    """
    int has_slots_only(type type) noexcept
    object copy_slots(object given)

    ctypedef struct Block:
        uint64_t prefix
        uint32_t entry
        uint32_t number
    ctypedef struct Keys:
        const char *text
        const uint32_t *starts
    uint64_t key_prefix(const char *key, size_t length) noexcept
    void merge_sort(Block *blocks, Block *spare, size_t count, const Keys *keys) noexcept
    int block_after(const Block *a, const Block *b, const Keys *keys) noexcept

cdef extern from "syntax.h":
    bint parse_dotted_quad(const char *text, size_t length, uint32_t *address) noexcept

cdef enum:  # the fields of an endpoint
    IP
    PORT
    LOCAL
    READY
    SERVING
    TERMINATING
    ZONE_HINTS
    NODE_HINTS
    ORIGIN
    NODE
    FIELDS

cdef object NOTHING = frozenset()
cdef tuple ATTRIBUTES = ("addresses", "ready", "serving", "terminating", "zone_hints", "node_hints", "node_name")


cdef int check_kind(kind) except -1:
    if not isinstance(kind, type) or not PyType_HasFeature(<PyTypeObject *>kind, Py_TPFLAGS_TUPLE_SUBCLASS):
        raise TypeError("endpoints are tuples")
    return 0


cdef inline int check_info(info) except -1:
    if not PyTuple_Check(<PyObject *>info) or PyTuple_GET_SIZE(<PyObject *>info) != FIELDS:
        raise ValueError(f"an endpoint is a tuple of {FIELDS} fields")
    return 0


cdef inline void put_field(PyObject *made, int field, value):
    Py_INCREF(value)
    PyTuple_SET_ITEM(<object>made, field, value)


cdef inline bint is_ipv4_text(str address):
    cdef PyObject *text = <PyObject *>address
    cdef uint32_t number
    if not PyUnicode_IS_COMPACT_ASCII(text):
        return False
    return parse_dotted_quad(<const char *>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text), &number)


def usable(kind, endpoints, bint ipv6, canonical, int port, origin):
    cdef list made = []
    cdef set nodes = set()
    cdef bint hinted = False
    cdef str address
    cdef tuple addresses
    cdef PyObject *info
    cdef Slot slots[7]
    check_kind(kind)
    for endpoint in endpoints:
        if not made or Py_TYPE(endpoint) != slots[0].type:
            take_slots(endpoint, ATTRIBUTES, slots)
        addresses = attribute(endpoint, "addresses", &slots[0])
        if not addresses:
            continue
        address = addresses[0]
        if is_ipv4_text(address):
            if ipv6:
                continue
        elif (":" in address) != ipv6:
            continue
        elif canonical is not None:
            address = canonical(address)
        ready = attribute(endpoint, "ready", &slots[1])
        serving = attribute(endpoint, "serving", &slots[2])
        terminating = attribute(endpoint, "terminating", &slots[3])
        zone_hints = attribute(endpoint, "zone_hints", &slots[4])
        node_hints = attribute(endpoint, "node_hints", &slots[5])
        node = attribute(endpoint, "node_name", &slots[6])
        zone_hints = frozenset(zone_hints) if zone_hints else NOTHING
        node_hints = frozenset(node_hints) if node_hints else NOTHING
        hinted = hinted or zone_hints is not NOTHING or node_hints is not NOTHING
        nodes.add(node)
        # Nothing can fail from here on.
        info = PyType_GenericAlloc(<PyTypeObject *>kind, FIELDS)
        put_field(info, IP, address)
        put_field(info, PORT, port)
        put_field(info, LOCAL, False)
        put_field(info, READY, ready is not False)
        put_field(info, SERVING, serving is not False)
        put_field(info, TERMINATING, terminating is True)
        put_field(info, ZONE_HINTS, zone_hints)
        put_field(info, NODE_HINTS, node_hints)
        put_field(info, ORIGIN, origin)
        put_field(info, NODE, node)
        made.append(<object>info)
        Py_XDECREF(info)
    return made, frozenset(nodes), hinted


cdef copied(kind, given, int field, value):
    """An endpoint with one field replaced."""
    cdef PyObject *info = PyType_GenericAlloc(<PyTypeObject *>kind, FIELDS)
    cdef int i
    for i in range(FIELDS):
        put_field(info, i, value if i == field else <object>PyTuple_GET_ITEM(<PyObject *>given, i))
    made = <object>info
    Py_XDECREF(info)
    return made


def with_port(kind, infos, int port):
    cdef list made = []
    check_kind(kind)
    for given in infos:
        check_info(given)
        made.append(copied(kind, given, PORT, port))
    return made


def seen_from(kind, infos, str node not None):
    cdef list made = []
    check_kind(kind)
    for given in infos:
        check_info(given)
        local = <object>PyTuple_GET_ITEM(<PyObject *>given, NODE) == node
        made.append(copied(kind, given, LOCAL, True) if local else given)
    return made


def packed(kind, infos):
    check_kind(kind)
    return pack(kind, list(infos))


cdef pack(kind, list given):
    cdef Buffer texts
    cdef bint fits = True, has_local = False
    cdef Py_ssize_t i
    cdef PyObject *info
    cdef PyObject *made = PyType_GenericAlloc(<PyTypeObject *>kind, len(given))
    result = <object>made
    Py_XDECREF(made)
    texts.bytes = NULL
    try:
        open_buffer(&texts, 32 * len(given) + 64)
        put(&texts, "\2", 1)
        for i in range(len(given)):
            check_info(given[i])
            info = <PyObject *>given[i]
            fits &= put_behind_length(&texts, PyTuple_GET_ITEM(info, IP))
            fits &= put_behind_length(&texts, PyTuple_GET_ITEM(info, PORT))
            has_local |= is_true(PyTuple_GET_ITEM(info, LOCAL))
            put_field(made, i, given[i])
        if has_local:
            result.has_local = True
        if fits:
            _PyBytes_Resize(&texts.bytes, texts.used)
            result.texts = <object>texts.bytes
    finally:
        close_buffer(&texts)
    return result


cdef bint put_behind_length(Buffer *texts, PyObject *value) except -1:
    """False if the length does not fit a byte."""
    cdef size_t start = texts.used
    put(texts, "", 1)
    put_object(texts, value)
    texts.data[start] = <char>(texts.used - start - 1)
    return texts.used - start - 1 < 256


def by_address(kind, infos):
    check_kind(kind)
    cdef list given = list(infos)
    cdef size_t count = len(given), i
    cdef Buffer texts
    cdef uint32_t *starts = <uint32_t *>malloc((count + 1) * sizeof(uint32_t))
    cdef Block *blocks = <Block *>malloc((2 * count + 1) * sizeof(Block))
    cdef Keys keys
    texts.bytes = NULL
    try:
        if starts == NULL or blocks == NULL:
            raise MemoryError
        open_buffer(&texts, 32 * count + 64)
        for i in range(count):
            starts[i] = texts.used
            put_address(&texts, given[i])
        if texts.used > UINT32_MAX:
            raise OverflowError("the addresses take more than 4 GiB")
        starts[count] = texts.used
        keys.text, keys.starts = texts.data, starts
        for i in range(count):
            blocks[i].prefix = key_prefix(texts.data + starts[i], starts[i + 1] - starts[i])
            blocks[i].entry = i
        merge_sort(blocks, blocks + count, count, &keys)
        for i in range(1, count):
            if not block_after(&blocks[i], &blocks[i - 1], &keys):
                return None
        return pack(kind, [given[blocks[i].entry] for i in range(count)])
    finally:
        Py_XDECREF(texts.bytes)
        free(starts)
        free(blocks)


cdef int put_address(Buffer *texts, info) except -1:
    """`ip:port`, with brackets around an IPv6 address."""
    check_info(info)
    cdef str ip = <object>PyTuple_GET_ITEM(<PyObject *>info, IP)
    cdef bint ipv6 = ":" in ip
    if ipv6:
        put(texts, "[", 1)
    put_object(texts, <PyObject *>ip)
    put(texts, "]:", 2) if ipv6 else put(texts, ":", 1)
    return put_object(texts, PyTuple_GET_ITEM(<PyObject *>info, PORT))


def replaced(given, changes):
    if not has_slots_only(type(given)):
        raise TypeError(f"a {type(given).__name__} is no object with slots only")
    made = copy_slots(given)
    for name, value in changes.items():
        # Past the __setattr__ of a frozen dataclass: nobody else has the object yet.
        PyObject_GenericSetAttr(made, name, value)
    return made
