// A library that stands between a process and its C library (LD_PRELOAD), for tests.
//
// TORTURE_SYNC_KILL=N:before or N:after ends the process by SIGKILL at its Nth fsync or fdatasync.
//
// TORTURE_RECORD=LOG:ROOT writes to the file LOG all that the process does to the files below the directory ROOT, in
// the order in which it happens, and what it writes to its standard output. A record is a head and two texts:
//   u32 kind, u64 file, u64 place, u32 bytes of the first, u32 bytes of the second; integers as the machine has them.
// A file is known by its inode; a record CREATE says that a number is that of a new file from now on.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, SYNC, SYNCED, RENAME, LINK, REMOVE, MAKE_DIRECTORY, SAID };

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static int log_file = -1;
static char root[PATH_MAX];
static size_t root_bytes;
static long kill_at, kill_after, syncs;

__attribute__((constructor)) static void begin(void) {
    const char *kill = getenv("TORTURE_SYNC_KILL"), *record = getenv("TORTURE_RECORD");
    if (kill) {
        kill_at = atol(kill);
        kill_after = strstr(kill, ":after") != NULL;
    }
    const char *colon = record ? strchr(record, ':') : NULL;
    if (colon) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%.*s", (int)(colon - record), record);
        log_file = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log_file < 0 || !realpath(colon + 1, root)) abort();
        root_bytes = strlen(root);
    }
}

static void put(const void *bytes, size_t count) {
    for (const char *at = bytes; count > 0;) {
        ssize_t done = syscall(SYS_write, log_file, at, count);
        if (done <= 0) abort();
        at += done;
        count -= done;
    }
}

// The caller holds the lock.
static void note(uint32_t kind, uint64_t file, uint64_t place, const void *a, size_t a_bytes, const void *b, size_t b_bytes) {
    char head[28];
    uint32_t lengths[2] = {a_bytes, b_bytes};
    memcpy(head, &kind, 4);
    memcpy(head + 4, &file, 8);
    memcpy(head + 12, &place, 8);
    memcpy(head + 20, lengths, 8);
    put(head, sizeof head);
    put(a, a_bytes);
    put(b, b_bytes);
}

// Makes a path absolute, without asking for the last name, which may not be there.
static int resolve(int directory, const char *path, char *out) {
    char joined[2 * PATH_MAX], link[64], parent[PATH_MAX];
    if (path[0] == '/') {
        snprintf(joined, sizeof joined, "%s", path);
    } else if (directory == AT_FDCWD) {
        if (!getcwd(parent, sizeof parent)) return 0;
        snprintf(joined, sizeof joined, "%s/%s", parent, path);
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
        ssize_t bytes = readlink(link, parent, sizeof parent - 1);
        if (bytes < 0) return 0;
        parent[bytes] = 0;
        snprintf(joined, sizeof joined, "%s/%s", parent, path);
    }
    char *slash = strrchr(joined, '/');
    if (!slash) return 0;
    *slash = 0;
    if (!realpath(slash == joined ? "/" : joined, parent)) return 0;
    return snprintf(out, PATH_MAX, "%s/%s", parent, slash + 1) < PATH_MAX;
}

// The part of a path below the root; NULL for what is elsewhere, or not recorded.
static const char *below(const char *path) {
    if (log_file < 0 || strncmp(path, root, root_bytes) != 0) return NULL;
    if (path[root_bytes] == 0) return "";
    return path[root_bytes] == '/' ? path + root_bytes + 1 : NULL;
}

static const char *below_at(int directory, const char *path, char *out) {
    return log_file >= 0 && resolve(directory, path, out) ? below(out) : NULL;
}

// The path of an open file below the root; NULL for others.
static const char *below_open(int file, char *out) {
    if (log_file < 0) return NULL;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t bytes = readlink(link, out, PATH_MAX - 1);
    if (bytes < 0) return NULL;
    out[bytes] = 0;
    return below(out);
}

static uint64_t inode(int file, int *is_directory) {
    struct stat found;
    if (fstat(file, &found) != 0) return 0;
    if (is_directory) *is_directory = S_ISDIR(found.st_mode);
    return found.st_ino;
}

static int open_file(int directory, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    const char *name = (flags & (O_CREAT | O_TRUNC)) ? below_at(directory, path, full) : NULL;
    if (!name) return syscall(SYS_openat, directory, path, flags, mode);
    pthread_mutex_lock(&one_at_a_time);
    struct stat before;
    int is_new = lstat(full, &before) != 0;
    int file = syscall(SYS_openat, directory, path, flags, mode);
    int error = errno;
    if (file >= 0 && is_new) note(CREATE, inode(file, NULL), 0, name, strlen(name), "", 0);
    if (file >= 0 && !is_new && (flags & O_TRUNC)) note(TRUNCATE, inode(file, NULL), 0, "", 0, "", 0);
    pthread_mutex_unlock(&one_at_a_time);
    errno = error;
    return file;
}

#define MODE(last) ({ va_list rest; va_start(rest, last); mode_t given = va_arg(rest, mode_t); va_end(rest); given; })

