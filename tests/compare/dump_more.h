// Common functions of the tests of dumps: texts as files, the graph of a small model as a dump,
// changes that make a dump like that of a port with a mistake, and random numbers to choose them.
#ifndef MICROGPT_DUMP_MORE_H
#define MICROGPT_DUMP_MORE_H

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "check_more.h"
#include "compare/dump_reader.h"
#include "compare/node_dump.h"
#include "microgpt/microgpt.h"
#include "scalar/scalar_gpt.h"

enum {
    TEST_TOKENS = 5, // of the small document; the last one is only a target
    TEST_PATH_BYTES = 64,
};

// A small model with two of everything that a model can have several of.
static const ModelConfig small_config = {
    .n_layer = 1, .n_embd = 4, .n_head = 2, .block_size = 4, .vocab_size = 5};

// BOS, 0, 1, 0, BOS: one token occurs twice, and one never.
static const int small_tokens[TEST_TOKENS] = {4, 0, 1, 0, 4};

// Makes an empty file in the folder for temporary ones. The caller removes it.
static inline FILE *open_temporary(char *path)
{
    strcpy(path, "/tmp/microgpt-test-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    FILE *file = fdopen(fd, "w");
    ck_assert_ptr_nonnull(file);
    return file;
}

// Writes bytes to a new file.
static inline void write_temporary(char *path, const char *bytes, size_t n)
{
    FILE *file = open_temporary(path);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
}

typedef enum DumpForm {
    DUMP_PLAIN,
    DUMP_NAMED,
    DUMP_SPARSE,
} DumpForm;

// Writes a graph to a new file.
static inline void write_graph(char *path, const Graph *g, size_t n_params, DumpForm form)
{
    FILE *file = open_temporary(path);
    if (form == DUMP_SPARSE) {
        node_dump_write_sparse(file, g, n_params);
    } else {
        node_dump_write(file, g, n_params, form == DUMP_NAMED);
    }
    ck_assert_int_eq(fclose(file), 0);
}

static inline void assert_read(NodeDump *dump, const char *path)
{
    Error error;
    ck_assert_msg(dump_read(dump, path, &error), "%s", error.message);
}

// Makes a dump of the graph in memory.
static inline void dump_graph(NodeDump *dump, const Graph *g, size_t n_params, DumpForm form)
{
    char path[TEST_PATH_BYTES];
    write_graph(path, g, n_params, form);
    assert_read(dump, path);
    unlink(path);
    dump->file_name = "dump"; // path exists only in this function
}

// Writes the graph of a model's document after backward. If first_fc1_row is not NaN, the first row
// of mlp_fc1 is set to it.
static inline void write_model(char *path, const ModelConfig *config, const int *tokens,
                               size_t n_positions, double first_fc1_row, DumpForm form)
{
    Model model;
    ScalarGpt gpt;
    Random random;
    Error error;
    double loss;
    ck_assert(model_init(&model, config, &error));
    random_seed(&random, 42);
    model_randomize(&model, &random, 0.3);
    for (int i = 0; config->n_layer > 0 && !isnan(first_fc1_row) && i < config->n_embd; i++) {
        model.data[model_matrix(&model, MATRIX_MLP_FC1, 0)->first_param + (size_t)i] =
            first_fc1_row;
    }
    ck_assert(scalar_gpt_init(&gpt, &model, &error));
    ck_assert(scalar_gpt_forward(&gpt, tokens, n_positions, &loss, &error));
    ck_assert(scalar_gpt_backward(&gpt, &error));
    write_graph(path, &gpt.graph, model.n_params, form);
    scalar_gpt_free(&gpt);
    model_free(&model);
}

static inline void dump_model(NodeDump *dump, double first_fc1_row, DumpForm form)
{
    char path[TEST_PATH_BYTES];
    write_model(path, &small_config, small_tokens, TEST_TOKENS - 1, first_fc1_row, form);
    assert_read(dump, path);
    unlink(path);
    dump->file_name = "dump";
}

static inline void dump_small_model(NodeDump *dump, DumpForm form)
{
    dump_model(dump, NAN, form);
}

// Returns the node with that path.
static inline uint32_t find_node(const NodeDump *dump, const char *path)
{
    for (uint32_t node_id = 0; node_id < dump->n_nodes; node_id++) {
        if (strcmp(dump_path(dump, node_id), path) == 0) {
            return node_id;
        }
    }
    ck_abort_msg("no node has the path %s", path);
    return 0;
}

// A separate generator, so that a failure can be reproduced: xorshift.
static inline uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

#endif
