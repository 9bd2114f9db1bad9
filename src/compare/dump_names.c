// Names for dumps: see dump_names.h. The names come from a graph of the same shape, built here.
#include "compare/dump_names.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "microgpt/engine.h"
#include "microgpt/node_path.h"

const char *model_part_name(ModelPart part)
{
    static const char *const names[N_MODEL_PARTS] = {
        [PART_EMBEDDING] = "embedding",
        [PART_NORM] = "norm",
        [PART_ATTN_WQ] = "attn_wq",
        [PART_ATTN_WK] = "attn_wk",
        [PART_ATTN_WV] = "attn_wv",
        [PART_ATTN_LOGIT] = "attn logit",
        [PART_ATTN_SOFTMAX] = "attn softmax",
        [PART_ATTN_WEIGHT] = "attn weight",
        [PART_ATTN_OUT] = "attn out",
        [PART_ATTN_WO] = "attn_wo",
        [PART_RESIDUAL] = "residual",
        [PART_MLP_FC1] = "mlp_fc1",
        [PART_RELU] = "relu",
        [PART_MLP_FC2] = "mlp_fc2",
        [PART_LM_HEAD] = "lm_head",
        [PART_SOFTMAX] = "softmax",
        [PART_PROB] = "prob",
        [PART_LOSS] = "loss",
        [PART_OTHER] = "other",
    };
    return names[part];
}

// A name in a path, and the part of the model that it belongs to.
typedef struct PartName {
    const char *name;
    ModelPart part;
} PartName;

static const PartName param_parts[] = {
    {"wte", PART_EMBEDDING},   {"wpe", PART_EMBEDDING},   {"lm_head", PART_LM_HEAD},
    {"attn_wq", PART_ATTN_WQ}, {"attn_wk", PART_ATTN_WK}, {"attn_wv", PART_ATTN_WV},
    {"attn_wo", PART_ATTN_WO}, {"mlp_fc1", PART_MLP_FC1}, {"mlp_fc2", PART_MLP_FC2},
    {"loss", PART_LOSS},
};

static const PartName position_parts[] = {
    {"embed", PART_EMBEDDING}, {"norm", PART_NORM}, {"logit", PART_LM_HEAD},
    {"softmax", PART_SOFTMAX}, {"prob", PART_PROB}, {"loss", PART_LOSS},
};

static const PartName attn_parts[] = {
    {"norm", PART_NORM}, {"q", PART_ATTN_WQ},  {"k", PART_ATTN_WK},
    {"v", PART_ATTN_WV}, {"wo", PART_ATTN_WO}, {"residual", PART_RESIDUAL},
};

static const PartName head_parts[] = {
    {"logit", PART_ATTN_LOGIT},
    {"softmax", PART_ATTN_SOFTMAX},
    {"weight", PART_ATTN_WEIGHT},
    {"out", PART_ATTN_OUT},
};

static const PartName mlp_parts[] = {
    {"norm", PART_NORM},
    {"fc1", PART_MLP_FC1},
    {"fc2", PART_MLP_FC2},
    {"residual", PART_RESIDUAL},
};

// Skips a part of the path, such as `pos2.` or `attn.`; does nothing if it is another part.
static bool enter(const char **path, const char *name, bool numbered)
{
    size_t length = strlen(name);
    if (strncmp(*path, name, length) != 0) {
        return false;
    }
    const char *end = *path + length;
    while (numbered && isdigit((unsigned char)*end)) {
        end++;
    }
    if (*end != '.' || (numbered && end == *path + length)) {
        return false;
    }
    *path = end + 1;
    return true;
}

static ModelPart find_part(const char *thing, const PartName *parts, size_t n_parts)
{
    size_t length = strcspn(thing, "[.");
    for (size_t i = 0; i < n_parts; i++) {
        if (strlen(parts[i].name) == length && strncmp(thing, parts[i].name, length) == 0) {
            return parts[i].part;
        }
    }
    return PART_OTHER;
}

static ModelPart part_of_mlp(const char *thing)
{
    const char *bracket = strchr(thing, ']');
    if (strncmp(thing, "fc1[", 4) == 0 && bracket != NULL && strcmp(bracket, "].relu") == 0) {
        return PART_RELU;
    }
    return find_part(thing, mlp_parts, sizeof mlp_parts / sizeof *mlp_parts);
}

