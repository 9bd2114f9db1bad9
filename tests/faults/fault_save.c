// Every system call of a save fails in turn, in every way; then the process is killed before each
// of them. Afterwards the file is the complete old or new checkpoint, as the save has reported.
//
// `fault_save` does all of this once, in one second.
#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/atomic_file.h"
#include "checkpoint/checkpoint_more.h"
#include "faults/syscall_faults.h"

typedef struct Case {
    const char *name;
    SyscallFault fault;
    int error_number;
} Case;

static const Case cases[] = {
    {"EIO", FAULT_ERROR, EIO},         {"ENOSPC", FAULT_ERROR, ENOSPC},
    {"EINTR", FAULT_ERROR, EINTR},     {"EDQUOT", FAULT_ERROR, EDQUOT},
    {"a short write", FAULT_SHORT, 0},
};

static Session session;
static Bytes old_file;
static Bytes new_file;

static bool file_is(const char *path, const Bytes *expected)
{
    Bytes actual = read_bytes_of(path);
    bool same =
        actual.size == expected->size && memcmp(actual.bytes, expected->bytes, actual.size) == 0;
    free(actual.bytes);
    return same;
}

static size_t count_entries(const char *path)
{
    size_t n = 0;
    DIR *directory = opendir(path);
    must(directory != NULL, path);
    while (readdir(directory) != NULL) {
        n++;
    }
    closedir(directory);
    return n;
}

static void expect(bool ok, const Case *c, const char *what)
{
    if (!ok) {
        fprintf(stderr, "%s at call %zu, %s: %s\n", c->name, syscall_faults.at,
                syscall_faults.hit != NULL ? syscall_faults.hit : "-", what);
        exit(EXIT_FAILURE);
    }
}

static void arm(const Case *c, size_t at)
{
    syscall_faults = (SyscallFaults){.at = at, .fault = c->fault, .error_number = c->error_number};
}

static void disarm(void)
{
    syscall_faults.fault = FAULT_NONE;
}

// Restores the old checkpoint, which is the only file in its folder.
static void restore(void)
{
    nftw("folder", remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    must(mkdir("folder", 0700) == 0, "folder");
    write_bytes_to("folder/file", old_file.bytes, old_file.size);
}

// While a save waits for the disk, a signal with a handler may come.
static bool must_survive(const Case *c, const char *function)
{
    return c->error_number == EINTR &&
           (strcmp(function, "write") == 0 || strcmp(function, "fsync") == 0 ||
            strcmp(function, "close") == 0);
}

// Checks the order of the calls, which matters only in a power failure: everything is on the disk
// before the file gets its name, and then the name is.
static void check_order(void)
{
    static const Case none = {"no fault", FAULT_ERROR, 0};
    restore();
    Error error;
    Checkpoint checkpoint = session_checkpoint(&session);
    arm(&none, SIZE_MAX);
    must_work(checkpoint_save(&checkpoint, "folder/file", &error), &error);
    disarm();
    expect(strstr(syscall_faults.trace, "write fsync renameat close fsync close ") != NULL, &none,
           syscall_faults.trace);
    printf("save: written, synchronised, renamed, synchronised: %s\n", syscall_faults.trace);
}

// Checks that, if only the last step failed, the error names a file that contains the whole new
// checkpoint. Removes it.
static void expect_kept(const Case *c, const char *message)
{
    char path[64];
    const char *name = strstr(message, "microgpt-save-");
    expect(name != NULL, c, message);
    snprintf(path, sizeof path, "folder/%.*s", (int)strcspn(name, " "), name);
    expect(file_is(path, &new_file), c, path);
    must(remove(path) == 0, path);
}

// Returns false if there is no call with that number.
static bool fail_at(const Case *c, size_t at)
{
    Error error = {""};
    Checkpoint checkpoint = session_checkpoint(&session);
    restore();
    size_t n_open = count_entries("/dev/fd");
    arm(c, at);
    bool saved = checkpoint_save(&checkpoint, "folder/file", &error);
    disarm();
    const char *hit = syscall_faults.hit;
    if (hit == NULL) {
        expect(saved, c, "failed without a fault");
        return false;
    }
    bool is_new = file_is("folder/file", &new_file);
    bool is_old = file_is("folder/file", &old_file);
    // If only the folder could not be synchronised, the new file remains, and an error says so.
    bool is_late = !saved && strstr(error.message, "may be lost") != NULL;
    bool is_unplaced = !saved && strcmp(hit, "renameat") == 0;
    expect(is_new == (saved || is_late) && is_old == !is_new, c,
           "neither the old nor the new file");
    expect(saved || strstr(error.message, strerror(c->error_number)) != NULL, c, error.message);
    expect(!is_late || strcmp(hit, "fsync") == 0, c, error.message);
    expect(saved || c->fault != FAULT_SHORT, c, "a short write must not matter");
    expect(saved || !must_survive(c, hit), c, "a signal must not matter here");
    if (is_unplaced) {
        expect_kept(c, error.message);
    }
    expect(count_entries("folder") == 3, c, "a file was left behind"); // including . and ..
    expect(count_entries("/dev/fd") == n_open, c, "a file was left open");
    return true;
}

// A child saves and is killed meanwhile. It leaves at most one more file, a temporary file that the
// next save removes.
static bool kill_at(size_t at)
{
    static const Case kill = {"SIGKILL", FAULT_KILL, 0};
    restore();
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0, "fork");
    arm(&kill, at);
    if (pid == 0) {
        Error error;
        Checkpoint checkpoint = session_checkpoint(&session);
        _exit(checkpoint_save(&checkpoint, "folder/file", &error) ? 0 : 1);
    }
    disarm();
    int status;
    must(waitpid(pid, &status, 0) == pid, "waitpid");
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    expect(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0), &kill, "it failed");
    bool is_new = file_is("folder/file", &new_file);
    expect(is_new != file_is("folder/file", &old_file), &kill, "neither old nor new");
    expect(killed || is_new, &kill, "not saved");
    expect(count_entries("folder") <= 4, &kill, "files were left behind");
    // The next save must work in spite of it.
    Error error;
    Checkpoint checkpoint = session_checkpoint(&session);
    must_work(checkpoint_save(&checkpoint, "folder/file", &error), &error);
    expect(file_is("folder/file", &new_file), &kill, "not saved the second time");
    expect(count_entries("folder") == 3, &kill, "the next save has left something");
    return killed;
}

