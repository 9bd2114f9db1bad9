// The commands that show the model, end to end: inspect, trace, attention, graph, gradcheck.
//
// Every number that these commands show must be the one in the node dump (`microgpt nodes`), bit
// for bit: setup() makes a small data set and the dump of its first document, and remembers which
// document that is. The output must be readable: 80 columns, plain ASCII in a pipe.
#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "check_more.h"
#include "cli/cli_more.h"

// The first document after the shuffle has letters of one to four bytes, one of them twice.
static const char DATA[] = "b\u00fc\u674e\U0001f600\u00fc\n";
static const char DOCUMENT[] = "b\u00fc\u674e\U0001f600\u00fc";

// A model that has several of everything: layers, heads, positions.
#define SMALL "--data data --n-layer 2 --n-embd 4 --n-head 2 --block-size 8"

enum {
    N_LAYER = 2,
    N_EMBD = 4,
    N_HEAD = 2,
    HEAD_DIM = 2,
    VOCAB = 5,
    T = 6, // positions: BOS and the letters
    N_PARAMS = 4 * (2 * VOCAB + 8) + N_LAYER * 12 * N_EMBD * N_EMBD,
    MAX_NODES = 20000, // of the dump
    MAX_PATH = 80,
    COLUMNS = 80,
};

// ---- the node dump ----

typedef struct DumpNode {
    char path[MAX_PATH];
    char op[8];
    double data;
    double grad;
    int n_children;
    size_t children[2];
    double local_grads[2];
} DumpNode;

static DumpNode dump[MAX_NODES];
static size_t n_dump;

// Parses a line of the dump: `index data grad [children] [local gradients] op path`.
static void parse_node(char *line, DumpNode *node)
{
    char *lists[2];
    char *next = line;
    strtoul(next, &next, 10);
    node->data = strtod(next, &next);
    node->grad = strtod(next, &next);
    for (int i = 0; i < 2; i++) {
        lists[i] = strchr(next, '[') + 1;
        next = strchr(next, ']') + 1;
    }
    for (node->n_children = 0; lists[0][0] != ']'; node->n_children++) {
        int i = node->n_children;
        node->children[i] = strtoul(lists[0], &lists[0], 10);
        node->local_grads[i] = strtod(lists[1], &lists[1]);
    }
    ck_assert_int_eq(sscanf(next, " %7s %79s", node->op, node->path), 2);
}

static void read_dump(const char *path)
{
    char line[1024];
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file)); // the description
    for (n_dump = 0; fgets(line, sizeof line, file) != NULL; n_dump++) {
        ck_assert_uint_lt(n_dump, MAX_NODES);
        parse_node(line, &dump[n_dump]);
    }
    fclose(file);
}

static const DumpNode *find_node(const char *path)
{
    for (size_t i = 0; i < n_dump; i++) {
        if (strcmp(dump[i].path, path) == 0) {
            return &dump[i];
        }
    }
    ck_abort_msg("no %s in the dump", path);
    return NULL;
}

static const DumpNode *__attribute__((format(printf, 1, 2))) node_at(const char *format, ...)
{
    char path[MAX_PATH];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    return find_node(path);
}

// ---- running the program ----

static void setup(void)
{
    renew_program();
    empty_directory();
    unsetenv("NO_COLOR");
    unsetenv("LC_ALL");
    write_text("data", DATA);
}

// Makes the dump once; each test gets a copy.
static void make_dump(void)
{
    setup();
    run("nodes --step 1 --names --output dump " SMALL);
    assert_done();
    read_dump("dump");
}

// Checks that standard output contains this text. (Check's messages are limited, so this one does
// not show the output.)
static void __attribute__((format(printf, 1, 2))) assert_printed(const char *format, ...)
{
    char expected[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(expected, sizeof expected, format, arguments);
    va_end(arguments);
    ck_assert_msg(strstr(p.out, expected) != NULL, "no '%s' in %.2000s", expected, p.out);
}

// Runs the program with --json and returns what it printed.
static json_t *run_json(const char *arguments)
{
    char with_json[1024];
    json_error_t error;
    snprintf(with_json, sizeof with_json, "%s --json " SMALL, arguments);
    run(with_json);
    assert_done();
    json_t *root = json_loads(p.out, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(root != NULL, "%s: line %d: %s", arguments, error.line, error.text);
    return root;
}

static json_t *get(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    ck_assert_msg(value != NULL, "no %s", key);
    return value;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(get(object, key));
}

// Returns the object in an array whose key has this text; the n-th one if there are several.
static json_t *find(const json_t *array, const char *key, const char *value, int n)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        json_t *object = json_array_get(array, i);
        if (strcmp(text(object, key), value) == 0 && n-- == 0) {
            return object;
        }
    }
    ck_abort_msg("no %s %s", key, value);
    return NULL;
}

// ---- the command line ----

static const char *const commands[] = {"inspect", "trace", "attention", "graph", "gradcheck"};

static void assert_fits(const char *out, const char *what)
{
    size_t n_columns = 0;
    for (const char *c = out; *c != '\0'; c++) {
        n_columns = *c == '\n' ? 0 : n_columns + 1;
        ck_assert_msg(n_columns <= COLUMNS, "%s: more than 80 columns: %.200s", what, c - COLUMNS);
        ck_assert_msg(*c == '\n' || (*c >= ' ' && *c <= '~'), "%s: not ASCII: %.50s", what, c);
    }
}

START_TEST(help_names_the_options_of_each_command)
{
    char arguments[64];
    char usage[64];
    snprintf(arguments, sizeof arguments, "%s --help", commands[_i]);
    snprintf(usage, sizeof usage, "usage: microgpt %s ", commands[_i]);
    run(arguments);
    assert_done();
    ck_assert_msg(strncmp(p.out, usage, strlen(usage)) == 0, "%s", p.out);
    ck_assert_ptr_nonnull(strstr(p.out, "\n  --load FILE "));
    ck_assert_ptr_nonnull(strstr(p.out, "\n  --json "));
    ck_assert_ptr_nonnull(strstr(p.out, "\n  --seed N "));
    ck_assert_ptr_nonnull(strstr(p.out, "documents to train on first (default: 0)"));
    ck_assert_ptr_null(strstr(p.out, "--engine")); // it would have no effect
    ck_assert_ptr_null(strstr(p.out, "--temperature"));
    assert_fits(p.out, commands[_i]);
}
END_TEST

// What can make lines long: many positions, long names, many layers, huge numbers.
static const char *const wide[] = {
    "inspect",
    "inspect --n-layer 12 --n-embd 8",
    "inspect --data data --init-std 1e300",
    "trace emma --backward",
    "trace abcdefghijklmno --backward --n-layer 11 --n-embd 4",
    "trace emma --backward --init-std 1e-170",
    "trace emma --backward --init-std 1e300",
    "attention emma",
    "attention abcdefghijklmno",
    "attention --block-size 64 --n-embd 4 abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "attention emma --n-layer 11 --n-embd 4",
    "attention emma --n-layer 0",
    "gradcheck --text a --n-embd 4 --n-layer 11 --num-steps 1",
    "attention \U0001f600\U0001f600\U0001f600\U0001f600\U0001f600\U0001f600 --data data",
    "trace \u00fc\U0001f600\u674e --data data --backward",
    "gradcheck --data data --n-embd 4",
};

