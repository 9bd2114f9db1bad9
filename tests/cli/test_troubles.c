// Each command with each kind of failure: all commands treat it in the same way.
//
// A command is a line of the table; a kind of failure is a test, which runs once for each line.
#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#ifdef HAVE_BIND_MOUNTS
#include <sys/mount.h>
#endif
#ifdef HAVE_FILE_FLAGS
#include <linux/fs.h>
#include <sys/ioctl.h>
#endif

#include "check_more.h"
#include "cli/cli_more.h"

#define SIZES "--n-embd 4 --n-head 2 --block-size 4"

typedef struct CommandCase {
    const char *arguments;  // %s is the file that it reads
    const char *input;      // the name of this file
    const char *outputs[2]; // the options for files that it writes
    bool is_comparer;       // any failure is status 2, as in diff
    bool is_silent;         // prints nothing to standard output
} CommandCase;

static const CommandCase commands[] = {
    {"run --data %s --num-steps 2 --num-samples 2 " SIZES, "data", {"--save", "--log"}, 0, 0},
    {"train --data %s --num-steps 2 " SIZES, "data", {"--save", "--log"}, 0, 0},
    {"sample --load %s --num-samples 2", "good", {NULL}, 0, 0},
    {"nodes --step 1 --data %s " SIZES, "data", {"--output"}, 0, 0},
    {"documents --data %s", "data", {"--output"}, 0, 0},
    {"compare %s dump", "dump2", {NULL}, 1, 0},
    {"bench --documents 1 --num-samples 1 --data %s " SIZES, "data", {NULL}, 0, 0},
    {"crosscheck --num-steps 2 --num-samples 2 --data %s " SIZES, "data", {NULL}, 1, 0},
    {"inspect --data %s " SIZES, "data", {NULL}, 0, 0},
    {"trace ab --data %s " SIZES, "data", {NULL}, 0, 0},
    {"attention ab --load %s", "good", {"--svg", "--format svg --output"}, 0, 0},
    {"graph --text ab --load %s", "good", {"--output"}, 0, 0},
    {"graph --dump %s", "graph", {"--output"}, 0, 0},
    {"gradcheck --text ab --load %s", "good", {NULL}, 0, 0},
    {"report --output page --text ab --num-samples 1 --load %s", "good", {"--output"}, 0, 1},
};

enum {
    N_COMMANDS = COUNT(commands),
    TEXT_BYTES = 2048,
};

static const char DATA[] = "ab\nba\nabba\n";
static const char GRAPH[] = "0 0x1p0 0x1p1 [] [] const a\n"
                            "1 0x1p1 0x1p0 [0 0] [0x1p0 0x1p0] add loss\n";

static void setup(void)
{
    static char good[1 << 20];
    static size_t good_size;
    static char dump[1 << 20];
    static size_t dump_size;
    renew_program();
    empty_directory();
    write_text("data", DATA);
    write_text("graph", GRAPH);
    if (good_size == 0) {
        run("train --data data --num-steps 2 --save good " SIZES);
        assert_done();
        run("nodes --step 1 --sparse --data data --output dump " SIZES);
        assert_done();
        good_size = read_captured(fopen("good", "r"), good, sizeof good);
        dump_size = read_captured(fopen("dump", "r"), dump, sizeof dump);
    }
    write_bytes("good", good, good_size);
    write_bytes("dump", dump, dump_size);
    write_bytes("dump2", dump, dump_size);
}

static int trouble(const CommandCase *c)
{
    return c->is_comparer ? 2 : 1;
}

// Runs the command with this input, and with more arguments after its own.
static void run_case(const CommandCase *c, const char *input, const char *more)
{
    char text[TEXT_BYTES];
    int n = snprintf(text, sizeof text, c->arguments, input);
    snprintf(text + n, sizeof text - (size_t)n, "%s%s", more[0] != '\0' ? " " : "", more);
    run(text);
}

static size_t count_files(void)
{
    size_t n = 0;
    DIR *folder = opendir(".");
    ck_assert_ptr_nonnull(folder);
    while (readdir(folder) != NULL) {
        n++;
    }
    closedir(folder);
    return n;
}

// The contents of files, to check that they have not changed.
typedef struct Contents {
    char bytes[1 << 16];
    size_t size;
} Contents;

static Contents contents_of(const char *path)
{
    Contents contents;
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    contents.size = read_captured(file, contents.bytes, sizeof contents.bytes);
    return contents;
}

