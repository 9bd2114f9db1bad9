// For every n and every command: allocation n fails, alone and together with all later ones. There
// must be an error, no leak, and the same command must work afterwards.
//
// The commands run in this process. The linker redirects their allocations to this file (--wrap,
// see meson.build), and the JSON library uses the same functions; allocations within libc and zlib
// are not counted.
//
// `fault_alloc` uses a tiny model, `fault_alloc default` that of microgpt.py.
#include <jansson.h>
#include <unistd.h>

#include "checkpoint/checkpoint_more.h"
#include "commands.h"

static struct {
    size_t n_calls; // counted from when the test sets it to 0
    size_t at;      // which call fails, counted from 1; 0: none
    bool for_ever;  // and all later calls
    size_t n_live;  // blocks that are allocated and not freed
    bool in_json;   // whether the call that failed was the JSON library's
} allocations;

static bool fails(void)
{
    allocations.n_calls++;
    size_t n = allocations.n_calls;
    bool failed =
        allocations.at > 0 && (n == allocations.at || (allocations.for_ever && n > allocations.at));
    allocations.n_live += !failed;
    return failed;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
    if (fails()) {
        return NULL;
    }
    allocations.n_live -= old != NULL;
    return __real_realloc(old, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__real_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved)
{
    if (fails()) {
        errno = ENOMEM;
        return NULL;
    }
    char *found = __real_realpath(path, resolved);
    allocations.n_live -= found == NULL;
    return found;
}

// The text stays when the stream is closed, and is freed by the program.
FILE *__real_open_memstream(char **text, size_t *size);
FILE *__wrap_open_memstream(char **text, size_t *size);
FILE *__wrap_open_memstream(char **text, size_t *size)
{
    return fails() ? NULL : __real_open_memstream(text, size);
}

// Closing this stream frees it.
FILE *__real_fmemopen(void *bytes, size_t size, const char *mode);
FILE *__wrap_fmemopen(void *bytes, size_t size, const char *mode);
FILE *__wrap_fmemopen(void *bytes, size_t size, const char *mode)
{
    if (fails()) {
        return NULL;
    }
    allocations.n_live--;
    return __real_fmemopen(bytes, size, mode);
}

void __real_free(void *old);
void __wrap_free(void *old);
void __wrap_free(void *old)
{
    allocations.n_live -= old != NULL;
    __real_free(old);
}

static void *json_malloc(size_t size)
{
    void *block = __wrap_calloc(1, size); // filled: see uninstrumented.c
    allocations.in_json |= block == NULL;
    return block;
}

enum {
    MAX_ARGS = 32,
};

// Which options of the model a command takes.
typedef enum ModelOptions {
    NO_OPTIONS, // the model is in a file, or a file has its sizes
    DATA_AND_SIZES,
    DATA_AND_DUMP_SIZES, // those of dumps to compare
    N_MODEL_OPTIONS,
} ModelOptions;

// A command line, split at the spaces, and how it ends.
typedef struct CommandLine {
    const char *name;
    Command *command;
    const char *arguments;
    ModelOptions model;
    ExitStatus done;
    ExitStatus failed;
} CommandLine;

// The model's options that are in use.
static const char *model_options[N_MODEL_OPTIONS] = {"", "", ""};

static FILE *report; // the real standard output

static ExitStatus run(const CommandLine *line, Error *error)
{
    char text[512];
    char *argv[MAX_ARGS + 1] = {NULL};
    int argc = 0;
    snprintf(text, sizeof text, "%s %s %s", line->name, line->arguments,
             model_options[line->model]);
    char *rest = text;
    for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " ")) {
        if (word[0] != '\0' && argc < MAX_ARGS) {
            argv[argc] = word;
            argc++;
        }
    }
    error->message[0] = '\0';
    return line->command(argc, argv, error);
}

static void expect(bool ok, const CommandLine *line, const char *what)
{
    if (!ok) {
        fprintf(stderr, "%s %s, allocation %zu%s: %s\n", line->name, line->arguments,
                allocations.at, allocations.for_ever ? " and all after it" : "", what);
        exit(EXIT_FAILURE);
    }
}

// If a JSON library's allocation fails, it may omit something or reject the text as JSON. Both are
// accepted of checkpoints; the description of a dump may only be rejected. What is printed as JSON
// must be complete.
static bool reads_json(const CommandLine *line)
{
    return line->command == command_sample || strstr(line->arguments, "--resume") != NULL ||
           (line->command == command_nodes && strstr(line->arguments, "--load") != NULL);
}

// Returns false if there is no allocation with that number.
static bool fail_at(const CommandLine *line, size_t at, bool for_ever)
{
    Error error;
    size_t n_live = allocations.n_live;
    allocations.at = at;
    allocations.for_ever = for_ever;
    allocations.n_calls = 0;
    allocations.in_json = false;
    ExitStatus status = run(line, &error);
    bool reached = allocations.n_calls >= at;
    expect(allocations.n_live == n_live, line, "memory is leaked, or freed twice");
    bool may_pass = allocations.in_json && reads_json(line);
    expect(!reached || status == line->failed || may_pass, line, "no error");
    bool is_rejected = allocations.in_json && strstr(error.message, "no flat JSON") != NULL;
    expect(!reached || strstr(error.message, "memory") != NULL || may_pass || is_rejected, line,
           error.message);
    expect(reached || status == line->done, line, error.message);
    allocations.at = 0;
    return reached;
}

