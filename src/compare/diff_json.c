// The report for programs: see diff_report.h.
#include "compare/diff_report.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_out.h"
#include "compare/arithmetic.h"
#include "compare/diff_explain.h"
#include "compare/dump_start.h"
#include "python/hexfloat.h"

// A document that is being built.
typedef struct Json {
    JsonOut out;
    const GraphDiff *diff;
    const Judgement *judgement;
    Error *error;
} Json;

// Adds a text that may be missing.
static void put_string(Json *j, json_t *parent, const char *key, const char *value)
{
    if (value != NULL) {
        json_out_bytes(&j->out, parent, key, value, strlen(value));
    } else {
        json_out_null(&j->out, parent, key);
    }
}

// Adds {"hex": ..., "decimal": ...}.
static void put_number(Json *j, json_t *parent, const char *key, double value)
{
    char hex[HEXFLOAT_BYTES];
    hexfloat_format(value, hex);
    json_t *number = json_out_object(&j->out, parent, key);
    put_string(j, number, "hex", hex);
    json_out_number(&j->out, number, "decimal", value);
}

// Adds null if one of the two is NaN. JSON's integers have at most 63 bits here.
static void put_ulp(Json *j, json_t *parent, const char *key, uint64_t ulp)
{
    if (ulp == UINT64_MAX) {
        json_out_null(&j->out, parent, key);
    } else if (ulp > INT64_MAX) {
        json_out_number(&j->out, parent, key, (double)ulp);
    } else {
        json_out_count(&j->out, parent, key, ulp);
    }
}

// Adds the fields that identify a node.
static void put_node(Json *j, json_t *object, uint32_t node_id)
{
    char label[LABEL_BYTES];
    json_out_count(&j->out, object, "node", node_id);
    put_string(j, object, "path", diff_label(j->diff, node_id, label));
    put_string(j, object, "op", diff_op(j->diff, node_id));
}

static void put_sides(Json *j, json_t *object, double a, double b)
{
    put_number(j, object, "a", a);
    put_number(j, object, "b", b);
    put_ulp(j, object, "ulp", ulp_distance(a, b));
    json_out_number(&j->out, object, "relative", relative_difference(a, b));
}

static void put_dump(Json *j, json_t *parent, const char *key, int side)
{
    static const char *const grads[] = {
        [GRADS_ALL] = "all",
        [GRADS_SOME] = "some",
        [GRADS_PARAMS] = "parameters",
        [GRADS_NONE] = "none",
    };
    const NodeDump *dump = j->diff->dumps[side];
    json_t *object = json_out_object(&j->out, parent, key);
    put_string(j, object, "file", dump->file_name);
    json_out_count(&j->out, object, "nodes", dump->n_nodes);
    json_out_bool(&j->out, object, "sparse", dump->is_sparse);
    put_string(j, object, "names", dump->named_by_us ? "model" : (dump->has_names ? "file" : NULL));
    put_string(j, object, "precision", j->judgement->is_single[side] ? "single" : "double");
    put_string(j, object, "gradients", grads[j->diff->grads_of_side[side]]);
}

static void put_first_cause(Json *j, json_t *root)
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
        json_out_null(&j->out, root, "first_cause");
        return;
    }
    json_t *cause = json_out_object(&j->out, root, "first_cause");
    put_string(j, cause, "in", findings[kind]);
    if (in_base && node_id < j->diff->n_nodes) {
        put_node(j, cause, node_id);
    }
}

static const char *name_place(UnexplainedIn in)
{
    static const char *const places[] = {
        [IN_DATA] = "data",
        [IN_LOCAL_GRADS] = "local_grads",
        [IN_GRAD] = "grad",
        [IN_PARAMS] = "parameters",
    };
    return places[in];
}

// Adds the nodes that lie between a value and those that its side shows: how many there are, and
// the first one. Adds null if there are none.
static bool put_between(Json *j, json_t *object, bool is_grad, uint32_t node_id)
{
    size_t n = 0;
    uint32_t first;
    if (j->diff->has_graph &&
        !(is_grad ? diff_grads_between(j->diff, node_id, &n, &first, j->error)
                  : diff_nodes_between(j->diff, node_id, &n, &first, j->error))) {
        return false;
    }
    if (n == 0) {
        json_out_null(&j->out, object, "between");
        return true;
    }
    json_t *between = json_out_object(&j->out, object, "between");
    json_out_count(&j->out, between, "nodes", n);
    put_node(j, json_out_object(&j->out, between, "first"), first);
    return true;
}

