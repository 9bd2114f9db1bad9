// Common functions of the tests of commands: the program under test, an empty directory to run it
// in, and checks of its messages.
#ifndef MICROGPT_CLI_MORE_H
#define MICROGPT_CLI_MORE_H

#include <ctype.h>
#include <ftw.h>
#include <sys/stat.h>

#include "run_program.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

static Program p; // the program under test, initialised for each test

// Takes the program's path from the command line. Returns false if it is wrong.
static inline bool find_program(int argc, char **argv)
{
    p.path = argc == 2 ? realpath(argv[1], NULL) : NULL;
    if (p.path == NULL) {
        fprintf(stderr, "usage: %s PROGRAM\n", argv[0]);
    }
    return p.path != NULL;
}

static inline void renew_program(void)
{
    p = (Program){.path = p.path};
}

static inline void run(const char *arguments)
{
    run_program(&p, arguments);
}

// ---- the directory ----

static char directory[] = "/tmp/microgpt_cli_XXXXXX";

static inline bool enter_directory(void)
{
    if (mkdtemp(directory) == NULL || chdir(directory) != 0) {
        perror(directory);
        return false;
    }
    return true;
}

static inline int remove_below(const char *path, const struct stat *status, int kind,
                               struct FTW *walk)
{
    (void)status;
    (void)kind;
    return walk->level > 0 ? remove(path) : 0;
}

static inline void empty_directory(void)
{
    nftw(directory, remove_below, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void leave_directory(void)
{
    empty_directory();
    rmdir(directory);
}

static inline void write_bytes(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static inline void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

// ---- the result ----

static inline void assert_done(void)
{
    ck_assert_msg(p.status == 0, "status %d: %s", p.status, p.err);
    ck_assert_str_eq(p.err, ""); // no progress is shown without a terminal
}

// Checks that the text is one line of printable characters that starts with the name of the
// program.
static inline void assert_one_line(const char *text, size_t size)
{
    ck_assert_msg(strncmp(text, "microgpt: ", 10) == 0, "not a message: '%s'", text);
    ck_assert_uint_eq(strlen(text), size);
    for (size_t i = 0; i + 1 < size; i++) {
        ck_assert_msg(!iscntrl((unsigned char)text[i]), "a control character in '%s'", text);
    }
    ck_assert_msg(text[size - 1] == '\n', "no end of the line: '%s'", text);
}

// Checks that the program ended with this status and wrote one line that contains both texts to
// standard error.
static inline void assert_failed(int status, const char *named, const char *why)
{
    ck_assert_msg(p.status == status, "status %d, expected %d: %s", p.status, status, p.err);
    assert_one_line(p.err, p.err_size);
    ck_assert_msg(strstr(p.err, named) != NULL, "'%s' is not in: %s", named, p.err);
    ck_assert_msg(strstr(p.err, why) != NULL, "'%s' is not in: %s", why, p.err);
}

// Checks the same, and that nothing was printed before.
static inline void assert_refused(int status, const char *named, const char *why)
{
    assert_failed(status, named, why);
    ck_assert_str_eq(p.out, "");
}

#endif
