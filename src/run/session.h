// Everything that one run works with, set up in microgpt.py's order from the options of the run.
//
// Training commands share this start: seed, documents, shuffle, alphabet, parameters. What the
// generator is asked for, and in which order, decides every bit that follows.
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
    uint64_t seed; // what a checkpoint has to remember of the options and the data
    double init_std;
    DatasetDigest digest;
} Session;

// Whether a model with Adam's moments, and an engine for documents of so many positions, fit into
// memory. option is the one that named the model's file; NULL where the options of a run make it.
// Requires: 1 <= n_positions <= block_size.
// Errors: they do not; sizes that model_count_params refuses.
bool session_check_memory(const char *option, EngineKind engine, const ModelConfig *config,
                          size_t n_positions, Error *error);

// Reads the data, checks that everything will fit into memory, and draws the parameters.
// Errors: those of the parts; more memory needed than there is.
bool session_open(Session *session, const RunOptions *options, Error *error);

// The same, going on where the checkpoint was saved. The session takes over the parts of the
// checkpoint that it needs, which is then to be freed all the same.
// Requires: checkpoint->can_resume, and options that were its own (its sizes, seed, settings).
// Errors: as session_open; data that is not what the checkpoint was trained on.
bool session_resume(Session *session, const RunOptions *options, Checkpoint *checkpoint,
                    Error *error);

// Whether the data are those that the checkpoint was trained on. option is what named the
// checkpoint, data the file; NULL: the built-in names. Errors: they are not.
bool session_check_data(const char *option, const char *data, const DatasetDigest *here,
                        const Checkpoint *checkpoint, Error *error);

// What to save. Its parts stay the session's: it is good until the session's next step, and is not
// to be freed.
Checkpoint session_checkpoint(const Session *session);

// A zeroed session is fine, too.
void session_close(Session *session);

#endif
