"""Huge pages for the interpreter's objects: a large cluster has hundreds of megabytes of them, read in no order.

Each page of 2 MB stands for 512 page faults and as many entries of the processor's page look-up.
"""

cdef extern from *:
    """
    #include <sys/mman.h>

    #ifdef MADV_HUGEPAGE
    static const size_t HUGE_PAGE = (size_t)2 << 20, REGION = (size_t)32 << 20;
    static char *room, *room_end; /* of the region that arenas are taken from; the interpreter's lock guards them */

    static void *take_arena(void *context, size_t size) {
        (void)context;
        if ((size_t)(room_end - room) < size) {
            size_t length = (size > REGION ? size : REGION) + HUGE_PAGE;
            char *mapped = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (mapped == MAP_FAILED) return NULL;
            room = (char *)(((size_t)mapped + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
            room_end = mapped + length;
            madvise(room, room_end - room, MADV_HUGEPAGE);
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
    """
    void use_huge_pages() noexcept


def prefer_huge_pages():
    """Take what objects are made in from huge pages, from now on and in the whole process."""
    use_huge_pages()
