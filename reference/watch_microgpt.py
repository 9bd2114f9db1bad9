#!/usr/bin/env python3
"""Run an untouched copy of Karpathy's microgpt.py and write down the numbers it computes.

The file is read, never edited. Its text becomes a syntax tree; the tree is checked to be the
revision this project reimplements, its constants are set from the options, and calls that report
to a Recorder are put in four kinds of places: where a Value is made, at both ends of a training
step, after loss.backward(), and before and after training. No expression of the original is
touched, so its arithmetic is its own. The tree is then compiled and run in a temporary directory
in which input.txt already is the data, so that nothing is downloaded.
"""

import ast
import contextlib
import ctypes
import functools
import hashlib
import os
import sys
import tempfile
import threading
from pathlib import Path

from recording import (Recorder, Settings, StopTraining, UserError, build_parser, parse_options,
                       read_data, reason, run_command)

PROG = "watch_microgpt.py"
GIST = "https://gist.github.com/karpathy/8627fe009c40f57531cb18360106ce95"

# The revision, part by part: how a part is called in a message, and its `fingerprint`. Left out is
# what cannot change a number: imports, the download, prints, comments, and how the text is laid
# out. Constants count as they are in the published revision, whatever they are in the file, for
# they are compared by themselves. To print this table for another revision:
#   python3 -c "import watch_microgpt as w; w.print_fingerprints('FILE')"
KNOWN_PARTS = {
    "random.seed()": "b6d7748a4404",
    "docs": "3d92f2948f83",
    "random.shuffle()": "dfb779e424cf",
    "uchars": "021afcdae745",
    "BOS": "543c77ef59d3",
    "vocab_size": "37cfc5f63751",
    "Value.__init__()": "be9898bc6721",
    "Value.__add__()": "651034acf501",
    "Value.__mul__()": "642af8de34bc",
    "Value.__pow__()": "5117e004d2a0",
    "Value.log()": "e3f12a79b2b8",
    "Value.exp()": "ce8fd339f9fa",
    "Value.relu()": "d2fcf4137d2b",
    "Value.__neg__()": "9a913e05d5db",
    "Value.__radd__()": "c385f30a79eb",
    "Value.__sub__()": "47c6a0743e6a",
    "Value.__rsub__()": "a3508304f2eb",
    "Value.__rmul__()": "0325405f4c3b",
    "Value.__truediv__()": "01204e532ab7",
    "Value.__rtruediv__()": "98d2dc687f4c",
    "Value.backward()": "0b388ece760f",
    "head_dim": "19463913894c",
    "matrix": "97b26d248909",
    "state_dict": "61981f093bf1",
    "the loop over i": "621d2d0de050",
    "params": "540e8c5b35c6",
    "linear()": "749ce3be5b83",
    "softmax()": "8bf79c8c3b86",
    "rmsnorm()": "ae77f83c32be",
    "gpt()": "82e7ac5b77b9",
    "m": "a854cc3936ef",
    "v": "962ef50505c6",
    "the loop over step": "aa535581ab6e",
    "the loop over sample_idx": "30d72205a7bb",
}

# How to call, in a message, the constants that are not simply assigned to a name.
SETTING_NAMES = {
    "seed": "the argument of random.seed()",
    "init_std": "std, the default of matrix(),",
    "num_samples": "the number of samples",
}

# build_topo() calls itself once per node of the deepest path. Before Python 3.11 every such call
# also takes some 600 bytes of the thread's stack.
RECURSION_LIMIT = 400_000
STACK_BYTES = 512 << 20


# --- recognising the source ---------------------------------------------------------------------


def parse_source(path):
    """Return the syntax tree of the file, or raise UserError."""
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {reason(error)}; give your copy of microgpt.py with --source") \
            from None
    try:
        return ast.parse(text)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        problem = error.msg
    except (ValueError, RecursionError, MemoryError) as error:
        where, problem = "", str(error) or type(error).__name__
    raise UserError(f"{path}: {where}not Python ({problem}); get the file anew from {GIST}")


def is_call(node, function):
    """Tell whether `node` is a statement that only calls the named function, like "random.seed"."""
    return (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
            and ast.unparse(node.value.func) == function)


