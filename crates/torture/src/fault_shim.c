/* Fails calls on files below a directory, as a disk does that has an error: read, write and sync. Shows another time
 * than the system's clock.
 *
 * ASOF_FAULTS_ROOT is the directory. ASOF_FAULTS is a file that is shared with whoever says which call fails, and how far
 * the clock is ahead. The monotonic clock stays as it is. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { READ = 1, WRITE = 2, SYNC = 4 };

struct control {
    uint32_t kinds;   /* the kinds that fail; 0 is none */
    uint32_t forever; /* whether all calls after the first one that fails do so too */
    int64_t left;     /* calls up to the one that fails */
    uint64_t failed;  /* calls that have failed */
    int64_t ahead;    /* seconds by which the clock is ahead */
    char path[224];   /* the file of the first one */
};

static struct control *control;
static char root[4096];
static size_t root_length;

__attribute__((constructor)) static void start(void) {
    const char *file = getenv("ASOF_FAULTS"), *directory = getenv("ASOF_FAULTS_ROOT");
    if (!file || !directory || strlen(directory) + 2 > sizeof root)
        return;
    int fd = open(file, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return;
    root_length = (size_t)snprintf(root, sizeof root, "%s/", directory);
    control = map;
}

static int fails(uint32_t kind, int fd) {
    if (!control || !(__atomic_load_n(&control->kinds, __ATOMIC_SEQ_CST) & kind))
        return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < (ssize_t)root_length || memcmp(path, root, root_length) != 0)
        return 0;
    path[length] = 0;
    int64_t left = __atomic_sub_fetch(&control->left, 1, __ATOMIC_SEQ_CST);
    if (left > 0 || (left < 0 && !control->forever))
        return 0;
    if (__atomic_fetch_add(&control->failed, 1, __ATOMIC_SEQ_CST) == 0)
        snprintf(control->path, sizeof control->path, "%s", path + root_length);
    errno = EIO;
    return 1;
}

ssize_t read(int fd, void *bytes, size_t count) {
    return fails(READ, fd) ? -1 : syscall(SYS_read, fd, bytes, count);
}

ssize_t pread(int fd, void *bytes, size_t count, off_t offset) {
    return fails(READ, fd) ? -1 : syscall(SYS_pread64, fd, bytes, count, offset);
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t offset) {
    return fails(READ, fd) ? -1 : syscall(SYS_pread64, fd, bytes, count, offset);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    return fails(WRITE, fd) ? -1 : syscall(SYS_write, fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return fails(WRITE, fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    return fails(WRITE, fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, count, offset);
}

int fsync(int fd) {
    return fails(SYNC, fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    return fails(SYNC, fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int sync_file_range(int fd, off64_t offset, off64_t count, unsigned int flags) {
    return fails(SYNC, fd) ? -1 : (int)syscall(SYS_sync_file_range, fd, offset, count, flags);
}

static int64_t ahead(void) {
    return control ? __atomic_load_n(&control->ahead, __ATOMIC_SEQ_CST) : 0;
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, id, now);
    if (failed == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += ahead();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec precise;
    int failed = clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *out) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (out)
        *out = precise.tv_sec;
    return precise.tv_sec;
}
