// `microgpt nodes`: trains up to a step and writes that step's graph, node by node, to compare it
// with the graph of Python or of another port. For a checkpoint or a text, it writes the graph of
// one forward and backward pass.
#include "compare/compare_commands.h"

#include <stdio.h>

#include "cli/options.h"
#include "cli/out_file.h"
#include "compare/dump_about.h"
#include "compare/node_dump.h"
#include "look/look_session.h"

typedef struct NodesOptions {
    LookOptions look;
    bool names;
    bool sparse;
} NodesOptions;

// Trains so that the engine has the graph of the step, after backward and before the update.
static bool train_up_to(Trainer *trainer, size_t step, Error *error)
{
    double loss;
    while (trainer->step + 1 < step) {
        if (!trainer_step(trainer, &loss, error)) {
            return false;
        }
    }
    return true;
}

// Makes the graph of a step as training does. Fails if a loss is not finite, like training.
static bool make_graph(LookSession *look, Error *error)
{
    const LookOptions *options = look->options;
    Trainer *trainer = &look->session.trainer;
    bool is_trained = options->load == NULL;
    if (is_trained && !train_up_to(trainer, options->step, error)) {
        return false;
    }
    if (is_trained && options->text == NULL) {
        double loss;
        return trainer_forward(trainer, &loss, error) && trainer_backward(trainer, error);
    }
    return look_forward(look, error) && engine_backward(look->engine, error);
}

static bool write_about(FILE *file, const LookSession *look, Error *error)
{
    const LookOptions *options = look->options;
    bool is_of_data = options->text == NULL;
    DumpAbout about = {
        .step = is_of_data ? options->step : 0,
        .document = look->document,
        .has_seed = options->load == NULL || look->checkpoint.can_resume,
        .seed = look->session.seed,
        .num_steps = options->load == NULL && is_of_data ? options->run.num_steps : 0,
        .n_documents = is_of_data ? look->session.dataset.n_docs : 0,
        .model = look->model->config,
    };
    return dump_about_write(file, &about, error);
}

// Returns Adam if it has moments: those before the next update.
static const Adam *adam_of(const LookSession *look)
{
    if (look->options->load != NULL) {
        return look->checkpoint.step > 0 ? &look->checkpoint.adam : NULL;
    }
    return look->options->step > 1 ? &look->session.adam : NULL;
}

static bool write_nodes(const LookSession *look, const NodesOptions *options, Error *error)
{
    OutFile out;
    if (!out_file_open(&out, options->look.output, error)) {
        return false;
    }
    if (!write_about(out.file, look, error)) {
        out_file_discard(&out);
        return false;
    }
    if (options->sparse) {
        node_dump_write_sparse(out.file, engine_graph(look->engine), look->model->n_params);
        const Adam *adam = adam_of(look);
        if (adam != NULL) {
            node_dump_write_moments(out.file, engine_graph(look->engine), adam);
        }
    } else {
        node_dump_write(out.file, engine_graph(look->engine), look->model->n_params,
                        options->names);
    }
    return out_file_close(&out, error);
}

static bool check_options(NodesOptions *options, Error *error)
{
    LookOptions *look = &options->look;
    bool is_step = look->load == NULL && look->text == NULL;
    if (look->load != NULL && look->text != NULL && look->step > 0) {
        return error_set(error, "--step: has no effect beside --load and --text; leave it out");
    }
    if (is_step && look->step == 0) {
        return error_set(error, "--step: say which step's graph to write, from 1 on");
    }
    if (look->load == NULL && look->step > look->run.num_steps) {
        return error_set(error, "--step: %zu comes after the last of %zu steps; see --num-steps",
                         look->step, look->run.num_steps);
    }
    if (options->names && options->sparse) {
        return error_set(error, "--names: a sparse dump has the names already; leave one out");
    }
    return true;
}

ExitStatus command_nodes(int argc, char **argv, Error *error)
{
    static const LookUsage usage = {
        .usage = "nodes --step K [OPTION ...]",
        .summary =
            "Trains up to step K and writes the graph of step K after backward, one node per\n"
            "line: index, data, grad, [children], [local gradients]. See docs/node-format.md.\n"
            "With --load it does not train: the graph is that of the checkpoint's model, for the\n"
            "document of step K or for the text.\n",
        .has_text_option = true,
        .is_step = true,
    };
    NodesOptions chosen = {.names = false};
    const Option own[] = {
        {"step", &chosen.look.step, "K", "the step whose graph to write", OPTION_COUNT, .min = 1,
         .max = OPTION_MAX_COUNT},
        {"output", &chosen.look.output, "FILE", "the file to write", OPTION_TEXT,
         .default_text = "standard output"},
        {"names", &chosen.names, NULL, "add two columns: operation and path", OPTION_FLAG,
         .group = OPTION_OWN},
        {"sparse", &chosen.sparse, NULL, "only parameters, logits, probabilities, losses",
         OPTION_FLAG, .group = OPTION_OWN},
    };
    ExitStatus status =
        look_parse(&chosen.look, &usage, own, sizeof own / sizeof *own, argc, argv, error);
    if (status != EXIT_DONE || chosen.look.list.is_answered) {
        return status;
    }
    if (!check_options(&chosen, error)) {
        return EXIT_USAGE;
    }
    LookSession look;
    status = look_open(&look, &chosen.look, error);
    if (status != EXIT_DONE) {
        return status;
    }
    bool ok = make_graph(&look, error) && write_nodes(&look, &chosen, error);
    look_close(&look);
    return ok ? EXIT_DONE : EXIT_FAILED;
}
