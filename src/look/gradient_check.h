// Backward against measurement: each parameter's gradient beside the slope of the loss there.
//
// The slope is measured as a central difference, (loss(x + h) - loss(x - h)) / 2h. That has an
// error of its own: it grows with h^2, for the loss is no parabola, and with 1/h, for the loss is
// rounded. With h = 1e-5 both are near 1e-10 when the loss is near 1.
//
// Where x - h and x + h lie on two sides of a ReLU's corner, there are two slopes and the
// difference measures neither. The graph says so: some ReLU then lets through at one of the three
// points what it stops at another. A smaller h is tried there, down to 1e-7; a parameter that is
// closer than that to a corner is counted and left out.
#ifndef MICROGPT_GRADIENT_CHECK_H
#define MICROGPT_GRADIENT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "look/look_session.h"

typedef struct ParamCheck {
    double backward; // what backward says
    double measured;
    double h;     // the step that it was measured with; 0: at a corner of a ReLU, not measured
    double error; // relative: see gradient_check_scale()
} ParamCheck;

typedef struct GradientCheck {
    LookSession *look;
    ParamCheck *params; // [n_params]
    size_t n_measured;  // of those: without the ones at a corner
    size_t n_small_h;   // how many needed a smaller h
    size_t *relu_ids;   // the nodes of operation relu
    bool *relu_passes;  // [n_relus] what each does when no parameter is moved
    size_t n_relus;
} GradientCheck;

// What a matrix's errors are divided by: its largest gradient, but at least 1e-3. Rounding leaves
// the same error in all quotients of a matrix, so that small gradients have few right digits in
// theirs: an error relative to each would measure the rounding of the loss and not backward.
double gradient_check_scale(const Model *model, const Matrix *matrix);

// Called now and then while checking, with the number of parameters done; may be NULL.
typedef void GradientCheckProgress(size_t n_done, size_t n_params);

// Checks all parameters; each takes two forward passes.
// Errors: out of memory; a loss or a gradient that is not finite.
bool gradient_check_run(GradientCheck *check, LookSession *look, GradientCheckProgress *progress,
                        Error *error);

void gradient_check_free(GradientCheck *check);

// The parameter with the greatest error among those of [first, end) that are not yet listed.
// Returns false where there is none.
bool gradient_check_worst(const GradientCheck *check, size_t first, size_t end,
                          const size_t *listed, size_t n_listed, size_t *param_id);

#endif
