// What the commands that look inside share: their options, a model as it was initialised or
// trained, and one document run through it. All that they show is read from the graph of that
// document.
#ifndef MICROGPT_LOOK_SESSION_H
#define MICROGPT_LOOK_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/exit_status.h"
#include "cli/json_out.h"
#include "cli/options.h"
#include "cli/screen.h"
#include "microgpt/checkpoint.h"
#include "microgpt/engine.h"
#include "run/session.h"

typedef struct LookOptions {
    Options list;          // points into the command's options, which must not move
    RunOptions run;        // num_steps is 0 unless said: the model before any training
    const char *load;      // a checkpoint, whose model is looked at instead; NULL: none
    const char *text;      // the document; NULL: the first of the data, as training takes them
    const char *text_name; // for errors: the argument TEXT or the option --text; NULL: takes none
    const char *output;    // a file that the command writes; NULL: none
    const char *output_option;
    bool prints_besides; // to standard output, whether there is such a file or not
    size_t step;           // the document of the data that is this step's, from 1 on; 0: the first
    bool json;
} LookOptions;

// What a command is called with.
typedef struct LookUsage {
    const char *usage;    // `trace TEXT [OPTION ...]`
    const char *summary;  // some lines
    bool has_argument;    // TEXT, which is needed
    bool has_text_option; // --text TEXT, which is not
    bool is_report;       // of a run as a whole: it trains as long as microgpt run does unless told
                          // otherwise, and has the options of sampling, but no --json
    bool is_step; // of a step of a run, whose length --num-steps is; it has no --json either
} LookUsage;

// Reads the command line: the command's own options and those that all of them share. Prints the
// help where that is asked for, and says so in look->list.is_answered: then the command is done.
// Errors: as options_parse_files; TEXT is missing; beside --load an option of a run that the file
// decides.
ExitStatus look_parse(LookOptions *look, const LookUsage *usage, const Option *own, size_t n_own,
                      int argc, char **argv, Error *error);

// Takes --svg FILE for --format svg --output FILE.
// Errors: one of these is given besides.
bool look_take_svg(LookOptions *look, const char *svg, const char **format_name,
                   const char **output, Error *error);

typedef struct LookSession {
    const LookOptions *options;
    Session session;       // with --load only its data, its generator and its engine
    Checkpoint checkpoint; // with --load
    Model *model;
    const Tokenizer *tokenizer;
    Engine *engine;
    int *tokens;        // [block_size + 1]
    size_t n_positions; // T; 0 where the command takes no text
    Document document;
    double loss; // once look_forward() has run
} LookSession;

// What a command shows of an open session; chosen are the command's options.
typedef ExitStatus LookShow(LookSession *look, const void *chosen, Error *error);

// Sets up the model and makes the document's tokens, trains where that was asked for, and shows:
// nobody waits for a training to learn of a letter that is not known.
// Errors: those of the parts (EXIT_FAILED); a text that does not fit the model (EXIT_USAGE).
ExitStatus look_run(const LookOptions *options, LookShow *show, const void *chosen, Error *error);

// The same in its parts, for who has something to do before the training, or keeps its losses.
// Shapes: losses [run.num_steps], or NULL.
ExitStatus look_open(LookSession *look, const LookOptions *options, Error *error);
bool look_train(LookSession *look, double *losses, Error *error);
void look_close(LookSession *look);

// The document through the model, and back: as engine_forward and engine_backward.
bool look_forward(LookSession *look, Error *error);
bool look_backward(LookSession *look, Error *error);

// How many steps of training the model has behind it; 0 for another program's file, too.
size_t look_num_steps(const LookSession *look);

// The graph that they leave.
const Graph *look_graph(const LookSession *look);

// Prints what is looked at in a line or two: the model, and the document where there is one.
void look_print_subject(const LookSession *look, const Screen *screen);

// Starts a JSON document with the same: command, model, text.
void look_put_subject(const LookSession *look, JsonOut *out, const char *command);

// A token for programs: its character, or null for BOS.
void look_put_token(const LookSession *look, JsonOut *out, json_t *parent, const char *key,
                    int token_id);

#endif
