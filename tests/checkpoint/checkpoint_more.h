// Common functions of the tests of checkpoints: a temporary folder, a model so small that its
// checkpoint has a few thousand bytes, files as bytes, and changes of headers with length and CRC
// corrected.
#ifndef MICROGPT_CHECKPOINT_MORE_H
#define MICROGPT_CHECKPOINT_MORE_H

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/little_endian.h"
#include "checkpoint/checkpoint_format.h"
#include "run/session.h"

// Ends the test program if the preparation of a test fails.
static inline void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
    }
}

static inline void must_work(bool ok, const Error *error)
{
    if (!ok) {
        fprintf(stderr, "%s\n", error->message);
        exit(EXIT_FAILURE);
    }
}

// ---- a folder for the test, in which all paths are ----

static inline int remove_entry(const char *path, const struct stat *status, int kind,
                               struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

enum {
    FOLDER_BYTES = 64,
};

// Makes the folder, makes it the current one, and writes a small data set into it. Uses a file
// system in memory if there is one: these tests save thousands of files, and each save waits for
// the disk.
// Shapes: folder [FOLDER_BYTES].
static inline void enter_folder(char *folder)
{
    static const char names[] = "anna\nbob\ncleo\ndora\nada\nabe\ndan\n";
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, FOLDER_BYTES, "%s/microgpt_test_XXXXXX", parent);
    must(mkdtemp(folder) != NULL && chdir(folder) == 0, folder);
    FILE *file = fopen("names", "w");
    must(file != NULL, "names");
    fputs(names, file);
    must(fclose(file) == 0, "names");
}

static inline void leave_folder(const char *folder)
{
    must(chdir("/") == 0, "/");
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

// ---- a small session ----

static inline RunOptions tiny_options(void)
{
    RunOptions options = run_options_default();
    options.data = "names";
    options.num_steps = 12;
    options.model.n_embd = 4;
    options.model.n_head = 2;
    options.model.block_size = 6;
    return options;
}

static inline void train_to(Session *session, size_t step)
{
    Error error;
    double loss;
    while (session->trainer.step < step) {
        must_work(trainer_step(&session->trainer, &loss, &error), &error);
    }
}

static inline void save_session(const Session *session, const char *path)
{
    Error error;
    Checkpoint checkpoint = session_checkpoint(session);
    must_work(checkpoint_save(&checkpoint, path, &error), &error);
}

// Saves a tiny session after some steps.
static inline void make_checkpoint(const char *path, size_t step)
{
    Error error;
    Session session;
    RunOptions options = tiny_options();
    must_work(session_open(&session, &options, &error), &error);
    train_to(&session, step);
    save_session(&session, path);
    session_close(&session);
}

// ---- files as bytes ----

typedef struct Bytes {
    unsigned char *bytes;
    size_t size;
} Bytes;

static inline Bytes read_bytes_of(const char *path)
{
    FILE *file = fopen(path, "r");
    must(file != NULL, path);
    must(fseek(file, 0, SEEK_END) == 0, path);
    Bytes content = {NULL, (size_t)ftell(file)};
    rewind(file);
    content.bytes = malloc(content.size + 1);
    must(content.bytes != NULL, path);
    must(fread(content.bytes, 1, content.size, file) == content.size, path);
    fclose(file);
    return content;
}

static inline void write_bytes_to(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    must(file != NULL, path);
    must(fwrite(bytes, 1, size, file) == size, path);
    must(fclose(file) == 0, path);
}

// ---- checkpoints with changes ----

// The header and the data of a checkpoint; the header is terminated.
typedef struct Parts {
    char *header;
    size_t header_size;
    unsigned char *data;
    size_t data_size;
} Parts;

static inline Parts read_parts(const char *path)
{
    Bytes file = read_bytes_of(path);
    Parts parts = {0};
    parts.header_size = (size_t)little_endian_get_integer(file.bytes);
    parts.data_size = file.size - 8 - parts.header_size;
    parts.header = calloc(parts.header_size + 1, 1);
    parts.data = malloc(parts.data_size + 1);
    must(parts.header != NULL && parts.data != NULL, "memory");
    memcpy(parts.header, file.bytes + 8, parts.header_size);
    memcpy(parts.data, file.bytes + 8 + parts.header_size, parts.data_size);
    free(file.bytes);
    return parts;
}

static inline void free_parts(Parts *parts)
{
    free(parts->header);
    free(parts->data);
    *parts = (Parts){0};
}

// Computes the CRC again, if the header contains one.
static inline void repair_crc(Parts *parts)
{
    size_t prefix = strlen(CHECKPOINT_CRC_PREFIX);
    if (parts->header_size < prefix + 8 ||
        memcmp(parts->header, CHECKPOINT_CRC_PREFIX, prefix) != 0) {
        return;
    }
    unsigned char length[8];
    char digits[9];
    little_endian_put_integer(parts->header_size, length);
    memset(parts->header + prefix, '0', 8);
    uLong crc = crc32(0, NULL, 0);
    crc = crc32_z(crc, length, sizeof length);
    crc = crc32_z(crc, (unsigned char *)parts->header, parts->header_size);
    crc = crc32_z(crc, parts->data, parts->data_size);
    snprintf(digits, sizeof digits, "%08lx", crc);
    memcpy(parts->header + prefix, digits, 8);
}

static inline void write_parts(const char *path, const Parts *parts)
{
    FILE *file = fopen(path, "w");
    must(file != NULL, path);
    unsigned char length[8];
    little_endian_put_integer(parts->header_size, length);
    must(fwrite(length, 1, 8, file) == 8, path);
    must(fwrite(parts->header, 1, parts->header_size, file) == parts->header_size, path);
    must(fwrite(parts->data, 1, parts->data_size, file) == parts->data_size, path);
    must(fclose(file) == 0, path);
}

// Replaces size bytes of the header with a text.
static inline void splice_header(Parts *parts, size_t offset, size_t size, const char *text)
{
    size_t n = strlen(text);
    char *header = calloc(parts->header_size - size + n + 1, 1);
    must(header != NULL, "memory");
    memcpy(header, parts->header, offset);
    memcpy(header + offset, text, n);
    memcpy(header + offset + n, parts->header + offset + size, parts->header_size - offset - size);
    free(parts->header);
    parts->header = header;
    parts->header_size = parts->header_size - size + n;
}

// Replaces the first occurrence of a text in the header.
static inline void edit_header(Parts *parts, const char *from, const char *to)
{
    const char *place = strstr(parts->header, from);
    errno = 0;
    must(place != NULL, from);
    splice_header(parts, (size_t)(place - parts->header), strlen(from), to);
}

// Writes "foreign" with this header and the matrices of "good", as another program would: without
// the moments, and without a CRC.
static inline void write_foreign(const char *header)
{
    Parts parts = read_parts("good");
    free(parts.header);
    parts.header = strdup(header);
    must(parts.header != NULL, "memory");
    parts.header_size = strlen(header);
    parts.data_size /= 3;
    write_parts("foreign", &parts);
    free_parts(&parts);
}

#endif
