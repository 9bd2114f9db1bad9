// A complete training loop with only the Value class: fits y = w * x + b to four points.
//
// The parameters are made first, then a mark is taken. Each step makes its nodes after the mark,
// runs backward, updates the parameters, and resets the graph to the mark, so that 100,000 steps
// need as much memory as one.
#include <stdio.h>

#include "microgpt/value.h"

enum {
    N_POINTS = 4,
    N_STEPS = 100000,
};

static const double xs[N_POINTS] = {0, 1, 2, 3};
static const double ys[N_POINTS] = {1, 3, 5, 7};

// Makes the mean of the squared errors.
static Value *make_loss(Graph *g, Value *w, Value *b)
{
    Value *errors[N_POINTS];
    for (int i = 0; i < N_POINTS; i++) {
        Value *y = value_add(g, value_mul_number(g, w, xs[i]), b);
        errors[i] = value_pow(g, value_sub_number(g, y, ys[i]), 2);
    }
    return value_div_number(g, value_sum(g, errors, N_POINTS), N_POINTS);
}

int main(void)
{
    Graph g;
    graph_init(&g);
    Value *w = value_leaf(&g, 0);
    Value *b = value_leaf(&g, 0);
    GraphMark parameters = graph_mark(&g);
    size_t first_peak = 0;
    for (int step = 0; step < N_STEPS; step++) {
        Value *loss = make_loss(&g, w, b);
        Error error;
        if (!value_backward(&g, loss, &error)) {
            fprintf(stderr, "fit_line: %s\n", error.message);
            return 1;
        }
        if (step == 0) {
            first_peak = graph_peak_bytes(&g);
            printf("first loss %g\n", loss->data);
        }
        if (step == N_STEPS - 1) {
            printf("last loss %.6f\n", loss->data);
        }
        w->data -= 0.01 * w->grad;
        b->data -= 0.01 * b->grad;
        graph_reset(&g, parameters);
        graph_zero_grad(&g);
    }
    printf("y = %.4f x + %.4f\n", w->data, b->data);
    size_t more = graph_peak_bytes(&g) - first_peak;
    printf("%zu bytes more than after the first step\n", more);
    graph_free(&g);
    return 0;
}
