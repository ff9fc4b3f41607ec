/* Lets the n-th call that changes a folder fail, or be the moment of a SIGKILL; or the n-th that reads there
   (tests/pipeline/faults.py).

   Loaded before libc by LD_PRELOAD, it stands between a process and the calls that Python, Pillow and HDF5
   write files with. What libc writes for `fwrite` does not come by here; no stage uses that. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define CHANGES(flags) ((flags) & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC))
#define OPENS(changes) ((changes) ? "open" : "read: open")

static char folder[PATH_MAX];
static int fault, notes, reads;
static long chosen;
static atomic_long calls;

/* From now on calls below the folder `path` are counted, and noted in the file `descriptor`; the n-th fails
   with the error number `how`, or is a SIGKILL where that is 0. Those that read count where `of_reads`. */
void arm(const char *path, long n, int how, int of_reads, int descriptor) {
    chosen = n, fault = how, reads = of_reads, notes = descriptor;
    strcpy(folder, path);
}

/* Whether this call is the one. `path` may be relative to the folder open as `at`; "" means that itself. */
static int hit(const char *call, int at, const char *path) {
    char place[PATH_MAX + 1] = "", link[40] = "/proc/self/cwd";
    size_t length = strlen(folder);
    if (!length || reads != !strncmp(call, "read", 4))
        return 0;
    if (path[0] != '/') {
        if (at != AT_FDCWD)
            snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        if (readlink(link, place, PATH_MAX) < 0)
            return 0;
        strcat(place, path[0] ? "/" : "");
    }
    strncat(place, path, PATH_MAX - strlen(place));
    if (strncmp(place, folder, length) || place[length] != '/')
        return 0;
    dprintf(notes, "%s %s\n", call, place + length + 1);
    return atomic_fetch_add(&calls, 1) + 1 == chosen;
}

static int fail(void) {
    if (!fault)
        raise(SIGKILL);
    errno = fault;
    return -1;
}

#define OPEN(name)                                                                                           \
    int name(const char *path, int flags, ...) {                                                             \
        va_list more;                                                                                        \
        va_start(more, flags);                                                                               \
        int mode = flags & O_CREAT ? va_arg(more, int) : 0;                                                  \
        va_end(more);                                                                                        \
        return hit(OPENS(CHANGES(flags)), AT_FDCWD, path) ? fail() : REAL(name)(path, flags, mode);          \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                         \
    int name(int at, const char *path, int flags, ...) {                                                     \
        va_list more;                                                                                        \
        va_start(more, flags);                                                                               \
        int mode = flags & O_CREAT ? va_arg(more, int) : 0;                                                  \
        va_end(more);                                                                                        \
        return hit(OPENS(CHANGES(flags)), at, path) ? fail() : REAL(name)(at, path, flags, mode);            \
    }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name)                                                                                          \
    FILE *name(const char *path, const char *mode) {                                                         \
        int changes = mode[0] != 'r' || strchr(mode, '+');                                                   \
        return hit(OPENS(changes), AT_FDCWD, path) ? fail(), NULL : REAL(name)(path, mode);                  \
    }
FOPEN(fopen)
FOPEN(fopen64)

/* A kill comes in the middle of the data. */
ssize_t write(int file, const void *data, size_t size) {
    if (!hit("write", file, ""))
        return REAL(write)(file, data, size);
    if (!fault)
        REAL(write)(file, data, size / 2);
    return fail();
}

#define PWRITE(name, offset_type)                                                                            \
    ssize_t name(int file, const void *data, size_t size, offset_type offset) {                              \
        if (!hit("write", file, ""))                                                                         \
            return REAL(name)(file, data, size, offset);                                                     \
        if (!fault)                                                                                          \
            REAL(name)(file, data, size / 2, offset);                                                        \
        return fail();                                                                                       \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define WRAP(result, name, call, at, path, parameters, arguments)                                            \
    result name parameters { return hit(call, at, path) ? fail() : REAL(name) arguments; }
WRAP(ssize_t, writev, "write", file, "", (int file, const struct iovec *parts, int n), (file, parts, n))
WRAP(ssize_t, sendfile, "write", to, "", (int to, int from, off_t *at, size_t size), (to, from, at, size))
WRAP(ssize_t, sendfile64, "write", to, "", (int to, int from, off64_t *at, size_t size), (to, from, at, size))
WRAP(ssize_t, copy_file_range, "write", to, "",
     (int from, off64_t *at, int to, off64_t *there, size_t size, unsigned flags),
     (from, at, to, there, size, flags))
WRAP(int, ftruncate, "truncate", file, "", (int file, off_t size), (file, size))
WRAP(int, ftruncate64, "truncate", file, "", (int file, off64_t size), (file, size))
WRAP(int, fsync, "fsync", file, "", (int file), (file))
WRAP(int, fdatasync, "fsync", file, "", (int file), (file))
WRAP(int, rename, "rename", AT_FDCWD, to, (const char *from, const char *to), (from, to))
WRAP(int, renameat, "rename", there, to, (int at, const char *from, int there, const char *to),
     (at, from, there, to))
WRAP(int, unlink, "unlink", AT_FDCWD, path, (const char *path), (path))
WRAP(int, unlinkat, "unlink", at, path, (int at, const char *path, int flags), (at, path, flags))
WRAP(int, remove, "unlink", AT_FDCWD, path, (const char *path), (path))
WRAP(int, rmdir, "unlink", AT_FDCWD, path, (const char *path), (path))
WRAP(int, mkdir, "mkdir", AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
WRAP(int, mkdirat, "mkdir", at, path, (int at, const char *path, mode_t mode), (at, path, mode))
WRAP(ssize_t, read, "read", file, "", (int file, void *data, size_t size), (file, data, size))
WRAP(ssize_t, pread, "read", file, "", (int file, void *data, size_t size, off_t at), (file, data, size, at))
WRAP(ssize_t, pread64, "read", file, "", (int file, void *data, size_t size, off64_t at), (file, data, size, at))
