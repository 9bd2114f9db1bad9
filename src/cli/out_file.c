// Checked output: see out_file.h.
#include "cli/out_file.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

bool out_file_is_same(const char *path, const char *other)
{
    struct stat a;
    struct stat b;
    if (stat(path, &a) != 0 || stat(other, &b) != 0) {
        return strcmp(path, other) == 0;
    }
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool write_error(const OutFile *out, Error *error)
{
    // The reason is in errno unless something else has failed since; then no reason is better.
    const char *reason = errno != 0 ? strerror(errno) : "an earlier write failed";
    return error_set_file(error, out->name, 0, "cannot be written: %s", reason);
}

bool out_file_open(OutFile *out, const char *option, const char *path, const char *data_path,
                   Error *error)
{
    assert(out != NULL && option != NULL && error != NULL);
    if (path == NULL) {
        *out = (OutFile){"standard output", stdout};
        return true;
    }
    *out = (OutFile){path, NULL};
    if (data_path != NULL && out_file_is_same(path, data_path)) {
        return error_set_file(error, path, 0, "is the data file; name another one with %s", option);
    }
    out->file = fopen(path, "we");
    return out->file != NULL || write_error(out, error);
}

bool out_file_check(OutFile *out, Error *error)
{
    assert(out->file != NULL);
    return !ferror(out->file) || write_error(out, error);
}

bool out_file_close(OutFile *out, Error *error)
{
    if (out->file == NULL) {
        return true;
    }
    errno = 0;
    bool ok = fflush(out->file) == 0 && !ferror(out->file);
    if (!ok) {
        write_error(out, error);
    }
    if (out->file != stdout && fclose(out->file) != 0 && ok) {
        ok = write_error(out, error);
    }
    out->file = NULL;
    return ok;
}

bool output_check(Error *error)
{
    OutFile out = {"standard output", stdout};
    return out_file_check(&out, error);
}

bool output_flush(Error *error)
{
    OutFile out = {"standard output", stdout};
    return out_file_close(&out, error);
}
