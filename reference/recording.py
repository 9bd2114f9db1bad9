"""The common part of the two commands of this folder: their options, and what they record.

`microgpt_reference.py` and `watch_microgpt.py` run the same algorithm, as written for this project and by
Karpathy. Both take the options declared here and both report to a Recorder, so that their files differ only
if the numbers do.
"""

import contextlib
import dataclasses
import gzip
import hashlib
import io
import json
import os
import stat
import struct
import sys
import zlib
from pathlib import Path

from option_parser import (ABOVE_0, FROM_0_BELOW_1, MAX_SIZE, OptionParser, printable, seed, text_of,
                           whole)

DEFAULT_DATA = Path(__file__).resolve().parent.parent / "data" / "names.txt"


class UserError(Exception):
    """An error outside the program: one line that says what is wrong and what to do."""


class StopTraining(Exception):
    """Raised by a Recorder to end a run after the step that --stop-after names."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """The constants of a run. The defaults are those of the published microgpt.py."""

    seed: int = 42
    num_steps: int = 1000
    num_samples: int = 20
    temperature: float = 0.5
    learning_rate: float = 0.01
    beta1: float = 0.85
    beta2: float = 0.99
    eps_adam: float = 1e-8
    n_layer: int = 1
    n_embd: int = 16
    n_head: int = 4
    block_size: int = 16
    init_std: float = 0.08


# --- options ------------------------------------------------------------------------------------


_SETTING_OPTIONS = {
    "seed": (seed, "seed of the random generator"),
    "num_steps": (whole(0), "training steps, one document each"),
    "num_samples": (whole(0), "names to generate after training"),
    "temperature": (ABOVE_0, "what the logits are divided by when sampling"),
    "learning_rate": (ABOVE_0, "Adam's step size before its linear decay"),
    "beta1": (FROM_0_BELOW_1, "decay of Adam's first moment"),
    "beta2": (FROM_0_BELOW_1, "decay of Adam's second moment"),
    "eps_adam": (ABOVE_0, "what Adam adds to its divisor"),
    "n_layer": (whole(0, MAX_SIZE), "number of layers"),
    "n_embd": (whole(1, MAX_SIZE), "width of the network"),
    "n_head": (whole(1, MAX_SIZE), "attention heads, a divisor of n_embd"),
    "block_size": (whole(1, MAX_SIZE), "longest context, in tokens"),
    "init_std": (ABOVE_0, "standard deviation of the first parameters"),
}


def build_parser(prog, description):
    """Return a parser that knows every option the two commands have in common."""
    parser = OptionParser(prog=prog, description=description, allow_abbrev=False)
    file_name = text_of("FILE")
    parser.add_argument("--data", metavar="FILE", type=file_name, default=str(DEFAULT_DATA),
                        help="documents, one a line, UTF-8 (default: ../data/names.txt)")

    group = parser.add_argument_group("settings (defaults: the published run)")
    for field in dataclasses.fields(Settings):
        parse, text = _SETTING_OPTIONS[field.name]
        older = ["--" + field.name[4:]] if field.name.startswith("num_") else []
        group.add_argument("--" + field.name.replace("_", "-"), *older, type=parse, default=None,
                           metavar="N" if field.type is int else "X",
                           help=f"{text} (default: {field.default})")

    group = parser.add_argument_group("what to write")
    group.add_argument("--nodes", metavar="FILE", type=file_name,
                       help="the graph of one step after backward; gzipped if it ends in .gz")
    group.add_argument("--nodes-step", type=whole(1), metavar="K",
                       help="which step --nodes writes, counted from 1 (default: 1)")
    group.add_argument("--losses", metavar="FILE", type=file_name,
                       help="the loss of every step")
    group.add_argument("--digests", metavar="FILE", type=file_name,
                       help="checksums of every step's gradients and parameters")
    group.add_argument("--params", metavar="FILE", type=file_name,
                       help="the last parameters, little-endian doubles")
    group.add_argument("--stop-after", type=whole(0), metavar="K",
                       help="end after step K without sampling; the decay keeps to --num-steps")
    return parser


def parse_options(parser, arguments=None):
    """Parse and cross-check the command line; return (options, Settings). Exits with 2 if wrong.

    `options.given` has the settings that the command line names, and no other.
    """
    options = parser.parse_args(arguments)
    options.given = {name: getattr(options, name) for name in _SETTING_OPTIONS
                     if getattr(options, name) is not None}
    settings = Settings(**options.given)

    if settings.n_embd % settings.n_head != 0:
        parser.error(f"--n-embd: {settings.n_embd} must be a multiple of --n-head {settings.n_head}")
    if options.stop_after is not None and options.stop_after > settings.num_steps:
        parser.error(f"--stop-after: {options.stop_after} comes after the last of "
                     f"{settings.num_steps} steps; see --num-steps")
    if options.nodes_step is not None and options.nodes is None:
        parser.error("--nodes-step: needs --nodes FILE as well")
    if options.nodes is not None:
        if options.nodes_step is None:
            options.nodes_step = 1
        last_step = settings.num_steps if options.stop_after is None else options.stop_after
        if options.nodes_step > last_step:
            parser.error(f"--nodes-step: {options.nodes_step} comes after the last of {last_step} steps; "
                         f"see {'--num-steps' if options.stop_after is None else '--stop-after'}")
    _check_files(parser, options)
    return options, settings


_FILES = {
    "data": "the data file",
    "source": "the program",
    "nodes": "the dump",
    "losses": "the losses",
    "digests": "the digests",
    "params": "the parameters",
}


def _check_files(parser, options):
    """Refuse an output that is what is read, another output, or where standard output goes."""
    known = {}
    with contextlib.suppress(OSError, ValueError):
        status = os.fstat(sys.stdout.fileno())
        if stat.S_ISREG(status.st_mode):
            known[status.st_dev, status.st_ino] = "the destination of standard output"
    for name, what in _FILES.items():
        path = getattr(options, name, None)
        if path is None:
            continue
        is_output = name not in ("data", "source")
        identity = _identity(path) if path != "-" else ("-", is_output)
        if is_output and identity in known:
            parser.error(f"--{name}: {path} is {known[identity]}; name another one with --{name}")
        known.setdefault(identity, what)


def _identity(path):
    """Return what all names of a file have in common. Devices may be used several times."""
    try:
        status = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return object() if stat.S_ISCHR(status.st_mode) else (status.st_dev, status.st_ino)


# --- files --------------------------------------------------------------------------------------


def reason(error):
    """Return the operating system's words for an OSError, without its number and file name."""
    return error.strerror or str(error)