static void assert_unchanged(const char *path, const Contents *before)
{
    Contents now = contents_of(path);
    ck_assert_msg(now.size == before->size && memcmp(now.bytes, before->bytes, now.size) == 0,
                  "%s has changed", path);
}

// ---- standard streams ----

START_TEST(it_works)
{
    run_case(&commands[_i], commands[_i].input, "");
    assert_done();
    ck_assert_int_eq(p.out_size == 0, commands[_i].is_silent);
}
END_TEST

START_TEST(a_full_disk_is_named)
{
    p.stdout_path = "/dev/full";
    run_case(&commands[_i], commands[_i].input, "");
    if (commands[_i].is_silent) {
        assert_done();
    } else {
        assert_failed(trouble(&commands[_i]), "standard output", strerror(ENOSPC));
    }
}
END_TEST

START_TEST(a_closed_pipe_ends_in_silence)
{
    p.stdout_has_no_reader = true;
    run_case(&commands[_i], commands[_i].input, "");
    ck_assert_int_eq(p.status, commands[_i].is_silent ? 0 : 141);
    ck_assert_str_eq(p.err, "");
}
END_TEST

START_TEST(a_closed_standard_output_is_named)
{
    p.closed[STDOUT_FILENO] = true;
    run_case(&commands[_i], commands[_i].input, "");
    assert_failed(trouble(&commands[_i]), "standard output", "is closed");
}
END_TEST

START_TEST(a_standard_output_only_for_reading_is_named)
{
    p.stdout_is_read_only = true;
    run_case(&commands[_i], commands[_i].input, "");
    assert_failed(trouble(&commands[_i]), "standard output", strerror(EBADF));
}
END_TEST

// ---- what is read ----

START_TEST(an_input_that_is_missing_is_named)
{
    run_case(&commands[_i], "missing", "");
    assert_refused(trouble(&commands[_i]),
                   "microgpt: missing: cannot be opened: ", strerror(ENOENT));
}
END_TEST

START_TEST(an_input_that_is_a_folder_is_named)
{
    ck_assert_int_eq(mkdir("folder", 0700), 0);
    run_case(&commands[_i], "folder", "");
    assert_refused(trouble(&commands[_i]), "microgpt: folder: is a directory; name a ", "");
}
END_TEST

START_TEST(an_empty_input_is_named)
{
    write_text("empty", "");
    run_case(&commands[_i], "empty", "");
    assert_refused(trouble(&commands[_i]), "empty", "");
}
END_TEST

// The control sequence introducer with 8 bits, a forged line, and characters that change the order
// of the text.
START_TEST(no_name_of_a_file_commands_the_terminal)
{
    run_case(&commands[_i],
             "x\033[31m\nmicrogpt:\u202egpj\xc2\x9b"
             "31m\u200b\xff",
             "");
    assert_refused(trouble(&commands[_i]), "x?[31m?microgpt:?gpj?31m??", strerror(ENOENT));
}
END_TEST

START_TEST(a_long_name_leaves_room_for_the_reason)
{
    char name[600] = "";
    for (int i = 0; i < 59; i++) {
        strcat(name, "missing00/");
    }
    strcat(name, "end");
    run_case(&commands[_i], name, "");
    assert_refused(trouble(&commands[_i]), "/end: ", strerror(ENOENT));
}
END_TEST

// Returns whether the command prints the same each time; some print names of files, or times.
static bool prints_the_same(const CommandCase *c)
{
    return !c->is_comparer && strncmp(c->arguments, "bench", 5) != 0;
}

static const char *const names_of_standard_input[] = {"-", "/dev/stdin", "/dev/./stdin"};

START_TEST(an_input_may_come_through_a_pipe)
{
    static Program expected;
    const CommandCase *c = &commands[_i];
    Contents input = contents_of(c->input);
    run_case(c, c->input, "");
    assert_done();
    expected = p;
    for (int i = 0; i < COUNT(names_of_standard_input); i++) {
        renew_program();
        p.stdin_text = input.bytes;
        p.stdin_size = input.size;
        run_case(c, names_of_standard_input[i], "");
        assert_done();
        if (prints_the_same(c)) {
            ck_assert_str_eq(p.out, expected.out);
        }
    }
    ck_assert_int_ne(access("-", F_OK), 0);
}
END_TEST

