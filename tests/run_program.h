// Runs a program as a user would: with arguments, standard streams, limits and a time-out. Collects
// its exit status and everything that it writes.
//
//     Program p = {.path = "/usr/bin/wc", .address_space = 64 << 20};
//     run_program(&p, "-l FILE");
//     ck_assert_int_eq(p.status, 0);
#ifndef MICROGPT_RUN_PROGRAM_H
#define MICROGPT_RUN_PROGRAM_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "memory_more.h"
#ifdef HAVE_CAPABILITIES
#include <linux/capability.h>
#include <sys/prctl.h>
#endif

enum {
    RUN_MAX_ARGS = 64,
    RUN_TIMEOUT = 120,        // seconds, then SIGALRM ends the program
    RUN_CANNOT_EXECUTE = 127, // the status if the program could not be started
};

// The program and its environment. Members that are zero mean the default.
typedef struct Program {
    const char *path;
    const char *stdin_text;    // written to a pipe that is standard input; NULL: an empty file
    size_t stdin_size;         // of this text; 0: up to its NUL
    const char *stdout_path;   // where standard output goes; NULL: it is captured in out
    bool stdout_is_read_only;  // it is open, but not for writing
    bool stdout_has_no_reader; // it is a pipe without a reader
    bool closed[3];            // these standard streams are closed
    rlim_t address_space;      // as ulimit -v, in bytes
    rlim_t file_size;          // as ulimit -f, in bytes
    uid_t user;                // the user to run it as, if the test is run by root; 0: the same
    bool obeys_permissions;    // without root's capability to ignore them: see permissions_hold()
    unsigned short resized_to; // a new width of its terminal, once it printed to it; 0: none

    // The result.
    int status;        // the exit status, or minus the signal that ended it
    char out[1 << 18]; // standard output, terminated; longer output is truncated
    size_t out_size;
    char err[8192]; // standard error, likewise
    size_t err_size;
} Program;

static inline void set_limits(const Program *p)
{
    struct rlimit address_space = {p->address_space, p->address_space};
    struct rlimit file_size = {p->file_size, p->file_size};
    if ((p->address_space > 0 && setrlimit(RLIMIT_AS, &address_space) != 0) ||
        (p->file_size > 0 && setrlimit(RLIMIT_FSIZE, &file_size) != 0)) {
        _exit(RUN_CANNOT_EXECUTE);
    }
}

// Returns whether a program with obeys_permissions obeys them. Only Linux can keep root from
// ignoring them. On other systems, if the caller is root, it must skip tests that need this.
static inline bool permissions_hold(void)
{
#ifdef HAVE_CAPABILITIES
    return true;
#else
    if (geteuid() == 0) {
        puts("skipped: files without permission (root reads and writes them)");
        fflush(stdout); // before the next fork, or it would be printed twice
    }
    return geteuid() != 0;
#endif
}

// Removes root's capabilities from the program that this process executes. (Running it as another
// user might fail, because its file may be below root's home.)
static inline void lose_capabilities(void)
{
#ifdef HAVE_CAPABILITIES
    static const unsigned long lost[] = {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH};
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        if (prctl(PR_CAPBSET_READ, lost[i]) == 1 && prctl(PR_CAPBSET_DROP, lost[i]) != 0) {
            _exit(RUN_CANNOT_EXECUTE);
        }
    }
#endif
}

// Opens standard input for the program. The text must fit into a pipe.
static inline int open_stdin(const Program *p)
{
    int ends[2];
    if (p->stdin_text == NULL) {
        return open("/dev/null", O_RDONLY);
    }
    size_t size = p->stdin_size > 0 ? p->stdin_size : strlen(p->stdin_text);
    if (pipe(ends) != 0 || write(ends[1], p->stdin_text, size) != (ssize_t)size) {
        _exit(RUN_CANNOT_EXECUTE);
    }
    close(ends[1]);
    return ends[0];
}

// Opens standard output for the program.
static inline int open_stdout(const Program *p, int captured)
{
    if (p->stdout_has_no_reader) {
        int ends[2];
        if (pipe(ends) != 0) {
            _exit(RUN_CANNOT_EXECUTE);
        }
        close(ends[0]);
        return ends[1];
    }
    if (p->stdout_is_read_only) {
        return open("/dev/null", O_RDONLY);
    }
    return p->stdout_path != NULL ? open(p->stdout_path, O_WRONLY) : captured;
}

// Executes the program; in a cross build, executes the emulator with which Meson ran this test,
// with the program as its argument.
static inline void execute(const char *path, char **args)
{
    char *emulator = getenv("MESON_EXE_WRAPPER");
    if (emulator == NULL) {
        execv(path, args);
        return;
    }
    char *emulated[RUN_MAX_ARGS + 3] = {emulator, (char *)path};
    for (int i = 1; args[i] != NULL; i++) {
        emulated[i + 1] = args[i];
    }
    execv(emulator, emulated);
}

