// A small computation to step through in a debugger: loss = (a * b + a) ** 2, where a is used
// twice.
//
// docs/gdb-tour.md uses it. It needs only value.h.
#include <stdio.h>

#include "microgpt/value.h"

int main(void)
{
    Graph g;
    graph_init(&g);
    graph_name(&g, "a", -1);
    Value *a = value_leaf(&g, 2);
    graph_name(&g, "b", -1);
    Value *b = value_leaf(&g, -3);
    graph_name(&g, "c", -1);
    Value *c = value_mul(&g, a, b);
    graph_name(&g, "d", -1);
    Value *d = value_add(&g, c, a);
    graph_name(&g, "loss", -1);
    Value *loss = value_pow(&g, d, 2);
    Error error;
    bool ok = value_backward(&g, loss, &error);
    if (ok) {
        printf("loss %g, dloss/da %g, dloss/db %g\n", loss->data, a->grad, b->grad);
    }
    graph_free(&g);
    return ok ? 0 : 1;
}