// Files that a save must not mistake for those of a dead process: other programs' files, the file
// of a living process, and a file that was kept because only the last step failed.
static void leave_others_alone(void)
{
    static const Case none = {"a save beside others", FAULT_ERROR, 0};
    static const char *const names[] = {
        "folder/.microgpt-save-notes", "folder/.microgpt-save-0123456789abcdeg",
        "folder/microgpt-save-0123456789abcdef", "folder/.microgpt-save-0123456789abcdef0",
        "folder/.microgpt-save-fedcba9876543210"};
    Error error;
    AtomicFile living;
    Checkpoint checkpoint = session_checkpoint(&session);
    restore();
    for (size_t i = 0; i < 4; i++) {
        write_bytes_to(names[i], old_file.bytes, old_file.size);
    }
    must(mkdir(names[4], 0700) == 0, names[4]);
    must_work(atomic_file_begin(&living, "folder/another", &error), &error);
    must_work(checkpoint_save(&checkpoint, "folder/file", &error), &error);
    expect(count_entries("folder") == 9, &none, "a file is missing");
    must_work(atomic_file_write(&living, new_file.bytes, new_file.size, &error), &error);
    must_work(atomic_file_commit(&living, &error), &error);
    expect(file_is("folder/another", &new_file), &none, "the living writer's file");
    printf("save: only what a dead writer left is removed\n");
}

// Makes each call of a load fail in turn: there is an error, and nothing stays open.
static size_t fail_reading(void)
{
    static const Case eio = {"EIO while loading", FAULT_ERROR, EIO};
    size_t at = 0;
    for (;;) {
        at++;
        Error error = {""};
        Checkpoint checkpoint;
        size_t n_open = count_entries("/dev/fd");
        arm(&eio, at);
        bool loaded = checkpoint_load(&checkpoint, "old", 0, &error);
        disarm();
        expect(count_entries("/dev/fd") == n_open, &eio, "a file was left open");
        if (loaded) {
            checkpoint_free(&checkpoint);
        }
        if (syscall_faults.hit == NULL) {
            return at - 1;
        }
        // A failure of close() does not matter, because everything has been read.
        expect(loaded == (strcmp(syscall_faults.hit, "close") == 0), &eio, "loaded");
        expect(loaded || strstr(error.message, strerror(EIO)) != NULL, &eio, error.message);
    }
}

static void fail_saving(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = 0;
        while (fail_at(&cases[i], n + 1)) {
            n++;
        }
        expect(n >= 15, &cases[i], "too few calls: are they wrapped?");
        printf("save: %s at each of %zu system calls: the old or the new file, as reported\n",
               cases[i].name, n);
    }
}

int main(void)
{
    char folder[FOLDER_BYTES];
    Error error;
    enter_folder(folder);
    RunOptions options = tiny_options();
    must_work(session_open(&session, &options, &error), &error);
    save_session(&session, "old");
    train_to(&session, 5);
    save_session(&session, "new");
    old_file = read_bytes_of("old");
    new_file = read_bytes_of("new");
    check_order();
    fail_saving();
    size_t n_kills = 0;
    while (kill_at(n_kills + 1)) {
        n_kills++;
    }
    printf("save: killed before each of %zu system calls: the old or the new file, and nothing is "
           "left after the next save\n",
           n_kills);
    leave_others_alone();
    printf("load: EIO at each of %zu system calls: an error\n", fail_reading());
    free(old_file.bytes);
    free(new_file.bytes);
    session_close(&session);
    leave_folder(folder);
    return EXIT_SUCCESS;
}