// Adds the contributions to a gradient from the subject's own numbers.
static void put_own_contributions(Json *j, json_t *object, uint32_t node_id)
{
    const Bounds *b = &j->judgement->bounds;
    json_t *list = json_out_array(&j->out, object, "contributions");
    for (uint32_t use = b->order.first_use[node_id]; use < b->order.first_use[node_id + 1]; use++) {
        uint32_t parent = b->order.use_parent[use];
        if (b->order.is_reachable[parent]) {
            Range local_grad;
            Range grad;
            judgement_contribution(j->judgement, parent, b->order.use_edge[use], &local_grad,
                                   &grad);
            json_t *item = json_out_object(&j->out, list, NULL);
            put_node(j, item, parent);
            json_out_number(&j->out, item, "local_grad", range_middle(local_grad));
            json_out_number(&j->out, item, "grad", range_middle(grad));
            json_out_number(&j->out, item, "amount", range_middle(range_mul(local_grad, grad)));
            json_out_bool(&j->out, item, "shown", b->has_grad[parent]);
        }
    }
}

// Adds the inputs of a node as the subject shows them: null if it does not.
static void put_own_inputs(Json *j, json_t *object, uint32_t node_id)
{
    const Bounds *b = &j->judgement->bounds;
    json_t *list = json_out_array(&j->out, object, "inputs");
    for (uint32_t i = 0; i < dump_n_children(b->dump, node_id); i++) {
        uint32_t child = dump_child(b->dump, node_id, i);
        json_t *item = json_out_object(&j->out, list, NULL);
        put_node(j, item, child);
        if (b->has_data[child]) {
            put_number(j, item, "data", b->data[child]);
        } else {
            json_out_null(&j->out, item, "data");
        }
    }
}

// Adds what the first value of a kind is made of.
static bool put_origin(Json *j, json_t *first, const UnexplainedKind *kind)
{
    if (kind->in == IN_GRAD) {
        put_own_contributions(j, first, kind->first);
    } else if (kind->in != IN_PARAMS) {
        put_own_inputs(j, first, kind->first);
    }
    bool is_value = kind->in == IN_GRAD || kind->in == IN_DATA;
    return !is_value || put_between(j, first, kind->in == IN_GRAD, kind->first);
}

static bool put_unexplained_kind(Json *j, json_t *kinds, const UnexplainedKind *kind)
{
    const Judgement *judgement = j->judgement;
    json_t *object = json_out_object(&j->out, kinds, NULL);
    put_string(j, object, "in", name_place(kind->in));
    put_string(j, object, "pattern", judgement->kinds_of_paths.patterns[kind->kind]);
    json_out_count(&j->out, object, "values", kind->n);
    json_t *first = json_out_object(&j->out, object, "first");
    put_node(j, first, kind->first);
    if (kind->in != IN_LOCAL_GRADS) {
        double off;
        double explained;
        judgement_sizes(judgement, kind->in, kind->first, &off, &explained);
        json_out_number(&j->out, first, "off", off);
        json_out_number(&j->out, first, "explained", explained);
        json_out_number(&j->out, first, "inputs_give",
                        range_middle(judgement_bound(judgement, kind->in, kind->first)));
    }
    put_string(j, object, "subject_did", kind->did[0] != '\0' ? kind->did : NULL);
    return put_origin(j, first, kind);
}

// Adds null if there is no graph to judge by.
static bool put_unexplained(Json *j, json_t *root)
{
    const Judgement *judgement = j->judgement;
    if (!judgement->has_bounds) {
        json_out_null(&j->out, root, "unexplained");
        return true;
    }
    json_t *object = json_out_object(&j->out, root, "unexplained");
    put_string(j, object, "subject", judgement->subject == 0 ? "a" : "b");
    json_out_count(&j->out, object, "values", judgement->n_unexplained);
    json_t *kinds = json_out_array(&j->out, object, "kinds");
    bool ok = true;
    for (size_t i = 0; i < judgement->n_kinds && ok; i++) {
        ok = put_unexplained_kind(j, kinds, &judgement->kinds[i]);
    }
    return ok;
}