// Not by the name of a copy.
START_TEST(a_wrong_input_through_a_pipe_is_named)
{
    for (int i = 0; i < COUNT(names_of_standard_input); i++) {
        renew_program();
        p.stdin_text = "\xff wrong";
        run_case(&commands[_i], names_of_standard_input[i], "");
        assert_refused(trouble(&commands[_i]), "standard input", "");
        ck_assert_ptr_null(strstr(p.err, "/dev/fd"));
    }
}
END_TEST

// ---- what is written ----

// Runs the command with each of its outputs at this path, and then the check.
typedef void CheckOutput(const CommandCase *c, const char *option, const char *path);

static void for_outputs(const CommandCase *c, const char *path, CheckOutput *check)
{
    for (int i = 0; i < 2 && c->outputs[i] != NULL; i++) {
        char more[TEXT_BYTES];
        snprintf(more, sizeof more, "%s %s", c->outputs[i], path);
        run_case(c, c->input, more);
        check(c, c->outputs[i], path);
    }
}

// Returns the last word of an option, which an error message contains.
static const char *name_of(const char *option)
{
    const char *space = strrchr(option, ' ');
    return space != NULL ? space + 1 : option;
}

static void expect_collision(const CommandCase *c, const char *option, const char *path)
{
    assert_refused(2, name_of(option),
                   strcmp(c->input, "data") == 0    ? "is the data file"
                   : strcmp(c->input, "graph") == 0 ? "is the node dump"
                                                    : "is the checkpoint");
    ck_assert_ptr_nonnull(strstr(p.err, path));
}

START_TEST(no_output_is_what_is_read)
{
    const CommandCase *c = &commands[_i];
    Contents before = contents_of(c->input);
    char other[64];
    ck_assert_int_eq(symlink(c->input, "symbolic"), 0);
    ck_assert_int_eq(link(c->input, "hard"), 0);
    ck_assert_int_eq(mkdir("folder", 0700), 0);
    for_outputs(c, c->input, expect_collision);
    for_outputs(c, "symbolic", expect_collision);
    for_outputs(c, "hard", expect_collision);
    snprintf(other, sizeof other, "folder/.././%s", c->input);
    for_outputs(c, other, expect_collision);
    assert_unchanged(c->input, &before);
}
END_TEST

static void expect_stream(const CommandCase *c, const char *option, const char *path)
{
    (void)c;
    assert_failed(2, name_of(option), "standard output");
    ck_assert_ptr_nonnull(strstr(p.err, path));
}

START_TEST(no_output_is_what_standard_output_goes_to)
{
    write_text("stream", "");
    ck_assert_int_eq(link("stream", "hard"), 0);
    p.stdout_path = "stream";
    for_outputs(&commands[_i], "stream", expect_stream);
    for_outputs(&commands[_i], "hard", expect_stream);
    ck_assert_uint_eq(contents_of("stream").size, 0);
}
END_TEST

// Not even by the message: it goes to standard output, if that is another file.
START_TEST(what_is_read_is_not_what_standard_error_goes_to)
{
    const CommandCase *c = &commands[_i];
    Contents before = contents_of(c->input);
    char arguments[TEXT_BYTES];
    char text[2 * TEXT_BYTES];
    snprintf(arguments, sizeof arguments, c->arguments, c->input);
    snprintf(text, sizeof text, "exec %s %s >out 2>>%s", p.path, arguments, c->input);
    int status = system(text);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 2);
    assert_unchanged(c->input, &before);
    ck_assert_ptr_nonnull(strstr(contents_of("out").bytes, "is the destination of standard error"));
    snprintf(text, sizeof text, "exec %s %s >>%s 2>&1", p.path, arguments, c->input);
    status = system(text);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 2);
    assert_unchanged(c->input, &before);
}
END_TEST

static void expect_missing(const CommandCase *c, const char *option, const char *path)
{
    (void)c;
    (void)option;
    assert_refused(1, path, strerror(ENOENT));
}

// Fails before any work, which would take an hour.
START_TEST(where_nothing_can_be_written_nothing_is_done)
{
    CommandCase c = commands[_i];
    char arguments[TEXT_BYTES];
    bool trains = strstr(c.arguments, "num-steps") != NULL;
    snprintf(arguments, sizeof arguments, "%s%s", c.arguments,
             trains ? " --num-steps 10000000" : "");
    c.arguments = arguments;
    size_t n_files = count_files();
    for_outputs(&c, "missing/file", expect_missing);
    ck_assert_uint_eq(count_files(), n_files);
}
END_TEST

