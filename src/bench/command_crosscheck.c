// `microgpt crosscheck`: trains and samples with both engines side by side and compares every bit.
#include "bench/bench_commands.h"

#include <stdio.h>

#include "bench/lockstep.h"
#include "cli/options.h"
#include "cli/out_file.h"
#include "compare/graph_diff.h"
#include "microgpt/hexfloat.h"

static void print_help(const Options *options)
{
    printf("usage: microgpt crosscheck [OPTION ...]\n"
           "\n"
           "Trains the scalar and the tensor engine side by side: after every step the loss, all\n"
           "gradients and all parameters must be equal, bit for bit, and so must the samples.\n"
           "Exit status: 0 equal, 1 different, 2 trouble.\n"
           "\n");
    options_print(options);
}

static void print_difference(const LockstepDifference *difference)
{
    const char *const names[2] = {"scalar", "tensor"};
    printf("step %zu: %s differs by %llu ULP\n", difference->step, difference->what,
           (unsigned long long)ulp_distance(difference->numbers[0], difference->numbers[1]));
    for (int i = 0; i < 2; i++) {
        char hex[HEXFLOAT_BYTES];
        hexfloat_format(difference->numbers[i], hex);
        printf("  %s  %-24s %.17g\n", names[i], hex, difference->numbers[i]);
    }
}

static ExitStatus check(Lockstep *lockstep, const RunOptions *run, size_t n_steps, Error *error)
{
    LockstepDifference difference = {.found = false};
    for (size_t step = 0; step < n_steps && !difference.found; step++) {
        if (!lockstep_step(lockstep, &difference, error)) {
            return EXIT_TROUBLE;
        }
    }
    if (!difference.found) {
        printf("%zu steps: the loss, %zu gradients and as many parameters are equal, bit for bit "
               "(scalar, tensor with simd %s)\n",
               n_steps, lockstep->sessions[0].model.n_params, simd_name(run->simd));
    }
    for (size_t i = 0; i < run->num_samples && !difference.found; i++) {
        if (!lockstep_sample(lockstep, run->temperature, &difference, error)) {
            return EXIT_TROUBLE;
        }
    }
    if (difference.found) {
        print_difference(&difference);
        return EXIT_DIFFERS;
    }
    printf("%zu samples: equal\n", run->num_samples);
    return EXIT_DONE;
}

ExitStatus command_crosscheck(int argc, char **argv, Error *error)
{
    RunOptions run = run_options_default();
    size_t n_steps = 0;
    bool help = false;
    Options options = {.n = 0};
    options_add(&options,
                (Option){"steps", OPTION_COUNT, &n_steps, "N", "how many to check", .min = 1,
                         .max = OPTION_MAX_COUNT, .default_text = "--num-steps"});
    options_add_help(&options, &help);
    run_options_add(&options, &run, RUN_DATA | RUN_TRAINING | RUN_SIZES | RUN_SAMPLING | RUN_SIMD);
    if (!options_parse(&options, argc, argv, error) || !run_options_check(&run, error)) {
        return EXIT_USAGE;
    }
    if (help) {
        print_help(&options);
        return EXIT_DONE;
    }
    n_steps = n_steps > 0 ? n_steps : run.num_steps;
    run.num_steps = n_steps > run.num_steps ? n_steps : run.num_steps;
    RunOptions runs[2] = {run, run};
    runs[0].engine = ENGINE_SCALAR;
    runs[1].engine = ENGINE_TENSOR;
    Lockstep lockstep;
    if (!lockstep_open(&lockstep, runs, 2, error)) {
        return EXIT_TROUBLE;
    }
    ExitStatus status = check(&lockstep, &run, n_steps, error);
    lockstep_close(&lockstep);
    return status;
}
