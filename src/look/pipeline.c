// The stages of gpt() and their nodes: see pipeline.h.
#include "look/pipeline.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

const Stage pipeline[] = {
    [STAGE_EMBED] = {"pos", "embed", "embed", "[T,E]", "wte[token_id] + wpe[pos_id]", "gpt"},
    [STAGE_NORM] = {"pos", "norm", "norm", "[T,E]", "x / sqrt(mean(x^2) + 1e-5)", "rmsnorm"},
    [STAGE_ATTN_NORM] = {"attn", "norm", "attn.norm", "[T,E]", "x / sqrt(mean(x^2) + 1e-5)",
                         "rmsnorm"},
    [STAGE_Q] = {"attn", "q", "attn.q", "[T,E]", "attn_wq @ x", "linear"},
    [STAGE_K] = {"attn", "k", "attn.k", "[T,E]", "attn_wk @ x", "linear"},
    [STAGE_V] = {"attn", "v", "attn.v", "[T,E]", "attn_wv @ x", "linear"},
    [STAGE_HEAD_LOGIT] = {"head", "logit", "attn.head.logit", "[H,T,T]", "q . k / sqrt(D)", "gpt"},
    [STAGE_HEAD_WEIGHT] = {"head", "weight", "attn.head.weight", "[H,T,T]", "softmax(logit)",
                           "softmax"},
    [STAGE_HEAD_OUT] = {"head", "out", "attn.head.out", "[T,E]", "sum_t weight[t] * v[t]", "gpt"},
    [STAGE_WO] = {"attn", "wo", "attn.wo", "[T,E]", "attn_wo @ x", "linear"},
    [STAGE_ATTN_RESIDUAL] = {"attn", "residual", "attn.residual", "[T,E]", "x + block input",
                             "gpt"},
    [STAGE_MLP_NORM] = {"mlp", "norm", "mlp.norm", "[T,E]", "x / sqrt(mean(x^2) + 1e-5)",
                        "rmsnorm"},
    [STAGE_FC1] = {"mlp", "fc1", "mlp.fc1", "[T,4E]", "mlp_fc1 @ x", "linear"},
    [STAGE_RELU] = {"mlp", "fc1[].relu", "mlp.fc1.relu", "[T,4E]", "max(0, x)", "Value.relu"},
    [STAGE_FC2] = {"mlp", "fc2", "mlp.fc2", "[T,E]", "mlp_fc2 @ x", "linear"},
    [STAGE_MLP_RESIDUAL] = {"mlp", "residual", "mlp.residual", "[T,E]", "x + block input", "gpt"},
    [STAGE_LOGIT] = {"pos", "logit", "logit", "[T,V]", "lm_head @ x", "linear"},
    [STAGE_PROB] = {"pos", "prob", "prob", "[T,V]", "softmax(logit)", "softmax"},
    [STAGE_POS_LOSS] = {"pos", "loss", "pos.loss", "[T]", "-log(prob[target])", "Value.log"},
    [STAGE_LOSS] = {"", "loss", "loss", "[1]", "mean of the positions' losses", "the loop"},
};

bool stage_is_in_layer(StageKind kind)
{
    return kind >= STAGE_ATTN_NORM && kind <= STAGE_MLP_RESIDUAL;
}

size_t stage_count_rows(const ModelConfig *config)
{
    return N_STAGES - N_LAYER_STAGES + (size_t)config->n_layer * N_LAYER_STAGES;
}

size_t stage_row(const ModelConfig *config, StageKind kind, int layer)
{
    size_t row = (size_t)kind;
    if (stage_is_in_layer(kind)) {
        return row + (size_t)layer * N_LAYER_STAGES;
    }
    return kind < STAGE_ATTN_NORM ? row : row + stage_count_rows(config) - N_STAGES;
}

StageKind stage_row_kind(const ModelConfig *config, size_t row, int *layer)
{
    size_t n_before = STAGE_ATTN_NORM;
    size_t n_in_layers = (size_t)config->n_layer * N_LAYER_STAGES;
    *layer = -1;
    if (row < n_before) {
        return (StageKind)row;
    }
    if (row < n_before + n_in_layers) {
        *layer = (int)((row - n_before) / N_LAYER_STAGES);
        return (StageKind)(n_before + (row - n_before) % N_LAYER_STAGES);
    }
    return (StageKind)(row - n_in_layers + N_LAYER_STAGES);
}

static size_t letter_size(char letter, const ModelConfig *config, size_t n_positions)
{
    switch (letter) {
    case 'V':
        return (size_t)config->vocab_size;
    case 'E':
        return (size_t)config->n_embd;
    case 'H':
        return (size_t)config->n_head;
    case 'B':
        return (size_t)config->block_size;
    default:
        assert(letter == 'T');
        return n_positions;
    }
}

void stage_format_shape(const char *letters, const ModelConfig *config, size_t n_positions,
                        char *text)
{
    size_t length = 0;
    for (const char *c = letters; *c != '\0'; c++) {
        bool is_factor = isdigit((unsigned char)c[0]) && isalpha((unsigned char)c[1]);
        size_t factor = is_factor ? (size_t)(*c++ - '0') : 1;
        if (isalpha((unsigned char)*c)) {
            size_t size = factor * letter_size(*c, config, n_positions);
            length += (size_t)snprintf(text + length, STAGE_SHAPE_BYTES - length, "%zu", size);
        } else {
            text[length] = *c;
            length++;
        }
    }
    text[length] = '\0';
}

// Finds the stage of a scope with this name.
static bool find_stage(const char *part, const char *name, StageKind *kind)
{
    for (size_t i = 0; i < N_STAGES; i++) {
        if (strcmp(pipeline[i].name, name) == 0 && strcmp(pipeline[i].part, part) == 0) {
            *kind = (StageKind)i;
            return true;
        }
    }
    return false;
}

// Reads position, layer and head from the names of the enclosing parts: pos2.layer0.attn.head1.
static void set_place(const Graph *g, const Scope *scope, StageNode *node)
{
    node->layer = -1;
    node->head = -1;
    node->position = -1;
    while (scope->parent != NO_SCOPE) {
        scope = &g->scopes[scope->parent];
        if (strcmp(scope->name, "pos") == 0) {
            node->position = scope->index;
        } else if (strcmp(scope->name, "layer") == 0) {
            node->layer = scope->index;
        } else if (strcmp(scope->name, "head") == 0) {
            node->head = scope->index;
        }
    }
}

StageWalk stage_walk(const Graph *g)
{
    return (StageWalk){.graph = g, .scope_id = 0};
}

bool stage_walk_next(StageWalk *walk, StageNode *node)
{
    const Graph *g = walk->graph;
    while (walk->scope_id < g->n_scopes) {
        const Scope *scope = &g->scopes[walk->scope_id];
        walk->scope_id++;
        bool is_last = walk->scope_id == g->n_scopes;
        size_t end = is_last ? graph_n_nodes(g) : g->scopes[walk->scope_id].first_node;
        const char *part = scope->parent != NO_SCOPE ? g->scopes[scope->parent].name : "";
        if (scope->is_part || end == scope->first_node ||
            !find_stage(part, scope->name, &node->kind)) {
            continue;
        }
        set_place(g, scope, node);
        node->index = scope->index;
        node->node_id = end - 1;
        node->value = graph_node(g, node->node_id);
        return true;
    }
    return false;
}