static void expect_full(const CommandCase *c, const char *option, const char *path)
{
    (void)c;
    (void)path;
    bool is_stream =
        strcmp(option, "--log") == 0; // of an atomic file, not even the temporary file remains
    if (p.status == 1 && is_stream) {
        return;
    }
    assert_failed(1, "old", strerror(EFBIG));
}

START_TEST(a_failed_write_leaves_the_old_file)
{
    size_t n_files;
    write_text("old", "old\n");
    Contents before = contents_of("old");
    n_files = count_files();
    p.file_size = 64;
    const CommandCase *c = &commands[_i];
    if (c->outputs[0] == NULL) {
        return;
    }
    CommandCase whole = *c;
    whole.outputs[1] = whole.outputs[1] != NULL && strcmp(whole.outputs[1], "--log") == 0
                           ? NULL
                           : whole.outputs[1];
    p.stdout_path = "/dev/null"; // so that the limit does not apply to what is printed
    for_outputs(&whole, "old", expect_full);
    assert_unchanged("old", &before);
    ck_assert_uint_eq(count_files(), n_files);
}
END_TEST

static void expect_printed(const CommandCase *c, const char *option, const char *path)
{
    (void)option;
    (void)path;
    (void)c;
    ck_assert_msg(p.status == 0, "status %d: %s", p.status, p.err);
    ck_assert_uint_gt(p.out_size, 0);
    ck_assert_msg(strstr(p.out, "step    1 /") == NULL, "two things in one stream: %s", p.out);
    ck_assert_int_ne(access("-", F_OK), 0);
}

START_TEST(a_dash_is_standard_output)
{
    for_outputs(&commands[_i], "-", expect_printed);
    for_outputs(&commands[_i], "/dev/stdout", expect_printed);
}
END_TEST

static void expect_done(const CommandCase *c, const char *option, const char *path)
{
    (void)c;
    ck_assert_msg(p.status == 0, "%s %s: status %d: %s", option, path, p.status, p.err);
    ck_assert_str_eq(p.err, "");
}

START_TEST(an_output_may_be_a_device)
{
    for_outputs(&commands[_i], "/dev/null", expect_done);
}
END_TEST

static void expect_usage(const CommandCase *c, const char *option, const char *path)
{
    (void)c;
    (void)path;
    ck_assert_int_eq(p.status, 2);
    assert_one_line(p.err, p.err_size);
    ck_assert_ptr_nonnull(strstr(p.err, name_of(option)));
}

// Both are the same file, which does not exist yet.
START_TEST(two_outputs_are_two_files)
{
    const CommandCase *c = &commands[_i];
    if (c->outputs[1] == NULL || strcmp(c->outputs[1], "--log") != 0) {
        return;
    }
    ck_assert_int_eq(mkdir("folder", 0700), 0);
    run_case(c, c->input, "--save new --log ./new");
    expect_usage(c, "--log", "new");
    run_case(c, c->input, "--save folder/../new --log new");
    expect_usage(c, "--log", "new");
    run_case(c, c->input, "--save - --log -");
    expect_usage(c, "--log", "-");
    ck_assert_int_ne(access("new", F_OK), 0);
}
END_TEST

// ---- the command line ----

START_TEST(an_unknown_option_is_answered_by_the_commands_own_help)
{
    char name[32];
    char help[64];
    int n = (int)strcspn(commands[_i].arguments, " ");
    snprintf(name, sizeof name, "%.*s", n, commands[_i].arguments);
    snprintf(help, sizeof help,
             strcmp(name, "run") == 0 ? "see microgpt%.0s --help" : "see microgpt %s --help", name);
    run_case(&commands[_i], commands[_i].input, "--bogus");
    assert_refused(2, "--bogus", help);
}
END_TEST

// An option that has no effect, because of another option or of a file.
typedef struct Idle {
    const char *arguments;
    const char *option;
    const char *why;
} Idle;

