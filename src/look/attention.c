// Reads attention weights from the graph: see attention.h.
#include "look/attention.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/count.h"
#include "look/pipeline.h"

double *attention_row(const Attention *attention, size_t layer, size_t head, size_t position)
{
    assert(layer < attention->n_layer && head < attention->n_head);
    assert(position < attention->n_positions);
    size_t map = layer * attention->n_head + head;
    return attention->weights + (map * attention->n_positions + position) * attention->n_positions;
}

bool attention_read(Attention *attention, const LookSession *look, Error *error)
{
    size_t n_positions = look->n_positions;
    size_t n_layer = (size_t)look->model->config.n_layer;
    size_t n_head = (size_t)look->model->config.n_head;
    size_t n = count_mul(count_mul(n_layer, n_head), count_mul(n_positions, n_positions));
    assert(n < SIZE_MAX);
    *attention = (Attention){
        .look = look,
        .n_positions = n_positions,
        .n_head = n_head,
        .n_layer = n_layer,
        .weights = calloc(n + 1, sizeof *attention->weights), // + 1: n is 0 without layers
    };
    if (attention->weights == NULL) {
        return error_out_of_memory(error, "the attention maps",
                                   count_mul(n, sizeof *attention->weights));
    }
    StageWalk walk = stage_walk(engine_graph(look->engine));
    StageNode node;
    while (stage_walk_next(&walk, &node)) {
        if (node.kind == STAGE_HEAD_WEIGHT) {
            attention_row(attention, (size_t)node.layer, (size_t)node.head,
                          (size_t)node.position)[node.index] = node.value->data;
        }
    }
    return true;
}

void attention_free(Attention *attention)
{
    free(attention->weights);
    *attention = (Attention){0};
}
