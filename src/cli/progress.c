// Writes the progress line: see progress.h.
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// The weight of a loss shrinks by this each step: the mean is over some 50 steps.
static const double SMOOTHING = 0.98;
static const double SECONDS_BETWEEN = 0.1;

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

// Whether the terminal can move its cursor.
static bool is_smart_terminal(int fd)
{
    const char *term = getenv("TERM");
    return isatty(fd) == 1 && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

void progress_begin(Progress *progress, size_t step, size_t num_steps)
{
    *progress = (Progress){
        .is_shown = is_smart_terminal(STDERR_FILENO),
        .shares_line = isatty(STDOUT_FILENO) == 1,
        .first_step = step,
        .num_steps = num_steps,
        .start = now_seconds(),
    };
}

// Where the line starts: at the terminal's edge, or behind what is there.
static void go_to_line(const Progress *progress)
{
    if (progress->shares_line && progress->n_columns > 0) {
        fprintf(stderr, "\r\033[%dC", progress->n_columns);
    } else {
        fprintf(stderr, "\r");
    }
}

static void print_time_left(double seconds)
{
    long left = seconds < 1e6 ? (long)(seconds + 0.5) : 1000000;
    if (left >= 3600) {
        fprintf(stderr, "%ld:%02ld:%02ld left", left / 3600, left / 60 % 60, left % 60);
    } else {
        fprintf(stderr, "%ld:%02ld left", left / 60, left % 60);
    }
}

void progress_step(Progress *progress, size_t step, double loss, int n_columns)
{
    if (!progress->is_shown) {
        return;
    }
    progress->loss_sum = SMOOTHING * progress->loss_sum + loss;
    progress->weight_sum = SMOOTHING * progress->weight_sum + 1;
    progress->n_columns = n_columns;
    double now = now_seconds();
    if (now - progress->shown_at < SECONDS_BETWEEN || now <= progress->start) {
        return;
    }
    progress->shown_at = now;
    double steps_per_second = (double)(step - progress->first_step) / (now - progress->start);
    go_to_line(progress);
    if (!progress->shares_line) {
        fprintf(stderr, "step %4zu / %4zu", step, progress->num_steps);
    }
    fprintf(stderr, " | mean %.4f | %.0f steps/s | ", progress->loss_sum / progress->weight_sum,
            steps_per_second);
    print_time_left((double)(progress->num_steps - step) / steps_per_second);
    fprintf(stderr, "\033[K\r"); // to the end of the line: nothing
}

void progress_end(const Progress *progress)
{
    if (progress->is_shown && progress->shown_at > 0) {
        go_to_line(progress);
        fprintf(stderr, "\033[K\r");
    }
}
