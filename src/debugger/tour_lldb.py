"""The command `tour` in lldb: goes to the places where the parts of the tour begin.

Loaded after microgpt_lldb.py by open-tour.py, which says in the environment where the programs are.
The tour itself is docs/gdb-tour.md.
"""

import os

import lldb
import microgpt_lldb

WELCOME = """\
This is the tour of docs/gdb-tour.md: read it there, and type its commands here.
Its last section lists the commands that are different in lldb.
  tour start        loss = (a * b + a) ** 2, before anything is computed
  tour expression   the same, just before backward
  tour model        the first step of training, just before backward
  help mg           the list of the other commands
"""


class Tour:
    """A Command as a command of lldb."""

    def __init__(self, _debugger, _internal_dict):
        pass

    def __call__(self, debugger, argument, _execution_context, result):
        was_async = debugger.GetAsync()
        debugger.SetAsync(False)
        try:
            result.AppendMessage(self.go(debugger, argument.strip()))
        except microgpt_lldb.Problem as problem:
            result.SetError(str(problem))
        finally:
            debugger.SetAsync(was_async)

    def go(self, debugger, argument):
        if argument == "start":
            self.go_to(debugger, "MICROGPT_EXPRESSION", [], "main")
            return "The program is in main(). Nothing has been computed yet."
        if argument == "expression":
            self.go_to(debugger, "MICROGPT_EXPRESSION", [], "value_backward")
            thread = debugger.GetSelectedTarget().GetProcess().GetSelectedThread()
            thread.SetSelectedFrame(1)  # main(), where a, b, c, d and loss are
            return "The graph of loss = (a * b + a) ** 2 is built. Backward has not run yet."
        if argument == "model":
            self.go_to(debugger, "MICROGPT_PROGRAM", ["--engine", "scalar"], "graph_backward")
            where = lldb.SBCommandReturnObject()
            debugger.GetCommandInterpreter().HandleCommand("mg where", where)
            return where.GetOutput().rstrip("\n")
        raise microgpt_lldb.Problem("Type `tour start`, `tour expression` or `tour model`.")

    def go_to(self, debugger, variable, arguments, function):
        program = os.environ.get(variable)
        if program is None:
            raise microgpt_lldb.Problem(
                "Start the tour with `meson compile -C build lldb-tour`."
            )
        old = debugger.GetSelectedTarget()
        if old.IsValid():
            with microgpt_lldb.quiet(True):
                old.GetProcess().Kill()
                debugger.DeleteTarget(old)
        target = debugger.CreateTarget(program)
        debugger.SetSelectedTarget(target)
        stop = target.BreakpointCreateByName(function)
        info = lldb.SBLaunchInfo(arguments)
        if variable == "MICROGPT_PROGRAM":  # its output would be between that of lldb
            info.AddOpenFileAction(1, os.devnull, False, True)
            info.AddOpenFileAction(2, os.devnull, False, True)
        error = lldb.SBError()
        target.Launch(info, error)
        if error.Fail():
            raise microgpt_lldb.Problem("%s: %s" % (program, error.GetCString()))
        target.BreakpointDelete(stop.GetID())


def __lldb_init_module(debugger, _internal_dict):
    debugger.HandleCommand("command script add -c tour_lldb.Tour tour")
    place = "${function.name-with-args} at ${line.file.basename}:${line.number}"
    debugger.HandleCommand('settings set frame-format "frame #${frame.index}: %s\\n"' % place)