// With MICROGPT_QUICK_TESTS set, as for slow sanitizers, only every eighth allocation after the
// first hundred fails: most later ones are alike, and belong to the JSON of a report.
static void fail_everywhere(const CommandLine *line)
{
    bool is_quick = getenv("MICROGPT_QUICK_TESTS") != NULL;
    Error error;
    size_t n_failed = 0;
    size_t at = 1;
    expect(run(line, &error) == line->done, line, error.message);
    while (fail_at(line, at, false)) {
        fail_at(line, at, true);
        if (at % 8 == 0) {
            expect(run(line, &error) == line->done, line, error.message);
        }
        n_failed++;
        at += is_quick && at > 100 ? 8 : 1;
    }
    fprintf(report,
            "%s %.24s: %s%zu allocations failed, alone and with all after it: "
            "an error each time, nothing leaked\n",
            line->name, line->arguments, at == n_failed + 1 ? "each of " : "", n_failed);
}

// clang-format off
static const CommandLine lines[] = {
    {"run", command_run, "--num-steps 3 --num-samples 2 --log log", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"train", command_train, "--num-steps 4 --save new --save-every 2", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"train", command_train, "--resume half --save new", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"sample", command_sample, "--load half --num-samples 2 --prompt a", NO_OPTIONS, EXIT_DONE, EXIT_FAILED},
    {"train", command_train, "--engine tensor --num-steps 3", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"nodes", command_nodes, "--num-steps 2 --step 2 --output full", DATA_AND_DUMP_SIZES, EXIT_DONE, EXIT_FAILED},
    {"nodes", command_nodes, "--num-steps 2 --step 1 --names --output named", DATA_AND_DUMP_SIZES, EXIT_DONE, EXIT_FAILED},
    {"nodes", command_nodes, "--num-steps 2 --step 2 --sparse --output sparse", DATA_AND_DUMP_SIZES, EXIT_DONE, EXIT_FAILED},
    {"nodes", command_nodes, "--load half --text ana --output loaded", NO_OPTIONS, EXIT_DONE, EXIT_FAILED},
    {"documents", command_documents, "--data names --output order", NO_OPTIONS, EXIT_DONE, EXIT_FAILED},
    {"compare", command_compare, "full full", NO_OPTIONS, EXIT_DONE, EXIT_TROUBLE},
    {"compare", command_compare, "full named", NO_OPTIONS, EXIT_DIFFERS, EXIT_TROUBLE},
    {"compare", command_compare, "--json named sparse", NO_OPTIONS, EXIT_DIFFERS, EXIT_TROUBLE},
    {"crosscheck", command_crosscheck, "--num-steps 2 --num-samples 2", DATA_AND_SIZES, EXIT_DONE, EXIT_TROUBLE},
    {"bench", command_bench, "--documents 2 --num-samples 2", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"inspect", command_inspect, "", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"inspect", command_inspect, "--json", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"trace", command_trace, "anna --backward", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"trace", command_trace, "anna --backward --json", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"attention", command_attention, "anna --svg map", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"attention", command_attention, "anna --json", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"graph", command_graph, "--depth 3", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"graph", command_graph, "--op log --depth 1 --json", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"graph", command_graph, "--dump named --depth 3", NO_OPTIONS, EXIT_DONE, EXIT_FAILED},
    {"gradcheck", command_gradcheck, "--text a --n-layer 0 --tolerance 1", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"gradcheck", command_gradcheck, "--text a --n-layer 0 --tolerance 1 --json", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"gradcheck", command_gradcheck, "--text a --n-embd 1 --n-head 1 --tolerance 1", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
    {"report", command_report, "--text a --num-steps 1 --num-samples 1 --n-layer 0 --output page", DATA_AND_SIZES, EXIT_DONE, EXIT_FAILED},
};
// clang-format on

int main(int argc, char **argv)
{
    bool default_model = argc > 1 && strcmp(argv[1], "default") == 0;
    char folder[FOLDER_BYTES];
    Error error;
    if (!default_model) {
        // Smaller, because compare tries explanations of a difference on the whole graph.
        model_options[DATA_AND_DUMP_SIZES] = "--data names --n-embd 2 --n-head 1 --block-size 2";
        model_options[DATA_AND_SIZES] = "--data names --n-embd 4 --n-head 2 --block-size 6";
    }
    enter_folder(folder);
    report = fdopen(dup(STDOUT_FILENO), "w");
    must(report != NULL && freopen("/dev/null", "w", stdout) != NULL, "standard output");
    json_set_alloc_funcs(json_malloc, __wrap_free);

    // Half of a training run to resume: only its parameters are read and not drawn.
    const CommandLine first = {"train",        command_train, "--num-steps 2 --save half",
                               DATA_AND_SIZES, EXIT_DONE,     EXIT_FAILED};
    must_work(run(&first, &error) == EXIT_DONE, &error);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        fail_everywhere(&lines[i]);
    }
    fclose(report);
    leave_folder(folder);
    return EXIT_SUCCESS;
}
