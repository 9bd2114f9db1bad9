// `microgpt report`, end to end: the page needs no other files, no text can break out of its data,
// the data are those of the other commands, and a failure leaves no files behind.
//
// What the page does with its data is tested in a browser: see browser/walk.mjs.
#include <check.h>
#include <glob.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <zlib.h>

#include "check_more.h"
#include "cli/cli_more.h"

#define NARROW "--data data --n-layer 2 --n-embd 4 --n-head 2"
#define SMALL NARROW " --block-size 8"

enum {
    MAX_PAGE = 2000000, // the limit of the program
    MAX_JSON = 16 << 20,
    MAX_NODES = 20000,
};

static char page[MAX_PAGE + 2];
static size_t page_size;

static void setup(void)
{
    renew_program();
    empty_directory();
    write_text("data", "anna\nbob\nada\nnoa\ndonna\n");
}

// ---- the page, and the data in it ----

static void read_page(const char *path)
{
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    page_size = fread(page, 1, sizeof page - 1, file);
    page[page_size] = '\0';
    fclose(file);
    ck_assert_uint_le(page_size, MAX_PAGE);
    ck_assert_uint_eq(strlen(page), page_size);
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *place = strchr(digits, c);
    ck_assert_msg(place != NULL && c != '\0', "'%c' is not base64", c);
    return (int)(place - digits);
}

static size_t decode_base64(const char *text, size_t size, unsigned char *bytes)
{
    size_t n = 0;
    ck_assert_uint_eq(size % 4, 0);
    for (size_t i = 0; i < size; i += 4) {
        unsigned group = 0;
        for (size_t k = 0; k < 4; k++) {
            bool is_end = text[i + k] == '=' && i + 4 == size && k >= 2;
            group = group << 6 | (unsigned)(is_end ? 0 : base64_digit(text[i + k]));
        }
        for (int shift = 16; shift >= 0; shift -= 8) {
            bytes[n++] = (unsigned char)(group >> shift);
        }
    }
    while (size > 0 && text[size - 1] == '=') { // each one stands for a missing byte
        size--;
        n--;
    }
    return n;
}

// Writes a report with these options and returns its data.
static json_t *__attribute__((format(printf, 1, 2))) report(const char *format, ...)
{
    static unsigned char packed[MAX_PAGE];
    static char json[MAX_JSON];
    static const char begin[] = "id=\"data\">";
    char arguments[1024] = "report --output page ";
    size_t length = strlen(arguments);
    va_list list;
    va_start(list, format);
    vsnprintf(arguments + length, sizeof arguments - length, format, list);
    va_end(list);
    run(arguments);
    assert_done();
    ck_assert_str_eq(p.out, "");
    read_page("page");
    const char *text = strstr(page, begin) + strlen(begin);
    size_t n_packed = decode_base64(text, strcspn(text, "<"), packed);
    uLongf size = sizeof json;
    uLong n_read = n_packed;
    ck_assert_int_eq(uncompress2((Bytef *)json, &size, packed, &n_read), Z_OK);
    ck_assert_uint_eq(n_read, n_packed);
    for (size_t i = 0; i < size; i++) {
        ck_assert_msg((json[i] >= ' ' && json[i] <= 0x7f) || json[i] == '\n', "not ASCII");
    }
    json_error_t error;
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    ck_assert_msg(root != NULL, "%s", error.text);
    return root;
}

static json_t *get(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    ck_assert_msg(value != NULL, "no %s", key);
    return value;
}

static double number_at(const json_t *array, size_t i)
{
    ck_assert_msg(i < json_array_size(array), "%zu of %zu", i, json_array_size(array));
    return json_number_value(json_array_get(array, i));
}

static long long integer_at(const json_t *array, size_t i)
{
    ck_assert_msg(json_is_integer(json_array_get(array, i)), "not an integer");
    return json_integer_value(json_array_get(array, i));
}

// Formats the samples as microgpt run prints them.
static void format_samples(const json_t *root, char *text, size_t size)
{
    size_t n = (size_t)snprintf(text, size, "--- inference (new, hallucinated names) ---\n");
    const json_t *samples = get(root, "samples");
    for (size_t i = 0; i < json_array_size(samples); i++) {
        const json_t *sample = json_array_get(samples, i);
        n += (size_t)snprintf(text + n, size - n, "sample %2zu: ", i + 1);
        for (size_t k = 0; k < json_array_size(sample); k++) {
            const char *letter = json_string_value(json_array_get(sample, k));
            n += (size_t)snprintf(text + n, size - n, "%s", letter);
        }
        n += (size_t)snprintf(text + n, size - n, "\n");
    }
}

