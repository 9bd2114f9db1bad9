// A line for who waits, on standard error if that is a terminal: smoothed loss, speed, time left.
//
// Never in the way of what is printed to standard output: where both go to the terminal, it stands
// to the right of the step. No colours.
#ifndef MICROGPT_PROGRESS_H
#define MICROGPT_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Progress {
    bool is_shown;
    bool shares_line; // standard output is the terminal, too
    size_t first_step;
    size_t num_steps;
    double start;    // seconds
    double shown_at; // when the line was last written
    double loss_sum; // of the weighted losses, and of their weights
    double weight_sum;
    int n_columns; // of what standard output has on the line
} Progress;

// Whether standard error is a terminal that can move its cursor.
bool progress_is_possible(void);

// How many columns of the terminal's window can be filled without going to the next row; asked each
// time, because a window can change.
size_t progress_room(int fd);

void progress_begin(Progress *progress, size_t step, size_t num_steps);

// After a step: n_columns is how much standard output has printed on the line. What has no room in
// the window is left out.
void progress_step(Progress *progress, size_t step, double loss, int n_columns);

// Takes the line away.
void progress_end(const Progress *progress);

#endif
