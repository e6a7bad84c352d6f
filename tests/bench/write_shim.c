/* Preloaded (LD_PRELOAD) into a program: counts its calls that change regular files below a folder, and fails at one.
 *
 *   WEIR_FAULT_FOLDER  the folder
 *   WEIR_FAULT_AT      number of the call that fails, from 1; 0: none
 *   WEIR_FAULT_KIND    ENOSPC: from that call on the disk is full. EIO: that call fails. KILL: the process is killed
 *                      in the middle of it (SIGKILL)
 *   WEIR_FAULT_COUNT   file that the number of calls is written to when the process ends by itself
 *
 * Calls are open for writing, write, pwrite, ftruncate, fsync, rename, mkdir; and unlink and rmdir where the process is
 * killed (they need no space, and what could not be removed is still whole). A write that fails writes half of its
 * bytes first. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int calls;

static const char* setting(const char* name) {
  const char* value = getenv(name);
  return value ? value : "";
}

static int is_kind(const char* kind) { return strcmp(setting("WEIR_FAULT_KIND"), kind) == 0; }

/* Whether a path, relative to the working folder, lies below the folder that is watched. */
static int watched_path(const char* path) {
  const char* folder = setting("WEIR_FAULT_FOLDER");
  char absolute[2 * PATH_MAX + 2], parent[PATH_MAX + 1], resolved[PATH_MAX + 1];
  if (!*folder || !path) return 0;
  if (snprintf(parent, sizeof parent, "%s", path) >= (int)sizeof parent) return 0;
  char* slash = strrchr(parent, '/');
  if (slash == parent)
    slash[1] = 0;
  else if (slash)
    *slash = 0;
  if (!realpath(slash ? parent : ".", resolved)) return 0;
  snprintf(absolute, sizeof absolute, "%s/", resolved);
  return strncmp(absolute, folder, strlen(folder)) == 0 &&
         (absolute[strlen(folder)] == '/' || absolute[strlen(folder)] == 0);
}

static int watched(int fd) {
  char link[64], path[PATH_MAX + 1];
  struct stat status;
  if (fstat(fd, &status) != 0 || (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0) return 0;
  path[n] = 0;
  const size_t length = strlen(setting("WEIR_FAULT_FOLDER"));
  return length > 0 && strncmp(path, setting("WEIR_FAULT_FOLDER"), length) == 0 &&
         (path[length] == '/' || path[length] == 0);
}

/* 0, or the error that this call must end with; SIGKILL is for the caller to raise. */
static int fault(void) {
  const int at = atoi(setting("WEIR_FAULT_AT")), call = atomic_fetch_add(&calls, 1) + 1;
  if (at <= 0 || call < at) return 0;
  if (is_kind("ENOSPC")) return ENOSPC;
  if (call > at) return 0;
  if (is_kind("EIO")) return EIO;
  return -1;
}

static int fails(int error) {
  if (error < 0) raise(SIGKILL);
  errno = error;
  return -1;
}

__attribute__((destructor)) static void report(void) {
  const char* path = setting("WEIR_FAULT_COUNT");
  if (!*path) return;
  FILE* file = fopen(path, "w");
  if (!file) return;
  fprintf(file, "%d\n", atomic_load(&calls));
  fclose(file);
}

#define REAL(result, name, ...) \
  static result (*real)(__VA_ARGS__); \
  if (!real) *(void**)&real = dlsym(RTLD_NEXT, #name)

static int writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

#define OPEN(name)                                                                 \
  int name(const char* path, int flags, ...) {                                     \
    REAL(int, name, const char*, int, ...);                                        \
    va_list rest;                                                                  \
    va_start(rest, flags);                                                         \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                                  \
    const int error = writes(flags) && watched_path(path) ? fault() : 0;           \
    return error ? fails(error) : real(path, flags, mode);                         \
  }
OPEN(open)
OPEN(open64)

ssize_t write(int fd, const void* data, size_t size) {
  REAL(ssize_t, write, int, const void*, size_t);
  const int error = watched(fd) ? fault() : 0;
  if (!error) return real(fd, data, size);
  if (size > 1) (void)!real(fd, data, size / 2);
  return fails(error);
}

#define PWRITE(name)                                                       \
  ssize_t name(int fd, const void* data, size_t size, off_t at) {          \
    REAL(ssize_t, name, int, const void*, size_t, off_t);                  \
    const int error = watched(fd) ? fault() : 0;                           \
    if (!error) return real(fd, data, size, at);                           \
    if (size > 1) (void)!real(fd, data, size / 2, at);                     \
    return fails(error);                                                   \
  }
PWRITE(pwrite)
PWRITE(pwrite64)

int fsync(int fd) {
  REAL(int, fsync, int);
  const int error = watched(fd) ? fault() : 0;
  return error ? fails(error) : real(fd);
}

int ftruncate(int fd, off_t size) {
  REAL(int, ftruncate, int, off_t);
  const int error = watched(fd) ? fault() : 0;
  return error ? fails(error) : real(fd, size);
}

int ftruncate64(int fd, off64_t size) {
  REAL(int, ftruncate64, int, off64_t);
  const int error = watched(fd) ? fault() : 0;
  return error ? fails(error) : real(fd, size);
}

int rename(const char* from, const char* to) {
  REAL(int, rename, const char*, const char*);
  const int error = watched_path(to) ? fault() : 0;
  return error ? fails(error) : real(from, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  REAL(int, renameat2, int, const char*, int, const char*, unsigned);
  const int error = watched_path(to) ? fault() : 0;
  return error ? fails(error) : real(from_folder, from, to_folder, to, flags);
}

int mkdir(const char* path, mode_t mode) {
  REAL(int, mkdir, const char*, mode_t);
  const int error = watched_path(path) ? fault() : 0;
  return error ? fails(error) : real(path, mode);
}

int unlink(const char* path) {
  REAL(int, unlink, const char*);
  const int error = is_kind("KILL") && watched_path(path) ? fault() : 0;
  return error ? fails(error) : real(path);
}

int unlinkat(int folder, const char* path, int flags) {
  REAL(int, unlinkat, int, const char*, int);
  const int error = is_kind("KILL") && watched(folder) ? fault() : 0;
  return error ? fails(error) : real(folder, path, flags);
}

int rmdir(const char* path) {
  REAL(int, rmdir, const char*);
  const int error = is_kind("KILL") && watched_path(path) ? fault() : 0;
  return error ? fails(error) : real(path);
}

int remove(const char* path) {
  REAL(int, remove, const char*);
  const int error = is_kind("KILL") && watched_path(path) ? fault() : 0;
  return error ? fails(error) : real(path);
}