def is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_silent(node):
    """Tell whether a statement cannot change a number: it imports, prints, documents, downloads."""
    return (isinstance(node, (ast.Import, ast.ImportFrom)) or is_call(node, "print")
            or is_docstring(node)
            or isinstance(node, ast.If) and ast.unparse(node.test).startswith("not os.path.exists"))


def part_name(node):
    """Return how messages call a statement of the program."""
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}"
    if isinstance(node, ast.FunctionDef):
        return f"{node.name}()"
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]).strip("()")
    if isinstance(node, ast.For):
        return f"the loop over {ast.unparse(node.target)}"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return f"{ast.unparse(node.value.func)}()"
    return "a statement"


def find_parts(tree):
    """Return the program's parts, the methods of its classes included: name to syntax tree."""
    parts = {}
    for node in tree.body:
        if is_silent(node):
            continue
        name = part_name(node)
        parts[f"a second {name}" if name in parts else name] = node
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.FunctionDef):
                    parts[f"{node.name}.{item.name}()"] = item
    return parts


def fingerprint(node):
    """Return a short digest of what a part computes, the same for any layout of its text.

    Written out here because ast.dump() changes between versions of Python. Only fields that are
    set count, so fields that a newer Python adds do not.
    """
    def canonical(item):
        if isinstance(item, ast.AST):
            fields = [f"{name}={canonical(value)}" for name, value in ast.iter_fields(item)
                      if name not in ignored and value is not None and value != []]
            return f"{type(item).__name__}({','.join(fields)})"
        if isinstance(item, list):
            kept = [canonical(x) for x in item if not is_call(x, "print") and not is_docstring(x)]
            return f"[{','.join(kept)}]"
        return repr(item)

    ignored = {"ctx", "kind", "type_comment", "annotation", "returns"}
    return hashlib.sha256(canonical(node).encode()).hexdigest()[:12]


def find_constants(tree):
    """Return, for each setting that the program writes as a plain number, that number's node."""
    parts = find_parts(tree)
    candidates = {}
    for part in parts.values():
        if isinstance(part, ast.Assign):
            target, value = part.targets[0], part.value
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = zip(target.elts, value.elts)
            else:
                pairs = [(target, value)]
            candidates.update((ast.unparse(name), number) for name, number in pairs)

    if "random.seed()" in parts:
        candidates["seed"] = next(iter(parts["random.seed()"].value.args), None)
    if isinstance(candidates.get("matrix"), ast.Lambda):
        signature = candidates["matrix"].args
        if signature.args and signature.args[-1].arg == "std" and signature.defaults:
            candidates["init_std"] = signature.defaults[-1]
    if "the loop over sample_idx" in parts:
        sampled = parts["the loop over sample_idx"].iter
        if isinstance(sampled, ast.Call) and len(sampled.args) == 1:
            candidates["num_samples"] = sampled.args[0]

    return {name: candidates[name] for name in vars(Settings())
            if isinstance(candidates.get(name), ast.Constant)
            and type(candidates[name].value) in (int, float)}


def fingerprint_parts(parts):
    """Return the fingerprints of the parts that matter: name to fingerprint.

    Assigned constants are compared as constants, a class by its methods.
    """
    settings = vars(Settings())
    return {name: fingerprint(part) for name, part in parts.items()
            if not isinstance(part, ast.ClassDef)
            and not all(word in settings for word in name.split(", "))}


def set_constants(tree, settings):
    """Give the program's constants the values of `settings`."""
    for name, node in find_constants(tree).items():
        node.value = getattr(settings, name)


def differences(tree):
    """Return what tells this program from the known revision, as phrases; empty if it is that."""
    parts = find_parts(tree)
    found = [] if "class Value" in parts else ["class Value is missing"]
    constants = find_constants(tree)
    for name, published in vars(Settings()).items():
        label = SETTING_NAMES.get(name, name)
        if name not in constants:
            found.append(f"{label} is not set to a number")
        elif constants[name].value != published:
            found.append(f"{label} is {constants[name].value}, not {published}")

    set_constants(tree, Settings())
    fingerprints = fingerprint_parts(parts)
    for name, known in KNOWN_PARTS.items():
        if name not in fingerprints:
            # Without the class, its methods are not worth a phrase each.
            if not name.startswith("Value.") or "class Value" in parts:
                found.append(f"{name} is missing")
        elif fingerprints[name] != known:
            found.append(describe_difference(name, parts[name]))
    for name in fingerprints:
        if name not in KNOWN_PARTS:
            found.append(f"{name} (line {parts[name].lineno}) is not part of it")
    return found