START_TEST(everything_fits_into_80_columns_of_ascii)
{
    run(wide[_i]);
    assert_done();
    ck_assert_uint_gt(p.out_size, 0);
    assert_fits(p.out, wide[_i]);
}
END_TEST

typedef struct BadCase {
    const char *arguments;
    const char *named;
    const char *why;
} BadCase;

static const BadCase bad_cases[] = {
    {"trace", "trace", "needs a TEXT"},
    {"attention", "attention", "needs a TEXT"},
    {"trace  --json", "TEXT", "is empty"}, // two spaces: an empty argument
    {"attention ", "TEXT", "is empty"},
    {"trace emm4", "TEXT", "character 4 (U+0034, '4')"},
    {"attention em\u00e9", "TEXT", "character 3 (U+00E9"},
    {"trace em\xff", "TEXT", "character 3 is not UTF-8"},
    {"trace e\xc3", "TEXT", "character 2 is not UTF-8"},
    {"trace abcdefghijklmnop", "TEXT", "has 16 characters"},
    {"trace emma --block-size 4", "TEXT", "has 4 characters"},
    {"trace emma olivia", "olivia", "one argument too many"},
    {"trace emma -- olivia", "olivia", "one argument too many"},
    {"inspect emma", "emma", "not an option"},
    {"graph emma", "emma", "not an option"},
    {"gradcheck -- emma", "emma", "not an option"},
    {"graph --text=", "--text", "needs a TEXT"},
    {"graph --text EMMA", "--text", "character 1 (U+0045, 'E')"},
    {"gradcheck --text abcdefghijklmnop", "--text", "has 16 characters"},
    {"trace emma --num-samples 5", "--num-samples", "no such option"},
    {"inspect --text emma", "--text", "no such option"},
    {"trace emma --n-head 5", "--n-head", "--n-embd"},
    {"gradcheck --tolerance 0", "--tolerance", "greater than 0"},
    {"graph --node pos9.loss --text emma", "--node", "'pos9.loss' is not a node"},
    {"graph --node pos --text emma", "--node", "'pos' is not a node"},
    {"graph --node pos0.los --text emma", "--node", "is not a node"},
    {"graph --node wte[27,0] --text emma", "--node", "is not a node"},
    {"graph --op sub", "--op", "choose const, add, mul"},
    {"graph --dump full --load checkpoint", "--load", "no effect beside --dump"},
    {"graph --dump full --text emma", "--text", "no effect beside --dump"},
    {"graph --dump full --n-embd 4", "--n-embd", "no effect beside --dump"},
    {"graph --dump full --seed 1", "--seed", "no effect beside --dump"},
    {"graph --dump data --output data", "--output", "data is the node dump"},
    {"graph --op log --node wte", "--op", "no log in wte"},
    {"graph --op relu --n-layer 0", "--op", "no relu in this"},
    {"graph --depth -1", "--depth", "at least 0"},
    {"graph --format png", "--format", "choose dot, svg or json"},
    {"graph --format svg --json", "--json", "--format svg"},
    {"graph --depth 1000", "nodes are too many to draw", "--depth"},
    {"graph --op relu", "nodes are too many to draw (at most 500)", "--node"},
};

START_TEST(bad_input_is_one_line_and_status_2)
{
    const BadCase *c = &bad_cases[_i];
    run(c->arguments);
    assert_failed(2, c->named, c->why);
    ck_assert_str_eq(p.out, "");
}
END_TEST

// A text that begins with a dash must follow `--`; options may come before and after the text.
START_TEST(the_text_may_stand_anywhere)
{
    write_text("data", "-a\n");
    run("trace --data data --n-embd 4 -- -a");
    assert_done();
    ck_assert_ptr_nonnull(strstr(p.out, "BOS - a BOS"));
    char before[sizeof p.out];
    strcpy(before, p.out);
    run("trace --n-embd 4 --data data -- -a");
    ck_assert_str_eq(p.out, before);
    run("trace a --data data");
    assert_done();
    run("trace --data data a");
    assert_done();
}
END_TEST

static const char *const json_cases[] = {
    "inspect",           "trace b\u00fc", "trace b\u00fc --backward",
    "attention b\u00fc", "graph",         "gradcheck",
};

// run_json() has already checked that it is valid JSON.
START_TEST(json_says_what_it_is_about_in_ascii)
{
    json_t *root = run_json(json_cases[_i]);
    ck_assert_int_eq(strncmp(json_cases[_i], text(root, "command"), 5), 0);
    const json_t *model = get(root, "model");
    ck_assert_double_eq(number(model, "n_params"), N_PARAMS);
    ck_assert_double_eq(number(model, "n_layer"), N_LAYER);
    ck_assert_double_eq(number(model, "vocab_size"), VOCAB);
    const char *document = json_string_value(json_object_get(root, "text"));
    if (strncmp(json_cases[_i], "inspect", 7) == 0) {
        ck_assert_ptr_null(document);
    } else {
        bool is_given = strchr(json_cases[_i], ' ') != NULL;
        ck_assert_str_eq(document, is_given ? "b\u00fc" : DOCUMENT);
    }
    for (const char *c = p.out; *c != '\0'; c++) {
        ck_assert(*c == '\n' || (*c >= ' ' && *c <= '~'));
    }
    json_decref(root);
}
END_TEST

START_TEST(numbers_that_are_not_finite_are_null_in_json)
{
    json_t *root = run_json("trace b --backward --init-std 1e300");
    ck_assert(json_is_null(get(find(get(root, "stages"), "stage", "embed", 0), "l2")));
    json_decref(root);
}
END_TEST

// The learning rate of the first step is the same for any num-steps, so the model after one step is
// that of the second step's graph.
START_TEST(num_steps_trains_first)
{
    run("nodes --step 2 --num-steps 2 --names --output dump " SMALL);
    assert_done();
    read_dump("dump");
    json_t *root = run_json("graph --num-steps 1 --node wte --depth 0");
    const json_t *nodes = get(root, "nodes");
    ck_assert_uint_eq(json_array_size(nodes), VOCAB * N_EMBD);
    for (size_t i = 0; i < VOCAB * N_EMBD; i++) {
        assert_same_double(number(json_array_get(nodes, i), "data"), dump[i].data, "wte");
    }
    json_decref(root);
}
END_TEST

// ---- the model of a checkpoint ----

typedef struct LoadCase {
    const char *arguments;
    const char *data; // if the document is the first of the data, which depends on the seed
} LoadCase;

static const LoadCase load_cases[] = {
    {"inspect", ""},
    {"trace b\u00fc --backward", ""},
    {"attention b\u00fc", ""},
    {"graph --depth 3", " --data data"},
    {"graph --op relu --node pos1.layer0 --json", " --data data"},
    {"gradcheck --text b\u674e", ""},
    {"trace b --json", ""},
};

