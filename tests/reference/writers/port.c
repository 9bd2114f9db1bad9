// The numbers of test_writers.py, from C and from C++.
#include "microgpt_dump.h"

#include <math.h>

int main(int argc, char **argv)
{
    const double x[] = {0.1,    -0.0, INFINITY, -INFINITY, NAN, 5e-324, 1.7976931348623157e308,
                        1.0 / 3};
    const double dx[] = {-0.1, 0.0, NAN, 1e-7, 2, -3, 123456789, -1e-300};
    const float floats[] = {0.1f, -1e-7f, 16777217.0f};
    const double loss_grad = 1;
    dump_file = argc > 1 ? fopen(argv[1], "w") : NULL;
    if (dump_file == NULL)
        return 1;
    dump_about("{\"step\": 3, \"document\": \"ana\"}");
    dump("pos2.logit", x, 8);
    dump_grads("pos2.prob", x, dx, 8);
    dump_matrix("wte", x, dx, 2, 3);
    dump_matrix("wpe", x, NULL, 2, 3);
    dump_floats("pos0.norm", floats, 3);
    dump_number("loss", 2.5, &loss_grad);
    dump_number("pos0.loss", 2.5, NULL);
    return fclose(dump_file) == 0 ? 0 : 1;
}
