// For builds with -Db_sanitize=memory: marks the memory that other libraries write as initialised.
#include <fcntl.h>
#include <jansson.h>
#include <sanitizer/msan_interface.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

static void *allocate_filled(size_t size)
{
    return calloc(1, size);
}

__attribute__((constructor)) static void give_filled_memory(void)
{
    json_set_alloc_funcs(allocate_filled, free);
}

json_t *__real_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error)
{
    __msan_scoped_disable_interceptor_checks(); // for the strings that it passes to libc
    json_t *root = __real_json_loadb(text, size, flags, error);
    __msan_scoped_enable_interceptor_checks();
    __msan_unpoison(error, sizeof *error);
    return root;
}

typedef struct Dump {
    json_dump_callback_t pass;
    void *data;
} Dump;

__attribute__((no_sanitize("memory"))) static int pass_on(const char *piece, size_t size,
                                                          void *data)
{
    const Dump *dump = data;
    __msan_unpoison(piece, size);
    return dump->pass(piece, size, dump->data);
}

int __real_json_dump_callback(const json_t *json, json_dump_callback_t pass, void *data,
                              size_t flags);
int __wrap_json_dump_callback(const json_t *json, json_dump_callback_t pass, void *data,
                              size_t flags);
int __wrap_json_dump_callback(const json_t *json, json_dump_callback_t pass, void *data,
                              size_t flags)
{
    Dump dump = {pass, data};
    return __real_json_dump_callback(json, pass_on, &dump, flags);
}

int __real_compress2(Bytef *to, uLongf *size, const Bytef *from, uLong length, int level);
int __wrap_compress2(Bytef *to, uLongf *size, const Bytef *from, uLong length, int level);
int __wrap_compress2(Bytef *to, uLongf *size, const Bytef *from, uLong length, int level)
{
    int status = __real_compress2(to, size, from, length, level);
    __msan_unpoison(to, status == Z_OK ? *size : 0);
    return status;
}

int __real_gzread(gzFile file, voidp bytes, unsigned size);
int __wrap_gzread(gzFile file, voidp bytes, unsigned size);
int __wrap_gzread(gzFile file, voidp bytes, unsigned size)
{
    int n = __real_gzread(file, bytes, size);
    __msan_unpoison(bytes, n > 0 ? (size_t)n : 0);
    return n;
}

const char *__real_gzerror(gzFile file, int *code);
const char *__wrap_gzerror(gzFile file, int *code);
const char *__wrap_gzerror(gzFile file, int *code)
{
    const char *reason = __real_gzerror(file, code);
    __msan_unpoison(code, sizeof *code);
    __msan_unpoison_string(reason);
    return reason;
}

// glibc 2.28 and 2.33 made these functions, and the sanitizer of clang 14 does not know them. They
// replace those of glibc and are not wrapped, because syscall_faults.c already wraps them.
int fstatat64(int folder, const char *path, struct stat64 *status, int flags)
{
    __msan_unpoison(status, sizeof *status);
    return (int)syscall(SYS_newfstatat, folder, path, status, flags);
}

int fstat64(int fd, struct stat64 *status)
{
    return fstatat64(fd, "", status, AT_EMPTY_PATH);
}

int stat64(const char *path, struct stat64 *status)
{
    return fstatat64(AT_FDCWD, path, status, 0);
}

int lstat64(const char *path, struct stat64 *status)
{
    return fstatat64(AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW);
}

int statx(int folder, const char *path, int flags, unsigned mask, struct statx *status)
{
    __msan_unpoison(status, sizeof *status);
    return (int)syscall(SYS_statx, folder, path, flags, mask, status);
}