START_TEST(a_loaded_model_is_shown_as_the_trained_one)
{
    const LoadCase *c = &load_cases[_i];
    char arguments[256];
    char expected[sizeof p.out];
    // Several documents, which the seed shuffles.
    write_text("data", "b\u00fc\n\u674e\n\U0001f600\u00fc\nbb\n\u00fc\u00fc\n");
    snprintf(arguments, sizeof arguments, "%s --num-steps 3 --seed 7 " SMALL, c->arguments);
    run(arguments);
    assert_done();
    ck_assert_ptr_null(strstr(p.out, "untrained"));
    strcpy(expected, p.out);
    run("train --num-steps 3 --seed 7 --save checkpoint " SMALL);
    assert_done();
    snprintf(arguments, sizeof arguments, "%s --load checkpoint%s", c->arguments, c->data);
    run(arguments);
    assert_done();
    ck_assert_msg(strcmp(p.out, expected) == 0, "%s: %.2000s", c->arguments, p.out);
}
END_TEST

typedef struct BadLoad {
    int status;
    const char *arguments;
    const char *named;
    const char *why;
} BadLoad;

static const BadLoad bad_loads[] = {
    {1, "inspect --load missing", "missing", "No such file"},
    {1, "inspect --load data", "data", "checkpoint"},
    {2, "inspect --load=", "--load", "needs a FILE"},
    {1, "inspect --load checkpoint --n-head 1", "checkpoint", "--n-head 2"},
    {2, "inspect --load checkpoint --n-embd 4", "--n-embd", "determined by the file of --load"},
    {2, "trace --n-layer=2 --load checkpoint b", "--n-layer=2", "determined by the file of --load"},
    {2, "trace b --block-size 8 --load checkpoint", "--block-size", "determined by the file"},
    {2, "graph --load checkpoint --num-steps 3", "--num-steps", "determined by the file"},
    {2, "graph --load checkpoint --seed 42", "--seed", "determined by the file"},
    {2, "gradcheck --load checkpoint --init-std 1", "--init-std", "determined by the file"},
    {2, "trace emma --load checkpoint", "TEXT", "character 1 (U+0065, 'e')"},
    {2, "graph --text emma --load checkpoint", "--text", "character 1 (U+0065, 'e')"},
    {1, "graph --load checkpoint", "--load", "is not the data that was trained on"},
    {1, "graph --load checkpoint --data names", "the first document", "character 1 (U+"},
    {1, "graph --load checkpoint --data missing", "missing", "No such file"},
};

START_TEST(a_checkpoint_that_does_not_fit_is_one_line)
{
    const BadLoad *c = &bad_loads[_i];
    write_text("names", "emma\n");
    run("train --num-steps 0 --save checkpoint " SMALL);
    assert_done();
    run(c->arguments);
    assert_failed(c->status, c->named, c->why);
    ck_assert_str_eq(p.out, "");
}
END_TEST

// A small checkpoint, and a document whose graph has 800 million pairs of positions per layer.
START_TEST(a_graph_that_cannot_fit_is_refused_at_once)
{
    enum {
        LENGTH = 40000
    };
    static char document[LENGTH + 2];
    write_text("data", "ab\n");
    run("train --num-steps 0 --save checkpoint --data data --n-layer 4 --n-embd 1 --n-head 1 "
        "--block-size 40000");
    assert_done();
    memset(document, 'a', LENGTH);
    document[LENGTH] = '\n';
    write_text("long", document);
    run("graph --load checkpoint --data long");
    assert_failed(1, "--load: ", "MiB of memory for documents of 40000 positions");
    run("graph --load checkpoint --text ab");
    assert_done();
}
END_TEST

// A file of another program, with only the matrices. All numbers are 0, so that all tokens are
// equally likely.
START_TEST(the_matrices_of_another_program_are_enough)
{
    static const char header[] =
        "{\"__metadata__\":{\"vocabulary\":\"ab\"},"
        "\"wte\":{\"dtype\":\"F64\",\"shape\":[3,2],\"data_offsets\":[0,48]},"
        "\"wpe\":{\"dtype\":\"F64\",\"shape\":[4,2],\"data_offsets\":[48,112]},"
        "\"lm_head\":{\"dtype\":\"F64\",\"shape\":[3,2],"
        "\"data_offsets\":[112,160]}}";
    static const char numbers[160];
    char length[8] = {(char)(sizeof header - 1)};
    ck_assert_uint_lt(sizeof header, 256); // one byte contains its length
    FILE *file = fopen("foreign", "w");
    fwrite(length, 1, sizeof length, file);
    fwrite(header, 1, sizeof header - 1, file);
    fwrite(numbers, 1, sizeof numbers, file);
    ck_assert_int_eq(fclose(file), 0);
    run("trace --load foreign ab");
    assert_failed(1, "foreign", "add --n-head");
    run("trace --load foreign --n-head 1 ab");
    assert_done();
    assert_printed("model: 20 parameters, of another program\ntext:  3 positions: BOS a b BOS\n");
    assert_printed("loss, the mean of these: 1.098612"); // log 3
}
END_TEST

// ---- in a terminal ----

// Runs the program in a terminal, and sets p.out to what the terminal shows.
static void run_in_terminal(const char *locale, const char *no_color, const char *arguments)
{
    setenv("LC_ALL", locale, 1);
    setenv("NO_COLOR", no_color, 1);
    run_on_terminal(&p, arguments, COLUMNS, p.out, sizeof p.out);
    ck_assert_int_eq(p.status, 0);
}

static bool has_only_ascii(const char *text_)
{
    for (const char *c = text_; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80) {
            return false;
        }
    }
    return true;
}

START_TEST(a_terminal_gets_utf8_and_bold_type_if_it_wants_them)
{
    run_in_terminal("C.UTF-8", "", "attention b\u00fc " SMALL);
    ck_assert_ptr_nonnull(strstr(p.out, "\033[1mLayer 0, head 0\033[0m"));
    ck_assert_ptr_nonnull(strstr(p.out, "\u2588"));
    ck_assert_ptr_nonnull(strstr(p.out, "BOS b \u00fc BOS"));
    run_in_terminal("C.UTF-8", "1", "attention b\u00fc " SMALL);
    ck_assert_ptr_null(strchr(p.out, '\033'));
    ck_assert_ptr_nonnull(strstr(p.out, "\u2588"));
    run_in_terminal("C", "", "attention b\u00fc " SMALL);
    ck_assert_ptr_nonnull(strstr(p.out, "\033[1m"));
    ck_assert(has_only_ascii(p.out));
    ck_assert_ptr_nonnull(strstr(p.out, "BOS b \\xfc BOS"));
}
END_TEST

START_TEST(a_histogram_in_a_terminal_has_blocks)
{
    run_in_terminal("C.UTF-8", "", "inspect " SMALL);
    ck_assert_ptr_nonnull(strstr(p.out, "\u2588"));
    run_in_terminal("C", "", "inspect " SMALL);
    ck_assert(has_only_ascii(p.out));
}
END_TEST

// ---- inspect ----

