/* Memory in huge pages of 2 MB: each stands for 512 page faults, and as many entries of the processor's page look-up. */

#ifndef KCOMPILE_HUGE_PAGES_H
#define KCOMPILE_HUGE_PAGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

static const size_t HUGE_PAGE = (size_t)2 << 20;

/* Ask for huge pages where a piece of memory holds a whole one. Advice only, so what it returns does not matter. */
static inline void prefer_huge_pages(void *data, size_t size) {
#ifdef MADV_HUGEPAGE
    const uintptr_t small = 4096, huge = HUGE_PAGE, start = (uintptr_t)data, end = start + size;
    const uintptr_t first = (start + small - 1) & ~(small - 1);
    if (((start + huge - 1) & ~(huge - 1)) + huge <= end)
        (void)madvise((void *)first, (end & ~(small - 1)) - first, MADV_HUGEPAGE);
#else
    (void)data, (void)size;
#endif
}

#endif
