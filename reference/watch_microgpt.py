#!/usr/bin/env python3
"""Run an unmodified copy of Karpathy's microgpt.py and record the numbers that it computes.

The file is read, never edited. Its text becomes a syntax tree; the tree is compared with the revision that
this project reimplements (revision.py), its constants are set from the options, and calls that report to an
Observer are added in a few places: where a Value is made, where backward begins, and around the training
loop and each of its steps. No expression of the original is changed, and so neither is its arithmetic. The
tree is then compiled and run in a temporary directory in which input.txt is the data, so that nothing is
downloaded.

A program of another revision, or one that somebody has changed, is also watched, if it has what is needed
for that: a class whose objects are single numbers and have references to their operands, and a loop that
calls backward() and then updates a list of parameters.
"""

import ast
import contextlib
import ctypes
import functools
import os
import sys
import tempfile
import threading
from pathlib import Path

from option_parser import text_of
from recording import (Recorder, StopTraining, UserError, build_parser, describe_run, documents_of,
                       parse_options, read_data, reason, run_command)
from revision import Program, calls_backward, contains, is_training_loop, updates_parameter

PROG = "watch_microgpt.py"
GIST = "https://gist.github.com/karpathy/8627fe009c40f57531cb18360106ce95"
WAY_OUT = "a port writes its dump by itself in ten lines: see docs/node-format.md"

# build_topo() calls itself once per node of the deepest path. Before Python 3.11 every such call
# also takes about 600 bytes of the thread's stack.
RECURSION_LIMIT = 400_000
STACK_BYTES = 512 << 20


# --- reading the source -------------------------------------------------------------------------


def parse_source(path):
    """Return the syntax tree of the file, or raise UserError."""
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {reason(error)}; give your copy of microgpt.py with --source") \
            from None
    if text.lstrip().startswith(b"{") and b'"nbformat"' in text:
        raise UserError(f"{path}: is a notebook; save its code as a script, with "
                        "jupyter nbconvert --to script")
    try:
        return ast.parse(text)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        problem = error.msg
    except (ValueError, RecursionError, MemoryError) as error:
        where, problem = "", str(error) or type(error).__name__
    raise UserError(f"{path}: {where}not Python ({problem}); get the file anew from {GIST}")


def some_differences(program):
    """Return the most important difference, and how many others there are."""
    first, *others = program.differences
    if not others:
        return first
    plural = "s" if len(others) > 1 else ""
    return f"{first}; --differences lists {len(others)} more difference{plural}"


class CannotWatch(Exception):
    """The reason why a program cannot be watched."""


# --- watching it --------------------------------------------------------------------------------


class LocalGrads:
    """The local gradients of a node that has a closure instead: what it computes from the gradient 1.

    Gradients are not changed. A child that the node has twice gets both contributions at once; they are
    equal, since the node is x + x or x * x.
    """

    def __init__(self, node, children, closure):
        self._node = node
        self._children = children
        self._closure = closure

    def __iter__(self):
        before = [(node, node.grad) for node in (self._node, *self._children)]
        for child in self._children:
            child.grad = 0.0
        self._node.grad = 1.0
        getattr(self._node, self._closure)()
        handed_on = [child.grad / sum(x is child for x in self._children)
                     for child in self._children]
        for node, grad in before:
            node.grad = grad
        return iter(handed_on)


class Observer:
    """The watched program calls this, and it reports to a Recorder.

    The note on the program, if there is one, goes to stderr once its first step has been seen.
    """

    def __init__(self, recorder, closure, note):
        self._recorder = recorder
        self._closure = closure
        self._note = note
        self._step = -1
        self._roots = []
        self.has_trained = False

    def created(self, node, children, local_grads):
        if self._closure is not None:
            local_grads = LocalGrads(node, children, self._closure)
        self._recorder.created(node, children, local_grads)

    def backward_begins(self, root):
        if not isinstance(root.data, (int, float)):
            raise UserError("its nodes are not single numbers, so there is no graph of numbers to "
                            f"watch; {WAY_OUT}")
        self._roots.append(root)

    def before_training(self, params):
        self._recorder.before_training(list(params))

    def begin_step(self):
        self._step += 1
        self._roots = []
        self._recorder.begin_step(self._step)

    def after_backward(self, params, document):
        if self._note is not None:
            print(f"{PROG}: {self._note}", file=sys.stderr)
            self._note = None
        loss = sum(root.data for root in self._roots)
        self._recorder.after_backward(self._step, loss, list(params),
                                      document if isinstance(document, str) else None)

    def after_update(self, params):
        self._recorder.after_update(self._step, list(params))

    def after_training(self, params):
        self.has_trained = True
        self._recorder.after_training(list(params))