ModelPart model_part_of_path(const char *path)
{
    if (path == NULL) {
        return PART_OTHER;
    }
    bool in_position = enter(&path, "pos", true);
    bool in_layer = enter(&path, "layer", true);
    if (!in_position) {
        return find_part(path, param_parts, sizeof param_parts / sizeof *param_parts);
    }
    if (!in_layer) {
        return find_part(path, position_parts, sizeof position_parts / sizeof *position_parts);
    }
    if (enter(&path, "mlp", false)) {
        return part_of_mlp(path);
    }
    if (!enter(&path, "attn", false)) {
        return PART_OTHER;
    }
    if (enter(&path, "head", true)) {
        return find_part(path, head_parts, sizeof head_parts / sizeof *head_parts);
    }
    return find_part(path, attn_parts, sizeof attn_parts / sizeof *attn_parts);
}

// Finds the vocab_size, 2 or more, with which a model of these sizes has n_params parameters.
// Formula: n_params = 2VE + BE + L * 12 E^2
static bool find_vocab_size(ModelConfig *config, size_t n_params)
{
    Error ignored;
    size_t n_with_2;
    config->vocab_size = 2;
    if (!model_count_params(config, &n_with_2, &ignored) || n_params < n_with_2) {
        return false;
    }
    size_t per_token = 2 * (size_t)config->n_embd;
    size_t n_more = (n_params - n_with_2) / per_token;
    if ((n_params - n_with_2) % per_token != 0 || n_more >= DUMP_MAX_NODES) {
        return false;
    }
    config->vocab_size = 2 + (int)n_more;
    return true;
}

// Finds the number of positions for which the model makes n_nodes nodes. More positions make more.
static bool find_n_positions(const ModelConfig *config, size_t n_nodes, size_t *n_positions)
{
    size_t low = 1;
    size_t high = (size_t)config->block_size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (engine_count_nodes(config, middle) < n_nodes) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *n_positions = low;
    return engine_count_nodes(config, low) == n_nodes;
}

// Returns whether every node has as many children in the dump as in the graph.
static bool is_same_shape(const NodeDump *dump, const Graph *g)
{
    for (size_t node_id = 0; node_id < dump->n_nodes; node_id++) {
        if (dump_n_children(dump, node_id) != graph_node(g, node_id)->n_children) {
            return false;
        }
    }
    return graph_n_nodes(g) == dump->n_nodes;
}

bool dump_copy_names(NodeDump *dump, const Graph *g, size_t n_params, Error *error)
{
    NodePaths paths = node_paths(g);
    for (size_t node_id = 0; node_id < dump->n_nodes; node_id++) {
        ValueOp value_op = graph_node(g, node_id)->op;
        const char *op = node_id < n_params ? "param" : value_op_name(value_op);
        char path[NODE_PATH_BYTES];
        size_t length = node_paths_write(&paths, node_id, path);
        if (!dump_add_text(dump, op, strlen(op), &dump->ops[node_id], error) ||
            !dump_add_text(dump, path, length, &dump->paths[node_id], error)) {
            return false;
        }
    }
    dump->has_names = true;
    return true;
}

// Builds the graph of a document of that length. Any document will do: names do not depend on the
// tokens.
static bool name_from_graph(NodeDump *dump, Engine *engine, size_t n_params, size_t n_positions,
                            Error *error)
{
    int *tokens = calloc(n_positions + 1, sizeof *tokens);
    if (tokens == NULL) {
        return error_out_of_memory(error, "the names of nodes", n_positions * sizeof *tokens);
    }
    double loss;
    bool ok = engine_forward(engine, tokens, n_positions, &loss, error);
    free(tokens);
    if (ok && is_same_shape(dump, engine_graph(engine))) {
        ok = dump_copy_names(dump, engine_graph(engine), n_params, error);
        dump->named_by_us = ok;
    }
    return ok;
}

bool dump_name_by_model(NodeDump *dump, const ModelConfig *sizes, Error *error)
{
    assert(dump != NULL && sizes != NULL && error != NULL && !dump->is_sparse);
    ModelConfig config = *sizes;
    size_t n_params = dump_n_leading_leaves(dump);
    size_t n_positions;
    if (dump->has_names || !find_vocab_size(&config, n_params) ||
        !find_n_positions(&config, dump->n_nodes - n_params, &n_positions)) {
        return true;
    }
    Model model;
    if (!model_init(&model, &config, error)) {
        return false;
    }
    Engine *engine;
    bool ok = engine_create(&engine, ENGINE_SCALAR, &model, error);
    if (ok) {
        ok = name_from_graph(dump, engine, model.n_params, n_positions, error);
        engine_free(engine);
    }
    model_free(&model);
    return ok;
}

ModelConfig dump_sizes(const NodeDump *dump, const ModelConfig *sizes)
{
    ModelConfig its_own = *sizes;
    its_own.vocab_size = 2;
    dump_about_sizes(&dump->says, &its_own);
    size_t n_params;
    Error unused;
    return model_count_params(&its_own, &n_params, &unused) ? its_own : *sizes;
}