static void put_structure_side(Json *j, json_t *parent, const char *key, const NodeDump *dump,
                               uint32_t node_id)
{
    if (node_id >= dump->n_nodes) {
        json_out_null(&j->out, parent, key);
        return;
    }
    json_t *children = json_out_array(&j->out, parent, key);
    for (uint32_t i = 0; i < dump_n_children(dump, node_id); i++) {
        json_t *child = json_out_object(&j->out, children, NULL);
        put_node(j, child, dump_child(dump, node_id, i));
    }
}

static void put_structure(Json *j, json_t *root)
{
    static const char *const kinds[] = {
        [STRUCTURE_SAME] = "same",
        [STRUCTURE_N_CHILDREN] = "number of children",
        [STRUCTURE_CHILDREN] = "children",
        [STRUCTURE_OP] = "operation",
        [STRUCTURE_N_NODES] = "number of nodes",
        [STRUCTURE_TRANSPOSED] = "transposed",
        [STRUCTURE_PATH] = "path",
    };
    const StructureFinding *found = &j->diff->structure;
    json_t *object = json_out_object(&j->out, root, "structure");
    put_string(j, object, "kind", kinds[found->kind]);
    json_out_count(&j->out, object, "differing", found->n_differ);
    json_out_bool(&j->out, object, "by_names", j->diff->by_path);
    json_out_bool(&j->out, object, "sums_begin_with_first_term", found->lacks_zeros);
    json_t *transposed = json_out_array(&j->out, object, "transposed");
    for (size_t i = 0; i < j->diff->pairs.transposed.n; i++) {
        put_string(j, transposed, NULL, j->diff->pairs.transposed.names[i]);
    }
    if (found->kind == STRUCTURE_PATH) {
        put_string(j, object, "path", dump_path(j->diff->dumps[1 - j->diff->base], found->first));
    } else if (found->kind != STRUCTURE_SAME && found->kind != STRUCTURE_TRANSPOSED) {
        if (found->first < j->diff->n_nodes) {
            put_node(j, object, found->first);
        }
        put_structure_side(j, object, "a_children", j->diff->dumps[0], found->first);
        put_structure_side(j, object, "b_children", j->diff->dumps[1], found->first);
    }
}

// Adds the counts of a finding, and its causes by name.
static void put_counts(Json *j, json_t *object, const Finding *finding)
{
    json_out_bool(&j->out, object, "compared", finding->is_compared);
    json_out_count(&j->out, object, "differing", finding->n_differ);
    json_out_count(&j->out, object, "causes", finding->n_causes);
    json_out_count(&j->out, object, "following", finding->n_differ - finding->n_causes);
    json_t *causes = json_out_array(&j->out, object, "first_causes");
    for (size_t i = 0; i < finding->n_causes && i < DIFF_MAX_CAUSES; i++) {
        put_node(j, json_out_object(&j->out, causes, NULL), finding->causes[i]);
    }
}

static void put_explanations(Json *j, json_t *object, const char *a, const char *b)
{
    put_string(j, object, "a_is", a[0] != '\0' ? a : NULL);
    put_string(j, object, "b_is", b[0] != '\0' ? b : NULL);
}

static void put_children(Json *j, json_t *object, uint32_t node_id)
{
    const NodeDump *dump = j->diff->dumps[j->diff->base];
    json_t *children = json_out_array(&j->out, object, "children");
    for (uint32_t i = 0; i < dump_n_children(dump, node_id); i++) {
        uint32_t child = dump_child(dump, node_id, i);
        json_t *item = json_out_object(&j->out, children, NULL);
        put_node(j, item, child);
        put_number(j, item, "data", dump->data[child]);
    }
}

static bool put_arithmetic(Json *j, json_t *object, uint32_t node_id)
{
    char text[HYPOTHESIS_BYTES];
    bool ok = arithmetic_find(j->judgement, node_id, text, j->error);
    put_string(j, object, "arithmetic", text[0] != '\0' ? text : NULL);
    return ok;
}

