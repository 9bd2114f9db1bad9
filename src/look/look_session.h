// The common part of the commands that show a model: their options, a new or a trained model, and a
// document that is run through it. Everything that they show is read from the graph of this
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
    Options list;     // points into the command's options, which must not move
    RunOptions run;   // num_steps is 0 unless it is given: the model before any training
    const char *load; // a checkpoint, whose model is shown instead; NULL if there is none
    const char *text; // the document; NULL: the first document of the data after the shuffle
    const char
        *text_name; // for errors: the argument TEXT or the option --text; NULL if there is neither
    const char *output;        // a file that the command writes; NULL if there is none
    const char *output_option; // the option that named it
    bool prints_besides;       // whether it also prints to standard output if it writes such a file
    size_t step; // show the document of this step, counted from 1; 0: the first document
    bool json;
} LookOptions;

// What a command tells look_parse() about its command line.
typedef struct LookUsage {
    const char *usage;    // `trace TEXT [OPTION ...]`
    const char *summary;  // some lines
    bool has_argument;    // TEXT, which is required
    bool has_text_option; // --text TEXT, which is optional
    bool is_report;       // a report of a whole run: it trains as long as microgpt run unless told
                          // otherwise, and has the options of sampling, but no --json
    bool is_step;         // about one step of a run, and --num-steps is the run's length; no --json
} LookUsage;

// Parses the command line: the command's own options and the common ones. If the help is requested,
// prints it and sets look->list.is_answered: the command is done then.
// Errors: as options_parse_files; TEXT is missing; --load together with an option that the file
// determines; an option that has no effect with the others.
ExitStatus look_parse(LookOptions *look, const LookUsage *usage, const Option *own, size_t n_own,
                      int argc, char **argv, Error *error);

// Replaces --svg FILE with --format svg --output FILE.
// Errors: one of these is also given.
bool look_take_svg(LookOptions *look, const char *svg, const char **format_name, Error *error);

typedef struct LookSession {
    const LookOptions *options;
    Session session;       // with --load only its data, its generator and its engine
    Checkpoint checkpoint; // with --load
    Model *model;
    const Tokenizer *tokenizer;
    Engine *engine;
    int *tokens;        // [block_size + 1]
    size_t n_positions; // T; 0 if the command takes no text
    Document document;
    double loss; // after look_forward()
} LookSession;

// The function of a command that shows something of an open session; chosen are its options.
typedef ExitStatus LookShow(LookSession *look, const void *chosen, Error *error);

// Sets up the model, makes the document's tokens, trains if the options say so, and calls show. A
// character that is not in the alphabet is reported before the training.
// Errors: those of the parts (EXIT_FAILED); a text that does not fit the model (EXIT_USAGE).
ExitStatus look_run(const LookOptions *options, LookShow *show, const void *chosen, Error *error);

// The same in parts, for commands that do something before the training or keep its losses.
// Shapes: losses [run.num_steps], or NULL.
ExitStatus look_open(LookSession *look, const LookOptions *options, Error *error);
bool look_train(LookSession *look, double *losses, Error *error);
void look_close(LookSession *look);

// Runs the document through the model: see engine_forward(). The engine then has its graph.
bool look_forward(LookSession *look, Error *error);

// Prints a line about the model, and one about the document if there is one.
void look_print_subject(const LookSession *look, const Screen *screen);

// Adds the same to a JSON document: command, model, text.
void look_put_subject(const LookSession *look, JsonOut *out, const char *command);

// Adds a token: its character, or null for BOS.
void look_put_token(const LookSession *look, JsonOut *out, json_t *parent, const char *key,
                    int token_id);

#endif
