// The model's pipeline as a table of stages, and the nodes of each stage in the graph of a
// document.
//
// A stage is the result of one line of gpt(): the query, the weights of a head, the logits. The
// names in the graph say which node belongs to which stage (see node_path.h).
#ifndef MICROGPT_PIPELINE_H
#define MICROGPT_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/model.h"
#include "microgpt/value.h"

typedef enum StageKind {
    STAGE_EMBED,
    STAGE_NORM,
    STAGE_ATTN_NORM, // from here to STAGE_MLP_RESIDUAL: the stages of each layer
    STAGE_Q,
    STAGE_K,
    STAGE_V,
    STAGE_HEAD_LOGIT,
    STAGE_HEAD_WEIGHT,
    STAGE_HEAD_OUT,
    STAGE_WO,
    STAGE_ATTN_RESIDUAL,
    STAGE_MLP_NORM,
    STAGE_FC1,
    STAGE_RELU,
    STAGE_FC2,
    STAGE_MLP_RESIDUAL,
    STAGE_LOGIT,
    STAGE_PROB,
    STAGE_POS_LOSS,
    STAGE_LOSS,
} StageKind;

enum {
    N_STAGES = STAGE_LOSS + 1,
    N_LAYER_STAGES = STAGE_MLP_RESIDUAL - STAGE_ATTN_NORM + 1,
};

typedef struct Stage {
    const char *part;    // the part of the graph in which it is made; "" for none
    const char *name;    // the name of its nodes
    const char *title;   // part and name, for printing
    const char *shape;   // in the letters of model.h
    const char *formula; // how it is computed
    const char *source;  // the function of microgpt.py
} Stage;

// Shapes: [N_STAGES].
extern const Stage pipeline[];

bool stage_is_in_layer(StageKind kind);

// Return the number of stages, where those of each layer are counted separately, and the index of a
// stage in the order of computation. stage_row_kind() is the inverse; *layer is -1 for a stage
// outside the layers.
size_t stage_count_rows(const ModelConfig *config);
size_t stage_row(const ModelConfig *config, StageKind kind, int layer);
StageKind stage_row_kind(const ModelConfig *config, size_t row, int *layer);

enum {
    STAGE_SHAPE_BYTES = 48,
};

// Writes the shape in numbers, such as `[6,16]`. n_positions is T.
// Shapes: text [STAGE_SHAPE_BYTES].
void stage_format_shape(const char *letters, const ModelConfig *config, size_t n_positions,
                        char *text);

// A number of a stage: the last node with a name in the graph, such as q[5] of position 2.
typedef struct StageNode {
    StageKind kind;
    int layer;    // -1: outside the layers
    int head;     // -1: outside the heads
    int position; // -1: of the whole document
    int index;    // which element of the vector; -1: there is only one
    size_t node_id;
    const Value *value;
} StageNode;

// Iterates over the numbers of all stages, in order of creation.
typedef struct StageWalk {
    const Graph *graph;
    size_t scope_id; // of the next scope
} StageWalk;

StageWalk stage_walk(const Graph *g);

// Gets the next number. Returns false after the last one.
bool stage_walk_next(StageWalk *walk, StageNode *node);

#endif
