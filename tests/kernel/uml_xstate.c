/* Lets user-mode-linux 6.1 run on processors with AMX.

   Its buffer for the floating point registers holds 2,696 bytes, enough for AVX-512. PTRACE_SETREGSET takes nothing but
   the whole XSAVE area (fpu/regset.c: xstateregs_set), which AMX makes 11,008 bytes long, and answers EFAULT. Preloaded,
   this ptrace puts what it is given over the start of the whole area; nothing in the guest uses the tiles behind it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef long (*Ptrace)(int request, pid_t pid, void *address, void *data);

long ptrace(enum __ptrace_request request, ...) {
    static Ptrace next;
    static _Alignas(64) unsigned char whole[1 << 16];
    va_list arguments;
    va_start(arguments, request);
    pid_t pid = va_arg(arguments, pid_t);
    void *address = va_arg(arguments, void *);
    void *data = va_arg(arguments, void *);
    va_end(arguments);
    if (!next) next = (Ptrace)dlsym(RTLD_NEXT, "ptrace");
    if (request == PTRACE_SETREGSET && address == (void *)NT_X86_XSTATE) {
        const struct iovec *given = data;
        struct iovec area = {whole, sizeof whole};
        if (next(PTRACE_GETREGSET, pid, address, &area)) return -1;
        if (given->iov_len < area.iov_len) {
            memcpy(whole, given->iov_base, given->iov_len);
            return next(request, pid, address, &area);
        }
    }
    return next(request, pid, address, data);
}