static bool put_data(Json *j, json_t *root)
{
    const GraphDiff *diff = j->diff;
    json_t *data = json_out_object(&j->out, root, "data");
    put_counts(j, data, &diff->data);
    if (diff->data.n_causes > 0) {
        uint32_t node_id = diff->data.causes[0];
        char text[2][EXPLAIN_BYTES];
        json_t *cause = json_out_object(&j->out, data, "first_cause");
        put_node(j, cause, node_id);
        put_sides(j, cause, diff_data(diff, 0, node_id), diff_data(diff, 1, node_id));
        put_children(j, cause, node_id);
        explain_data(diff, node_id, 0, text[0]);
        explain_data(diff, node_id, 1, text[1]);
        put_explanations(j, cause, text[0], text[1]);
        return put_between(j, cause, false, node_id) && put_arithmetic(j, cause, node_id);
    }
    return true;
}

static void put_local_grads_of_side(Json *j, json_t *object, const char *key, int side,
                                    uint32_t node_id)
{
    json_t *local_grads = json_out_array(&j->out, object, key);
    for (uint32_t i = 0; i < dump_n_children(j->diff->dumps[side], node_id); i++) {
        put_number(j, local_grads, NULL, diff_local_grads(j->diff, side, node_id)[i]);
    }
}

static void put_local_grads(Json *j, json_t *root)
{
    const GraphDiff *diff = j->diff;
    json_t *local_grads = json_out_object(&j->out, root, "local_grads");
    put_counts(j, local_grads, &diff->local_grads);
    if (diff->local_grads.n_causes > 0) {
        uint32_t node_id = diff->local_grads.causes[0];
        char text[2][EXPLAIN_BYTES];
        json_t *cause = json_out_object(&j->out, local_grads, "first_cause");
        put_node(j, cause, node_id);
        put_local_grads_of_side(j, cause, "a", 0, node_id);
        put_local_grads_of_side(j, cause, "b", 1, node_id);
        put_children(j, cause, node_id);
        explain_local_grads(diff, node_id, 0, text[0]);
        explain_local_grads(diff, node_id, 1, text[1]);
        put_explanations(j, cause, text[0], text[1]);
    }
}

static void put_contributions(Json *j, json_t *object, const Contribution *contributions, size_t n)
{
    json_t *list = json_out_array(&j->out, object, "contributions");
    for (size_t i = 0; i < n; i++) {
        const Contribution *c = &contributions[i];
        json_t *item = json_out_object(&j->out, list, NULL);
        put_node(j, item, c->parent);
        json_out_count(&j->out, item, "child", c->slot);
        put_number(j, item, "local_grad", c->local_grad);
        put_number(j, item, "grad", c->parent_grad);
        put_number(j, item, "amount", c->amount);
        put_number(j, item, "sum", c->total);
    }
}

static bool put_grad_cause(Json *j, json_t *grad, uint32_t node_id)
{
    const GraphDiff *diff = j->diff;
    Contribution *contributions = NULL;
    size_t n = 0;
    if (diff->has_graph && !diff_contributions(diff, node_id, &contributions, &n, j->error)) {
        return false;
    }
    json_t *cause = json_out_object(&j->out, grad, "first_cause");
    put_node(j, cause, node_id);
    put_sides(j, cause, diff_grad(diff, 0, node_id), diff_grad(diff, 1, node_id));
    put_contributions(j, cause, contributions, n);
    if (diff->has_graph) {
        char text[2][EXPLAIN_BYTES];
        explain_grad(diff, node_id, 0, contributions, n, text[0]);
        explain_grad(diff, node_id, 1, contributions, n, text[1]);
        put_explanations(j, cause, text[0], text[1]);
    }
    free(contributions);
    return put_between(j, cause, true, node_id);
}

// If data are unexplained, and the gradients are explained, the gradients follow from the data.
static bool put_grad(Json *j, json_t *root)
{
    const Finding *finding = &j->diff->grad;
    json_t *grad = json_out_object(&j->out, root, "grad");
    put_counts(j, grad, finding);
    return finding->n_causes == 0 || judgement_grads_follow(j->judgement) ||
           put_grad_cause(j, grad, finding->causes[0]);
}

