"""What runs once for each endpoint of a cluster; `kcompile.twins.validate` says the same in plain Python."""

cdef extern from "Python.h":
    int PyUnicode_IS_COMPACT_ASCII(object value)
    const char *PyUnicode_DATA(object value)
    Py_ssize_t PyUnicode_GET_LENGTH(object value)

cdef extern from "syntax.h":
    bint is_usable_ipv4(const char *text, size_t length) noexcept
    bint is_dns_label(const char *text, size_t length) noexcept
    bint is_subdomain(const char *text, size_t length) noexcept
    bint is_kind(const char *text, size_t length) noexcept

include "slots.pxi"

ctypedef bint (*Grammar)(const char *text, size_t length) noexcept

cdef tuple ENDPOINT = ("addresses", "node_name", "zone", "hostname", "target", "zone_hints", "node_hints")
cdef tuple TARGET = ("kind", "namespace", "name")


cdef inline bint is_right(value, Grammar grammar, bint may_lack) except -1:
    if type(value) is not str:
        raise TypeError(f"not a text: {value!r}")
    if PyUnicode_GET_LENGTH(value) == 0:
        return may_lack
    return PyUnicode_IS_COMPACT_ASCII(value) and grammar(PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value))


cdef inline bint is_one(values, Grammar grammar) except -1:
    return type(values) is tuple and len(<tuple>values) == 1 and is_right((<tuple>values)[0], grammar, False)


cdef bint is_ordinary(endpoint, const Slot *slots, Slot *target_slots) except -1:
    if not (
        is_one(attribute(endpoint, "addresses", &slots[0]), is_usable_ipv4)
        and is_right(attribute(endpoint, "node_name", &slots[1]), is_subdomain, True)
        and is_right(attribute(endpoint, "zone", &slots[2]), is_dns_label, True)
        and is_right(attribute(endpoint, "hostname", &slots[3]), is_dns_label, True)
    ):
        return False
    zone_hints, node_hints = attribute(endpoint, "zone_hints", &slots[5]), attribute(endpoint, "node_hints", &slots[6])
    if (zone_hints and not is_one(zone_hints, is_dns_label)) or (node_hints and not is_one(node_hints, is_subdomain)):
        return False
    target = attribute(endpoint, "target", &slots[4])
    if target is None:
        return True
    if Py_TYPE(target) != target_slots[0].type:
        take_slots(target, TARGET, target_slots)
    return (
        is_right(attribute(target, "kind", &target_slots[0]), is_kind, True)
        and is_right(attribute(target, "namespace", &target_slots[1]), is_dns_label, True)
        and is_right(attribute(target, "name", &target_slots[2]), is_subdomain, True)
    )


def first_unusual(tuple endpoints not None, Py_ssize_t start):
    cdef Slot slots[7]
    cdef Slot target_slots[3]
    cdef Py_ssize_t number
    if start < 0:
        raise ValueError("start is negative")
    target_slots[0].type = NULL
    for number in range(start, len(endpoints)):
        endpoint = endpoints[number]
        if number == start or Py_TYPE(endpoint) != slots[0].type:
            take_slots(endpoint, ENDPOINT, slots)
        if not is_ordinary(endpoint, slots, target_slots):
            return number
    return len(endpoints)
