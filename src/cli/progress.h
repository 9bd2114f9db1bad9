// The progress line on standard error, if that is a terminal: mean loss, speed, time left.
//
// It never overwrites standard output: if both are a terminal, it is printed to the right of the
// text of the step. It has no colours.
#ifndef MICROGPT_PROGRESS_H
#define MICROGPT_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Progress {
    bool is_shown;
    bool shares_line; // standard output is a terminal as well
    size_t first_step;
    size_t num_steps;
    double start;    // seconds
    double shown_at; // when the line was last written
    double loss_sum; // the sum of the weighted losses, and the sum of the weights
    double weight_sum;
    int n_columns; // how many columns standard output has printed on the line
} Progress;

// Returns whether standard error is a terminal that can move its cursor.
bool progress_is_possible(void);

// Returns how many columns of the terminal's window can be filled without a line break. Call it
// each time, because the size of a window can change.
size_t progress_columns(int fd);

void progress_begin(Progress *progress, size_t step, size_t num_steps);

// Shows the progress after a step. n_columns is how many columns standard output has printed on the
// line. Omits the fields that do not fit into the window.
void progress_step(Progress *progress, size_t step, double loss, int n_columns);

// Erases the line.
void progress_end(const Progress *progress);

#endif