int open(const char *path, int flags, ...) { return open_file(AT_FDCWD, path, flags, MODE(flags)); }
int open64(const char *path, int flags, ...) { return open_file(AT_FDCWD, path, flags, MODE(flags)); }
int openat(int at, const char *path, int flags, ...) { return open_file(at, path, flags, MODE(flags)); }
int openat64(int at, const char *path, int flags, ...) { return open_file(at, path, flags, MODE(flags)); }
int creat(const char *path, mode_t mode) { return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

static ssize_t write_at(int file, const void *bytes, size_t count, off_t place, int has_place) {
    char path[PATH_MAX];
    int is_said = file == 1 && log_file >= 0 && !has_place;
    if (!is_said && !below_open(file, path)) {
        return has_place ? syscall(SYS_pwrite64, file, bytes, count, place) : syscall(SYS_write, file, bytes, count);
    }
    pthread_mutex_lock(&one_at_a_time);
    if (is_said) note(SAID, 0, 0, bytes, count, "", 0);
    ssize_t done = has_place ? syscall(SYS_pwrite64, file, bytes, count, place) : syscall(SYS_write, file, bytes, count);
    int error = errno;
    if (!is_said && done > 0) {
        off_t at = has_place ? place : lseek(file, 0, SEEK_CUR) - done;
        note(WRITE, inode(file, NULL), at, bytes, done, "", 0);
    }
    pthread_mutex_unlock(&one_at_a_time);
    errno = error;
    return done;
}

ssize_t write(int file, const void *bytes, size_t count) { return write_at(file, bytes, count, 0, 0); }
ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) { return write_at(file, bytes, count, at, 1); }
ssize_t pwrite64(int file, const void *bytes, size_t count, off_t at) { return write_at(file, bytes, count, at, 1); }

// Only the first piece is written: callers of these go on with the rest.
ssize_t writev(int file, const struct iovec *pieces, int count) {
    for (int index = 0; index < count; index++) {
        if (pieces[index].iov_len > 0) return write_at(file, pieces[index].iov_base, pieces[index].iov_len, 0, 0);
    }
    return 0;
}

int ftruncate(int file, off_t bytes) {
    char path[PATH_MAX];
    int is_ours = below_open(file, path) != NULL;
    if (is_ours) pthread_mutex_lock(&one_at_a_time);
    int result = syscall(SYS_ftruncate, file, bytes), error = errno;
    if (is_ours && result == 0) note(TRUNCATE, inode(file, NULL), bytes, "", 0, "", 0);
    if (is_ours) pthread_mutex_unlock(&one_at_a_time);
    errno = error;
    return result;
}
int ftruncate64(int file, off_t bytes) { return ftruncate(file, bytes); }

static int sync_file(int file, long number) {
    char path[PATH_MAX];
    const char *name = below_open(file, path);
    int is_directory = 0;
    uint64_t of = name ? inode(file, &is_directory) : 0;
    const char *directory = name && is_directory ? name : "";
    pthread_mutex_lock(&one_at_a_time);
    int is_last = kill_at > 0 && ++syncs == kill_at;
    if (is_last && !kill_after) kill(getpid(), SIGKILL);
    if (name) note(SYNC, of, is_directory, directory, strlen(directory), "", 0);
    pthread_mutex_unlock(&one_at_a_time);
    int result = syscall(number, file), error = errno;
    pthread_mutex_lock(&one_at_a_time);
    if (is_last) kill(getpid(), SIGKILL);
    if (name && result == 0) note(SYNCED, of, is_directory, directory, strlen(directory), "", 0);
    pthread_mutex_unlock(&one_at_a_time);
    errno = error;
    return result;
}

int fsync(int file) { return sync_file(file, SYS_fsync); }
int fdatasync(int file) { return sync_file(file, SYS_fdatasync); }

static int change(uint32_t kind, int result_of(const char *, const char *), int from_at, const char *from, int to_at, const char *to) {
    char from_full[PATH_MAX], to_full[PATH_MAX];
    const char *a = below_at(from_at, from, from_full), *b = to ? below_at(to_at, to, to_full) : "";
    if (!a || !b) return result_of(from, to);
    pthread_mutex_lock(&one_at_a_time);
    int result = result_of(from_full, to ? to_full : NULL), error = errno;
    if (result == 0) note(kind, 0, 0, a, strlen(a), b, strlen(b));
    pthread_mutex_unlock(&one_at_a_time);
    errno = error;
    return result;
}

static int do_rename(const char *from, const char *to) { return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0); }
static int do_link(const char *from, const char *to) { return syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0); }
static int do_unlink(const char *path, const char *none) { (void)none; return syscall(SYS_unlinkat, AT_FDCWD, path, 0); }
static int do_rmdir(const char *path, const char *none) { (void)none; return syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR); }

int rename(const char *from, const char *to) { return change(RENAME, do_rename, AT_FDCWD, from, AT_FDCWD, to); }
int link(const char *from, const char *to) { return change(LINK, do_link, AT_FDCWD, from, AT_FDCWD, to); }
int unlink(const char *path) { return change(REMOVE, do_unlink, AT_FDCWD, path, 0, NULL); }
int rmdir(const char *path) { return change(REMOVE, do_rmdir, AT_FDCWD, path, 0, NULL); }

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    char full[PATH_MAX];
    if (!below_at(from_at, from, full)) return syscall(SYS_linkat, from_at, from, to_at, to, flags);
    return change(LINK, do_link, from_at, from, to_at, to);
}

int unlinkat(int at, const char *path, int flags) {
    char full[PATH_MAX];
    if (!below_at(at, path, full)) return syscall(SYS_unlinkat, at, path, flags);
    return change(REMOVE, flags & AT_REMOVEDIR ? do_rmdir : do_unlink, at, path, 0, NULL);
}

int mkdir(const char *path, mode_t mode) {
    char full[PATH_MAX];
    const char *name = below_at(AT_FDCWD, path, full);
    if (name) pthread_mutex_lock(&one_at_a_time);
    int result = syscall(SYS_mkdirat, AT_FDCWD, path, mode), error = errno;
    if (name && result == 0) note(MAKE_DIRECTORY, 0, 0, name, strlen(name), "", 0);
    if (name) pthread_mutex_unlock(&one_at_a_time);
    errno = error;
    return result;
}