static void put_tally(Json *j, json_t *parent, const char *key, const Tally *tally)
{
    json_t *object = json_out_object(&j->out, parent, key);
    json_out_count(&j->out, object, "differing", tally->n_differ);
    put_ulp(j, object, "max_ulp", tally->max_ulp);
    json_out_number(&j->out, object, "max_relative", tally->max_relative);
}

static void put_parts(Json *j, json_t *root)
{
    json_t *parts = json_out_array(&j->out, root, "parts");
    for (int part = 0; part < N_MODEL_PARTS; part++) {
        const Tally *data = &j->diff->data_of_part[part];
        if (data->n_nodes > 0) {
            json_t *object = json_out_object(&j->out, parts, NULL);
            put_string(j, object, "part", model_part_name((ModelPart)part));
            json_out_count(&j->out, object, "nodes", data->n_nodes);
            put_tally(j, object, "data", data);
            put_tally(j, object, "grad", &j->diff->grad_of_part[part]);
        }
    }
}

// Adds [path, hexadecimal number of A, of B, whether it is explained].
static void put_difference(Json *j, json_t *list, uint32_t node_id, double a, double b,
                           bool explained)
{
    char label[LABEL_BYTES];
    char hex[2][HEXFLOAT_BYTES];
    hexfloat_format(a, hex[0]);
    hexfloat_format(b, hex[1]);
    json_t *item = json_out_array(&j->out, list, NULL);
    put_string(j, item, NULL, diff_label(j->diff, node_id, label));
    put_string(j, item, NULL, hex[0]);
    put_string(j, item, NULL, hex[1]);
    json_out_bool(&j->out, item, NULL, explained);
}

static void put_differences(Json *j, json_t *root)
{
    const GraphDiff *diff = j->diff;
    const Judgement *judgement = j->judgement;
    json_t *differences = json_out_object(&j->out, root, "differences");
    json_t *data = json_out_array(&j->out, differences, "data");
    json_t *grad = json_out_array(&j->out, differences, "grad");
    for (uint32_t i = 0; i < diff->n_nodes; i++) {
        if (diff_data_differ(diff, i)) {
            put_difference(j, data, i, diff_data(diff, 0, i), diff_data(diff, 1, i),
                           judgement->has_bounds && !is_unexplained(judgement, IN_DATA, i) &&
                               !is_unexplained(judgement, IN_PARAMS, i));
        }
        if (diff_grads_differ(diff, i)) {
            put_difference(j, grad, i, diff_grad(diff, 0, i), diff_grad(diff, 1, i),
                           judgement->has_bounds && !is_unexplained(judgement, IN_GRAD, i));
        }
    }
}

static bool put_warnings(Json *j, json_t *root)
{
    DumpWarnings found;
    if (!dump_warnings_find(&found, j->diff->dumps[0], j->diff->dumps[1], j->error)) {
        return false;
    }
    json_t *warnings = json_out_array(&j->out, root, "warnings");
    for (size_t i = 0; i < found.n; i++) {
        put_string(j, warnings, NULL, found.lines[i]);
    }
    return true;
}

static bool put_all(Json *j, json_t *root)
{
    const GraphDiff *diff = j->diff;
    if (!put_warnings(j, root)) {
        return false;
    }
    json_out_bool(&j->out, root, "same", graph_diff_is_same(diff));
    json_out_bool(&j->out, root, "explained", judgement_explains_all(j->judgement));
    put_dump(j, root, "a", 0);
    put_dump(j, root, "b", 1);
    json_out_count(&j->out, root, "max_ulp", diff->rules.max_ulp);
    put_string(j, root, "only", diff->rules.only);
    json_out_count(&j->out, root, "compared", diff->n_paired);
    put_first_cause(j, root);
    if (!put_unexplained(j, root)) {
        return false;
    }
    put_structure(j, root);
    if (!put_data(j, root)) {
        return false;
    }
    put_local_grads(j, root);
    if (!put_grad(j, root)) {
        return false;
    }
    put_parts(j, root);
    put_differences(j, root);
    return true;
}

bool diff_print_json(FILE *file, const Judgement *judgement, Error *error)
{
    assert(file != NULL && judgement != NULL && error != NULL);
    Json json = {json_out_begin(), judgement->diff, judgement, error};
    bool ok = put_all(&json, json.out.root) && json_out_write_line(&json.out, file, error);
    json_out_free(&json.out);
    return ok;
}