static void assert_printed_samples(const json_t *root)
{
    char expected[8192];
    format_samples(root, expected, sizeof expected);
    size_t n = strlen(expected);
    ck_assert_uint_ge(p.out_size, n);
    ck_assert_msg(strcmp(p.out + p.out_size - n, expected) == 0, "%.500s and not %.500s", p.out,
                  expected);
}

// ---- the page alone ----

static size_t count_of(const char *text)
{
    size_t n = 0;
    for (const char *c = strstr(page, text); c != NULL; c = strstr(c + 1, text)) {
        n++;
    }
    return n;
}

START_TEST(the_page_needs_nothing_else)
{
    json_decref(report("--num-steps 2"));
    ck_assert_uint_lt(page_size, 200000);
    ck_assert_uint_eq(count_of("://"), 1); // the namespace of SVG, which no browser downloads
    ck_assert_uint_eq(count_of("\"http://www.w3.org/2000/svg\""), 1);
    ck_assert_uint_eq(count_of("src="), 0);
    ck_assert_uint_gt(count_of("href=\"#"), 0);
    ck_assert_uint_eq(count_of("href="), count_of("href=\"#"));
    ck_assert_uint_eq(count_of("url("), 0);
    ck_assert_uint_eq(count_of("@import"), 0);
    ck_assert_uint_eq(count_of("import("), 0);
    ck_assert_uint_eq(count_of("fetch("), 0);
    ck_assert_uint_eq(count_of("XMLHttp"), 0);
    ck_assert_uint_eq(count_of("default-src 'none'"), 1);
    ck_assert_uint_eq(count_of("unsafe"), 0);
    ck_assert_uint_eq(count_of("innerHTML"), 0);
    ck_assert_uint_eq(count_of("</script>"), 2);
    ck_assert_uint_eq(count_of("</style>"), 1);
}
END_TEST

// Characters with a meaning in HTML, scripts or JSON, and one of four bytes.
START_TEST(no_text_breaks_out_of_the_page)
{
    static const char *const texts[] = {
        "</script><b>", "<!--",         "\"'&amp;",           "\\u003c\\",
        "]]>",          "\x01\x7f\x1b", "\U0001f600</style>",
    };
    FILE *file = fopen("data", "w");
    for (int i = 0; i < COUNT(texts); i++) {
        fprintf(file, "%s\n", texts[i]);
    }
    ck_assert_int_eq(fclose(file), 0);
    char plain[64];
    json_decref(report("--num-steps 3 " SMALL));
    snprintf(plain, sizeof plain, "%zu %zu %zu", count_of("</script"), count_of("<!--"),
             count_of("<b>"));
    ck_assert_str_eq(plain, "2 0 0");
    for (int i = 0; i < COUNT(texts); i++) {
        json_t *root = report("--num-steps 0 --block-size 16 " NARROW " --text %s", texts[i]);
        ck_assert_str_eq(json_string_value(get(root, "text")), texts[i]);
        ck_assert_uint_eq(count_of("</script"), 2);
        ck_assert_uint_eq(count_of("</style"), 1);
        ck_assert_uint_eq(count_of("<!--"), 0);
        json_decref(root);
    }
}
END_TEST

// Base64 ends in three ways, with no, one or two `=`; report() decodes it.
START_TEST(data_of_any_size_are_encoded)
{
    bool is_met[3] = {false};
    for (int n = 0; n < 20; n++) {
        json_decref(report("--num-steps 0 --num-samples %d " SMALL, n));
        const char *end = strstr(strstr(page, "id=\"data\">"), "</script>");
        is_met[(end[-1] == '=') + (end[-2] == '=')] = true;
    }
    ck_assert(is_met[0] && is_met[1] && is_met[2]);
}
END_TEST

START_TEST(the_same_run_is_the_same_page)
{
    static char first[sizeof page];
    json_decref(report("--num-steps 3 " SMALL));
    memcpy(first, page, sizeof page);
    json_decref(report("--num-steps 3 " SMALL));
    ck_assert(memcmp(first, page, sizeof page) == 0);
    json_decref(report("--num-steps 4 " SMALL));
    ck_assert(memcmp(first, page, sizeof page) != 0);
}
END_TEST

