// Names the nodes of a dump: paths for dumps that have none, and the part of the model that a path
// belongs to.
#ifndef MICROGPT_DUMP_NAMES_H
#define MICROGPT_DUMP_NAMES_H

#include <stdbool.h>

#include "compare/dump_reader.h"
#include "microgpt/model.h"
#include "microgpt/value.h"

// The parts of the model, in the order in which microgpt.py computes them. A matrix and the values
// computed with it are one part, which includes all layers and positions.
typedef enum ModelPart {
    PART_EMBEDDING,    // wte, wpe, their sum
    PART_NORM,         // every rmsnorm
    PART_ATTN_WQ,      // queries
    PART_ATTN_WK,      // keys
    PART_ATTN_WV,      // values
    PART_ATTN_LOGIT,   // q . k / sqrt(D)
    PART_ATTN_SOFTMAX, // exp and its total
    PART_ATTN_WEIGHT,  // exp / total
    PART_ATTN_OUT,     // sum of weight * v
    PART_ATTN_WO,      // the heads' outputs, combined
    PART_RESIDUAL,     // x + the output of a block
    PART_MLP_FC1,      // the first matrix of the MLP
    PART_RELU,         // max(0, x)
    PART_MLP_FC2,      // the second matrix of the MLP
    PART_LM_HEAD,      // logits
    PART_SOFTMAX,      // exp and its total
    PART_PROB,         // exp / total
    PART_LOSS,         // of positions and of the document
    PART_OTHER,        // no path, or one that the model does not have
    N_MODEL_PARTS,
} ModelPart;

// Returns the name of the part in a report's table; a string literal.
const char *model_part_name(ModelPart part);

// Returns the part that a path belongs to. A path of NULL belongs to PART_OTHER.
ModelPart model_part_of_path(const char *path);

// Gives a full dump without names the paths and operations of the model's nodes, if its graph has
// the shape of that model: the model of sizes->n_layer, n_embd, n_head and block_size (vocab_size
// follows from the number of leading leaves), for some number of positions. Otherwise changes
// nothing. A graph of another shape is not an error; dump->has_names tells whether there are names
// now.
// Requires: sizes that model_count_params accepts.
// Errors: out of memory.
bool dump_name_by_model(NodeDump *dump, const ModelConfig *sizes, Error *error);

// Gives a full dump the paths and operations of the nodes of a graph of the same shape.
// Errors: out of memory.
bool dump_copy_names(NodeDump *dump, const Graph *g, size_t n_params, Error *error);

// Returns the sizes in a dump's first line, if they are those of a model; otherwise `sizes`.
ModelConfig dump_sizes(const NodeDump *dump, const ModelConfig *sizes);

#endif
