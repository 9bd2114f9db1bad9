"""The command `tour` in gdb: goes to the places where the parts of the tour begin.

Loaded after microgpt-gdb.py by open-tour.py, which says in the environment where the programs are.
The tour itself is docs/gdb-tour.md.
"""

import os

import gdb
from mg_gdb import Stop

WELCOME = """\
This is the tour of docs/gdb-tour.md: read it there, and type its commands here.
  tour start        loss = (a * b + a) ** 2, before anything is computed
  tour expression   the same, just before backward
  tour model        the first step of training, just before backward
  help mg           the list of the other commands
"""


class TourCommand(gdb.Command):
    """Start the program again and stop it where a part of the tour begins.
Usage: tour start
       tour expression
       tour model

Deletes all breakpoints."""

    def __init__(self):
        super().__init__("tour", gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        self.dont_repeat()
        if argument == "start":
            self.go_to("MICROGPT_EXPRESSION", "", "main")
            print("The program is in main(). Nothing has been computed yet.")
        elif argument == "expression":
            self.go_to("MICROGPT_EXPRESSION", "", "value_backward")
            gdb.execute("up-silently")  # to main(), where a, b, c, d and loss are
            print("The graph of loss = (a * b + a) ** 2 is built. Backward has not run yet.")
        elif argument == "model":
            self.go_to("MICROGPT_PROGRAM", "--engine scalar >/dev/null 2>&1", "graph_backward")
            gdb.execute("mg where")
        else:
            raise gdb.GdbError("Type `tour start`, `tour expression` or `tour model`.")

    def go_to(self, variable, arguments, function):
        program = os.environ.get(variable)
        if program is None:
            raise gdb.GdbError("Start the tour with `meson compile -C build gdb-tour`.")
        for breakpoint in gdb.breakpoints():
            breakpoint.delete()
        if gdb.selected_inferior().pid != 0:
            gdb.execute("kill", to_string=True)
        gdb.execute('file "%s"' % program, to_string=True)
        stop = Stop(function=function)
        gdb.execute("run " + arguments, to_string=True)
        stop.delete()


def prepare():
    """Short file names, no addresses, no questions, no download of symbols of system libraries."""
    gdb.execute("set confirm off")
    gdb.execute("set filename-display basename")
    gdb.execute("set print address off")
    try:
        gdb.execute("set debuginfod enabled off")
    except gdb.error:  # gdb without debuginfod
        pass


TourCommand()
prepare()
