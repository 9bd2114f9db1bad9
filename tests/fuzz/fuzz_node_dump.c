// Reads any bytes as two node dumps, with the line `--` between them: each is rejected with one
// line, or is a graph in which children precede their parents. Accepted dumps are compared, and
// reported on as text and as valid JSON.
#include <jansson.h>
#include <string.h>

#include "compare/diff_report.h"
#include "compare/graph_diff.h"
#include "fuzz/fuzz_file.h"

static void must_hold(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void check_graph(const NodeDump *dump)
{
    must_hold(dump->n_nodes > 0 && dump->n_nodes <= DUMP_MAX_NODES, "n_nodes");
    for (size_t node_id = 0; node_id < dump->n_nodes; node_id++) {
        must_hold(dump->first_edge[node_id] <= dump->first_edge[node_id + 1], "first_edge");
        for (uint32_t i = dump->first_edge[node_id]; i < dump->first_edge[node_id + 1]; i++) {
            must_hold(dump->children[i] < node_id, "a child behind its parent");
        }
        must_hold((dump_path(dump, node_id) != NULL) == dump->has_names, "path");
    }
}

static bool read_dump(NodeDump *dump, const uint8_t *bytes, size_t size)
{
    Error error = {""};
    if (!dump_read(dump, fuzz_file(bytes, size), &error)) {
        must_hold(error.message[0] != '\0' && strchr(error.message, '\n') == NULL, "no one line");
        return false;
    }
    check_graph(dump);
    return true;
}

// The smallest model there is: corpora can hold its graph.
static void name_nodes(NodeDump *dump)
{
    static const ModelConfig sizes = {.n_layer = 1, .n_embd = 1, .n_head = 1, .block_size = 1};
    Error error;
    if (!dump->is_sparse && !dump->has_names) {
        must_hold(dump_name_by_model(dump, &sizes, &error), error.message);
        check_graph(dump);
    }
}

static void check_report(const Judgement *judgement)
{
    static FILE *text;
    char *json = NULL;
    size_t size;
    Error error;
    text = text != NULL ? text : fopen("/dev/null", "w");
    FILE *file = open_memstream(&json, &size);
    must_hold(text != NULL && file != NULL, "no memory");
    must_hold(diff_print_text(text, judgement, true, &error), error.message);
    must_hold(diff_print_json(file, judgement, &error), error.message);
    must_hold(fclose(file) == 0, "no memory");
    json_error_t reason;
    size_t flags = JSON_DECODE_INT_AS_REAL; // a distance in ULP may be beyond 63 bits
    json_t *root = json_loadb(json, size, flags, &reason);
    must_hold(root != NULL, reason.text);
    must_hold(json_is_true(json_object_get(root, "same")) == graph_diff_is_same(judgement->diff),
              "same");
    json_decref(root);
    free(json);
}

// What two dumps say of themselves: a few lines of plain ASCII.
static void check_warnings(const NodeDump *a, const NodeDump *b)
{
    char warnings[MAX_ABOUT_WARNINGS][ABOUT_WARNING_BYTES];
    size_t n = dump_about_warn(&a->says, &b->says, warnings);
    must_hold(n <= MAX_ABOUT_WARNINGS, "n_warnings");
    for (size_t i = 0; i < n; i++) {
        for (const char *at = warnings[i]; *at != '\0'; at++) {
            must_hold(*at >= ' ' && *at <= '~', warnings[i]);
        }
    }
}

static void compare(const NodeDump *a, const NodeDump *b, const DiffRules *rules)
{
    GraphDiff diff;
    Error error = {""};
    if (graph_diff(&diff, a, b, rules, &error)) {
        must_hold(a != b || graph_diff_is_same(&diff), "a dump differs from itself");
        Judgement judgement;
        must_hold(judgement_init(&judgement, &diff, &error), error.message);
        check_report(&judgement);
        judgement_free(&judgement);
        graph_diff_free(&diff);
    } else {
        must_hold(error.message[0] != '\0' && strchr(error.message, '\n') == NULL, "no one line");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char between[] = "--\n";
    static const DiffRules exact = {0, NULL};
    static const DiffRules some = {4, "pos?.*"};
    NodeDump a;
    NodeDump b;
    const uint8_t *separator = memmem(bytes, size, between, strlen(between));
    size_t size_a = separator != NULL ? (size_t)(separator - bytes) : size;
    if (!read_dump(&a, bytes, size_a)) {
        return 0;
    }
    name_nodes(&a);
    compare(&a, &a, &exact);
    if (separator != NULL &&
        read_dump(&b, separator + strlen(between), size - size_a - strlen(between))) {
        name_nodes(&b);
        check_warnings(&a, &b);
        compare(&a, &b, &exact);
        compare(&a, &b, &some);
        dump_free(&b);
    }
    dump_free(&a);
    return 0;
}