START_TEST(the_sum_of_parameters_is_written_out)
{
    run("inspect");
    assert_done();
    ck_assert_ptr_nonnull(strstr(p.out, "\n  1120 + 1 x 3072 = 4192\n"));
    ck_assert_ptr_nonnull(strstr(p.out, "mlp_fc1        [4E,E]       64 x 16            1024\n"));
    run("inspect " SMALL);
    ck_assert_ptr_nonnull(strstr(p.out, "\n  72 + 2 x 192 = 456\n"));
    ck_assert_int_eq(N_PARAMS, 456);
    run("inspect --n-layer 0");
    ck_assert_ptr_nonnull(strstr(p.out, "\n  1120 + 0 x 0 = 1120\n"));
}
END_TEST

// Computes the statistics of a tensor again, from the dump.
static void check_tensor(const json_t *tensor, const DumpNode *first)
{
    size_t n = (size_t)number(tensor, "n");
    double sum = 0;
    double sum_of_squares = 0;
    double min = first->data;
    double max = first->data;
    double n_in_bins = 0;
    for (size_t i = 0; i < n; i++) {
        sum += first[i].data;
        sum_of_squares += first[i].data * first[i].data;
        min = fmin(min, first[i].data);
        max = fmax(max, first[i].data);
    }
    double mean = sum / (double)n;
    assert_same_double(number(tensor, "min"), min, "min");
    assert_same_double(number(tensor, "max"), max, "max");
    assert_same_double(number(tensor, "mean"), mean, "mean");
    assert_same_double(number(tensor, "l2"), sqrt(sum_of_squares), "l2");
    double variance = sum_of_squares / (double)n - mean * mean; // another formula
    ck_assert_double_eq_tol(number(tensor, "std"), sqrt(variance), 1e-12);
    const json_t *bins = get(tensor, "histogram");
    for (size_t i = 0; i < json_array_size(bins); i++) {
        n_in_bins += json_number_value(json_array_get(bins, i));
    }
    ck_assert_double_eq(n_in_bins, (double)n);
    ck_assert_double_gt(json_number_value(json_array_get(bins, 0)), 0); // min and max
    ck_assert_double_gt(json_number_value(json_array_get(bins, json_array_size(bins) - 1)), 0);
}

START_TEST(every_tensor_is_described)
{
    json_t *root = run_json("inspect");
    const json_t *tensors = get(root, "tensors");
    size_t n_params = 0;
    ck_assert_uint_eq(json_array_size(tensors), 3 + N_LAYER * 6);
    for (size_t i = 0; i < json_array_size(tensors); i++) {
        const json_t *tensor = json_array_get(tensors, i);
        const json_t *shape = get(tensor, "shape");
        json_int_t n = json_integer_value(json_array_get(shape, 0)) *
                       json_integer_value(json_array_get(shape, 1));
        ck_assert_double_eq(number(tensor, "n"), (double)n);
        ck_assert_uint_eq((size_t)(node_at("%s[0,0]", text(tensor, "name")) - dump), n_params);
        check_tensor(tensor, &dump[n_params]);
        n_params += (size_t)n;
    }
    ck_assert_uint_eq(n_params, N_PARAMS);
    json_decref(root);
}
END_TEST

// ---- trace ----

// A stage, and the paths of its nodes: which indices the path contains, and their ranges.
typedef struct StageCase {
    const char *stage;
    const char *path; // with one %d for the position, then for the layer, the head and the index
    int layer;        // -1: outside the layers
    int n_heads;      // 0: outside the heads
    int n;            // the number of indices; 0: as many as positions so far
    const char *shape;
} StageCase;

static const StageCase stage_cases[] = {
    {"embed", "pos%d.embed[%d]", -1, 0, 4, "[6,4]"},
    {"norm", "pos%d.norm[%d]", -1, 0, 4, "[6,4]"},
    {"attn.norm", "pos%d.layer%d.attn.norm[%d]", 0, 0, 4, "[6,4]"},
    {"attn.q", "pos%d.layer%d.attn.q[%d]", 1, 0, 4, "[6,4]"},
    {"attn.k", "pos%d.layer%d.attn.k[%d]", 1, 0, 4, "[6,4]"},
    {"attn.v", "pos%d.layer%d.attn.v[%d]", 0, 0, 4, "[6,4]"},
    {"attn.head.logit", "pos%d.layer%d.attn.head%d.logit[%d]", 0, 2, 0, "[2,6,6]"},
    {"attn.head.weight", "pos%d.layer%d.attn.head%d.weight[%d]", 1, 2, 0, "[2,6,6]"},
    {"attn.head.out", "pos%d.layer%d.attn.head%d.out[%d]", 1, 2, 2, "[6,4]"},
    {"attn.wo", "pos%d.layer%d.attn.wo[%d]", 0, 0, 4, "[6,4]"},
    {"attn.residual", "pos%d.layer%d.attn.residual[%d]", 1, 0, 4, "[6,4]"},
    {"mlp.norm", "pos%d.layer%d.mlp.norm[%d]", 1, 0, 4, "[6,4]"},
    {"mlp.fc1", "pos%d.layer%d.mlp.fc1[%d]", 0, 0, 16, "[6,16]"},
    {"mlp.fc1.relu", "pos%d.layer%d.mlp.fc1[%d].relu", 1, 0, 16, "[6,16]"},
    {"mlp.fc2", "pos%d.layer%d.mlp.fc2[%d]", 1, 0, 4, "[6,4]"},
    {"mlp.residual", "pos%d.layer%d.mlp.residual[%d]", 0, 0, 4, "[6,4]"},
    {"logit", "pos%d.logit[%d]", -1, 0, 5, "[6,5]"},
    {"prob", "pos%d.prob[%d]", -1, 0, 5, "[6,5]"},
    {"pos.loss", "pos%d.loss", -1, 0, 1, "[6]"},
};

typedef struct Sums {
    double n, sum, sum_of_squares, min, max;
} Sums;

static void sums_add(Sums *sums, double x)
{
    sums->min = sums->n == 0 ? x : fmin(sums->min, x);
    sums->max = sums->n == 0 ? x : fmax(sums->max, x);
    sums->sum += x;
    sums->sum_of_squares += x * x;
    sums->n += 1;
}