def read_data(path):
    """Return the bytes of a data file, known to be UTF-8 with at least one document in it."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except IsADirectoryError:
        raise UserError(f"{path}: is a directory; name a text file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be opened: {reason(error)}") from None
    path = "standard input" if path == "-" else path
    try:
        lines = decode_lines(data)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}:{line}: not UTF-8 at byte offset {error.start} (byte "
                        f"0x{data[error.start]:02x}); convert the file to UTF-8") from None
    if not any(line.strip() for line in lines):
        what = "has only blank lines" if data else "is empty"
        raise UserError(f"{path}: {what}; write one document per line")
    return data


def decode_lines(data):
    """Return the lines of UTF-8 `data` as iterating over an open text file gives them."""
    return list(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


def documents_of(data):
    """Return the documents in the bytes of a data file: its lines, stripped, but for empty ones."""
    stripped = (line.strip() for line in decode_lines(data))
    return [document for document in stripped if document]


def open_output(path):
    """Open a file to write to. If it is standard output, everything that is printed goes to stderr."""
    if path != "-":
        return open(path, "wb")
    kept = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return open(kept, "wb")


class _Output:
    """A file to write to. It is opened before the run, so that a wrong path does not waste a training run. If
    the run fails before it has written anything, there is no file afterwards."""

    def __init__(self, path, binary=False):
        self._path = path
        self._is_empty = True
        with self._named_errors(), contextlib.ExitStack() as stack:
            self._file = stack.enter_context(open_output(path))
            if path.endswith(".gz"):
                # No name and no time in the header: the same graph gives the same bytes.
                self._file = stack.enter_context(
                    gzip.GzipFile(filename="", mode="wb", fileobj=self._file, mtime=0))
            if not binary:
                self._file = stack.enter_context(
                    io.TextIOWrapper(self._file, encoding="ascii", newline="\n"))
            self._closer = stack.pop_all()

    def write(self, content):
        with self._named_errors():
            self._file.write(content)
        self._is_empty = False

    def __exit__(self, exception, *_):
        with self._named_errors():
            self._closer.close()
        if exception is not None and self._is_empty:
            with contextlib.suppress(OSError):
                if stat.S_ISREG(os.lstat(self._path).st_mode):
                    os.remove(self._path)

    @contextlib.contextmanager
    def _named_errors(self):
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise UserError(f"{self._path}: {reason(error)}; give a file that can be written") \
                from None


def doubles_to_bytes(numbers):
    """Return numbers as little-endian IEEE doubles, the layout of every binary file here."""
    return struct.pack(f"<{len(numbers)}d", *numbers)


def digest(numbers):
    """Return CRC-32 and SHA-256 of the numbers' doubles, as one piece of a digests line."""
    packed = doubles_to_bytes(numbers)
    return f"{zlib.crc32(packed):08x} {hashlib.sha256(packed).hexdigest()}"


