// Reads any bytes as two files of losses: each is rejected with one line, or has finite steps in
// ascending order. Accepted files are compared, and reported on as text and as valid JSON.
#include <math.h>

#include "compare/loss_diff.h"
#include "fuzz/fuzz_pair.h"

static bool read_losses(Losses *losses, const uint8_t *bytes, size_t size)
{
    Error error = {""};
    if (!losses_read(losses, fuzz_file(bytes, size), &error)) {
        must_be_one_line(&error);
        return false;
    }
    must_hold(losses->n > 0, "no losses");
    for (size_t i = 0; i < losses->n; i++) {
        must_hold(isfinite(losses->list[i].step), "a step is not finite");
        must_hold(i == 0 || losses->list[i].step > losses->list[i - 1].step, "a step goes back");
    }
    return true;
}

static void compare(const Losses *a, const Losses *b)
{
    LossDiff diff;
    Error error = {""};
    if (!loss_diff(&diff, a, b, &error)) {
        must_hold(a != b, "a file has no step in common with itself");
        must_be_one_line(&error);
        return;
    }
    must_hold(a != b || diff.verdict == LOSSES_SAME, "a file differs from itself");
    char *json = NULL;
    size_t size;
    FILE *file = open_memstream(&json, &size);
    must_hold(file != NULL, "no memory");
    loss_diff_print_text(fuzz_nowhere(), &diff);
    must_hold(loss_diff_print_json(file, &diff, &error), error.message);
    must_hold(fclose(file) == 0, "no memory");
    must_hold(fuzz_is_same(json, size) == (diff.verdict == LOSSES_SAME), "same");
    loss_diff_free(&diff);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    FuzzPair pair = fuzz_split(bytes, size);
    Losses a;
    Losses b;
    if (!read_losses(&a, pair.bytes[0], pair.sizes[0])) {
        return 0;
    }
    compare(&a, &a);
    if (pair.bytes[1] != NULL && read_losses(&b, pair.bytes[1], pair.sizes[1])) {
        compare(&a, &b);
        losses_free(&b);
    }
    losses_free(&a);
    return 0;
}