START_TEST(help_has_the_options_of_sampling)
{
    run("report --help");
    assert_done();
    ck_assert_ptr_nonnull(strstr(p.out, "usage: microgpt report --output FILE "));
    ck_assert_ptr_nonnull(strstr(p.out, "\n  --num-samples N "));
    ck_assert_ptr_nonnull(strstr(p.out, "\n  --temperature X "));
    ck_assert_ptr_nonnull(strstr(p.out, "documents to train on (default: 1000)"));
    ck_assert_ptr_null(strstr(p.out, "--json"));
    ck_assert_ptr_null(strstr(p.out, "--engine"));
}
END_TEST

// ---- the data ----

// Compares the losses with the log of the same run, and the samples with its output.
START_TEST(a_report_has_the_losses_and_names_of_the_run)
{
    json_t *root = report("--num-steps 7 --num-samples 5 --temperature 0.7 --seed 3 " SMALL);
    run("run --num-steps 7 --num-samples 5 --temperature 0.7 --seed 3 --log log " SMALL);
    assert_done();
    assert_printed_samples(root);
    const json_t *losses = get(root, "losses");
    ck_assert_uint_eq(json_array_size(losses), 7);
    FILE *log = fopen("log", "r");
    char line[256];
    ck_assert_ptr_nonnull(fgets(line, sizeof line, log)); // the names of the columns
    for (size_t i = 0; i < 7; i++) {
        ck_assert_ptr_nonnull(fgets(line, sizeof line, log));
        assert_same_double(number_at(losses, i), strtod(strchr(line, '\t'), NULL), "loss");
    }
    fclose(log);
    ck_assert_str_eq(json_string_value(get(root, "seed")), "3");
    ck_assert(json_is_false(get(root, "is_loaded")));
    json_decref(root);
}
END_TEST

START_TEST(a_report_trains_as_long_as_a_run)
{
    json_t *root = report("--data data --n-layer 0 --n-embd 1 --n-head 1");
    ck_assert_uint_eq(json_array_size(get(root, "losses")), 1000);
    ck_assert_uint_eq(json_array_size(get(root, "samples")), 20);
    json_decref(root);
}
END_TEST

// A report of a checkpoint has no losses and the names that microgpt sample prints; the rest is the
// same.
START_TEST(a_report_of_a_checkpoint_is_that_of_its_run)
{
    static const char *const same[] = {"model",  "matrices",   "letters", "graph", "loss",
                                       "tokens", "vocabulary", "text",    "seed",  "samples"};
    run("train --save checkpoint --num-steps 7 --seed 3 " SMALL);
    assert_done();
    json_t *trained = report("--num-steps 7 --seed 3 " SMALL);
    json_t *loaded = report("--load checkpoint --data data");
    ck_assert_uint_eq(json_array_size(get(loaded, "losses")), 0);
    ck_assert(json_is_true(get(loaded, "is_loaded")));
    for (int i = 0; i < COUNT(same); i++) {
        ck_assert_msg(json_equal(get(loaded, same[i]), get(trained, same[i])), "%s", same[i]);
    }
    run("sample --load checkpoint");
    assert_done();
    assert_printed_samples(loaded);
    json_decref(loaded);
    loaded = report("--load checkpoint --text ana --num-samples 3 --temperature 0.9");
    run("sample --load checkpoint --num-samples 3 --temperature 0.9");
    assert_done();
    assert_printed_samples(loaded);
    ck_assert_str_eq(json_string_value(get(loaded, "text")), "ana");
    json_decref(loaded);
    json_decref(trained);
}
END_TEST

// How far the lists of a packed graph have been read.
typedef struct Unpacking {
    const json_t *children;
    const json_t *numbers;
    long long last[7][2];
    size_t n_children;
    size_t n_numbers;
} Unpacking;

static void assert_next_number(Unpacking *packed, double expected, const char *what)
{
    assert_same_double(number_at(packed->numbers, packed->n_numbers), expected, what);
    packed->n_numbers++;
}

// Compares a line of the dump, `index data grad [children] [local gradients]`, with the node as the
// page unpacks it.
static void check_node(Unpacking *packed, int op, char *line, double *data, double *grad)
{
    static const int arity[] = {0, 2, 2, 1, 1, 1, 1};
    enum {
        LEAF = 0,
        POW = 3,
        LOG = 4,
        EXP = 5
    };
    char *next = strchr(line, ' ');
    *data = strtod(next, &next);
    *grad = strtod(next, &next);
    next = strchr(next, '[') + 1;
    for (int i = 0; i < arity[op]; i++) {
        packed->last[op][i] += integer_at(packed->children, packed->n_children);
        ck_assert_int_eq(strtoll(next, &next, 10), packed->last[op][i]);
        packed->n_children++;
    }
    ck_assert_int_eq(*next, ']');
    if (op == LEAF || op == POW || op == LOG || op == EXP) {
        assert_next_number(packed, *data, "data");
    }
    if (op == POW) {
        assert_next_number(packed, strtod(strchr(next, '[') + 1, NULL), "local gradient");
    }
}