def node_lines(params, step_nodes):
    """Yield one line per node: index, data, grad, children's indices, local gradients.

    A node of a step is a tuple (node, children, local gradients). A leaf that was made earlier and is not a
    parameter is put after the parameters.

    Doubles are written as float.hex() does, which loses no bit. Zeros and ones that Python keeps as
    integers are written as doubles.
    """
    leaves = {id(p): p for p in params}
    new = {id(node) for node, _, _ in step_nodes}
    for _, children, _ in step_nodes:
        leaves.update((id(child), child) for child in children if id(child) not in new)
    nodes = [(leaf, (), ()) for leaf in leaves.values()] + step_nodes
    index_of = {id(node): index for index, (node, _, _) in enumerate(nodes)}
    for index, (node, children, local_grads) in enumerate(nodes):
        indices = " ".join(str(index_of[id(child)]) for child in children)
        grads = " ".join(float(grad).hex() for grad in local_grads)
        yield f"{index} {float(node.data).hex()} {float(node.grad).hex()} [{indices}] [{grads}]\n"


def describe_run(settings, documents):
    """Return the description of the run, for the first line of a dump."""
    return {
        "seed": settings.seed,
        "num_steps": settings.num_steps,
        "n_documents": len(documents),
        "n_layer": settings.n_layer,
        "n_embd": settings.n_embd,
        "n_head": settings.n_head,
        "block_size": settings.block_size,
        "vocab_size": len(set("".join(documents))) + 1,
    }


# --- recording ----------------------------------------------------------------------------------


class Recorder:
    """Records a run: is called for each event, and writes the files that the options ask for.

    A step is passed as the training loop counts it, from 0, and written counted from 1. The nodes of a step
    are gathered by `created`, which the Value class calls for each node it makes; a node does not contain
    when it was made, and the dump is in that order. `about` describes the run, for the first line of the
    dump.

    A context manager: its files are open inside it, and complete afterwards.
    """

    def __init__(self, options, about):
        self._about = about
        self._nodes_step = options.nodes_step
        self._stop_after = options.stop_after
        self._step_nodes = None
        with contextlib.ExitStack() as stack:
            self._nodes = self._open(stack, options.nodes)
            self._losses = self._open(stack, options.losses)
            self._digests = self._open(stack, options.digests)
            self._params = self._open(stack, options.params, binary=True)
            self._closer = stack.pop_all()

    @staticmethod
    def _open(stack, path, binary=False):
        if path is None:
            return None
        output = _Output(path, binary)
        stack.push(output)
        return output

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return self._closer.__exit__(*exception)

    def created(self, node, children, local_grads):
        """A node was made. It is kept only in the step whose graph is recorded."""
        if self._step_nodes is not None:
            self._step_nodes.append((node, children, local_grads))

    def before_training(self, params):
        """The parameters have their first values."""
        if self._stop_after == 0:
            self.after_training(params)
            raise StopTraining

    def begin_step(self, step):
        """A step begins: all nodes made from now on belong to it."""
        self._step_nodes = [] if step + 1 == self._nodes_step else None

    def after_backward(self, step, loss, params, document):
        """Every node of the step has its gradient; the parameters are not updated yet.

        `loss` is a plain number; `document` is None where it is not known.
        """
        if self._losses:
            self._losses.write(f"{step + 1} {float(loss).hex()}\n")
        if self._digests:
            self._digests.write(f"{step + 1} {digest([p.grad for p in params])} ")
        if self._step_nodes is not None:
            about = {"step": step + 1, "document": document, **self._about}
            known = {key: value for key, value in about.items() if value is not None}
            self._nodes.write(f"# microgpt-nodes 1 {json.dumps(known)}\n")
            for line in node_lines(params, self._step_nodes):
                self._nodes.write(line)
            self._step_nodes = None
            self._nodes_step = None

    def after_update(self, step, params):
        """The step is over: the parameters have their new values."""
        if self._digests:
            self._digests.write(digest([p.data for p in params]) + "\n")
        if self._stop_after is not None and step + 1 >= self._stop_after:
            self.after_training(params)
            raise StopTraining

    def after_training(self, params):
        """The last step is over."""
        if self._nodes_step is not None:
            raise UserError(f"the run ended before step {self._nodes_step}; "
                            "ask for an earlier one with --nodes-step")
        if self._params:
            self._params.write(doubles_to_bytes([p.data for p in params]))


def run_command(prog, command):
    """Call `command`; return the exit code, with one line on stderr for an error."""
    try:
        # The same bytes on every machine, whatever its locale and its line ends.
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
        command()
        sys.stdout.flush()
        return 0
    except UserError as error:
        message, code = str(error), 1
    except KeyboardInterrupt:
        message, code = "interrupted", 130
    except OSError as error:
        # A reader that closes the pipe is not worth a word: the status is that of SIGPIPE.
        message, code = ("", 141) if isinstance(error, BrokenPipeError) else \
            (f"standard output: cannot be written: {reason(error)}", 1)
        # The buffered rest would fail again, with a traceback, when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    if message:
        print(f"{prog}: {printable(message)}", file=sys.stderr)
    return code
