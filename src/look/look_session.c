// Runs a document through a model: see look_session.h.
#include "look/look_session.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command_files.h"
#include "run/model_text.h"

// Adds the command's own options and the common ones.
static void list_options(LookOptions *look, const LookUsage *usage, const Option *own, size_t n_own)
{
    Options *list = &look->list;
    unsigned groups = RUN_DATA | RUN_TRAINING | RUN_STEPS | RUN_SIZES;
    for (size_t i = 0; i < n_own; i++) {
        options_add(list, own[i]);
    }
    if (usage->has_text_option) {
        options_add(list, (Option){"text", &look->text, "TEXT", "the document", OPTION_TEXT,
                                   .default_text = "the first of the data"});
    }
    options_add(list, (Option){"load", &look->load, "FILE", "look at the model of a checkpoint",
                               OPTION_TEXT, .group = OPTION_OWN});
    if (!usage->is_report && !usage->is_step) {
        options_add(list, (Option){"json", &look->json, NULL, "print JSON, for programs",
                                   OPTION_FLAG, .group = OPTION_OWN});
    }
    options_add_help(list);
    run_options_add(list, &look->run, usage->is_report ? groups | RUN_SAMPLING : groups);
    if (!usage->is_report && !usage->is_step) {
        options_find(list, &look->run.num_steps)->help = "documents to train on first";
    }
}

static bool needs_data(const LookOptions *options)
{
    return options->text_name != NULL && options->text == NULL;
}

// A checkpoint determines all settings of a run, except the data to take a document from, the
// settings of sampling, and those that a file of another program does not contain.
static bool check_beside_load(LookOptions *look, Error *error)
{
    const Option *n_head = options_find(&look->list, &look->run.model.n_head);
    const Option *data = options_find(&look->list, &look->run.data);
    if (data->given != NULL && !needs_data(look)) {
        return error_set(error, "%.100s: has no effect beside --load%s%s; leave it out",
                         data->given, look->text_name != NULL ? " and " : "",
                         look->text_name != NULL ? look->text_name : "");
    }
    for (size_t i = 0; i < look->list.n; i++) {
        const Option *option = &look->list.list[i];
        bool is_decided =
            (option->group & (RUN_TRAINING | RUN_STEPS | RUN_SIZES)) != 0 && option != n_head;
        if (is_decided && option->given != NULL) {
            return error_set(error, "%.100s: is determined by the file of --load; leave it out",
                             option->given);
        }
    }
    if (n_head->given == NULL) {
        look->run.model.n_head = 0; // not given
    }
    return true;
}

// Whether the model is updated before it is shown.
static bool is_trained(const LookOptions *look, const LookUsage *usage)
{
    return usage->is_step ? look->step > 1 : look->run.num_steps > 0;
}

// Refuses the settings of the updates if there are none.
static bool check_untrained(LookOptions *look, const LookUsage *usage, Error *error)
{
    const RunOptions *run = &look->run;
    const Option *steps =
        options_find(&look->list, usage->is_step ? (void *)&look->step : &look->run.num_steps);
    // The dump of a step contains the number of steps.
    const void *num_steps = usage->is_step && look->text != NULL ? &run->num_steps : NULL;
    const void *const settings[] = {&run->adam.learning_rate, &run->adam.beta1, &run->adam.beta2,
                                    &run->adam.eps_adam, num_steps};
    for (size_t i = 0; i < sizeof settings / sizeof *settings && settings[i] != NULL; i++) {
        const Option *option = options_find(&look->list, settings[i]);
        if (option->given != NULL) {
            return error_set(error, "%.100s: has no effect on an untrained model; %s --%s",
                             option->given, steps->given != NULL ? "raise" : "add", steps->name);
        }
    }
    return true;
}

static bool check_together(LookOptions *look, const LookUsage *usage, Error *error)
{
    if (look->load != NULL) {
        return check_beside_load(look, error);
    }
    return (is_trained(look, usage) || check_untrained(look, usage, error)) &&
           run_options_check(&look->run, error);
}

ExitStatus look_parse(LookOptions *look, const LookUsage *usage, const Option *own, size_t n_own,
                      int argc, char **argv, Error *error)
{
    size_t n_arguments;
    *look = (LookOptions){.run = run_options_default(), .output_option = "--output"};
    look->run.num_steps = usage->is_report || usage->is_step ? look->run.num_steps : 0;
    look->run.engine = ENGINE_SCALAR; // the engine that has a graph
    look->list.usage = usage->usage;
    look->list.summary = usage->summary;
    list_options(look, usage, own, n_own);
    if (!options_parse_files(&look->list, argc, argv, &look->text, usage->has_argument,
                             &n_arguments, error)) {
        return EXIT_USAGE;
    }
    if (options_answer(&look->list)) {
        return EXIT_DONE;
    }
    if (usage->has_argument && n_arguments == 0) {
        error_set(error, "%s: needs a TEXT, for example: microgpt %s emma", argv[0], argv[0]);
        return EXIT_USAGE;
    }
    if (usage->has_argument || usage->has_text_option) {
        look->text_name = usage->has_argument ? "TEXT" : "--text";
    }
    return check_together(look, usage, error) ? EXIT_DONE : EXIT_USAGE;
}

