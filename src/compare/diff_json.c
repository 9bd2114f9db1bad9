// The report for programs: see diff_report.h.
#include "compare/diff_report.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "compare/diff_explain.h"
#include "microgpt/hexfloat.h"

// JSON being written: where commas belong is all there is to know.
typedef struct Json {
    FILE *file;
    const GraphDiff *diff;
    Error *error;
    bool needs_comma;
} Json;

static void put_text(Json *j, const char *text)
{
    fputc('"', j->file);
    for (const char *c = text; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte == '"' || byte == '\\') {
            fprintf(j->file, "\\%c", byte);
        } else if (byte < ' ' || byte > '~') {
            fprintf(j->file, "\\u%04x", byte); // of a file name: bytes, whatever they mean
        } else {
            fputc(byte, j->file);
        }
    }
    fputc('"', j->file);
}

// Goes to the next item of a list or, with a name, of an object.
static void next(Json *j, const char *name)
{
    if (j->needs_comma) {
        fputs(", ", j->file);
    }
    if (name != NULL) {
        put_text(j, name);
        fputs(": ", j->file);
    }
    j->needs_comma = true;
}

static void open_with(Json *j, const char *name, char bracket)
{
    next(j, name);
    fputc(bracket, j->file);
    j->needs_comma = false;
}

static void close_with(Json *j, char bracket)
{
    fputc(bracket, j->file);
    j->needs_comma = true;
}

static void put_bool(Json *j, const char *name, bool value)
{
    next(j, name);
    fputs(value ? "true" : "false", j->file);
}

static void put_count(Json *j, const char *name, uint64_t value)
{
    next(j, name);
    fprintf(j->file, "%" PRIu64, value);
}

// A text that may be missing.
static void put_string(Json *j, const char *name, const char *value)
{
    next(j, name);
    if (value != NULL) {
        put_text(j, value);
    } else {
        fputs("null", j->file);
    }
}

// A number in decimal, which JSON has only for finite ones.
static void put_decimal(Json *j, const char *name, double value)
{
    next(j, name);
    if (isfinite(value)) {
        fprintf(j->file, "%.17g", value);
    } else {
        fputs("null", j->file);
    }
}

// {"hex": ..., "decimal": ...}
static void put_number(Json *j, const char *name, double value)
{
    char hex[HEXFLOAT_BYTES];
    hexfloat_format(value, hex);
    open_with(j, name, '{');
    put_string(j, "hex", hex);
    put_decimal(j, "decimal", value);
    close_with(j, '}');
}

// null: one of both is not a number.
static void put_ulp(Json *j, const char *name, uint64_t ulp)
{
    if (ulp == UINT64_MAX) {
        put_string(j, name, NULL);
    } else {
        put_count(j, name, ulp);
    }
}

// The fields of an object that say who a node is.
static void put_node(Json *j, uint32_t node_id)
{
    char label[LABEL_BYTES];
    put_count(j, "node", node_id);
    put_string(j, "path", diff_label(j->diff, node_id, label));
    put_string(j, "op", diff_op(j->diff, node_id));
}

static void put_sides(Json *j, double a, double b)
{
    put_number(j, "a", a);
    put_number(j, "b", b);
    put_ulp(j, "ulp", ulp_distance(a, b));
    put_decimal(j, "relative", relative_difference(a, b));
}

static void put_dump(Json *j, const char *name, const NodeDump *dump)
{
    open_with(j, name, '{');
    put_string(j, "file", dump->file_name);
    put_count(j, "nodes", dump->n_nodes);
    put_bool(j, "sparse", dump->is_sparse);
    put_string(j, "names", dump->named_by_us ? "model" : (dump->has_names ? "file" : NULL));
    close_with(j, '}');
}

static void put_first_cause(Json *j)
{
    static const char *const findings[] = {
        [CAUSE_STRUCTURE] = "structure",
        [CAUSE_DATA] = "data",
        [CAUSE_LOCAL_GRADS] = "local_grads",
        [CAUSE_GRAD] = "grad",
    };
    uint32_t node_id;
    CauseKind kind = diff_first_cause(j->diff, &node_id);
    bool in_base = kind != CAUSE_STRUCTURE || j->diff->structure.kind != STRUCTURE_PATH;
    if (kind == CAUSE_NONE) {
        put_string(j, "first_cause", NULL);
        return;
    }
    open_with(j, "first_cause", '{');
    put_string(j, "in", findings[kind]);
    if (in_base && node_id < j->diff->n_nodes) {
        put_node(j, node_id);
    }
    close_with(j, '}');
}