// Sets up the environment in the child process, and executes the program.
static inline void become_program(const Program *p, char **args, int out, int err)
{
    dup2(open_stdin(p), STDIN_FILENO);
    dup2(open_stdout(p, out), STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    for (int fd = STDERR_FILENO + 1; fd < 64; fd++) { // the program gets only the standard streams
        close(fd);
    }
    for (int fd = 0; fd < 3; fd++) {
        if (p->closed[fd]) {
            close(fd);
        }
    }
    alarm(RUN_TIMEOUT); // continues in the program
    if (p->obeys_permissions && geteuid() == 0) {
        lose_capabilities();
    }
    if (p->user != 0 && setuid(p->user) != 0) {
        _exit(RUN_CANNOT_EXECUTE);
    }
    set_limits(p);
    execute(p->path, args);
    _exit(RUN_CANNOT_EXECUTE);
}

// Reads a captured stream to its end; the text is terminated, and truncated to fit.
static inline size_t read_captured(FILE *file, char *text, size_t size)
{
    rewind(file);
    size_t n = fread(text, 1, size - 1, file);
    text[n] = '\0';
    fclose(file);
    return n;
}

// Runs the program with these arguments; the first one is args[1], and the last one is NULL.
static inline void run_program_args(Program *p, char **args)
{
    FILE *out = tmpfile(); // files and not pipes: the program never waits for the reader
    FILE *err = tmpfile();
    ck_assert_msg(out != NULL && err != NULL, "tmpfile: %s", strerror(errno));
    args[0] = (char *)p->path;
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        become_program(p, args, fileno(out), fileno(err));
    }
    int status;
    while (waitpid(pid, &status, 0) != pid) {
        ck_assert_int_eq(errno, EINTR);
    }
    p->status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    p->out_size = read_captured(out, p->out, sizeof p->out);
    p->err_size = read_captured(err, p->err, sizeof p->err);
}

// Splits a text at each space; two spaces in a row make an empty argument. The caller sets args[0].
static inline void split_arguments(char *text, char **args)
{
    int n_args = 1;
    char *next = text[0] != '\0' ? text : NULL;
    while (next != NULL) {
        ck_assert_int_le(n_args, RUN_MAX_ARGS);
        args[n_args] = strsep(&next, " ");
        n_args++;
    }
}

// The same with the arguments in one text, separated by single spaces.
static inline void run_program(Program *p, const char *arguments)
{
    char text[4096];
    char *args[RUN_MAX_ARGS + 2] = {NULL};
    ck_assert_uint_lt(strlen(arguments), sizeof text);
    strcpy(text, arguments);
    split_arguments(text, args);
    run_program_args(p, args);
}

// Opens a new terminal with that many columns; 0: it does not know its width. Programs use *theirs.
static inline void open_terminal(unsigned short columns, int *ours, int *theirs)
{
    struct winsize window = {.ws_row = 24, .ws_col = columns};
    *ours = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert(*ours >= 0 && grantpt(*ours) == 0 && unlockpt(*ours) == 0);
    *theirs = open(ptsname(*ours), O_RDWR | O_NOCTTY);
    ck_assert(*theirs >= 0 && ioctl(*ours, TIOCSWINSZ, &window) == 0);
}

// As a terminal does whose window is resized: it tells the programs that run on it.
static inline void resize_terminal(int ours, pid_t pid, unsigned short columns)
{
    struct winsize window = {.ws_row = 24, .ws_col = columns};
    ck_assert_int_eq(ioctl(ours, TIOCSWINSZ, &window), 0);
    ck_assert_int_eq(kill(pid, SIGWINCH), 0);
}

// Runs the program with standard error on a terminal, and also standard output unless
// p->stdout_path is set. Collects in text, terminated, what was written to the terminal, which must
// fit.
static inline void run_on_terminal(Program *p, const char *arguments, unsigned short columns,
                                   char *text, size_t size)
{
    char words[4096];
    char *args[RUN_MAX_ARGS + 2] = {(char *)p->path};
    int ours;
    int theirs;
    open_terminal(columns, &ours, &theirs);
    ck_assert_uint_lt(strlen(arguments), sizeof words);
    strcpy(words, arguments);
    split_arguments(words, args);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        become_program(p, args, theirs, theirs);
    }
    close(theirs); // now only the program has it open, and reading fails when that has ended
    size_t n_read = 0;
    ssize_t n;
    while ((n = read(ours, text + n_read, size - 1 - n_read)) > 0) {
        if (n_read == 0 && p->resized_to > 0) {
            resize_terminal(ours, pid, p->resized_to);
        }
        n_read += (size_t)n;
        ck_assert_uint_lt(n_read, size - 1);
    }
    text[n_read] = '\0';
    close(ours);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    p->status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