START_TEST(the_graph_is_the_one_of_the_dump)
{
    static double data[MAX_NODES];
    static double grads[MAX_NODES];
    json_t *root = report("--num-steps 0 --num-samples 0 " SMALL);
    run("nodes --step 1 --output dump " SMALL);
    assert_done();
    const json_t *graph = get(root, "graph");
    const char *ops = json_string_value(get(graph, "ops"));
    Unpacking packed = {.children = get(graph, "children"), .numbers = get(graph, "numbers")};
    size_t n_nodes = 0;
    char line[1024];
    FILE *dump = fopen("dump", "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, dump)); // the description
    for (; fgets(line, sizeof line, dump) != NULL; n_nodes++) {
        ck_assert_uint_lt(n_nodes, MAX_NODES);
        check_node(&packed, ops[n_nodes] - '0', line, &data[n_nodes], &grads[n_nodes]);
    }
    fclose(dump);
    ck_assert_uint_gt(n_nodes, 1000);
    ck_assert_uint_eq(strlen(ops), n_nodes);
    ck_assert_uint_eq(json_array_size(packed.children), packed.n_children);
    ck_assert_uint_eq(json_array_size(packed.numbers), packed.n_numbers);
    uLong crc = crc32(0, (const Bytef *)data, (uInt)(n_nodes * sizeof *data)); // x86 is
    crc = crc32(crc, (const Bytef *)grads, (uInt)(n_nodes * sizeof *grads));   // little-endian
    ck_assert_int_eq(json_integer_value(get(graph, "crc32")), (long long)crc);
    json_decref(root);
}
END_TEST

// loss = (a * b + a) ** 2, with a = 2 and b = -3.
START_TEST(the_page_begins_with_five_nodes)
{
    static const char *const node_names[] = {"a", "b", "c", "d", "loss"};
    static const double numbers[] = {2, -3, 16,
                                     -8}; // data for leaves; for the power, data and gradient
    static const double data_and_grads[] = {2, -3, -6, -4, 16, 16, -16, -8, -8, 1};
    json_t *root = report("--num-steps 0 --num-samples 0 " SMALL);
    const json_t *graph = get(root, "expression");
    ck_assert_str_eq(json_string_value(get(graph, "ops")), "00213");
    ck_assert_int_eq(json_integer_value(get(graph, "n_params")), 2);
    for (size_t i = 0; i < 5; i++) {
        const json_t *name = json_array_get(get(get(graph, "scopes"), "names"), i);
        ck_assert_str_eq(json_string_value(name), node_names[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_same_double(number_at(get(graph, "numbers"), i), numbers[i], "number");
    }
    uLong crc = crc32(0, (const Bytef *)data_and_grads, sizeof data_and_grads);
    ck_assert_int_eq(json_integer_value(get(graph, "crc32")), (long long)crc);
    json_decref(root);
}
END_TEST

// The page of that step says that a debugger can stop there.
START_TEST(the_first_step_is_one_before_any_training)
{
    static const char *const others[] = {"--num-steps 1", "--num-steps 0 --text ana"};
    json_t *root = report("--num-steps 0 --num-samples 0 " SMALL);
    ck_assert(json_is_true(get(root, "is_first_step")));
    json_decref(root);
    for (int i = 0; i < COUNT(others); i++) {
        root = report("%s --num-samples 0 " SMALL, others[i]);
        ck_assert(json_is_false(get(root, "is_first_step")));
        json_decref(root);
    }
    run("train --save checkpoint --num-steps 0 " SMALL);
    assert_done();
    root = report("--load checkpoint --data data");
    ck_assert(json_is_false(get(root, "is_first_step")));
    json_decref(root);
}
END_TEST

START_TEST(matrices_are_those_of_inspect)
{
    json_t *root = report("--num-steps 2 " SMALL);
    run("inspect --num-steps 2 --json " SMALL);
    assert_done();
    json_t *inspected = json_loads(p.out, 0, NULL);
    const json_t *tensors = get(inspected, "tensors");
    const json_t *matrices = get(root, "matrices");
    ck_assert_uint_eq(json_array_size(matrices), 3 + 2 * 6);
    ck_assert_uint_eq(json_array_size(tensors), json_array_size(matrices));
    for (size_t i = 0; i < json_array_size(matrices); i++) {
        const json_t *matrix = json_array_get(matrices, i);
        const json_t *tensor = json_array_get(tensors, i);
        ck_assert_str_eq(json_string_value(get(matrix, "name")),
                         json_string_value(get(tensor, "name")));
        ck_assert(json_equal(get(matrix, "min"), get(tensor, "min")));
        ck_assert(json_equal(get(matrix, "mean"), get(tensor, "mean")));
        long long sum = 0;
        const json_t *bins = get(matrix, "bins");
        for (size_t bin = 0; bin < json_array_size(bins); bin++) {
            sum += integer_at(bins, bin);
        }
        ck_assert_int_eq(sum, json_integer_value(get(matrix, "n_out")) *
                                  json_integer_value(get(matrix, "n_in")));
    }
    json_decref(inspected);
    json_decref(root);
}
END_TEST

START_TEST(the_tokens_are_those_of_the_text)
{
    json_t *root = report("--num-steps 0 --text anna " SMALL);
    json_t *expected = json_pack("[nssssn]", "a", "n", "n", "a");
    ck_assert(json_equal(get(root, "tokens"), expected));
    json_decref(expected);
    json_decref(root);
}
END_TEST

START_TEST(a_letter_is_a_point)
{
    json_t *root = report("--num-steps 2 " SMALL);
    size_t vocab_size = json_array_size(get(root, "vocabulary"));
    ck_assert_uint_eq(vocab_size, 5 + 1); // a b d n o, BOS
    ck_assert(json_is_null(json_array_get(get(root, "vocabulary"), vocab_size - 1)));
    const json_t *letters = get(root, "letters");
    ck_assert_uint_eq(json_array_size(get(letters, "points")), 2 * vocab_size);
    double first = number_at(get(letters, "share"), 0);
    double second = number_at(get(letters, "share"), 1);
    ck_assert(first >= second && second > 0 && first + second <= 1);
    json_decref(root);
}
END_TEST

// ---- failures ----

typedef struct BadCase {
    int status;
    const char *arguments;
    const char *named;
    const char *why;
} BadCase;

static const BadCase bad_cases[] = {
    {2, "report", "--output", "name the file to write"},
    {2, "report --output=", "--output", "needs a FILE"},
    {2, "report emma", "emma", "not an option"},
    {2, "report --output page --json", "--json", "no such option"},
    {2, "report --output page --engine tensor", "--engine", "no such option"},
    {2, "report --output page --text EMMA", "--text", "character 1 (U+0045, 'E')"},
    {2, "report --output page --num-steps 50001", "--num-steps", "at most 50000 losses"},
    {2, "report --output page --num-samples 1001", "--num-samples", "at most 1000 names"},
    {2, "report --output page --n-embd 92", "parameters are too many for a page (at most 100000)",
     "--n-embd"},
    {2, "report --output page --n-embd 36 --n-layer 5 --block-size 64 --text abcdefghijklmno",
     "nodes are too many for a page (at most 500000)", "--text"},
    {2, "report --output data --data data", "--output: data", "is the data file"},
    {2, "report --output good --load good", "--output: good", "is the checkpoint"},
    {2, "report --output page --load good --num-steps 3", "--num-steps", "determined by the file"},
    {1, "report --output page --load missing", "missing", "No such file"},
    // Fails before the training, which would take minutes.
    {1, "report --output missing/page --num-steps 50000 --n-embd 32", "missing/page",
     "No such file"},
    {1, "report --output .", ".", "is not a regular file"},
    {1, "report --output page --num-steps 2 --init-std 1e300", "step 1",
     "try a smaller --learning-rate"},
    {1, "report --output page --num-steps 0 --init-std 1e300", "not finite", "--init-std"},
    {1, "report --output page --num-steps 0 --init-std 1e300 --num-samples 0 --text a",
     "a number that is not finite", "--init-std"},
};

// A checkpoint of another program, without a layer: its row of wte for the letter b is so large
// that its square is not finite. A document without b has a loss.
static void write_large_numbers(const char *path)
{
    static const double numbers[] = {0.1, 1e200, -0.1, 0.1, 0.2, 0.3, 0.1, 0.2}; // x86 is
    char file[1024] = {0};                                                       // little-endian
    int n = snprintf(file + 8, sizeof file - 8, "%-400s",
                     "{\"__metadata__\":{\"n_head\":\"1\",\"vocabulary\":\"ab\"},"
                     "\"wte\":{\"dtype\":\"F64\",\"shape\":[3,1],\"data_offsets\":[0,24]},"
                     "\"wpe\":{\"dtype\":\"F64\",\"shape\":[2,1],\"data_offsets\":[24,40]},"
                     "\"lm_head\":{\"dtype\":\"F64\",\"shape\":[3,1],\"data_offsets\":[40,64]}}");
    uint64_t header_size = (uint64_t)n;
    memcpy(file, &header_size, sizeof header_size);
    memcpy(file + 8 + n, numbers, sizeof numbers);
    write_bytes(path, file, 8 + (size_t)n + sizeof numbers);
}

// The loss is finite, but a page cannot show the standard deviation of wte.
START_TEST(numbers_too_large_for_the_statistics_are_refused)
{
    write_large_numbers("large");
    run("trace --load large a");
    assert_done();
    run("report --output page --load large --text a --num-samples 0");
    assert_refused(1, "wte", "too large for the statistics of a page");
    ck_assert_int_ne(access("page", F_OK), 0);
}
END_TEST

static const char OLD[] = "an older page\n";

START_TEST(a_failure_is_one_line_and_the_old_page_stays)
{
    const BadCase *c = &bad_cases[_i];
    glob_t left;
    run("train --num-steps 1 --save good " SMALL);
    assert_done();
    write_text("page", OLD);
    run(c->arguments);
    assert_refused(c->status, c->named, c->why);
    read_page("page");
    ck_assert_str_eq(page, OLD);
    ck_assert_int_eq(glob(".microgpt-save-*", 0, NULL, &left), GLOB_NOMATCH);
}
END_TEST

// The disk gets full while the page is being written.
START_TEST(a_page_that_cannot_be_written_leaves_the_old_one)
{
    glob_t left;
    write_text("page", OLD);
    p.file_size = 10000;
    run("report --output page --num-steps 1 " SMALL);
    assert_refused(1, "page", "cannot be saved");
    read_page("page");
    ck_assert_str_eq(page, OLD);
    ck_assert_int_eq(glob(".microgpt-save-*", 0, NULL, &left), GLOB_NOMATCH);
}
END_TEST

START_TEST(an_old_page_is_replaced)
{
    write_text("page", OLD);
    json_decref(report("--num-steps 0 " SMALL));
    ck_assert_uint_eq(count_of("an older page"), 0);
    ck_assert_uint_eq(count_of("<!DOCTYPE html>"), 1);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *tcase = tcase_create("report");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 0); // Meson's time-out is enough
    tcase_add_test(tcase, the_page_needs_nothing_else);
    tcase_add_test(tcase, no_text_breaks_out_of_the_page);
    tcase_add_test(tcase, data_of_any_size_are_encoded);
    tcase_add_test(tcase, the_same_run_is_the_same_page);
    tcase_add_test(tcase, help_has_the_options_of_sampling);
    tcase_add_test(tcase, a_report_has_the_losses_and_names_of_the_run);
    tcase_add_test(tcase, a_report_trains_as_long_as_a_run);
    tcase_add_test(tcase, a_report_of_a_checkpoint_is_that_of_its_run);
    tcase_add_test(tcase, the_graph_is_the_one_of_the_dump);
    tcase_add_test(tcase, the_page_begins_with_five_nodes);
    tcase_add_test(tcase, the_first_step_is_one_before_any_training);
    tcase_add_test(tcase, matrices_are_those_of_inspect);
    tcase_add_test(tcase, the_tokens_are_those_of_the_text);
    tcase_add_test(tcase, a_letter_is_a_point);
    tcase_add_test(tcase, numbers_too_large_for_the_statistics_are_refused);
    tcase_add_loop_test(tcase, a_failure_is_one_line_and_the_old_page_stays, 0, COUNT(bad_cases));
    tcase_add_test(tcase, a_page_that_cannot_be_written_leaves_the_old_one);
    tcase_add_test(tcase, an_old_page_is_replaced);
    suite_add_tcase(suite, tcase);
}

int main(int argc, char **argv)
{
    if (!find_program(argc, argv) || !enter_directory()) {
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("report");
    add_tests(suite);
    int status = run_suite(suite);
    leave_directory();
    return status;
}