static void assert_sums(const json_t *stage, const Sums *sums)
{
    assert_same_double(number(stage, "min"), sums->min, "min");
    assert_same_double(number(stage, "max"), sums->max, "max");
    assert_same_double(number(stage, "mean"), sums->sum / sums->n, "mean");
    assert_same_double(number(stage, "l2"), sqrt(sums->sum_of_squares), "l2");
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral" // the formats are those of the table above

static const DumpNode *stage_node(const StageCase *c, int position, int head, int index)
{
    char path[MAX_PATH];
    if (c->n_heads > 0) {
        snprintf(path, sizeof path, c->path, position, c->layer, head, index);
    } else if (c->layer >= 0) {
        snprintf(path, sizeof path, c->path, position, c->layer, index);
    } else {
        snprintf(path, sizeof path, c->path, position, index);
    }
    return find_node(path);
}

START_TEST(a_stage_has_the_numbers_of_its_nodes)
{
    const StageCase *c = &stage_cases[_i];
    char arguments[64];
    Sums data = {0};
    Sums grad = {0};
    snprintf(arguments, sizeof arguments, "trace %s --backward", DOCUMENT);
    json_t *root = run_json(arguments);
    const json_t *stage = find(get(root, "stages"), "stage", c->stage, c->layer > 0);
    for (int position = 0; position < T; position++) {
        for (int head = 0; head < (c->n_heads > 0 ? c->n_heads : 1); head++) {
            for (int i = 0; i < (c->n > 0 ? c->n : position + 1); i++) {
                const DumpNode *node = stage_node(c, position, head, i);
                sums_add(&data, node->data);
                sums_add(&grad, node->grad);
            }
        }
    }
    ck_assert_str_eq(text(stage, "shape"), c->shape);
    ck_assert_double_eq(number(stage, "n"), data.n);
    assert_sums(stage, &data);
    assert_sums(get(stage, "grad"), &grad);
    json_decref(root);
}
END_TEST

// The stages are in the order of the table, those of each layer together, and none is missing.
START_TEST(all_stages_are_there_in_their_order)
{
    json_t *root = run_json("trace b\u00fc");
    const json_t *stages = get(root, "stages");
    size_t n_in_layer = 14;
    ck_assert_uint_eq(json_array_size(stages), 6 + N_LAYER * n_in_layer);
    ck_assert_uint_eq(COUNT(stage_cases) + 1, 6 + n_in_layer);
    for (size_t i = 0; i < json_array_size(stages) - 1; i++) {
        size_t row = i < 2 + n_in_layer ? i : i - n_in_layer;
        ck_assert_str_eq(text(json_array_get(stages, i), "stage"), stage_cases[row].stage);
    }
    ck_assert_str_eq(text(json_array_get(stages, 5 + N_LAYER * n_in_layer), "stage"), "loss");
    ck_assert_ptr_null(json_object_get(json_array_get(stages, 0), "grad")); // without --backward
    json_decref(root);
}
END_TEST

START_TEST(a_position_has_its_target_and_prediction)
{
    static const char *const letters[] = {NULL,         "b",      "\u00fc", "\u674e",
                                          "\U0001f600", "\u00fc", NULL};
    static const int token_ids[] = {4, 0, 1, 2,
                                    3, 1, 4}; // in the order of the code points, BOS last
    char arguments[64];
    snprintf(arguments, sizeof arguments, "trace %s", DOCUMENT);
    json_t *root = run_json(arguments);
    const json_t *positions = get(root, "positions");
    assert_same_double(number(root, "loss"), find_node("loss")->data, "loss");
    ck_assert_uint_eq(json_array_size(positions), T);
    for (int t = 0; t < T; t++) {
        const json_t *position = json_array_get(positions, (size_t)t);
        const char *token = json_string_value(get(position, "token"));
        const char *target = json_string_value(get(position, "target"));
        ck_assert_pstr_eq(token, letters[t]);
        ck_assert_pstr_eq(target, letters[t + 1]);
        int best = 0;
        for (int i = 1; i < VOCAB; i++) {
            bool is_better =
                node_at("pos%d.prob[%d]", t, i)->data > node_at("pos%d.prob[%d]", t, best)->data;
            best = is_better ? i : best;
        }
        ck_assert_pstr_eq(json_string_value(get(position, "predicted")),
                          best < 4 ? letters[best + 1] : NULL);
        assert_same_double(number(position, "predicted_prob"),
                           node_at("pos%d.prob[%d]", t, best)->data, "predicted_prob");
        assert_same_double(number(position, "target_prob"),
                           node_at("pos%d.prob[%d]", t, token_ids[t + 1])->data, "target_prob");
        assert_same_double(number(position, "loss"), node_at("pos%d.loss", t)->data, "loss");
    }
    json_decref(root);
}
END_TEST

START_TEST(the_way_back_ends_at_the_parameters)
{
    char arguments[64];
    snprintf(arguments, sizeof arguments, "trace %s --backward", DOCUMENT);
    json_t *root = run_json(arguments);
    const json_t *parameters = get(root, "parameters");
    const json_t *wk = find(parameters, "name", "layer1.attn_wk", 0);
    Sums sums = {0};
    ck_assert_uint_eq(json_array_size(parameters), 3 + N_LAYER * 6);
    for (int row = 0; row < N_EMBD; row++) {
        for (int column = 0; column < N_EMBD; column++) {
            sums_add(&sums, node_at("layer1.attn_wk[%d,%d]", row, column)->grad);
        }
    }
    assert_sums(get(wk, "grad"), &sums);
    json_decref(root);
}
END_TEST

static void assert_row_printed(const json_t *stage)
{
    assert_printed("\n  mlp.fc2           [2,4]        %11.4g %11.4g %11.4g %11.4g\n",
                   number(stage, "l2"), number(stage, "min"), number(stage, "max"),
                   number(stage, "mean"));
}

START_TEST(the_printed_trace_has_the_same_numbers)
{
    json_t *root = run_json("trace b --backward");
    const json_t *stage = find(get(root, "stages"), "stage", "mlp.fc2", 1);
    const json_t *position = json_array_get(get(root, "positions"), 0);
    run("trace b --backward " SMALL);
    assert_done();
    ck_assert_ptr_nonnull(strstr(p.out, "\nBackward"));
    assert_row_printed(stage);
    assert_row_printed(get(stage, "grad"));
    assert_printed("       0  BOS        b          %12.4f ", number(position, "target_prob"));
    assert_printed("%-9.4f%9.4f\n", number(position, "predicted_prob"), number(position, "loss"));
    json_decref(root);
    run("trace b " SMALL);
    ck_assert_ptr_null(strstr(p.out, "Backward"));
}
END_TEST

// ---- attention ----

START_TEST(attention_has_the_weights_of_the_graph)
{
    char arguments[64];
    snprintf(arguments, sizeof arguments, "attention %s", DOCUMENT);
    json_t *root = run_json(arguments);
    const json_t *heads = get(root, "heads");
    ck_assert_uint_eq(json_array_size(heads), N_LAYER * N_HEAD);
    for (int i = 0; i < N_LAYER * N_HEAD; i++) {
        const json_t *head = json_array_get(heads, (size_t)i);
        ck_assert_double_eq(number(head, "layer"), i / N_HEAD);
        ck_assert_double_eq(number(head, "head"), i % N_HEAD);
        const json_t *rows = get(head, "weights");
        ck_assert_uint_eq(json_array_size(rows), T);
        for (int t = 0; t < T; t++) {
            const json_t *row = json_array_get(rows, (size_t)t);
            double sum = 0;
            ck_assert_uint_eq(json_array_size(row),
                              (size_t)t + 1); // no position attends to a later one
            for (int s = 0; s <= t; s++) {
                double weight = json_number_value(json_array_get(row, (size_t)s));
                const DumpNode *node =
                    node_at("pos%d.layer%d.attn.head%d.weight[%d]", t, i / N_HEAD, i % N_HEAD, s);
                assert_same_double(weight, node->data, "weight");
                sum += weight;
            }
            ck_assert_double_eq_tol(sum, 1, 1e-15);
        }
    }
    json_decref(root);
}
END_TEST

START_TEST(the_printed_triangle_has_the_same_weights)
{
    json_t *root = run_json("attention b\u00fc\u674e");
    const json_t *rows = get(json_array_get(get(root, "heads"), 0), "weights");
    const json_t *row = json_array_get(rows, 2);
    run("attention b\u00fc\u674e " SMALL);
    assert_done();
    assert_printed("%5.2f%5.2f%5.2f\n", json_number_value(json_array_get(row, 0)),
                   json_number_value(json_array_get(row, 1)),
                   json_number_value(json_array_get(row, 2)));
    assert_printed("\n      0 BOS    @     1.00\n");
    assert_printed("\n      2 \\xfc   ");
    json_decref(root);
}
END_TEST

static size_t count_text(const char *text_, const char *part)
{
    size_t n = 0;
    for (const char *c = strstr(text_, part); c != NULL; c = strstr(c + 1, part)) {
        n++;
    }
    return n;
}

static void read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    p.out_size = read_captured(file, p.out, sizeof p.out);
}

