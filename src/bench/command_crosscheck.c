// `microgpt crosscheck`: trains and samples with both engines in parallel, and compares every bit.
#include "bench/bench_commands.h"

#include <stdio.h>

#include "bench/lockstep.h"
#include "cli/command_files.h"
#include "cli/json_out.h"
#include "cli/options.h"
#include "cli/spooled_input.h"
#include "compare/diff_numbers.h"
#include "python/hexfloat.h"

static const char usage[] = "crosscheck [OPTION ...]";
static const char summary[] =
    "Trains with the scalar and the tensor engine: after every step the loss, all\n"
    "gradients and all parameters must be equal, bit for bit, and so must the samples.\n"
    "Exit status: 0 equal, 1 different, 2 trouble.\n";

// The result.
typedef struct Crosscheck {
    const RunOptions *run;
    size_t n_params;
    size_t n_steps; // how many steps were equal; n_samples likewise
    size_t n_samples;
    LockstepDifference difference;
} Crosscheck;

static const char *const engine_names[2] = {"scalar", "tensor"};

static void print_difference(const LockstepDifference *difference)
{
    printf("step %zu: %s differs by %llu ULP\n", difference->step, difference->what,
           (unsigned long long)ulp_distance(difference->numbers[0], difference->numbers[1]));
    for (int i = 0; i < 2; i++) {
        char hex[HEXFLOAT_BYTES];
        hexfloat_format(difference->numbers[i], hex);
        printf("  %s  %-24s %.17g\n", engine_names[i], hex, difference->numbers[i]);
    }
}

static void print_text(const Crosscheck *check)
{
    bool all_steps = !check->difference.found || check->n_steps == check->run->num_steps;
    if (all_steps) {
        printf("%zu steps: the loss, %zu gradients and as many parameters are equal, bit for bit "
               "(scalar, tensor with simd %s)\n",
               check->n_steps, check->n_params, simd_name(check->run->simd));
    }
    if (check->difference.found) {
        print_difference(&check->difference);
    } else {
        printf("%zu samples: equal\n", check->n_samples);
    }
}

static void put_difference(JsonOut *out, const LockstepDifference *difference)
{
    json_t *object = json_out_object(out, out->root, "difference");
    json_out_count(out, object, "step", difference->step);
    json_out_text(out, object, "what", difference->what);
    json_out_count(out, object, "ulp",
                   (size_t)ulp_distance(difference->numbers[0], difference->numbers[1]));
    for (int i = 0; i < 2; i++) {
        char hex[HEXFLOAT_BYTES];
        hexfloat_format(difference->numbers[i], hex);
        json_out_text(out, object, engine_names[i], hex);
    }
}

static bool print_json(const Crosscheck *check, Error *error)
{
    JsonOut out = json_out_begin();
    json_out_text(&out, out.root, "command", "crosscheck");
    json_out_bool(&out, out.root, "same", !check->difference.found);
    json_out_text(&out, out.root, "simd", simd_name(check->run->simd));
    json_out_count(&out, out.root, "n_params", check->n_params);
    json_out_count(&out, out.root, "n_steps", check->n_steps);
    json_out_count(&out, out.root, "n_samples", check->n_samples);
    if (check->difference.found) {
        put_difference(&out, &check->difference);
    } else {
        json_out_null(&out, out.root, "difference");
    }
    return json_out_write(&out, stdout, error);
}

// Compares up to the first difference.
static bool compare(Crosscheck *check, Lockstep *lockstep, Error *error)
{
    const RunOptions *run = check->run;
    LockstepDifference *difference = &check->difference;
    while (check->n_steps < run->num_steps && !difference->found) {
        if (!lockstep_step(lockstep, difference, error)) {
            return false;
        }
        check->n_steps += !difference->found;
    }
    while (check->n_samples < run->num_samples && !difference->found) {
        if (!lockstep_sample(lockstep, run->temperature, difference, error)) {
            return false;
        }
        check->n_samples += !difference->found;
    }
    return true;
}

static ExitStatus check(const RunOptions *run, bool is_json, Error *error)
{
    RunOptions runs[2] = {*run, *run};
    runs[0].engine = ENGINE_SCALAR;
    runs[1].engine = ENGINE_TENSOR;
    Lockstep lockstep;
    if (!lockstep_open(&lockstep, runs, 2, error)) {
        return EXIT_TROUBLE;
    }
    Crosscheck found = {.run = run, .n_params = lockstep.sessions[0].model.n_params};
    bool ok = compare(&found, &lockstep, error);
    lockstep_close(&lockstep);
    if (ok && is_json) {
        ok = print_json(&found, error);
    } else if (ok) {
        print_text(&found);
    }
    if (!ok) {
        return EXIT_TROUBLE;
    }
    return found.difference.found ? EXIT_DIFFERS : EXIT_DONE;
}

ExitStatus command_crosscheck(int argc, char **argv, Error *error)
{
    RunOptions run = run_options_default();
    bool is_json = false;
    Options options = {.usage = usage, .summary = summary};
    options_add(&options, (Option){"json", &is_json, NULL, "print one JSON object", OPTION_FLAG,
                                   .group = OPTION_OWN});
    options_add_help(&options);
    run_options_add(&options, &run,
                    RUN_DATA | RUN_TRAINING | RUN_STEPS | RUN_SIZES | RUN_SAMPLING | RUN_SIMD);
    if (!options_parse(&options, argc, argv, error) || !run_options_check(&run, error)) {
        return EXIT_USAGE;
    }
    if (options_answer(&options)) {
        return EXIT_DONE;
    }
    const CommandFile files[] = {{run.data, FILE_READ, "--data", "the data file"}};
    SpooledInput data = {.copy = NULL}; // the session of each engine reads it
    if (command_files_check(files, 1, true, error) != EXIT_DONE ||
        (run.data != NULL && !spooled_input_open(&data, run.data, "text file", error))) {
        return EXIT_TROUBLE;
    }
    run.data = data.path;
    ExitStatus status = check(&run, is_json, error);
    spooled_input_close(&data, error);
    return status;
}