static const Idle idle_options[] = {
    {"inspect --load good --data data", "--data", "beside --load"},
    {"trace ab --load good --data data", "--data", "beside --load and TEXT"},
    {"attention ab --data=data --load good", "--data=data", "beside --load and TEXT"},
    {"graph --text ab --load good --data data", "--data", "beside --load and --text"},
    {"gradcheck --text ab --load good --data data", "--data", "beside --load and --text"},
    {"report --output page --text ab --load good --data data", "--data", "beside --load"},
    {"nodes --text ab --load good --data data", "--data", "beside --load and --text"},
    {"nodes --text ab --load good --step 2", "--step", "beside --load and --text"},
    {"nodes --text ab --data data --num-steps 2 " SIZES, "--num-steps", "add --step"},
    {"nodes --text ab --data data --beta1 0.5 " SIZES, "--beta1", "add --step"},
    {"nodes --step 1 --temperature 1", "--temperature", "no such option"},
    {"nodes --step 1 --learning-rate 1 " SIZES, "--learning-rate", "raise --step"},
    {"nodes --step 1 --beta2=0.5 " SIZES, "--beta2=0.5", "raise --step"},
    {"nodes --text emma --step 1 --num-steps 5", "--num-steps", "raise --step"},
    {"inspect --num-steps 0 --eps-adam 1", "--eps-adam", "raise --num-steps"},
    {"report --output page --num-steps 0 --beta1 0", "--beta1", "raise --num-steps"},
    {"attention ab --load good --format text --json", "--json", "contradicts --format text"},
    {"inspect --learning-rate 1", "--learning-rate", "add --num-steps"},
    {"trace emma --beta2 0.5", "--beta2", "add --num-steps"},
    {"graph --eps-adam=1", "--eps-adam=1", "add --num-steps"},
    {"sample --load good --simd none", "--simd", "add --engine tensor"},
    {"sample --load good --num-samples 0 --temperature 1", "--temperature", "raise --num-samples"},
    {"train --data data --save-every 1", "--save-every", "needs --save"},
    {"attention ab --load good --output new", "--output", "is for --format svg"},
    {"bench --sizes --num-samples 1", "--num-samples", "no use with --sizes"},
    {"compare good good --only wte*", "--only", "only on node dumps"},
    {"compare good good --n-embd 4", "--n-embd", "only on node dumps"},
    {"compare losses losses --max-ulp 1", "--max-ulp", "only on node dumps"},
    {"compare dump dump --next dump dump --all", "--all", "only without --next"},
    {"compare dump dump --all --json", "--all", "only without --json"},
    {"compare dump dump --n-embd 4", "--n-embd", "dumps that state their sizes"},
    {"compare dump dump --next dump dump --n-layer=2", "--n-layer=2",
     "dumps that state their sizes"},
};

START_TEST(an_option_without_effect_is_refused)
{
    const Idle *idle = &idle_options[_i];
    write_text("losses", "0.5\n0.25\n");
    run(idle->arguments);
    assert_refused(2, idle->option, idle->why);
}
END_TEST

// ---- saving if the last step would fail ----

// Returns false if that is not possible or not permitted.
static bool mount_file(const char *source, const char *target)
{
#ifdef HAVE_BIND_MOUNTS
    return mount(source, target, NULL, MS_BIND, NULL) == 0;
#else
    return source == target; // always false
#endif
}

static void unmount_file(const char *target)
{
#ifdef HAVE_BIND_MOUNTS
    ck_assert_int_eq(umount(target), 0);
#else
    (void)target;
#endif
}

START_TEST(a_checkpoint_may_go_through_a_pipe)
{
    Contents expected = contents_of("good");
    Contents piped;
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    int fd = open("pipe", O_RDWR); // the program need not wait for a reader
    run("train --data data --num-steps 2 --save pipe " SIZES);
    assert_done();
    ssize_t n = read(fd, piped.bytes, sizeof piped.bytes);
    ck_assert_int_eq(n, (ssize_t)expected.size);
    ck_assert_mem_eq(piped.bytes, expected.bytes, expected.size);
    run("train --data data --num-steps 2 --save pipe --save-every 1 " SIZES);
    assert_refused(2, "--save-every", "a pipe");
    close(fd);
}
END_TEST

// Standard output is the same pipe, and nothing else is written to it.
START_TEST(a_pipe_has_one_output_whatever_it_is_called)
{
    Contents expected = contents_of("good");
    Contents piped;
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    int fd = open("pipe", O_RDWR);
    p.stdout_path = "pipe";
    run("train --data data --num-steps 2 --save ./pipe " SIZES);
    ck_assert_msg(p.status == 0, "%s", p.err);
    ssize_t n = read(fd, piped.bytes, sizeof piped.bytes);
    ck_assert_int_eq(n, (ssize_t)expected.size);
    ck_assert_mem_eq(piped.bytes, expected.bytes, expected.size);
    run("train --data data --num-steps 2 --save - --log ./pipe " SIZES);
    assert_failed(2, "--log", "is the checkpoint");
    renew_program();
    p.stdout_path = "pipe";
    run("train --data data --num-steps 2 --save /dev/./stdout " SIZES);
    ck_assert_msg(p.status == 0, "%s", p.err);
    ck_assert_ptr_nonnull(strstr(p.err, "num params"));
    n = read(fd, piped.bytes, sizeof piped.bytes);
    ck_assert_int_eq(n, (ssize_t)expected.size);
    ck_assert_mem_eq(piped.bytes, expected.bytes, expected.size);
    close(fd);
}
END_TEST