def describe_difference(name, part):
    """Say what is different about a part: in particular if it is something well known."""
    where = f"{name} (line {part.lineno})"
    for node in ast.walk(part):
        if (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)
                and ast.unparse(node.left).endswith(".relu()")):
            return f"{where} squares the ReLU"
    if name == "the loop over step" and not any(is_call(x, "loss.backward") for x in part.body):
        return f"{where} does not call loss.backward()"
    return f"{where} is different"


def check_revision(path, tree):
    """Raise UserError unless the program is the known revision."""
    found = differences(tree)
    if found:
        shown = "; ".join(found[:3])
        more = f"; and {len(found) - 3} more differences" if len(found) > 3 else ""
        raise UserError(f"{path}: not the revision of microgpt.py known here: {shown}{more}; "
                        f"get the last revision from {GIST}")


def print_fingerprints(path):
    """Print KNOWN_PARTS as it would be for another revision."""
    tree = parse_source(path)
    set_constants(tree, Settings())
    for name, value in fingerprint_parts(find_parts(tree)).items():
        print(f'    "{name}": "{value}",')


# --- watching it --------------------------------------------------------------------------------


def insert_observers(tree):
    """Put the calls that report to the Recorder, known to the program as `__recorder__`."""
    def report(call):
        return ast.parse(f"__recorder__.{call}").body[0]

    parts = find_parts(tree)
    parts["Value.__init__()"].body.append(report("created(self)"))

    loop = parts["the loop over step"]
    place = next(i for i, node in enumerate(loop.body) if is_call(node, "loss.backward"))
    loop.body.insert(place + 1, report("after_backward(step, loss, params)"))
    loop.body.insert(0, report("begin_step(step)"))
    loop.body.append(report("after_update(step, params)"))

    place = tree.body.index(loop)
    tree.body.insert(place + 1, report("after_training(params)"))
    tree.body.insert(place, report("before_training(params)"))
    ast.fix_missing_locations(tree)


def run_deep(function):
    """Call `function` where it may call itself far deeper than Python usually allows."""
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
        # Not join(): interrupted once, it may take the thread for finished ever after.
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
    """Work in another directory for a while: the original reads ./input.txt."""
    before = os.getcwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)


def run_watched(source, tree, data, recorder):
    """Run the prepared program on `data`, the bytes of its input.txt."""
    code = compile(tree, source, "exec", dont_inherit=True)
    program = {
        "__name__": "__main__",
        "__recorder__": recorder,
        # Found before the built-in one, so that a file means the same whatever the locale is.
        "open": functools.partial(open, encoding="utf-8"),
    }
    with tempfile.TemporaryDirectory(prefix="watch_microgpt.") as directory:
        Path(directory, "input.txt").write_bytes(data)
        with working_directory(directory):
            try:
                run_deep(lambda: exec(code, program))
            except StopTraining:
                pass
            except (UserError, OSError):
                raise
            except Exception as error:
                raise UserError(f"{source}: line {last_line(source, error)}: "
                                f"{type(error).__name__}: {error}; "
                                "try settings nearer to the published ones") from None


def last_line(source, error):
    """Return the line of the source in which it raised `error`."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == source:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def main():
    parser = build_parser(PROG, "Run an untouched copy of Karpathy's microgpt.py and write down "
                                "the numbers it computes.")
    parser.add_argument("--source", metavar="PATH", required=True, help="your copy of microgpt.py")
    options, settings = parse_options(parser)

    def command():
        tree = parse_source(options.source)
        check_revision(options.source, tree)
        data = read_data(options.data)
        set_constants(tree, settings)
        insert_observers(tree)
        with Recorder(options) as recorder:
            run_watched(options.source, tree, data, recorder)

    return run_command(PROG, command)


if __name__ == "__main__":
    sys.exit(main())