def constructor_of(program):
    """Return __init__ of the program's Value class, and the names in it for a node's children and
    for its local gradients or None, if closures have those."""
    if program.value_class is None:
        raise CannotWatch("there is no class with a backward()")
    name = program.value_class.name
    constructor = next((x for x in program.value_class.body
                        if isinstance(x, ast.FunctionDef) and x.name == "__init__"), None)
    if constructor is None:
        raise CannotWatch(f"class {name} has no __init__()")
    arguments = [x.arg for x in constructor.args.args[2:]]
    children = next((x for x in arguments if "grad" not in x
                     and x.strip("_") not in ("op", "operation", "label", "name")), None)
    local_grads = next((x for x in arguments if "grad" in x), None)
    if children is None:
        raise CannotWatch(f"class {name} is not told what a node is made of")
    if local_grads is None and closure_of(program) is None:
        raise CannotWatch(f"class {name} has no local gradients")
    return constructor, children, local_grads


def closure_of(program):
    """Return the attribute that contains a node's part of backward, as in `out._backward = ...`."""
    for method in program.value_class.body:
        for node in ast.walk(method):
            if (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)
                    and isinstance(node.value, ast.Name)
                    and contains(method, lambda x: isinstance(x, ast.FunctionDef)
                                 and x.name == node.value.id)):
                return node.targets[0].attr
    return None


def blocks_of(node):
    """Yield the lists of statements in a statement, and in those within it, but not in classes."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        if isinstance(block, list) and not isinstance(node, ast.ClassDef):
            yield block
            for statement in block:
                yield from blocks_of(statement)


def training_loop_of(tree):
    """Return the innermost loop that calls backward and updates, and the list of statements that contains
    it."""
    found = None
    for block in blocks_of(tree):
        for node in block:
            if is_training_loop(node):
                found = node, block
    if found is None:
        raise CannotWatch("there is no loop that calls backward() and then updates parameters")
    return found


def params_of(loop):
    """Return the expression for the list of parameters: what the loop with the update iterates over."""
    update = None
    for node in ast.walk(loop):
        if isinstance(node, ast.For) and any(map(updates_parameter, node.body)):
            update = node.iter
    if isinstance(update, ast.Call) and ast.unparse(update.func) in ("enumerate", "zip"):
        update = update.args[0]
    elif isinstance(update, ast.Call) and ast.unparse(update.func) == "range":
        inner = update.args[-1]
        update = inner.args[0] if isinstance(inner, ast.Call) and len(inner.args) == 1 else None
    assigned = {x.id for x in ast.walk(loop)
                if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)}
    if (not isinstance(update, (ast.Name, ast.Attribute, ast.Call))
            or contains(update, lambda x: isinstance(x, ast.Name) and x.id in assigned)):
        raise CannotWatch("the update does not go over a list of all parameters")
    return ast.unparse(update)


def document_of(loop):
    """Return the name of the step's document, as in `doc = docs[step % len(docs)]`, or "None"."""
    for node in ast.walk(loop):
        if (isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript)
                and "% len(" in ast.unparse(node.value.slice)):
            return ast.unparse(node.targets[0])
    return "None"


def insert_observers(program):
    """Insert the calls to the Observer, which the program knows as `__observer__`."""
    def report(call):
        return ast.parse(f"__observer__.{call}").body[0]

    constructor, children, local_grads = constructor_of(program)
    loop, block = training_loop_of(program.tree)
    params, document = params_of(loop), document_of(loop)
    backward = next((i for i, node in enumerate(loop.body) if contains(node, calls_backward)
                     and not contains(node, updates_parameter)), None)
    if backward is None:
        raise CannotWatch("one statement both calls backward() and updates the parameters")

    constructor.body.append(report(f"created({constructor.args.args[0].arg}, {children}, "
                                   f"{local_grads})"))
    method = next(x for x in program.value_class.body if getattr(x, "name", "") == "backward")
    method.body.insert(0, report(f"backward_begins({method.args.args[0].arg})"))

    loop.body.insert(backward + 1, report(f"after_backward({params}, {document})"))
    loop.body.insert(0, report("begin_step()"))
    loop.body.append(report(f"after_update({params})"))

    place = block.index(loop)
    block.insert(place + 1, report(f"after_training({params})"))
    block.insert(place, report(f"before_training({params})"))
    ast.fix_missing_locations(program.tree)