START_TEST(attention_can_be_drawn)
{
    char title[128];
    char arguments[256];
    snprintf(arguments, sizeof arguments, "attention %s --svg out " SMALL, DOCUMENT);
    run(arguments);
    assert_done();
    ck_assert_ptr_nonnull(strstr(p.out, "Layer 1, head 1")); // it is also printed
    read_file("out");
    ck_assert_uint_eq(count_text(p.out, "<rect "), N_LAYER * N_HEAD * T * (T + 1) / 2);
    ck_assert_uint_eq(count_text(p.out, "<g "), count_text(p.out, "</g>"));
    ck_assert_ptr_nonnull(strstr(p.out, "&#x1f600;"));
    double weight = find_node("pos3.layer1.attn.head1.weight[2]")->data;
    snprintf(title, sizeof title,
             "fill-opacity=\"%.4f\"><title>position 3 gives the weight %.17g to position 2<",
             weight, weight);
    ck_assert_msg(strstr(p.out, title) != NULL, "no %s", title);
    ck_assert_str_eq(p.out + p.out_size - 7, "</svg>\n");
    run("attention b --svg data " SMALL);
    assert_failed(2, "data", "is the data file");
    run("attention b --svg no/out " SMALL);
    assert_failed(1, "no/out", "No such file");
}
END_TEST

// ---- graph ----

// Compares each selected node with the one in the dump.
static void check_nodes(const json_t *nodes)
{
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        const json_t *children = get(node, "children");
        const json_t *local_grads = get(node, "local_grads");
        const DumpNode *expected = &dump[(size_t)number(node, "id")];
        ck_assert_str_eq(text(node, "path"), expected->path);
        ck_assert_str_eq(text(node, "op"), expected->op);
        assert_same_double(number(node, "data"), expected->data, expected->path);
        assert_same_double(number(node, "grad"), expected->grad, expected->path);
        ck_assert_uint_eq(json_array_size(children), (size_t)expected->n_children);
        for (size_t k = 0; k < json_array_size(children); k++) {
            ck_assert_uint_eq((size_t)json_integer_value(json_array_get(children, k)),
                              expected->children[k]);
            assert_same_double(json_number_value(json_array_get(local_grads, k)),
                               expected->local_grads[k], expected->path);
        }
    }
}

typedef struct ChoiceCase {
    const char *arguments;
    size_t n;         // how many nodes there should be
    const char *path; // one of them
} ChoiceCase;

static const ChoiceCase choice_cases[] = {
    {"graph --depth 0", 1, "loss"},
    {"graph --depth 1", 3, "loss.sum"},
    {"graph", 5, "pos5.loss"},
    {"graph --node wte[3,2]", 1, "wte[3,2]"},
    {"graph --node wte --depth 0", VOCAB *N_EMBD, "wte[4,3]"},
    {"graph --node layer1.attn_wk --depth 0", N_EMBD *N_EMBD, "layer1.attn_wk[3,3]"},
    {"graph --node pos0.embed[1] --depth 99", 3, "wte[4,1]"},
    {"graph --node pos0.norm[1] --depth 8", 24,
     "wte[4,1]"}, // reached by a short path and by a long one
    {"graph --node pos0.embed --depth 0", N_EMBD, "pos0.embed[3]"},
    {"graph --node pos1.layer0.attn.head1 --depth 0", 37, "pos1.layer0.attn.head1.weight[1]"},
    {"graph --node pos2.layer0.attn.q[1] --depth 1", 3, "pos2.layer0.attn.q[1].mul[3]"},
    {"graph --node pos2.layer0.attn.q[1].mul[2]", 5, "pos2.norm[2]"}, // (its norm's: x and scale)
    {"graph --op log --depth 0", T, "pos5.loss.log"},
    {"graph --op log --depth 1", 2 * T, "pos5.prob[4]"},
    {"graph --op pow --node pos0.layer1 --depth 0", 2 + N_HEAD, "pos0.layer1.mlp.norm.scale"},
    {"graph --op mul --node pos2.layer0.attn.q[1] --depth 0", N_EMBD,
     "pos2.layer0.attn.q[1].mul[0]"},
    {"graph --op relu --node pos0.layer1 --depth 0", 4 * N_EMBD, "pos0.layer1.mlp.fc1[15].relu"},
};

START_TEST(graph_chooses_by_name_operation_and_depth)
{
    const ChoiceCase *c = &choice_cases[_i];
    json_t *root = run_json(c->arguments);
    const json_t *nodes = get(root, "nodes");
    find(nodes, "path", c->path, 0);
    ck_assert_uint_eq(json_array_size(nodes), c->n);
    ck_assert_double_eq(number(root, "n_nodes"), (double)n_dump);
    check_nodes(nodes);
    json_decref(root);
}
END_TEST

// A node is marked if some of its children are not shown.
START_TEST(a_node_is_cut_where_children_are_missing)
{
    json_t *root = run_json("graph --depth 1");
    const json_t *nodes = get(root, "nodes");
    ck_assert(json_is_true(get(find(nodes, "path", "loss.sum", 0), "is_cut")));
    ck_assert(json_is_false(get(find(nodes, "path", "loss", 0), "is_cut")));
    ck_assert(json_is_false(get(find(nodes, "path", "loss.const", 0), "is_cut")));
    json_decref(root);
}
END_TEST

// The drawing of a dump of the document is that of the document.
START_TEST(a_dump_is_drawn_like_its_document)
{
    char arguments[256];
    char drawing[sizeof p.out];
    run("nodes --step 1 --names --output full " SMALL);
    snprintf(arguments, sizeof arguments, "%s " SMALL, choice_cases[_i].arguments);
    run(arguments);
    assert_done();
    strcpy(drawing, p.out);
    snprintf(arguments, sizeof arguments, "%s --dump full", choice_cases[_i].arguments);
    run(arguments);
    assert_done();
    ck_assert_str_eq(p.out, drawing);
}
END_TEST

// A dump without names has those of the model; its first line has the sizes.
START_TEST(a_dump_of_the_model_needs_no_names)
{
    char drawing[sizeof p.out];
    run("nodes --step 1 --output full " SMALL);
    run("graph --node pos1.layer1.attn.q " SMALL);
    strcpy(drawing, p.out);
    run("graph --dump full --node pos1.layer1.attn.q");
    assert_done();
    ck_assert_str_eq(p.out, drawing);
}
END_TEST

