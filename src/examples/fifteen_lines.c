// The Value class in fifteen lines: relu(a * a + b), and what it changes by when a and b do.
#include <stdio.h>

#include "microgpt/value.h"

int main(void)
{
    Graph g;
    graph_init(&g);
    Value *a = value_leaf(&g, 2);
    Value *b = value_leaf(&g, -3);
    Value *loss = value_relu(&g, value_add(&g, value_mul(&g, a, a), b));
    Error error;
    bool ok = value_backward(&g, loss, &error);
    printf("loss %g, dloss/da %g, dloss/db %g\n", loss->data, a->grad, b->grad);
    graph_free(&g);
    return ok ? 0 : 1;
}
