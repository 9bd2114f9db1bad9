// The scalar run uses Adam with the processor's best kernels, the tensor run with the plain loops,
// so that a mistake in those shows as well. If there are no such kernels, or, with an argument, if
// Adam's kernels leave everything to libm, the exit status 77 tells Meson that the test was
// skipped.
#include <stdio.h>
#include <stdlib.h>

#include "bench/lockstep.h"
#include "kernels/exactmath.h"

enum {
    N_STEPS = 300,
    EXIT_SKIP = 77,
};

static int look_for_difference(Lockstep *lockstep)
{
    for (size_t step = 0; step < N_STEPS; step++) {
        LockstepDifference difference;
        Error error;
        if (!lockstep_step(lockstep, &difference, &error)) {
            fprintf(stderr, "ablation: %s\n", error.message);
            return EXIT_FAILURE;
        }
        if (difference.found) {
            printf("found at step %zu: %s, %a instead of %a\n", difference.step, difference.what,
                   difference.numbers[1], difference.numbers[0]);
            return EXIT_SUCCESS;
        }
    }
    printf("not found in %d steps\n", N_STEPS);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    (void)argv;
    if (simd_best() == SIMD_NONE) {
        printf("skipped: this processor has no vector instructions that the kernels know\n");
        return EXIT_SKIP;
    }
    if (argc > 1 && EXACT_MARGIN >= 0.5) {
        printf("skipped: with this libm, Adam's kernels leave everything to it\n");
        return EXIT_SKIP;
    }
    RunOptions runs[2] = {run_options_default(), run_options_default()};
    runs[1].engine = ENGINE_TENSOR;
    runs[1].simd = SIMD_NONE;
    Lockstep lockstep;
    Error error;
    if (!lockstep_open(&lockstep, runs, 2, &error)) {
        fprintf(stderr, "ablation: %s\n", error.message);
        return EXIT_FAILURE;
    }
    int status = look_for_difference(&lockstep);
    lockstep_close(&lockstep);
    return status;
}
