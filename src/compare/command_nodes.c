// `microgpt nodes`: trains up to a step and writes that step's graph, node by node, to be compared
// with Python's or with another port's.
#include "compare/compare_commands.h"

#include <stdio.h>

#include "cli/command_files.h"
#include "cli/options.h"
#include "cli/out_file.h"
#include "compare/dump_about.h"
#include "compare/node_dump.h"
#include "run/session.h"

typedef struct NodesOptions {
    RunOptions run;
    size_t step;
    const char *output;
    bool names;
    bool sparse;
    bool help;
} NodesOptions;

static void print_help(const Options *options)
{
    printf("usage: microgpt nodes --step K [OPTION ...]\n"
           "\n"
           "Trains up to step K and writes the graph of step K after backward, one node a line:\n"
           "index, data, grad, [children], [local gradients]. See docs/node-format.md.\n"
           "\n");
    options_print(options);
}

// Leaves the graph of the step in the engine: backward is done, the update is not.
static bool train_up_to(Session *session, size_t step, Error *error)
{
    Trainer *trainer = &session->trainer;
    double loss;
    while (trainer->step + 1 < step) {
        if (!trainer_step(trainer, &loss, error)) {
            return false;
        }
    }
    return trainer_forward(trainer, &loss, error) && trainer_backward(trainer, error);
}

static bool write_nodes(const Session *session, const NodesOptions *options, Error *error)
{
    OutFile out;
    if (!out_file_open(&out, options->output, error)) {
        return false;
    }
    const Dataset *dataset = &session->dataset;
    DumpAbout about = {
        .step = options->step,
        .document = dataset->docs[(options->step - 1) % dataset->n_docs],
        .has_seed = true,
        .seed = session->seed,
        .n_documents = dataset->n_docs,
        .model = session->model.config,
    };
    dump_about_write(out.file, &about);
    const Graph *g = engine_graph(session->engine);
    if (options->sparse) {
        node_dump_write_sparse(out.file, g, session->model.n_params);
    } else {
        node_dump_write(out.file, g, session->model.n_params, options->names);
    }
    return out_file_close(&out, error);
}

static bool check_options(const NodesOptions *options, Error *error)
{
    if (!run_options_check(&options->run, error)) {
        return false;
    }
    if (options->step == 0) {
        return error_set(error, "--step: say which step's graph to write, from 1 on");
    }
    if (options->step > options->run.num_steps) {
        return error_set(error, "--step: %zu comes after the last of %zu steps; see --num-steps",
                         options->step, options->run.num_steps);
    }
    if (options->names && options->sparse) {
        return error_set(error, "--names: a sparse dump has the names already; leave one out");
    }
    return true;
}

ExitStatus command_nodes(int argc, char **argv, Error *error)
{
    NodesOptions chosen = {.run = run_options_default()};
    Options options = {.n = 0};
    options_add(&options, (Option){"step", OPTION_COUNT, &chosen.step, "K", "whose graph to write",
                                   .min = 1, .max = OPTION_MAX_COUNT});
    options_add(&options, (Option){"output", OPTION_TEXT, &chosen.output, "FILE", "where to",
                                   .default_text = "the terminal"});
    options_add(&options, (Option){"names", OPTION_FLAG, &chosen.names, NULL,
                                   "add two columns: operation and path", .group = OPTION_OWN});
    options_add(&options,
                (Option){"sparse", OPTION_FLAG, &chosen.sparse, NULL,
                         "only parameters, logits, probabilities, losses", .group = OPTION_OWN});
    options_add_help(&options, &chosen.help);
    run_options_add(&options, &chosen.run,
                    RUN_DATA | RUN_TRAINING | RUN_SIZES | RUN_SAMPLING | RUN_SIMD);
    if (!options_parse(&options, argc, argv, error)) {
        return EXIT_USAGE;
    }
    if (chosen.help) {
        print_help(&options);
        return EXIT_DONE;
    }
    if (!check_options(&chosen, error)) {
        return EXIT_USAGE;
    }
    const CommandFile files[] = {
        {chosen.run.data, FILE_READ, "--data", "the data file"},
        {chosen.output, FILE_REPLACED, "--output", "the output"},
    };
    ExitStatus status = command_files_check(files, sizeof files / sizeof files[0], false, error);
    if (status != EXIT_DONE) {
        return status;
    }
    Session session;
    if (!session_open(&session, &chosen.run, error)) {
        return EXIT_FAILED;
    }
    bool ok = train_up_to(&session, chosen.step, error) && write_nodes(&session, &chosen, error);
    session_close(&session);
    return ok ? EXIT_DONE : EXIT_FAILED;
}