// Other programs have other operations and names, a node with three children or the same one twice,
// and perhaps no gradients.
START_TEST(a_dump_of_another_program_is_drawn)
{
    write_text("full", "0 2 - [] [] leaf a|\"b\\{c}<d>&e\n"
                       "1 4 2 [0 0] [2 2] mul b\n"
                       "2 8 0.5 [0 1 1] [1 3 -1] <sub> c\n");
    run("graph --dump full");
    assert_done();
    assert_printed("n0 [label=\"a\\|\\\"b\\\\\\{c\\}\\<d\\>&amp;e | data 2\"];");
    assert_printed("op2 [shape=ellipse, label=\"\\<sub\\>\"];");
    assert_printed("n1 -> op2 [label=\"3 * 0.5 = 1.5\"];");
    assert_printed("n1 -> op2 [label=\"-1 * 0.5 = -0.5\"];");
    ck_assert_uint_eq(count_text(p.out, "n0 -> op1 [label=\"2 * 2 = 4\"];"), 2);
    run("graph --dump full --json --op leaf --depth 0");
    assert_done();
    assert_printed("\"dump\": \"full\"");
    assert_printed("\"grad\": null");
    write_text("full", "0 2 - [] [] leaf a\n1 4 - [0] [2] double b\n");
    run("graph --dump full");
    assert_printed("n0 -> op1 [label=\"2\"];");
}
END_TEST

static const BadLoad bad_dumps[] = {
    {1, "graph --dump missing", "missing", "No such file"},
    {1, "graph --dump data", "data", "1: "},
    {1, "graph --dump sparse", "sparse", "has no graph"},
    {1, "graph --dump nameless", "nameless", "has no names"},
    {1, "graph --dump -", "standard input", "has no graph"},
    {2, "graph --dump named --node c", "--node", "'c' is not a node of named"},
    {2, "graph --dump named --op exp", "--op", "no exp in named"},
};

START_TEST(a_dump_that_cannot_be_drawn_is_one_line)
{
    const BadLoad *c = &bad_dumps[_i];
    write_text("sparse", "a 2 1\n");
    write_text("nameless", "0 2 1 [] []\n1 4 1 [0] [2]\n");
    write_text("named", "0 2 1 [] [] leaf a\n1 4 1 [0] [2] double b\n");
    p.stdin_text = "a 2 1\n";
    run(c->arguments);
    assert_failed(c->status, c->named, c->why);
    ck_assert_str_eq(p.out, "");
}
END_TEST

START_TEST(a_drawing_has_boxes_circles_and_edges)
{
    const DumpNode *embed = find_node("pos0.embed[1]");
    const DumpNode *wte = find_node("wte[4,1]");
    size_t id = (size_t)(embed - dump);
    run("graph --node pos0.embed[1] " SMALL);
    assert_done();
    ck_assert_ptr_nonnull(strstr(p.out, "\ndigraph microgpt {\n"));
    assert_printed("n%zu [label=\"pos0.embed[1] | data %.4g | grad %.4g\"];", id, embed->data,
                   embed->grad);
    assert_printed("n%zu [label=\"wte[4,1] | data %.4g | grad %.4g\", class=param, style=filled",
                   embed->children[0], wte->data, wte->grad);
    assert_printed("op%zu [shape=ellipse, label=\"add\"];", id);
    assert_printed("op%zu -> n%zu;", id, id);
    for (int i = 0; i < 2; i++) {
        assert_printed("n%zu -> op%zu [label=\"1 * %.4g = %.4g\"];", embed->children[i], id,
                       embed->grad, embed->grad);
    }
    ck_assert_uint_eq(count_text(p.out, "->"), 3);
    run("graph --node pos0.embed[1] --depth 0 " SMALL);
    ck_assert_ptr_nonnull(strstr(p.out, "style=dashed"));
    ck_assert_uint_eq(count_text(p.out, "->"), 1);
}
END_TEST

// Installs a program `dot` that is found before any other.
static void install_dot(const char *script)
{
    mkdir("bin", 0700);
    write_text("bin/dot", script);
    ck_assert_int_eq(chmod("bin/dot", 0700), 0);
    setenv("PATH", "bin:/bin:/usr/bin", 1);
}

START_TEST(svg_is_made_by_dot)
{
    run("graph " SMALL);
    char drawing[sizeof p.out];
    strcpy(drawing, p.out);
    install_dot("#!/bin/sh\n[ \"$*\" = -Tsvg ] && echo '<svg>' && cat && echo '</svg>'\n");
    run("graph --format svg --output out " SMALL);
    assert_done();
    ck_assert_str_eq(p.out, "");
    read_file("out");
    ck_assert_uint_eq(p.out_size, strlen(drawing) + 13);
    ck_assert_ptr_nonnull(strstr(p.out, drawing));
    run("graph --format svg " SMALL);
    assert_done();
    ck_assert_ptr_nonnull(strstr(p.out, drawing));
}
END_TEST

START_TEST(without_dot_the_old_file_stays)
{
    write_text("out", "old");
    setenv("PATH", "nowhere", 1);
    run("graph --format svg --output out " SMALL);
    assert_failed(1, "dot: is not installed", "--format dot");
    install_dot("#!/bin/sh\necho half; echo trouble >&2; exit 3\n");
    run("graph --format svg --output out " SMALL);
    assert_failed(1, "dot", "exit status 3");
    install_dot("#!/bin/sh\nkill -9 $$\n");
    run("graph --format svg --output out " SMALL);
    assert_failed(1, "dot", "signal 9");
    read_file("out");
    ck_assert_str_eq(p.out, "old");
}
END_TEST

// Runs the real dot, if it is installed: it must understand its input.
START_TEST(graphviz_draws_it)
{
    if (access("/usr/bin/dot", X_OK) != 0) {
        return;
    }
    setenv("PATH", "/usr/bin:/bin", 1);
    run("graph --format svg --node pos0.embed[1] " SMALL);
    assert_done();
    ck_assert_uint_eq(count_text(p.out, "<g id=\"node"), 4); // three boxes, one circle
    ck_assert_uint_eq(count_text(p.out, "<g id=\"edge"), 3);
    ck_assert_ptr_nonnull(strstr(p.out, "pos0.embed[1]"));
    ck_assert_uint_eq(count_text(p.out, "<g id=\"node1\" class=\"node param\">"), 1);
    ck_assert_uint_eq(count_text(p.out, "<style>"), 1);
}
END_TEST

// ---- gradcheck ----

START_TEST(gradients_are_checked_and_the_worst_are_named)
{
    json_t *root = run_json("gradcheck");
    const json_t *worst = get(root, "worst");
    double error_before = number(root, "worst_error");
    ck_assert(json_is_true(get(root, "good")));
    ck_assert_double_eq(number(root, "n_measured"), N_PARAMS);
    ck_assert_double_le(error_before, 1e-6);
    ck_assert_double_gt(error_before, 0);
    ck_assert_uint_eq(json_array_size(worst), 10);
    for (size_t i = 0; i < json_array_size(worst); i++) {
        const json_t *param = json_array_get(worst, i);
        double error = number(param, "error");
        assert_same_double(number(param, "backward"), find_node(text(param, "name"))->grad,
                           text(param, "name"));
        ck_assert_double_eq_tol(number(param, "measured"), number(param, "backward"), 1e-8);
        ck_assert_double_ne(number(param, "measured"), number(param, "backward"));
        ck_assert_double_le(error, error_before);
        error_before = error;
    }
    json_decref(root);
}
END_TEST