static void put_structure_side(Json *j, const char *name, const NodeDump *dump, uint32_t node_id)
{
    if (node_id >= dump->n_nodes) {
        put_string(j, name, NULL);
        return;
    }
    open_with(j, name, '[');
    for (uint32_t i = 0; i < dump_n_children(dump, node_id); i++) {
        open_with(j, NULL, '{');
        put_node(j, dump->children[dump->first_edge[node_id] + i]);
        close_with(j, '}');
    }
    close_with(j, ']');
}

static void put_structure(Json *j)
{
    static const char *const kinds[] = {
        [STRUCTURE_SAME] = "same",
        [STRUCTURE_N_CHILDREN] = "number of children",
        [STRUCTURE_CHILDREN] = "children",
        [STRUCTURE_OP] = "operation",
        [STRUCTURE_N_NODES] = "number of nodes",
        [STRUCTURE_PATH] = "path",
    };
    const StructureFinding *found = &j->diff->structure;
    open_with(j, "structure", '{');
    put_string(j, "kind", kinds[found->kind]);
    put_count(j, "differing", found->n_differ);
    if (found->kind == STRUCTURE_PATH) {
        put_string(j, "path", dump_path(j->diff->dumps[1 - j->diff->base], found->first));
    } else if (found->kind != STRUCTURE_SAME) {
        if (found->first < j->diff->n_nodes) {
            put_node(j, found->first);
        }
        put_structure_side(j, "a_children", j->diff->dumps[0], found->first);
        put_structure_side(j, "b_children", j->diff->dumps[1], found->first);
    }
    close_with(j, '}');
}

// The counts of a finding, and its causes by name.
static void put_counts(Json *j, const Finding *finding)
{
    put_bool(j, "compared", finding->is_compared);
    put_count(j, "differing", finding->n_differ);
    put_count(j, "causes", finding->n_causes);
    put_count(j, "following", finding->n_differ - finding->n_causes);
    open_with(j, "first_causes", '[');
    for (size_t i = 0; i < finding->n_causes && i < DIFF_MAX_CAUSES; i++) {
        open_with(j, NULL, '{');
        put_node(j, finding->causes[i]);
        close_with(j, '}');
    }
    close_with(j, ']');
}

static void put_explanations(Json *j, const char *a, const char *b)
{
    put_string(j, "a_is", a[0] != '\0' ? a : NULL);
    put_string(j, "b_is", b[0] != '\0' ? b : NULL);
}

static void put_children(Json *j, uint32_t node_id)
{
    const NodeDump *dump = j->diff->dumps[j->diff->base];
    open_with(j, "children", '[');
    for (uint32_t i = 0; i < dump_n_children(dump, node_id); i++) {
        uint32_t child = dump->children[dump->first_edge[node_id] + i];
        open_with(j, NULL, '{');
        put_node(j, child);
        put_number(j, "data", dump->data[child]);
        close_with(j, '}');
    }
    close_with(j, ']');
}

static void put_data(Json *j)
{
    const GraphDiff *diff = j->diff;
    open_with(j, "data", '{');
    put_counts(j, &diff->data);
    if (diff->data.n_causes > 0) {
        uint32_t node_id = diff->data.causes[0];
        char text[2][EXPLAIN_BYTES];
        open_with(j, "first_cause", '{');
        put_node(j, node_id);
        put_sides(j, diff_data(diff, 0, node_id), diff_data(diff, 1, node_id));
        put_children(j, node_id);
        explain_data(diff, node_id, 0, text[0]);
        explain_data(diff, node_id, 1, text[1]);
        put_explanations(j, text[0], text[1]);
        close_with(j, '}');
    }
    close_with(j, '}');
}

static void put_local_grads_of_side(Json *j, const char *name, int side, uint32_t node_id)
{
    open_with(j, name, '[');
    for (uint32_t i = 0; i < dump_n_children(j->diff->dumps[side], node_id); i++) {
        put_number(j, NULL, diff_local_grads(j->diff, side, node_id)[i]);
    }
    close_with(j, ']');
}