bool look_take_svg(LookOptions *look, const char *svg, const char **format_name, Error *error)
{
    Option *format = options_find(&look->list, format_name);
    if (svg == NULL) {
        return true;
    }
    if (format->given != NULL || look->output != NULL) {
        return error_set(error, "--svg: is short for --format svg --output FILE; leave these out");
    }
    format->given = "--svg";
    *format_name = "svg";
    look->output = svg;
    look->output_option = "--svg";
    return true;
}

// Checks that all characters of the document are in the alphabet.
static bool check_characters(const LookSession *look, size_t *n_characters, Error *error)
{
    const LookOptions *options = look->options;
    const char *name = options->text != NULL ? options->text_name : "the first document";
    return model_text_check(name, look->document, look->tokenizer, n_characters, error);
}

// Checks that the user's text fits as a whole: the commands must not show only a part of it.
static bool check_text(const LookSession *look, Error *error)
{
    const char *name = look->options->text_name;
    size_t block_size = (size_t)look->model->config.block_size;
    size_t n_characters;
    if (look->document.size == 0) {
        return error_set(error, "%s: is empty; give it at least one character", name);
    }
    return check_characters(look, &n_characters, error) &&
           model_text_check_length(name, n_characters, block_size, error);
}

// Sets the document and its tokens; a document of the data is truncated to the context, as in
// training.
static ExitStatus take_document(LookSession *look, Error *error)
{
    size_t max_tokens = (size_t)look->model->config.block_size + 1;
    const char *text = look->options->text;
    if (text != NULL) {
        look->document = (Document){text, strlen(text)};
        if (!check_text(look, error)) {
            return EXIT_USAGE;
        }
    } else {
        size_t n_characters;
        size_t step_id = look->options->step > 0 ? look->options->step - 1 : 0;
        look->document = look->session.dataset.docs[step_id % look->session.dataset.n_docs];
        if (!check_characters(look, &n_characters, error)) { // a checkpoint has its own alphabet
            return EXIT_FAILED;
        }
    }
    look->tokens = calloc(max_tokens, sizeof *look->tokens);
    if (look->tokens == NULL) {
        error_out_of_memory(error, "the tokens", max_tokens * sizeof *look->tokens);
        return EXIT_FAILED;
    }
    look->n_positions =
        tokenizer_encode(look->tokenizer, look->document, look->tokens, max_tokens) - 1;
    return EXIT_DONE;
}

// Returns an upper bound of the number of positions, before the document is known.
static size_t max_positions(const LookSession *look)
{
    const LookOptions *options = look->options;
    size_t block_size = (size_t)look->checkpoint.model.config.block_size;
    if (needs_data(options)) {
        return trainer_max_positions(&look->session.dataset, block_size);
    }
    size_t n_bytes = options->text != NULL ? strlen(options->text) : 0;
    return n_bytes < block_size ? n_bytes + 1 : block_size;
}

// With --data, the document may be from data that the model was not trained on. Without it, the
// built-in names must be the data that it was trained on.
static bool check_data(const LookSession *look, Error *error)
{
    const LookOptions *options = look->options;
    DatasetDigest here = checkpoint_digest(&look->session.dataset);
    return options->run.data != NULL || !look->checkpoint.can_resume ||
           session_check_data("--load", NULL, &here, &look->checkpoint, error);
}

// Loads the documents in the order in which a training run with the checkpoint's seed uses them.
static bool load_data(LookSession *look, Error *error)
{
    const RunOptions *run = &look->options->run;
    Session *session = &look->session;
    bool ok = run->data != NULL ? dataset_read(&session->dataset, run->data, error)
                                : dataset_default(&session->dataset, error);
    if (ok) {
        random_seed(&session->random, session->seed);
        dataset_shuffle(&session->dataset, &session->random);
        ok = check_data(look, error);
    }
    return ok;
}

// Sets the generator to the state with which `microgpt sample` starts.
static void restore_random(LookSession *look)
{
    Session *session = &look->session;
    if (look->checkpoint.can_resume) {
        session->random = look->checkpoint.random;
    } else {
        random_seed(&session->random, session->seed);
    }
}

static bool open_checkpoint(LookSession *look, Error *error)
{
    const LookOptions *options = look->options;
    Checkpoint *checkpoint = &look->checkpoint;
    if (!checkpoint_load(checkpoint, options->load, options->run.model.n_head, error)) {
        return false;
    }
    look->model = &checkpoint->model;
    look->tokenizer = &checkpoint->tokenizer;
    look->session.seed = checkpoint->can_resume ? checkpoint->seed : options->run.seed;
    if (needs_data(options) && !load_data(look, error)) {
        return false;
    }
    restore_random(look);
    return session_check_memory("--load", ENGINE_SCALAR, &look->model->config, max_positions(look),
                                error) &&
           engine_create(&look->session.engine, ENGINE_SCALAR, look->model, error);
}

static bool open_run(LookSession *look, Error *error)
{
    if (!session_open(&look->session, &look->options->run, error)) {
        return false;
    }
    look->model = &look->session.model;
    look->tokenizer = &look->session.tokenizer;
    return true;
}

