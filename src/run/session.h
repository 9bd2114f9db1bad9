// Everything that a run needs, set up from its options in the order of microgpt.py: seed,
// documents, shuffle, alphabet, parameters. The order of the calls to the generator determines
// every bit that follows.
#ifndef MICROGPT_SESSION_H
#define MICROGPT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microgpt/microgpt.h"
#include "run/run_options.h"

typedef struct Session {
    Random random;
    Dataset dataset;
    Tokenizer tokenizer;
    Model model;
    Engine *engine;
    Adam adam;
    Trainer trainer;
    uint64_t seed; // this and the following are saved in checkpoints
    double init_std;
    DatasetDigest digest;
} Session;

// Checks that a model with Adam's moments, and an engine for documents of n_positions positions,
// fit into memory. option is the one that gave the model's file; NULL for a new model.
// Requires: 1 <= n_positions <= block_size.
// Errors: they do not fit; sizes that model_count_params rejects.
bool session_check_memory(const char *option, EngineKind engine, const ModelConfig *config,
                          size_t n_positions, Error *error);

// Reads the data, checks that everything will fit into memory, and draws the parameters.
// Errors: those of the parts; out of memory.
bool session_open(Session *session, const RunOptions *options, Error *error);

// The same, resuming from a checkpoint. The session takes over the members of the checkpoint that
// it needs; the caller must still call checkpoint_free().
// Requires: checkpoint->can_resume, and options with its sizes, seed and settings.
// Errors: as session_open; data that the checkpoint was not trained on.
bool session_resume(Session *session, const RunOptions *options, Checkpoint *checkpoint,
                    Error *error);

// Checks that the checkpoint was trained on these data. option is the one that gave the checkpoint;
// data is the data file, NULL for the built-in names.
// Errors: other data.
bool session_check_data(const char *option, const char *data, const DatasetDigest *here,
                        const Checkpoint *checkpoint, Error *error);

// Returns a checkpoint to save. Its members belong to the session: it is valid until the next step,
// and must not be freed.
Checkpoint session_checkpoint(const Session *session);

// Frees the session; does nothing to a zeroed one.
void session_close(Session *session);

#endif