// Such as with `>>`, which the program cannot know.
START_TEST(what_standard_output_has_already_stays)
{
    static const char *const runs[] = {"--data data --num-steps 1 " SIZES,
                                       "--data data --resume good"};
    for (int i = 0; i < COUNT(runs); i++) {
        char text[TEXT_BYTES];
        write_text("out", "before\n");
        snprintf(text, sizeof text, "exec %s train %s --log - >>out 2>/dev/null", p.path, runs[i]);
        ck_assert_int_eq(system(text), 0);
        Contents out = contents_of("out");
        ck_assert_ptr_eq(strstr(out.bytes, "before\nstep\tloss"), out.bytes);
    }
}
END_TEST

START_TEST(a_file_on_standard_output_is_not_mixed_with_messages)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "exec %s train --data data --num-steps 2 --save - %s >out 2>&1",
             p.path, SIZES);
    int status = system(text);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 2);
    Contents out = contents_of("out");
    assert_one_line(out.bytes, out.size);
    ck_assert_ptr_nonnull(strstr(out.bytes, "also the destination of standard error"));
}
END_TEST

// This is usual in containers.
START_TEST(a_mounted_file_is_found_before_the_training)
{
    write_text("source", "old\n");
    write_text("kept", "");
    if (!mount_file("source", "kept")) {
        puts("skipped: a mounted file (nothing can be mounted on a file here)");
        return;
    }
    run("train --data data --num-steps 10000000 --save kept " SIZES);
    unmount_file("kept");
    assert_refused(1, "kept", "is a mounted file");
}
END_TEST

// Returns false if that is not possible or not permitted.
static bool set_immutable(int fd, bool immutable)
{
#ifdef HAVE_FILE_FLAGS
    int flags = immutable ? FS_IMMUTABLE_FL : 0;
    return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
#else
    return fd < 0 && immutable; // always false
#endif
}

START_TEST(an_immutable_file_is_found_before_the_training)
{
    write_text("kept", "old\n");
    int fd = open("kept", O_RDONLY);
    if (set_immutable(fd, true)) {
        run("train --data data --num-steps 10000000 --save kept " SIZES);
        ck_assert(set_immutable(fd, false));
        assert_refused(1, "kept", "is immutable");
    } else {
        puts("skipped: an immutable file (no file can be made so here)");
    }
    close(fd);
}
END_TEST

// All users may write to it, and only its owner may rename another file to its name.
START_TEST(anothers_file_in_a_sticky_folder_is_found_before_the_training)
{
    Contents before;
    if (geteuid() != 0) {
        return; // there is no other user
    }
    ck_assert_int_eq(chmod(directory, 01777), 0);
    write_text("kept", "old\n");
    ck_assert_int_eq(chmod("kept", 0666), 0);
    before = contents_of("kept");
    p.user = 65534;
    run("train --data data --num-steps 10000000 --save kept " SIZES);
    if (p.status == RUN_CANNOT_EXECUTE) {
        return; // the user nobody cannot reach the program
    }
    assert_refused(1, "kept", "belongs to another user");
    assert_unchanged("kept", &before);
}
END_TEST

// A user who may write to the folder may replace another user's file, which then has a new owner.
START_TEST(a_new_owner_is_said_before_the_training)
{
    struct stat status;
    if (geteuid() != 0) {
        return; // there is no other user
    }
    ck_assert_int_eq(chmod(directory, 0777), 0);
    write_text("kept", "old\n");
    ck_assert_int_eq(chmod("kept", 0666), 0);
    p.user = 65534;
    run("train --data data --num-steps 1 --save kept " SIZES);
    if (p.status == RUN_CANNOT_EXECUTE) {
        return; // the user nobody cannot reach the program
    }
    assert_failed(0, "kept: belongs to another user", "will be yours when it is saved");
    ck_assert_int_eq(stat("kept", &status), 0);
    ck_assert_uint_eq(status.st_uid, 65534);
}
END_TEST

