// Runs dot: see graphviz.h.
//
// Input and output are files and not pipes, so that neither process can block the other, and no
// partial output remains if dot fails.
#include "compare/graphviz.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ; // POSIX requires each program to declare it

// Discards dot's own messages, which would be further lines of error about an input that the user
// cannot change.
static int set_streams(posix_spawn_file_actions_t *actions, int in, int out)
{
    int failed = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);
    failed = failed != 0 ? failed : posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    return failed != 0
               ? failed
               : posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
}

// Resets the signals that this program ignores.
static int set_signals(posix_spawnattr_t *attributes)
{
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGXFSZ);
    int failed = posix_spawnattr_setsigdefault(attributes, &defaults);
    return failed != 0 ? failed : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF);
}

// Returns 0, or an errno.
static int spawn_dot(pid_t *pid, int in, int out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0) {
        return failed;
    }
    failed = posix_spawnattr_init(&attributes);
    if (failed == 0) {
        char *arguments[] = {(char *)"dot", (char *)"-Tsvg", NULL};
        failed = set_streams(&actions, in, out);
        failed = failed != 0 ? failed : set_signals(&attributes);
        failed = failed != 0
                     ? failed
                     : posix_spawnp(pid, arguments[0], &actions, &attributes, arguments, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static bool wait_for_dot(pid_t pid, Error *error)
{
    int status;
    while (waitpid(pid, &status, 0) == -1) {
        if (errno != EINTR) {
            return error_set(error, "dot: its exit status cannot be read: %s", strerror(errno));
        }
    }
    if (WIFSIGNALED(status)) {
        return error_set(error, "dot: was ended by signal %d", WTERMSIG(status));
    }
    if (WEXITSTATUS(status) != 0) {
        return error_set(error, "dot: failed with exit status %d; see --format dot",
                         WEXITSTATUS(status));
    }
    return true;
}

bool graphviz_make_svg(FILE *dot_text, FILE *svg, Error *error)
{
    pid_t pid;
    if (fflush(dot_text) != 0 || lseek(fileno(dot_text), 0, SEEK_SET) != 0) {
        return error_set(error, "a temporary file: cannot be written: %s", strerror(errno));
    }
    int failed = spawn_dot(&pid, fileno(dot_text), fileno(svg));
    if (failed == ENOENT) {
        return error_set(error, "dot: is not installed; it comes with graphviz (or choose "
                                "--format dot)");
    }
    if (failed != 0) {
        return error_set(error, "dot: cannot be run: %s", strerror(failed));
    }
    if (!wait_for_dot(pid, error)) {
        return false;
    }
    rewind(svg);
    return true;
}

// These override the colours in the attributes of the elements.
static const char style[] =
    "<style>\n"
    "text { fill: #1f2328; }\n"
    ".node polygon, .node ellipse { fill: #f6f8fa; stroke: #6e7781; }\n"
    ".node polyline, .edge path, .edge polygon { stroke: #6e7781; }\n"
    ".edge polygon { fill: #6e7781; }\n"
    ".param polygon { fill: #e3eefb; stroke: #4a6f9c; }\n"
    ".edge text { stroke: #ffffff; stroke-width: 4; paint-order: stroke; }\n"
    ".node text:nth-of-type(3) { fill: #bc4c00; font-weight: bold; }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "text { fill: #e6edf3; }\n"
    ".graph > polygon { fill: #0d1117; }\n"
    ".edge text { stroke: #0d1117; }\n"
    ".node polygon, .node ellipse { fill: #21262d; stroke: #8b949e; }\n"
    ".node polyline, .edge path, .edge polygon { stroke: #8b949e; }\n"
    ".edge polygon { fill: #8b949e; }\n"
    ".param polygon { fill: #16304f; stroke: #6ea0dc; }\n"
    ".node text:nth-of-type(3) { fill: #f0883e; }\n"
    "}\n"
    "</style>\n";

void graphviz_copy_svg(FILE *svg, FILE *out)
{
    bool is_styled = false;
    char text[4096];
    while (fgets(text, sizeof text, svg) != NULL) {
        if (!is_styled && strncmp(text, "<g ", 3) == 0) {
            fputs(style, out);
            is_styled = true;
        }
        fputs(text, out);
    }
}