START_TEST(an_error_above_the_tolerance_is_status_1)
{
    char named[64];
    json_t *root = run_json("gradcheck");
    const json_t *worst = json_array_get(get(root, "worst"), 0);
    snprintf(named, sizeof named, "microgpt: %s: ", text(worst, "name"));
    run("gradcheck --tolerance 1e-15 " SMALL);
    assert_failed(1, named, "--tolerance");
    ck_assert_ptr_nonnull(strstr(p.out, "tolerance 1.0e-15: too large"));
    ck_assert_ptr_nonnull(strstr(p.out, text(worst, "name")));
    json_decref(root);
    run("gradcheck --init-std 1e300 " SMALL);
    assert_failed(1, "wte[0,0]", "not finite");
}
END_TEST

// With this seed, some parameters are so near to the corner of a ReLU that a step of 1e-5 crosses
// it. This would measure half of one slope and half of another, an error of about 1e-3.
START_TEST(a_corner_of_a_relu_is_measured_with_a_smaller_step)
{
    json_t *root = run_json("gradcheck --seed 20");
    ck_assert_double_gt(number(root, "n_small_h"), 0);
    ck_assert_double_eq(number(root, "n_measured"), N_PARAMS);
    ck_assert_double_le(number(root, "worst_error"), 1e-6);
    json_decref(root);
}
END_TEST

// The parameters are nearly zero: the inputs of the ReLUs are 0, where their corner is.
START_TEST(a_parameter_at_a_corner_is_left_out)
{
    json_t *root = run_json("gradcheck --init-std 1e-320");
    ck_assert_double_lt(number(root, "n_measured"), N_PARAMS);
    ck_assert_double_gt(number(root, "n_measured"), 0);
    json_decref(root);
}
END_TEST

// Tests the default model with a short text, because each position takes time.
START_TEST(the_default_model_is_within_1e_6)
{
    if (is_quick()) {
        return;
    }
    run("gradcheck --text a");
    assert_done();
    ck_assert_ptr_nonnull(strstr(p.out, "measured: 4192 of 4192 parameters"));
    ck_assert_ptr_nonnull(strstr(p.out, "tolerance 1.0e-06: good"));
}
END_TEST

START_TEST(the_largest_gradient_of_a_matrix_is_shown)
{
    double largest = 0;
    run("gradcheck --text ab --n-embd 4 --n-head 2 --block-size 4");
    assert_done();
    const char *line = strstr(p.out, "  wte ");
    ck_assert_ptr_nonnull(line);
    ck_assert_int_eq(sscanf(line, "  wte %*d %lf", &largest), 1);
    ck_assert_double_gt(largest, 0.1);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_unchecked_fixture(tcase, make_dump, NULL);
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 0); // Meson's time-out is enough
    suite_add_tcase(suite, tcase);
    return tcase;
}

static void add_tests(Suite *suite)
{
    TCase *line = add_case(suite, "command line");
    tcase_add_loop_test(line, help_names_the_options_of_each_command, 0, COUNT(commands));
    tcase_add_loop_test(line, everything_fits_into_80_columns_of_ascii, 0, COUNT(wide));
    tcase_add_loop_test(line, bad_input_is_one_line_and_status_2, 0, COUNT(bad_cases));
    tcase_add_test(line, the_text_may_stand_anywhere);
    tcase_add_loop_test(line, json_says_what_it_is_about_in_ascii, 0, COUNT(json_cases));
    tcase_add_test(line, numbers_that_are_not_finite_are_null_in_json);
    tcase_add_test(line, num_steps_trains_first);
    TCase *load = add_case(suite, "load");
    tcase_add_loop_test(load, a_loaded_model_is_shown_as_the_trained_one, 0, COUNT(load_cases));
    tcase_add_loop_test(load, a_checkpoint_that_does_not_fit_is_one_line, 0, COUNT(bad_loads));
    tcase_add_test(load, a_graph_that_cannot_fit_is_refused_at_once);
    tcase_add_test(load, the_matrices_of_another_program_are_enough);
    TCase *terminal = add_case(suite, "terminal");
    tcase_add_test(terminal, a_terminal_gets_utf8_and_bold_type_if_it_wants_them);
    tcase_add_test(terminal, a_histogram_in_a_terminal_has_blocks);
    TCase *inspect = add_case(suite, "inspect");
    tcase_add_test(inspect, the_sum_of_parameters_is_written_out);
    tcase_add_test(inspect, every_tensor_is_described);
    TCase *trace = add_case(suite, "trace");
    tcase_add_loop_test(trace, a_stage_has_the_numbers_of_its_nodes, 0, COUNT(stage_cases));
    tcase_add_test(trace, all_stages_are_there_in_their_order);
    tcase_add_test(trace, a_position_has_its_target_and_prediction);
    tcase_add_test(trace, the_way_back_ends_at_the_parameters);
    tcase_add_test(trace, the_printed_trace_has_the_same_numbers);
    TCase *attention = add_case(suite, "attention");
    tcase_add_test(attention, attention_has_the_weights_of_the_graph);
    tcase_add_test(attention, the_printed_triangle_has_the_same_weights);
    tcase_add_test(attention, attention_can_be_drawn);
    TCase *graph = add_case(suite, "graph");
    tcase_add_loop_test(graph, graph_chooses_by_name_operation_and_depth, 0, COUNT(choice_cases));
    tcase_add_test(graph, a_node_is_cut_where_children_are_missing);
    tcase_add_loop_test(graph, a_dump_is_drawn_like_its_document, 0, COUNT(choice_cases));
    tcase_add_test(graph, a_dump_of_the_model_needs_no_names);
    tcase_add_test(graph, a_dump_of_another_program_is_drawn);
    tcase_add_loop_test(graph, a_dump_that_cannot_be_drawn_is_one_line, 0, COUNT(bad_dumps));
    tcase_add_test(graph, a_drawing_has_boxes_circles_and_edges);
    tcase_add_test(graph, svg_is_made_by_dot);
    tcase_add_test(graph, without_dot_the_old_file_stays);
    tcase_add_test(graph, graphviz_draws_it);
    TCase *gradcheck = add_case(suite, "gradcheck");
    tcase_add_test(gradcheck, gradients_are_checked_and_the_worst_are_named);
    tcase_add_test(gradcheck, an_error_above_the_tolerance_is_status_1);
    tcase_add_test(gradcheck, a_corner_of_a_relu_is_measured_with_a_smaller_step);
    tcase_add_test(gradcheck, a_parameter_at_a_corner_is_left_out);
    tcase_add_test(gradcheck, the_default_model_is_within_1e_6);
    tcase_add_test(gradcheck, the_largest_gradient_of_a_matrix_is_shown);
}

int main(int argc, char **argv)
{
    if (!find_program(argc, argv) || !enter_directory()) {
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("look");
    add_tests(suite);
    int status = run_suite(suite);
    leave_directory();
    return status;
}
