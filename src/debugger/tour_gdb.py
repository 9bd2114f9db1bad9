"""The lesson's places to start, for gdb: `tour start`, `tour expression` and `tour model`.

Loaded after microgpt-gdb.py by open-tour.py, which says in the environment where the programs are.
The lesson itself is docs/gdb-tour.md.
"""

import os

import gdb
from mg_gdb import Stop

WELCOME = """\
This is the tour of docs/gdb-tour.md: read there, and try here.
  tour start        loss = (a * b + a) ** 2, before anything is computed
  tour expression   the same, just before backward
  tour model        the first step of training, just before backward
  help mg           what you can ask at any time
"""


class TourCommand(gdb.Command):
    """Goes to one of the places where the lesson starts: tour start, expression, or model

Starts the program anew each time. Breakpoints of the other program are deleted."""

    def __init__(self):
        super().__init__("tour", gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        self.dont_repeat()
        if argument == "start":
            self.go_to("MICROGPT_EXPRESSION", "", "main")
            print("The program stands in main(). Nothing is computed yet.")
        elif argument == "expression":
            self.go_to("MICROGPT_EXPRESSION", "", "value_backward")
            gdb.execute("up-silently")  # to main(), where a, b, c, d and loss are
            print("The expression is built: loss = (a * b + a) ** 2. No gradient is known yet.")
        elif argument == "model":
            self.go_to("MICROGPT_PROGRAM", "--engine scalar >/dev/null 2>&1", "graph_backward")
            gdb.execute("mg where")
        else:
            raise gdb.GdbError("Where to? `tour start`, `tour expression` or `tour model`.")

    def go_to(self, variable, arguments, function):
        program = os.environ.get(variable)
        if program is None:
            raise gdb.GdbError("The tour is opened with `meson compile -C build gdb-tour`.")
        for breakpoint in gdb.breakpoints():
            breakpoint.delete()
        if gdb.selected_inferior().pid != 0:
            gdb.execute("kill", to_string=True)
        gdb.execute('file "%s"' % program, to_string=True)
        stop = Stop(function=function)
        gdb.execute("run " + arguments, to_string=True)
        stop.delete()


def prepare():
    """Short file names, nothing asked, no download of other people's symbols."""
    gdb.execute("set confirm off")
    gdb.execute("set filename-display basename")
    gdb.execute("set print address off")
    try:
        gdb.execute("set debuginfod enabled off")
    except gdb.error:  # gdb without debuginfod
        pass


TourCommand()
prepare()