START_TEST(a_pipe_has_one_use_and_a_device_any_number)
{
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    run("train --data data --num-steps 10000000 --save pipe --log ./pipe " SIZES);
    assert_refused(2, "./pipe", "name another one with --");
    run("train --data data --num-steps 1 --save /dev/null --log /dev/null " SIZES);
    assert_done();
}
END_TEST

START_TEST(a_pipe_that_may_not_be_written_is_found_before_the_training)
{
    ck_assert_int_eq(mkfifo("pipe", 0400), 0);
    if (permissions_hold()) {
        p.obeys_permissions = true;
        run("train --data data --num-steps 10000000 --save pipe " SIZES);
        assert_refused(1, "pipe", "cannot be written: Permission denied");
    }
}
END_TEST

START_TEST(mode_and_owner_are_kept)
{
    struct stat status;
    write_text("kept", "old\n");
    ck_assert_int_eq(chmod("kept", 0604), 0);
    bool is_given = geteuid() == 0 && chown("kept", 12345, 23456) == 0;
    run("train --data data --num-steps 1 --save kept " SIZES);
    assert_done();
    ck_assert_int_eq(stat("kept", &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0604);
    if (is_given) {
        ck_assert_uint_eq(status.st_uid, 12345);
        ck_assert_uint_eq(status.st_gid, 23456);
    }
}
END_TEST

// ---- logs ----

START_TEST(a_log_goes_on_where_the_checkpoint_is)
{
    Contents whole;
    run("train --data data --num-steps 6 --save ck --log whole " SIZES);
    assert_done();
    whole = contents_of("whole");
    run("train --data data --num-steps 6 --resume ck --save ck --log whole");
    assert_done();
    assert_unchanged("whole", &whole); // there were no more steps
    run("train --data data --resume good --log elsewhere");
    assert_done();
    run("train --data data --resume good --log whole");
    assert_refused(1, "whole", "ends after step 6, but the checkpoint is of step 2");
    run("train --data data --num-steps 2 --seed 7 --save other --log log7 " SIZES);
    assert_done();
    run("train --data data --resume good --log log7");
    assert_refused(1, "log7", "is the log of another run");
    write_text("words", "these are no numbers\n");
    run("train --data data --resume good --log words");
    assert_refused(1, "words", "does not end with a line of a log");
    write_text("half", "2\t0.5");
    run("train --data data --resume good --log half");
    assert_refused(1, "half", "does not end with a line of a log");
}
END_TEST

START_TEST(a_log_whose_last_line_is_there_twice_is_refused)
{
    run("train --data data --num-steps 2 --save ck --log twice " SIZES);
    assert_done();
    Contents log = contents_of("twice");
    size_t start = log.size - 1;
    while (log.bytes[start - 1] != '\n') {
        start--;
    }
    FILE *file = fopen("twice", "a");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(log.bytes + start, 1, log.size - start, file), log.size - start);
    ck_assert_int_eq(fclose(file), 0);
    run("train --data data --resume ck --log twice");
    assert_refused(1, "twice", "ends with step 2 after step 2");
    write_bytes("twice", (const char *)log.bytes + start, log.size - start);
    run("train --data data --resume ck --log twice");
    assert_refused(1, "twice", "does not end with a line of a log"); // without a header
}
END_TEST

static void wait_for_bytes(const char *path)
{
    struct stat status = {0};
    for (int i = 0; i < 10000 && (stat(path, &status) != 0 || status.st_size == 0); i++) {
        usleep(1000);
    }
    ck_assert_int_gt(status.st_size, 0);
}

// The run was stopped by a signal, and its log has all of its steps.
START_TEST(a_log_of_a_stopped_run_is_the_one_of_a_run_that_never_stopped)
{
    static const char arguments[] = "train --data data --num-steps 3000 " SIZES;
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "%s --log whole", arguments);
    run(text);
    assert_done();
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        snprintf(text, sizeof text,
                 "exec %s %s --save ck --save-every 10 --log log >/dev/null 2>&1", p.path,
                 arguments);
        execl("/bin/sh", "sh", "-c", text, (char *)NULL);
        _exit(127);
    }
    wait_for_bytes("ck");
    run("train --data data --num-steps 9 --log log " SIZES);
    bool was_running = p.status != 0;
    if (was_running) {
        assert_refused(1, "log", "is being written by another process");
    }
    kill(pid, SIGHUP);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 129);
    run("train --data data --resume ck --log log");
    assert_done();
    Contents whole = contents_of("whole");
    assert_unchanged("log", &whole);
}
END_TEST

