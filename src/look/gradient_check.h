// Checks backward: compares each parameter's gradient with the measured slope of the loss.
//
// The slope is measured as a central difference, (loss(x + h) - loss(x - h)) / 2h. It has two
// errors: one proportional to h^2, because the loss is not a quadratic function, and one
// proportional to 1/h, because the loss is rounded. With h = 1e-5 both are near 1e-10 if the loss
// is near 1.
//
// If x - h and x + h are on different sides of a ReLU's corner, there are two slopes, and the
// difference measures neither of them. The graph shows this: some ReLU is on at one of the three
// points and off at another. The check then tries a smaller h, down to 1e-7; a parameter that is
// closer than that to a corner is counted but not measured.
#ifndef MICROGPT_GRADIENT_CHECK_H
#define MICROGPT_GRADIENT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "look/look_session.h"

typedef struct ParamCheck {
    double backward; // the gradient that backward computes
    double measured;
    double h;     // the step of the measurement; 0: not measured, at a corner of a ReLU
    double error; // relative: see error_scale() in gradient_check.c
} ParamCheck;

typedef struct GradientCheck {
    LookSession *look;
    ParamCheck *params; // [n_params]
    size_t n_measured;  // how many of them were measured
    size_t n_small_h;   // how many needed a smaller h
    size_t *relu_ids;   // the nodes of operation relu
    bool *relu_passes;  // [n_relus] whether each one is on if no parameter is changed
    size_t n_relus;
} GradientCheck;

// Called from time to time with the number of parameters done; may be NULL.
typedef void GradientCheckProgress(size_t n_done, size_t n_params);

// Checks all parameters; each takes two forward passes.
// Errors: out of memory; a loss or a gradient that is not finite.
bool gradient_check_run(GradientCheck *check, LookSession *look, GradientCheckProgress *progress,
                        Error *error);

void gradient_check_free(GradientCheck *check);

// Lists the measured parameters with the largest errors, the largest first. Returns how many there
// are, at most n_most.
// Shapes: param_ids [n_most].
size_t gradient_check_worst(const GradientCheck *check, size_t n_most, size_t *param_ids);

#endif