def run_deep(function):
    """Call `function` with a much larger recursion limit than Python's usual one."""
    raised = []
    finished = threading.Event()

    def target():
        try:
            function()
        except BaseException as error:  # to be raised again below, in the caller's thread
            raised.append(error)
        finished.set()

    sys.setrecursionlimit(RECURSION_LIMIT)
    threading.stack_size(STACK_BYTES)
    thread = threading.Thread(target=target)
    thread.start()
    try:
        # Not join(): after an interrupt, it may always consider the thread finished.
        finished.wait()
    except KeyboardInterrupt:
        # Ctrl-C reaches the main thread only: pass it on, or the run would go on by itself.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident),
                                                   ctypes.py_object(KeyboardInterrupt))
        finished.wait()
        raise
    if raised:
        raise raised[0]


@contextlib.contextmanager
def working_directory(path):
    """Work in another directory inside a `with` block: the original reads ./input.txt."""
    before = os.getcwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def arguments(words):
    """Set sys.argv to these words inside a `with` block, for programs that read it."""
    before = sys.argv
    sys.argv = words
    try:
        yield
    finally:
        sys.argv = before


def run_watched(source, tree, data, observer):
    """Run the prepared program on `data`, the bytes of its input.txt."""
    code = compile(tree, source, "exec", dont_inherit=True)
    program = {
        "__name__": "__main__",
        "__observer__": observer,
        # Found before the built-in one, so that a file means the same whatever the locale is.
        "open": open_as_utf8,
    }
    with tempfile.TemporaryDirectory(prefix="watch_microgpt.") as directory:
        Path(directory, "input.txt").write_bytes(data)
        with working_directory(directory), arguments([source]):
            try:
                run_deep(lambda: exec(code, program))
            except StopTraining:
                return
            except UserError as error:
                raise UserError(f"{source}: {error}") from None
            except SystemExit as error:
                if not observer.has_trained:
                    raise UserError(f"{source}: line {last_line(source, error)}: ends the program "
                                    "before its training has ended") from None
            except OSError as error:
                if error.filename is None and error.errno is not None:
                    raise  # of standard output
                what = f"{error.filename}: {reason(error)}" if error.filename else str(error)
                raise UserError(f"{source}: line {last_line(source, error)}: {what}; "
                                "the data is in input.txt") from None
            except Exception as error:
                raise UserError(f"{source}: line {last_line(source, error)}: "
                                f"{type(error).__name__}: {error}; {advice(error)}") from None
    if not observer.has_trained:
        raise UserError(f"{source}: ended without running its training loop")


def advice(error):
    """Return what to do about an exception of the program."""
    if isinstance(error, ModuleNotFoundError):
        return f"install {error.name}, or remove its use"
    if isinstance(error, (ArithmeticError, ValueError)):
        return "try settings nearer to the published ones"
    return "does the program run by itself?"


def open_as_utf8(path, mode="r", *args, **kwargs):
    if "b" not in mode and not args:
        kwargs.setdefault("encoding", "utf-8")
    return open(path, mode, *args, **kwargs)


def last_line(source, error):
    """Return the line of the source in which it raised `error`."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == source:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def prepare(path, program, options, settings):
    """Set the program's constants and insert the observers; return what is known about the run.

    A program that is not the known revision keeps its constants, except those that are given.
    """
    values = vars(settings) if program.is_known else options.given
    missing = program.set_constants(values)
    if missing and not program.is_known:
        name = sorted(missing)[0].replace("_", "-")
        raise UserError(f"{path}: sets no number that --{name} could change; change it in the file")
    try:
        insert_observers(program)
    except CannotWatch as error:
        raise UserError(f"{path}: cannot be watched: {error}; it differs from the last revision: "
                        f"{some_differences(program)}; {WAY_OUT}") from None


def main():
    parser = build_parser(PROG, "Run an untouched copy of Karpathy's microgpt.py and write down "
                                "the numbers it computes.")
    parser.add_argument("--source", metavar="PATH", type=text_of("PATH"), help="your copy of microgpt.py")
    parser.add_argument("--differences", action="store_true",
                        help="only say how the copy differs from the last revision")
    options, settings = parse_options(parser)
    if options.source is None:
        parser.error("--source: name your copy of microgpt.py")

    def command():
        program = Program(parse_source(options.source))
        if options.differences:
            print("\n".join(program.differences or ["no difference"]))
            return
        data = read_data(options.data)
        prepare(options.source, program, options, settings)
        about = describe_run(settings, documents_of(data))
        if not program.is_known:
            about = {"n_documents": about["n_documents"]}
        with Recorder(options, about) as recorder:
            observer = Observer(recorder, closure_of(program), note(options.source, program))
            run_watched(options.source, program.tree, data, observer)

    return run_command(PROG, command)


def note(path, program):
    """Return a note on a program that is not exactly the published one, or None."""
    if not program.differences:
        return None
    how = ("watched with the constants of the command line" if program.is_known else
           "not the last revision, watched as what it is, with its own constants")
    return f"{path}: {how}: {some_differences(program)}"


if __name__ == "__main__":
    sys.exit(main())
