// Reads any bytes as two node dumps, with the line `--` between them: each is rejected with one
// line, or is a graph in which children precede their parents. Accepted dumps are compared, and
// reported on as text and as valid JSON.
#include "compare/diff_report.h"
#include "compare/graph_diff.h"
#include "fuzz/fuzz_pair.h"

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
        must_be_one_line(&error);
        return false;
    }
    check_graph(dump);
    return true;
}

// Names the nodes by the smallest possible model, so that a corpus can contain its graph.
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
    char *json = NULL;
    size_t size;
    Error error;
    FILE *file = open_memstream(&json, &size);
    must_hold(file != NULL, "no memory");
    must_hold(diff_print_text(fuzz_nowhere(), judgement, true, &error), error.message);
    must_hold(diff_print_json(file, judgement, &error), error.message);
    must_hold(fclose(file) == 0, "no memory");
    must_hold(fuzz_is_same(json, size) == graph_diff_is_same(judgement->diff), "same");
}

// Checks the warnings about the descriptions of two dumps: a few lines of plain ASCII.
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
        must_be_one_line(&error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const DiffRules exact = {0, NULL};
    static const DiffRules some = {4, "pos?.*"};
    NodeDump a;
    NodeDump b;
    FuzzPair pair = fuzz_split(bytes, size);
    if (!read_dump(&a, pair.bytes[0], pair.sizes[0])) {
        return 0;
    }
    name_nodes(&a);
    compare(&a, &a, &exact);
    if (pair.bytes[1] != NULL && read_dump(&b, pair.bytes[1], pair.sizes[1])) {
        name_nodes(&b);
        check_warnings(&a, &b);
        compare(&a, &b, &exact);
        compare(&a, &b, &some);
        dump_free(&b);
    }
    dump_free(&a);
    return 0;
}
