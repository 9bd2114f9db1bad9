// Writes node dumps for `microgpt compare`, from C99 or C++: see docs/node-format.md.
//
//     dump_file = fopen("port.txt", "w");
//     dump_about("{\"step\": 1}");                    // what the dump is of, as JSON
//     dump("pos2.logit", logit, n);                   // pos2.logit[0], pos2.logit[1], ...
//     dump_grads("pos2.prob", prob, dprob, n);        // the same with gradients
//     dump_matrix("wte", wte, dwte, n_rows, n_cols);  // wte[0,0], ...; dwte may be NULL
//     dump_number("loss", loss, &dloss);              // &dloss may be NULL
//     fclose(dump_file);
// dump_floats() is dump() for floats. Every source file that includes this has its own dump_file.
#ifndef MICROGPT_DUMP_H
#define MICROGPT_DUMP_H

#include <stdio.h>

static FILE *dump_file;

static inline void dump_about(const char *json)
{
    fprintf(dump_file, "# microgpt-nodes 1 %s\n", json);
}

static inline void dump_number(const char *path, double x, const double *grad)
{
    fprintf(dump_file, "%s %a", path, x);
    fprintf(dump_file, grad != NULL ? " %a\n" : " -\n", grad != NULL ? *grad : 0.0);
}

// n_cols is 0 for a vector.
static inline void dump_matrix(const char *name, const double *x, const double *grads, int n_rows,
                               int n_cols)
{
    char path[256];
    for (int i = 0; i < n_rows * (n_cols > 0 ? n_cols : 1); i++) {
        if (n_cols > 0)
            snprintf(path, sizeof path, "%s[%d,%d]", name, i / n_cols, i % n_cols);
        else
            snprintf(path, sizeof path, "%s[%d]", name, i);
        dump_number(path, x[i], grads != NULL ? &grads[i] : NULL);
    }
}

static inline void dump_grads(const char *name, const double *x, const double *grads, int n)
{
    dump_matrix(name, x, grads, n, 0);
}

static inline void dump(const char *name, const double *x, int n)
{
    dump_grads(name, x, NULL, n);
}

static inline void dump_floats(const char *name, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        fprintf(dump_file, "%s[%d] %a\n", name, i, (double)x[i]);
}

#endif
