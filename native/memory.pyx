"""How the process gets its memory and keeps it. Both settings are for the whole process, which is why only the command
makes them; neither can fail, and where the system has no such thing nothing happens.
"""

cdef extern from *:
    """
    #include <limits.h>
    #include "huge_pages.h"
    #ifdef __GLIBC__
    #include <malloc.h>
    #endif

    #ifdef MADV_HUGEPAGE
    static const size_t REGION = (size_t)32 << 20;
    static char *room, *room_end; /* of the region that arenas are taken from; the interpreter's lock guards them */

    static void *take_arena(void *context, size_t size) {
        (void)context;
        if ((size_t)(room_end - room) < size) {
            size_t length = (size > REGION ? size : REGION) + HUGE_PAGE;
            char *mapped = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (mapped == MAP_FAILED) return NULL;
            room = (char *)(((size_t)mapped + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
            room_end = mapped + length;
            prefer_huge_pages(room, room_end - room);
        }
        char *arena = room;
        room += size;
        return arena;
    }

    /* Also of the arenas that the interpreter has mapped before. */
    static void give_back_arena(void *context, void *arena, size_t size) {
        (void)context;
        munmap(arena, size);
    }

    static void use_huge_pages(void) {
        PyObjectArenaAllocator allocator = {NULL, take_arena, give_back_arena};
        PyObject_SetArenaAllocator(&allocator);
    }
    #else
    static void use_huge_pages(void) {}
    #endif

    static void keep_memory(void) {
    #ifdef __GLIBC__
        mallopt(M_MMAP_MAX, 0);
        mallopt(M_TRIM_THRESHOLD, INT_MAX);
    #endif
    }
    """
    void use_huge_pages() noexcept
    void keep_memory() noexcept


def prefer_huge_pages():
    """Take what objects are made in from huge pages, from now on.

    A large cluster has hundreds of megabytes of objects, read in no order.
    """
    use_huge_pages()


def keep_freed_memory():
    """Give no memory back to the system: for texts of many megabytes, one after the other, whose pages the kernel would
    clear each time."""
    keep_memory()
