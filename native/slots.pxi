# The slots of objects, read where they lie: an attribute of many objects of one class is then a load.

from cpython.object cimport PyObject, PyTypeObject

cdef extern from "Python.h":
    PyTypeObject *Py_TYPE(object value)

cdef extern from *:
    """
    #include "structmember.h"

    /* Where a slot of that name lies in objects of a type, or 0. */
    static Py_ssize_t slot_offset(PyObject *type, PyObject *name) {
        PyObject *found = PyDict_GetItemWithError(((PyTypeObject *)type)->tp_dict, name); /* borrowed */
        if (!found || !Py_IS_TYPE(found, &PyMemberDescr_Type)) return 0;
        PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
        return member->type == T_OBJECT_EX ? member->offset : 0;
    }
    """
    Py_ssize_t slot_offset(object type, object name)

cdef struct Slot:
    PyTypeObject *type
    Py_ssize_t offset


cdef inline attribute(given, str name, const Slot *slot):
    cdef PyObject *value = NULL
    if slot.offset and Py_TYPE(given) == slot.type:
        value = (<PyObject **>(<char *><PyObject *>given + slot.offset))[0]
    return getattr(given, name) if value == NULL else <object>value


cdef inline take_slots(given, tuple names, Slot *slots):
    """Find where objects of the class of a given one keep these attributes."""
    cdef int i
    for i, name in enumerate(names):
        slots[i].type = Py_TYPE(given)
        slots[i].offset = slot_offset(<object>slots[i].type, name)
