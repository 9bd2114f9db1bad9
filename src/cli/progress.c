// Writes the progress line: see progress.h.
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/platform.h"
#include "cli/screen.h"

// The weight of a loss decreases by this factor each step, so the mean is over about 50 steps.
static const double SMOOTHING = 0.98;
static const double SECONDS_BETWEEN = 0.1;

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

bool progress_is_possible(void)
{
    int fd = STDERR_FILENO;
    const char *term = getenv("TERM");
    return isatty(fd) == 1 && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

void progress_begin(Progress *progress, size_t step, size_t num_steps)
{
    *progress = (Progress){
        .is_shown = progress_is_possible(),
        .shares_line = isatty(STDOUT_FILENO) == 1,
        .first_step = step,
        .num_steps = num_steps,
        .start = now_seconds(),
    };
}

size_t progress_columns(int fd)
{
    size_t n_columns = platform_terminal_columns(fd);
    return (n_columns > 0 ? n_columns : SCREEN_COLUMNS) - 1;
}

// Moves the cursor to the start of the line: to the left edge of the terminal, or after the text of
// the step.
static void go_to_line(const Progress *progress)
{
    if (progress->shares_line && progress->n_columns > 0) {
        fprintf(stderr, "\r\033[%dC", progress->n_columns);
    } else {
        fprintf(stderr, "\r");
    }
}

static void format_time_left(double seconds, char *text, size_t size)
{
    long left = seconds < 1e6 ? (long)(seconds + 0.5) : 1000000;
    if (left >= 3600) {
        snprintf(text, size, " | %ld:%02ld:%02ld left", left / 3600, left / 60 % 60, left % 60);
    } else {
        snprintf(text, size, " | %ld:%02ld left", left / 60, left % 60);
    }
}

// Prints a field of the line, unless it or an earlier one does not fit.
static void print_field(const char *text, size_t *columns)
{
    size_t size = strlen(text);
    if (size > *columns) {
        *columns = 0;
        return;
    }
    fputs(text, stderr);
    *columns -= size;
}

static void print_line(const Progress *progress, size_t step, double steps_per_second)
{
    char text[64];
    size_t columns = progress_columns(STDERR_FILENO);
    if (progress->shares_line) {
        size_t n_taken = (size_t)progress->n_columns;
        columns = n_taken < columns ? columns - n_taken : 0;
    } else {
        snprintf(text, sizeof text, "step %4zu / %4zu", step, progress->num_steps);
        print_field(text, &columns);
    }
    snprintf(text, sizeof text, " | mean %.4f", progress->loss_sum / progress->weight_sum);
    print_field(text, &columns);
    snprintf(text, sizeof text, " | %.0f steps/s", steps_per_second);
    print_field(text, &columns);
    format_time_left((double)(progress->num_steps - step) / steps_per_second, text, sizeof text);
    print_field(text, &columns);
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
    print_line(progress, step, steps_per_second);
    fprintf(stderr, "\033[K\r"); // erases to the end of the line
}

void progress_end(const Progress *progress)
{
    if (progress->is_shown && progress->shown_at > 0) {
        go_to_line(progress);
        fprintf(stderr, "\033[K\r");
    }
}
