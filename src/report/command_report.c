// `microgpt report`: writes a run as one HTML page, with a graph to explore.
#include "report/report_commands.h"

#include <stdlib.h>

#include "base/count.h"
#include "look/look_session.h"
#include "report/report_data.h"

enum {
    MAX_PARAMS = 100000, // a page contains each of them, in about 12 bytes
    MAX_NODES = 500000,  // a page computes each of them, in a second or two in total
    MAX_STEPS = 50000,
    MAX_SAMPLES = 1000,
};

static bool check_counts(const LookOptions *options, Error *error)
{
    const RunOptions *run = &options->run;
    if (run->num_samples > MAX_SAMPLES) {
        return error_set(error, "--num-samples: a page shows at most %d names", MAX_SAMPLES);
    }
    if (run->num_steps > MAX_STEPS) {
        return error_set(error,
                         "--num-steps: a page shows at most %d losses; train with microgpt train "
                         "--save, and report with --load",
                         MAX_STEPS);
    }
    return true;
}

static bool check_size(const LookSession *look, Error *error)
{
    size_t n_params = look->model->n_params;
    size_t n_nodes =
        count_add(n_params, engine_count_nodes(&look->model->config, look->n_positions));
    if (n_params > MAX_PARAMS) {
        return error_set(
            error,
            "%zu parameters are too many for a page (at most %d); choose a smaller --n-embd or "
            "--n-layer",
            n_params, MAX_PARAMS);
    }
    if (n_nodes > MAX_NODES) {
        return error_set(
            error,
            "%zu nodes are too many for a page (at most %d); choose a shorter --text, or a "
            "smaller --n-embd or --n-layer",
            n_nodes, MAX_NODES);
    }
    return true;
}

static bool collect_and_write(LookSession *look, const LookOptions *options, const double *losses,
                              Error *error)
{
    JsonOut data = json_out_begin();
    size_t n_losses = look->session.trainer.num_steps;
    bool ok = report_collect(&data, look, losses, n_losses, error) &&
              report_write(options->output, &data, error);
    json_out_free(&data);
    return ok;
}

static ExitStatus report(LookSession *look, const LookOptions *options, Error *error)
{
    if (!check_size(look, error)) {
        return EXIT_USAGE;
    }
    size_t n_losses = look->session.trainer.num_steps;
    double *losses = calloc(n_losses + 1, sizeof *losses); // + 1: calloc(0) may give NULL
    if (losses == NULL) {
        error_out_of_memory(error, "the losses", n_losses * sizeof *losses);
        return EXIT_FAILED;
    }
    bool ok = look_train(look, losses, error) && collect_and_write(look, options, losses, error);
    free(losses);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

static const LookUsage usage = {
    .usage = "report --output FILE [OPTION ...]",
    .summary =
        "Trains as microgpt run does, or takes a checkpoint with --load, and writes one HTML\n"
        "page: a lesson of five nodes, the graph of TEXT, in which you can go from the loss to\n"
        "any parameter, the losses, generated names, attention maps, letters and weights.\n"
        "The page needs no network.\n",
    .has_text_option = true,
    .is_report = true,
};

ExitStatus command_report(int argc, char **argv, Error *error)
{
    LookOptions chosen;
    const Option own[] = {
        {"output", &chosen.output, "FILE", "the page to write", OPTION_TEXT, .group = OPTION_OWN},
    };
    LookSession look;
    ExitStatus status = look_parse(&chosen, &usage, own, 1, argc, argv, error);
    if (status != EXIT_DONE || chosen.list.is_answered) {
        return status;
    }
    if (chosen.output == NULL) {
        error_set(error, "--output: name the file to write, as in: microgpt report --output "
                         "report.html");
        return EXIT_USAGE;
    }
    if (!check_counts(&chosen, error)) {
        return EXIT_USAGE;
    }
    status = look_open(&look, &chosen, error);
    if (status != EXIT_DONE) {
        return status;
    }
    status = report(&look, &chosen, error);
    look_close(&look);
    return status;
}
