// One document through one model, to be looked at: see look_session.h.
#include "look_session.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_OWN_OPTIONS = 8,
};

// What only matters to sampling, or would take the graph away.
static bool is_left_out(const char *name)
{
    return strcmp(name, "num-samples") == 0 || strcmp(name, "temperature") == 0 ||
           strcmp(name, "engine") == 0 || strcmp(name, "simd") == 0;
}

// Writes the options that all commands share and returns how many.
// Shapes: options [N_LOOK_OPTIONS].
static size_t list_options(LookOptions *look, bool has_text_option, Option *options)
{
    const Option text = {"text",
                         OPTION_TEXT,
                         &look->text,
                         0,
                         0,
                         "TEXT",
                         "the document (default: the first of the data)"};
    const Option json = {"json", OPTION_FLAG, &look->json, 0, 0, NULL, "print JSON, for programs"};
    Option of_run[N_RUN_OPTIONS];
    size_t n = 0;
    if (has_text_option) {
        options[n] = text;
        n++;
    }
    options[n] = json;
    options[n + 1] = option_help(&look->help);
    n += 2;
    options_for_run(&look->run, of_run);
    for (size_t i = 0; i < N_RUN_OPTIONS; i++) {
        if (is_left_out(of_run[i].name)) {
            continue;
        }
        if (strcmp(of_run[i].name, "num-steps") == 0) {
            of_run[i].help = "documents to train on first (default: 0)";
        }
        options[n] = of_run[i];
        n++;
    }
    assert(n <= N_LOOK_OPTIONS);
    return n;
}

static void print_help(const LookUsage *usage, const Option *options, size_t n_options)
{
    printf("usage: microgpt %s\n\n%s\n", usage->usage, usage->summary);
    options_print(options, n_options);
}

ExitStatus look_parse(LookOptions *look, const LookUsage *usage, const Option *own, size_t n_own,
                      int argc, char **argv, Error *error)
{
    Option options[MAX_OWN_OPTIONS + N_LOOK_OPTIONS];
    size_t n_arguments;
    assert(n_own <= MAX_OWN_OPTIONS);
    *look = (LookOptions){.run = run_options_default()};
    look->run.num_steps = 0;
    look->run.engine = ENGINE_SCALAR; // the one that has a graph
    for (size_t i = 0; i < n_own; i++) {
        options[i] = own[i];
    }
    size_t n_options = n_own + list_options(look, usage->has_text_option, options + n_own);
    if (!options_parse_files(argc, argv, options, n_options, &look->text, usage->has_argument,
                             &n_arguments, error)) {
        return EXIT_USAGE;
    }
    if (look->help) {
        print_help(usage, options, n_options);
        return EXIT_DONE;
    }
    if (usage->has_argument && n_arguments == 0) {
        error_set(error, "%s: needs a TEXT to look at, as in: microgpt %s emma", argv[0], argv[0]);
        return EXIT_USAGE;
    }
    if (usage->has_argument || usage->has_text_option) {
        look->text_name = usage->has_argument ? "TEXT" : "--text";
    }
    return options_check_run(&look->run, error) ? EXIT_DONE : EXIT_USAGE;
}

static bool check_character(const LookSession *look, size_t offset, size_t n_characters,
                            size_t *n_bytes, Error *error)
{
    uint32_t code_point;
    const char *name = look->options->text_name;
    const char *text = look->document.text + offset;
    *n_bytes = utf8_decode(text, look->document.size - offset, &code_point);
    if (*n_bytes == 0) {
        return error_set(error, "%s: character %zu is not UTF-8", name, n_characters + 1);
    }
    if (tokenizer_find(look->tokenizer, code_point) < 0) {
        return error_set(error,
                         "%s: character %zu (U+%04" PRIX32 ", '%.*s') is not among the %d that the "
                         "model knows",
                         name, n_characters + 1, code_point, (int)*n_bytes, text,
                         look->tokenizer->n_uchars);
    }
    return true;
}

// Whether the model can take the user's text, all of it: what is shown must not be a part of it.
static bool check_text(const LookSession *look, Error *error)
{
    const char *name = look->options->text_name;
    size_t block_size = (size_t)look->model->config.block_size;
    size_t n_characters = 0;
    size_t n_bytes;
    if (look->document.size == 0) {
        return error_set(error, "%s: is empty; give it at least one character", name);
    }
    for (size_t offset = 0; offset < look->document.size; offset += n_bytes) {
        if (!check_character(look, offset, n_characters, &n_bytes, error)) {
            return false;
        }
        n_characters++;
    }
    if (n_characters + 1 > block_size) {
        return error_set(error,
                         "%s: has %zu characters, and BOS takes one more place; the model has %zu "
                         "(--block-size)",
                         name, n_characters, block_size);
    }
    return true;
}

// The document and its tokens; a document of the data is cut to the context, as in training.
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
        look->document = look->session.dataset.docs[0];
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

static bool train(Trainer *trainer, Error *error)
{
    while (trainer->step < trainer->num_steps) {
        double loss;
        if (!trainer_step(trainer, &loss, error)) {
            return false;
        }
    }
    return true;
}

// The text is looked at before the training: nobody waits to learn of a letter that is not known.
static ExitStatus open_parts(LookSession *look, Error *error)
{
    const LookOptions *options = look->options;
    if (!session_open(&look->session, &options->run, error)) {
        return EXIT_FAILED;
    }
    look->model = &look->session.model;
    look->tokenizer = &look->session.tokenizer;
    look->engine = look->session.engine;
    ExitStatus status = EXIT_DONE;
    if (options->text_name != NULL) {
        status = take_document(look, error);
    }
    if (status == EXIT_DONE && !train(&look->session.trainer, error)) {
        status = EXIT_FAILED;
    }
    return status;
}

ExitStatus look_open(LookSession *look, const LookOptions *options, Error *error)
{
    assert(look != NULL && options != NULL && error != NULL);
    *look = (LookSession){.options = options};
    ExitStatus status = open_parts(look, error);
    if (status != EXIT_DONE) {
        look_close(look);
    }
    return status;
}

void look_close(LookSession *look)
{
    assert(look != NULL);
    free(look->tokens);
    session_close(&look->session);
    *look = (LookSession){0};
}

bool look_forward(LookSession *look, Error *error)
{
    assert(look->n_positions > 0);
    return engine_forward(look->engine, look->tokens, look->n_positions, &look->loss, error);
}

bool look_backward(LookSession *look, Error *error)
{
    return engine_backward(look->engine, error);
}

const Graph *look_graph(const LookSession *look)
{
    return &engine_scalar_gpt(look->engine)->graph;
}

void look_print_subject(const LookSession *look, const Screen *screen)
{
    const RunOptions *run = &look->options->run;
    if (run->num_steps == 0) {
        printf("model: %zu parameters, untrained, seed %" PRIu64 "\n", look->model->n_params,
               run->seed);
    } else {
        printf("model: %zu parameters, after %zu steps of training, seed %" PRIu64 "\n",
               look->model->n_params, run->num_steps, run->seed);
    }
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
    char text[UTF8_MAX_BYTES];
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
    json_out_count(out, model, "num_steps", look->options->run.num_steps);
    if (look->n_positions > 0) {
        json_out_text_of(out, out->root, "text", look->document.text, look->document.size);
        json_out_count(out, out->root, "n_positions", look->n_positions);
    }
}