START_TEST(a_pipe_that_closes_saves_first)
{
    p.stdout_has_no_reader = true;
    run("train --data data --num-steps 3000 --save ck --log log " SIZES);
    ck_assert_int_eq(p.status, 141);
    ck_assert_str_eq(p.err, "");
    renew_program();
    run("sample --load ck --num-samples 1");
    assert_done();
    run("train --data data --resume ck --log log --save ck");
    ck_assert_msg(p.status == 0, "%s", p.err);
}
END_TEST

START_TEST(temporary_files_go_where_they_are_sent)
{
    ck_assert_int_eq(setenv("TMPDIR", "/nowhere", 1), 0);
    run("graph --text ab --load good --format svg");
    assert_refused(1, "/nowhere", "TMPDIR");
    p.stdin_text = "";
    run("compare - dump");
    assert_refused(2, "/nowhere", "TMPDIR");
    unsetenv("TMPDIR");
}
END_TEST

static void add(TCase *tcase, const TTest *test)
{
    tcase_add_loop_test(tcase, test, 0, N_COMMANDS);
}

int main(int argc, char **argv)
{
    if (!find_program(argc, argv) || !enter_directory()) {
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("troubles");
    TCase *tcase = tcase_create("each command");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 60);
    add(tcase, it_works);
    add(tcase, a_full_disk_is_named);
    add(tcase, a_closed_pipe_ends_in_silence);
    add(tcase, a_closed_standard_output_is_named);
    add(tcase, a_standard_output_only_for_reading_is_named);
    add(tcase, an_input_that_is_missing_is_named);
    add(tcase, an_input_that_is_a_folder_is_named);
    add(tcase, an_empty_input_is_named);
    add(tcase, no_name_of_a_file_commands_the_terminal);
    add(tcase, a_long_name_leaves_room_for_the_reason);
    add(tcase, an_input_may_come_through_a_pipe);
    add(tcase, a_wrong_input_through_a_pipe_is_named);
    add(tcase, no_output_is_what_is_read);
    add(tcase, no_output_is_what_standard_output_goes_to);
    add(tcase, what_is_read_is_not_what_standard_error_goes_to);
    add(tcase, where_nothing_can_be_written_nothing_is_done);
    add(tcase, a_failed_write_leaves_the_old_file);
    add(tcase, a_dash_is_standard_output);
    add(tcase, an_output_may_be_a_device);
    add(tcase, two_outputs_are_two_files);
    add(tcase, an_unknown_option_is_answered_by_the_commands_own_help);
    tcase_add_loop_test(tcase, an_option_without_effect_is_refused, 0, COUNT(idle_options));
    suite_add_tcase(suite, tcase);
    TCase *saving = tcase_create("saving");
    tcase_add_checked_fixture(saving, setup, NULL);
    tcase_set_timeout(saving, 60);
    tcase_add_test(saving, a_checkpoint_may_go_through_a_pipe);
    tcase_add_test(saving, a_pipe_has_one_output_whatever_it_is_called);
    tcase_add_test(saving, what_standard_output_has_already_stays);
    tcase_add_test(saving, a_file_on_standard_output_is_not_mixed_with_messages);
    tcase_add_test(saving, a_mounted_file_is_found_before_the_training);
    tcase_add_test(saving, an_immutable_file_is_found_before_the_training);
    tcase_add_test(saving, anothers_file_in_a_sticky_folder_is_found_before_the_training);
    tcase_add_test(saving, a_new_owner_is_said_before_the_training);
    tcase_add_test(saving, a_pipe_has_one_use_and_a_device_any_number);
    tcase_add_test(saving, a_pipe_that_may_not_be_written_is_found_before_the_training);
    tcase_add_test(saving, mode_and_owner_are_kept);
    tcase_add_test(saving, a_log_goes_on_where_the_checkpoint_is);
    tcase_add_test(saving, a_log_whose_last_line_is_there_twice_is_refused);
    tcase_add_test(saving, a_log_of_a_stopped_run_is_the_one_of_a_run_that_never_stopped);
    tcase_add_test(saving, a_pipe_that_closes_saves_first);
    tcase_add_test(saving, temporary_files_go_where_they_are_sent);
    suite_add_tcase(suite, saving);
    int status = run_suite(suite);
    leave_directory();
    return status;
}