static void put_local_grads(Json *j)
{
    const GraphDiff *diff = j->diff;
    open_with(j, "local_grads", '{');
    put_counts(j, &diff->local_grads);
    if (diff->local_grads.n_causes > 0) {
        uint32_t node_id = diff->local_grads.causes[0];
        char text[2][EXPLAIN_BYTES];
        open_with(j, "first_cause", '{');
        put_node(j, node_id);
        put_local_grads_of_side(j, "a", 0, node_id);
        put_local_grads_of_side(j, "b", 1, node_id);
        put_children(j, node_id);
        explain_local_grads(diff, node_id, 0, text[0]);
        explain_local_grads(diff, node_id, 1, text[1]);
        put_explanations(j, text[0], text[1]);
        close_with(j, '}');
    }
    close_with(j, '}');
}

static void put_contributions(Json *j, const Contribution *contributions, size_t n)
{
    open_with(j, "contributions", '[');
    for (size_t i = 0; i < n; i++) {
        const Contribution *c = &contributions[i];
        open_with(j, NULL, '{');
        put_node(j, c->parent);
        put_count(j, "child", c->slot);
        put_number(j, "local_grad", c->local_grad);
        put_number(j, "grad", c->parent_grad);
        put_number(j, "amount", c->amount);
        put_number(j, "sum", c->total);
        close_with(j, '}');
    }
    close_with(j, ']');
}

static bool put_grad_cause(Json *j, uint32_t node_id)
{
    const GraphDiff *diff = j->diff;
    Contribution *contributions = NULL;
    size_t n = 0;
    if (diff->has_graph && !diff_contributions(diff, node_id, &contributions, &n, j->error)) {
        return false;
    }
    open_with(j, "first_cause", '{');
    put_node(j, node_id);
    put_sides(j, diff_grad(diff, 0, node_id), diff_grad(diff, 1, node_id));
    put_contributions(j, contributions, n);
    if (diff->has_graph) {
        char text[2][EXPLAIN_BYTES];
        explain_grad(diff, node_id, 0, contributions, n, text[0]);
        explain_grad(diff, node_id, 1, contributions, n, text[1]);
        put_explanations(j, text[0], text[1]);
    }
    close_with(j, '}');
    free(contributions);
    return true;
}

static bool put_grad(Json *j)
{
    const Finding *finding = &j->diff->grad;
    open_with(j, "grad", '{');
    put_counts(j, finding);
    if (finding->n_causes > 0 && !put_grad_cause(j, finding->causes[0])) {
        return false;
    }
    close_with(j, '}');
    return true;
}

static void put_tally(Json *j, const char *name, const Tally *tally)
{
    open_with(j, name, '{');
    put_count(j, "differing", tally->n_differ);
    put_ulp(j, "max_ulp", tally->max_ulp);
    put_decimal(j, "max_relative", tally->max_relative);
    close_with(j, '}');
}

static void put_parts(Json *j)
{
    open_with(j, "parts", '[');
    for (int part = 0; part < N_MODEL_PARTS; part++) {
        const Tally *data = &j->diff->data_of_part[part];
        if (data->n_nodes > 0) {
            open_with(j, NULL, '{');
            put_string(j, "part", model_part_name((ModelPart)part));
            put_count(j, "nodes", data->n_nodes);
            put_tally(j, "data", data);
            put_tally(j, "grad", &j->diff->grad_of_part[part]);
            close_with(j, '}');
        }
    }
    close_with(j, ']');
}

bool diff_print_json(FILE *file, const GraphDiff *diff, Error *error)
{
    assert(file != NULL && diff != NULL && error != NULL);
    Json json = {file, diff, error, false};
    Json *j = &json;
    open_with(j, NULL, '{');
    put_bool(j, "same", graph_diff_is_same(diff));
    put_dump(j, "a", diff->dumps[0]);
    put_dump(j, "b", diff->dumps[1]);
    put_count(j, "max_ulp", diff->rules.max_ulp);
    put_string(j, "only", diff->rules.only);
    put_count(j, "compared", diff->n_paired);
    put_first_cause(j);
    put_structure(j);
    put_data(j);
    put_local_grads(j);
    if (!put_grad(j)) {
        return false;
    }
    put_parts(j);
    close_with(j, '}');
    fputc('\n', file);
    return true;
}