static ExitStatus open_parts(LookSession *look, Error *error)
{
    const LookOptions *options = look->options;
    bool ok = options->load != NULL ? open_checkpoint(look, error) : open_run(look, error);
    if (!ok) {
        return EXIT_FAILED;
    }
    look->engine = look->session.engine;
    return options->text_name != NULL ? take_document(look, error) : EXIT_DONE;
}

static ExitStatus check_files(const LookOptions *options, Error *error)
{
    const CommandFile files[] = {
        {options->run.data, FILE_READ, "--data", "the data file"},
        {options->load, FILE_READ, "--load", "the checkpoint"},
        {options->output, FILE_REPLACED, options->output_option, "the output"},
    };
    return command_files_check(files, sizeof files / sizeof files[0], options->prints_besides,
                               error);
}

ExitStatus look_open(LookSession *look, const LookOptions *options, Error *error)
{
    assert(look != NULL && options != NULL && error != NULL);
    *look = (LookSession){.options = options};
    ExitStatus status = check_files(options, error);
    if (status == EXIT_DONE) {
        status = open_parts(look, error);
    }
    if (status != EXIT_DONE) {
        look_close(look);
    }
    return status;
}

bool look_train(LookSession *look, double *losses, Error *error)
{
    Trainer *trainer = &look->session.trainer; // with a checkpoint, it has no steps to do
    while (trainer->step < trainer->num_steps) {
        double loss;
        if (!trainer_step(trainer, &loss, error)) {
            return false;
        }
        if (losses != NULL) {
            losses[trainer->step - 1] = loss;
        }
    }
    return true;
}

void look_close(LookSession *look)
{
    assert(look != NULL);
    free(look->tokens);
    session_close(&look->session);
    checkpoint_free(&look->checkpoint);
    *look = (LookSession){0};
}

ExitStatus look_run(const LookOptions *options, LookShow *show, const void *chosen, Error *error)
{
    LookSession look;
    ExitStatus status = look_open(&look, options, error);
    if (status != EXIT_DONE) {
        return status;
    }
    status = look_train(&look, NULL, error) ? show(&look, chosen, error) : EXIT_FAILED;
    look_close(&look);
    return status;
}

bool look_forward(LookSession *look, Error *error)
{
    assert(look->n_positions > 0);
    return engine_forward(look->engine, look->tokens, look->n_positions, &look->loss, error);
}

// Returns how many steps the model was trained for; 0 also for a file of another program.
static size_t count_steps(const LookSession *look)
{
    return look->options->load != NULL ? look->checkpoint.step : look->options->run.num_steps;
}

static void print_model(const LookSession *look)
{
    size_t n_steps = count_steps(look);
    printf("model: %zu parameters, ", look->model->n_params);
    if (look->options->load != NULL && !look->checkpoint.can_resume) {
        printf("of another program\n");
    } else if (n_steps == 0) {
        printf("untrained, seed %" PRIu64 "\n", look->session.seed);
    } else {
        printf("after %zu steps of training, seed %" PRIu64 "\n", n_steps, look->session.seed);
    }
}

void look_print_subject(const LookSession *look, const Screen *screen)
{
    print_model(look);
    if (look->n_positions == 0) {
        return;
    }
    int n_columns = printf("text:  %zu positions:", look->n_positions);
    for (size_t i = 0; i <= look->n_positions; i++) {
        Label label = screen_label(screen, look->tokenizer, look->tokens[i]);
        if (n_columns + 1 + label.n_columns > SCREEN_COLUMNS) {
            n_columns = printf("\n      ") - 1;
        }
        n_columns += 1 + label.n_columns;
        printf(" %s", label.text);
    }
    printf("\n");
}

void look_put_token(const LookSession *look, JsonOut *out, json_t *parent, const char *key,
                    int token_id)
{
    char text[TOKENIZER_MAX_BYTES];
    size_t n = tokenizer_decode(look->tokenizer, token_id, text);
    if (n == 0) {
        json_out_null(out, parent, key);
    } else {
        json_out_text_of(out, parent, key, text, n);
    }
}

void look_put_subject(const LookSession *look, JsonOut *out, const char *command)
{
    const ModelConfig *config = &look->model->config;
    json_out_text(out, out->root, "command", command);
    json_t *model = json_out_object(out, out->root, "model");
    json_out_count(out, model, "n_layer", (size_t)config->n_layer);
    json_out_count(out, model, "n_embd", (size_t)config->n_embd);
    json_out_count(out, model, "n_head", (size_t)config->n_head);
    json_out_count(out, model, "head_dim", (size_t)look->model->head_dim);
    json_out_count(out, model, "block_size", (size_t)config->block_size);
    json_out_count(out, model, "vocab_size", (size_t)config->vocab_size);
    json_out_count(out, model, "n_params", look->model->n_params);
    json_out_count(out, model, "num_steps", count_steps(look));
    if (look->n_positions > 0) {
        json_out_text_of(out, out->root, "text", look->document.text, look->document.size);
        json_out_count(out, out->root, "n_positions", look->n_positions);
    }
}
