"""Identify a copy of microgpt.py: the revision that this project reimplements, or the differences.

A program is parsed into a syntax tree and divided into parts: each assignment, function, method and loop is
a part. Two parts are the same if they compute the same: layout, comments, prints and names do not matter,
as long as each name means the same thing in the whole program.
"""

import ast
import builtins
import copy
import hashlib

from recording import Settings

# The revision: how a part is called in a message, its `fingerprint`, and which of the names in the part, in
# the order of their appearance, belong to the whole program ("-" is a name of only this part). Imports, the
# download, prints and constants are omitted; constants are compared separately. To print this table for
# another revision:
#   python3 -c "import revision; revision.print_parts('FILE')"
KNOWN_PARTS = {
    "random.seed()": ("09784c602421", ""),
    "docs": ("cffa6c29a5e9", "docs"),
    "random.shuffle()": ("06926feed492", "docs"),
    "uchars": ("29b0834c516d", "uchars docs"),
    "BOS": ("631a0f64e9b4", "BOS uchars"),
    "vocab_size": ("13be6b5bcdb7", "vocab_size uchars"),
    "Value.__init__()": ("75c1bfee7420", ""),
    "Value.__add__()": ("48abc35ff399", "- - Value"),
    "Value.__mul__()": ("ceb25fbd6021", "- - Value"),
    "Value.__pow__()": ("783b63b955da", "- - Value"),
    "Value.log()": ("ffe2499fa3ab", "- - Value"),
    "Value.exp()": ("325ac63adfef", "- - Value"),
    "Value.relu()": ("4f8f0eb9ec95", "- - Value"),
    "Value.__neg__()": ("5114d5ae9eeb", ""),
    "Value.__radd__()": ("20edffaa6a5d", ""),
    "Value.__sub__()": ("07a819dbcae2", ""),
    "Value.__rsub__()": ("9f0f54867887", ""),
    "Value.__rmul__()": ("be13d7ab0a42", ""),
    "Value.__truediv__()": ("d41ed9ece040", ""),
    "Value.__rtruediv__()": ("9ba9c3ea9323", ""),
    "Value.backward()": ("d0b463ebf32b", ""),
    "head_dim": ("a33705ba66e5", "head_dim n_embd n_head"),
    "matrix": ("4c7f170c2ea5", "matrix - - - Value"),
    "state_dict": ("4af07f2aeffe", "state_dict matrix vocab_size n_embd block_size"),
    "the loop over i": ("d183afdeea91", "- n_layer state_dict matrix n_embd"),
    "params": ("5069bd36d57d", "params - - state_dict"),
    "linear()": ("fa64c2e67912", "linear"),
    "softmax()": ("394e04cb54f3", "softmax"),
    "rmsnorm()": ("4f9ea7469ab2", "rmsnorm"),
    "gpt()": ("e148eda72377", "gpt - - - - - state_dict - - - - rmsnorm - n_layer - - linear - - - - n_head - head_dim - - - - - - - - softmax"),
    "m": ("6df368590d87", "m params"),
    "v": ("6df368590d87", "v params"),
    "the loop over step": ("0ae37e0e7464", "- num_steps - docs - BOS uchars - - block_size - - - n_layer - - - - - gpt - softmax - - - learning_rate - - params m beta1 v beta2 - - eps_adam"),
    "the loop over sample_idx": ("0b34ad7a8f7e", "- - - - n_layer - BOS - - block_size - gpt - softmax - temperature vocab_size - uchars"),
}

# These parts run after the training and do not change its numbers.
AFTER_TRAINING = ["the loop over sample_idx"]

# These parts read the documents, and compute nothing.
DATA = ["docs", "uchars"]

# The names, in messages, of the constants that are not simply assigned to a name.
SETTING_NAMES = {
    "seed": "the argument of random.seed()",
    "init_std": "the standard deviation of the first parameters",
    "num_samples": "the number of samples",
}

PUBLISHED = vars(Settings())

FIXED_NAMES = {*dir(builtins), "math", "os", "random"}

PRINTING_METHODS = {"__repr__", "__str__", "__format__"}


# --- the shape of a program ---------------------------------------------------------------------


def is_call(node, function):
    """Tell whether `node` is a statement that only calls the named function, like "random.seed"."""
    return (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
            and ast.unparse(node.value.func) == function)


def calls_backward(node):
    return (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            and node.func.attr == "backward")


def updates_parameter(node):
    """Tell whether `node` is an assignment like `p.data -= ...`."""
    targets = (node.targets if isinstance(node, ast.Assign)
               else [node.target] if isinstance(node, ast.AugAssign) else [])
    return any(isinstance(x, ast.Attribute) and x.attr == "data" for x in targets)


def contains(node, accepts):
    return any(accepts(x) for x in ast.walk(node))


def is_silent(node):
    """Tell whether a statement cannot change a number: it imports, prints, documents, times."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass, ast.Assert, ast.Global)):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return True
    if isinstance(node, ast.If):
        test = ast.unparse(node.test)
        return ("os.path.exists" in test or "input.txt" in test
                or not contains(node.test, lambda x: isinstance(x, ast.Call))
                and all(is_silent(x) for x in node.body + node.orelse))
    if not isinstance(node, (ast.Expr, ast.Assign)):
        return False
    functions = [ast.unparse(x.func) for x in ast.walk(node.value) if isinstance(x, ast.Call)]
    return (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
            and ast.unparse(node.value.func) == "print"
            or functions != [] and all(x.startswith(("sys.stdout.", "time.")) for x in functions))


def is_main_guard(node):
    return isinstance(node, ast.If) and ast.unparse(node.test).startswith("__name__ ==")


def value_class_of(statements):
    """Return the class whose objects are the graph's nodes: the one that has a backward()."""
    for node in statements:
        if isinstance(node, ast.ClassDef):
            if any(isinstance(x, ast.FunctionDef) and x.name == "backward" for x in node.body):
                return node
    return None


def is_training_loop(node):
    return (isinstance(node, (ast.For, ast.While)) and contains(node, calls_backward)
            and contains(node, updates_parameter))


def statements_of(tree):
    """Return the program's statements, with those of main() in place of its call."""
    def flatten(body):
        for node in body:
            if isinstance(node, ast.FunctionDef) and contains(node, is_training_loop):
                wrappers.add(node.name)
                yield from flatten(node.body)
            elif is_main_guard(node):
                yield from flatten(node.body)
            else:
                yield node

    wrappers = set()
    statements = list(flatten(tree.body))
    return [node for node in statements if not isinstance(node, ast.Return)
            and not any(is_call(node, name) for name in wrappers)]


def as_assignment(node):
    """Return `n = 1` for `n: int = 1`; any other statement unchanged."""
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)
    return node


def part_name(node):
    """Return the name of a statement of the program in messages."""
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


def is_used(name, function, tree):
    """Tell whether anything outside of the function uses its name."""
    within = set(ast.walk(function))
    return any(getattr(x, "attr", None) == name or getattr(x, "id", None) == name
               for x in ast.walk(tree) if x not in within)


def find_parts(tree):
    """Return the program's parts, the methods of its Value class included: name to syntax tree.

    The class is called Value, whatever its name is. Functions that are not called are omitted.
    """
    statements = statements_of(tree)
    value_class = value_class_of(statements)
    parts = {}

    def add(name, node):
        parts[f"a second {name}" if name in parts else name] = node

    for node in map(as_assignment, statements):
        if is_silent(node):
            continue
        if node is value_class:
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name not in PRINTING_METHODS:
                    if item.name.startswith("__") or is_used(item.name, item, tree):
                        add(f"Value.{item.name}()", item)
        elif not isinstance(node, ast.FunctionDef) or is_used(node.name, node, tree):
            add(part_name(node), node)
    return parts


# --- fingerprints -------------------------------------------------------------------------------


def fingerprint(node):
    """Return a short digest of what a part computes, and its names in order of appearance.

    ast.dump() is not used, because it changes between versions of Python. Only fields that are set matter,
    so fields that a newer Python adds do not.
    """
    def number_of(name):
        if name in FIXED_NAMES:
            return name
        if name not in names:
            names.append(name)
        return f"#{names.index(name)}"

    def canonical(item):
        item = as_assignment(item)
        if isinstance(item, ast.AST):
            fields = [f"{name}={canonical_field(item, name, value)}"
                      for name, value in fields_of(item)
                      if name not in ignored and value is not None and value != []]
            return f"{type(item).__name__}({','.join(fields)})"
        if isinstance(item, list):
            return f"[{','.join(canonical(x) for x in item if not is_silent(x))}]"
        return repr(item)

    def canonical_field(item, name, value):
        is_name = (isinstance(item, ast.Name) and name == "id"
                   or isinstance(item, ast.arg) and name == "arg"
                   or isinstance(item, ast.FunctionDef) and name == "name"
                   and not value.startswith("__"))
        return number_of(value) if is_name else canonical(value)

    def fields_of(item):
        if isinstance(item, ast.Call) and ast.unparse(item.func) == "open":
            # How the data is opened does not matter: it is read as UTF-8 in any case.
            return [("func", item.func), ("args", item.args[:1])]
        return ast.iter_fields(item)

    ignored = {"ctx", "kind", "type_comment", "annotation", "returns"}
    names = []
    text = canonical(node)
    return hashlib.sha256(text.encode()).hexdigest()[:12], names


def own_names(node):
    """Return the names that are used only within the part."""
    bound = set()
    for x in ast.walk(node):
        if isinstance(x, ast.arg):
            bound.add(x.arg)
        elif isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store):
            bound.add(x.id)
        elif isinstance(x, ast.FunctionDef) and x is not node:
            bound.add(x.name)
    if isinstance(node, ast.Assign):
        bound -= {x.id for x in node.targets if isinstance(x, ast.Name)}
    return bound


def print_parts(path):
    """Print KNOWN_PARTS as it would be for another revision."""
    with open(path, "rb") as file:
        tree = ast.parse(file.read())
    program = Program(tree)
    for name, part in program.parts.items():
        digest, names = fingerprint(part)
        if not program.is_constant(part):
            own = own_names(part)
            if name.startswith("Value."):
                own.add(part.name)
            shown = ["-" if x in own else x for x in names]
            while shown and shown[-1] == "-":
                shown.pop()
            print(f'    "{name}": ("{digest}", "{" ".join(shown)}"),')


# --- what a program is --------------------------------------------------------------------------


class Program:
    """A program's parts, and what they correspond to in the known revision.

    `differences` has the differences from that revision, as phrases, the most important one first;
    `is_known` says whether, with the same constants, all numbers of its training are those of that
    revision. Constants are found by their role; `constants` has their nodes in the tree.
    """

    def __init__(self, tree):
        self.tree = tree
        self.statements = statements_of(tree)
        self.value_class = value_class_of(self.statements)
        self.parts = find_parts(tree)
        self.constants = {}
        self._find_unnamed_constants()
        found = self._match()
        self._find_named_constants()
        self._describe(found)

    def is_constant(self, part):
        """Tell whether a part only sets constants that have a role in microgpt.py."""
        numbers = {id(x) for x in self.constants.values()}
        if not isinstance(part, ast.Assign):
            return False
        values = part.value.elts if isinstance(part.value, ast.Tuple) else [part.value]
        return all(id(x) in numbers for x in values)

    def set_constants(self, values):
        """Give constants new values. Return those that the program does not have."""
        for name in values.keys() & self.constants.keys():
            self.constants[name].value = values[name]
        return values.keys() - self.constants.keys()

    def _find_unnamed_constants(self):
        """Find the constants that have no name, by their use."""
        def keep(name, node):
            if isinstance(node, ast.Constant) and type(node.value) in (int, float):
                self.constants.setdefault(name, node)

        for node in ast.walk(self.tree):
            if is_call(node, "random.seed"):
                keep("seed", next(iter(node.value.args), None))
            if isinstance(node, (ast.Lambda, ast.FunctionDef)) and node.args.defaults:
                if "random.gauss" in ast.unparse(node.body[-1] if isinstance(node.body, list)
                                                 else node.body):
                    keep("init_std", node.args.defaults[-1])
            if isinstance(node, ast.For) and isinstance(node.iter, ast.Call):
                if "random.choices" in ast.unparse(node) and not contains(node, calls_backward):
                    keep("num_samples", next(iter(node.iter.args[-1:]), None))
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".add_argument"):
                option = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) \
                    else None
                name = str(option).lstrip("-").replace("-", "_")
                if name in PUBLISHED:
                    for keyword in node.keywords:
                        if keyword.arg == "default":
                            keep(name, keyword.value)

    def _find_named_constants(self):
        """Find the constants that are assigned to a name, whatever that name is here."""
        role_of = {actual: known for known, actual in self.names.items()}
        for part in self.parts.values():
            if not isinstance(part, ast.Assign):
                continue
            target, value = part.targets[0], part.value
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = zip(target.elts, value.elts)
            else:
                pairs = [(target, value)]
            for name_node, number in pairs:
                name = role_of.get(ast.unparse(name_node), ast.unparse(name_node))
                if (name in PUBLISHED and isinstance(number, ast.Constant)
                        and type(number.value) in (int, float)):
                    self.constants.setdefault(name, number)

    def _match(self):
        """Find each known part in the program. Returns name of a known part to name of ours."""
        # Constants inside a part are compared as if they had the values of the published revision.
        fresh = copy.deepcopy(self.tree)
        twins = dict(zip(map(id, ast.walk(self.tree)), ast.walk(fresh)))
        for name, node in self.constants.items():
            twins[id(node)].value = PUBLISHED[name]
        digests = {name: fingerprint(part) for name, part in find_parts(fresh).items()}

        self.names = {}  # of the known revision to those here
        found = {}
        for known, (digest, known_names) in KNOWN_PARTS.items():
            candidates = [known] if known in digests else []
            if not known.startswith("Value."):
                candidates += [x for x in digests if x != known]
            for ours in candidates:
                if ours not in found.values() and digests[ours][0] == digest:
                    if self._rename(known_names.split(), digests[ours][1]):
                        found[known] = ours
                        break
        return found

    def _rename(self, known_names, names):
        """Adopt a part's mapping of the program's names, if it agrees with all earlier ones."""
        pairs = {known: name for known, name in zip(known_names, names) if known != "-"}
        taken = {name: known for known, name in self.names.items()}
        for known, name in pairs.items():
            if self.names.get(known, name) != name or taken.get(name, known) != known:
                return False
        self.names.update(pairs)
        return True

    def _describe(self, found):
        """Fill `differences` and `is_known`."""
        ranked = []  # (rank, phrase)
        if self.value_class is None:
            ranked.append((1, "class Value is missing"))
        for rank, phrase in self._well_known():
            ranked.append((rank, phrase))
        matched = set(found.values())
        for known in KNOWN_PARTS:
            if known in found or known.startswith("Value.") and self.value_class is None:
                continue
            rank = 4 if known in AFTER_TRAINING else 3 if known in DATA else 2
            if known in self.parts and known not in matched:
                line = self.parts[known].lineno
                ranked.append((rank, f"{known} (line {line}) is different"))
                matched.add(known)
            else:
                ranked.append((rank, f"{known} is missing"))
        extra = {name: part for name, part in self.parts.items()
                 if name not in matched and not self.is_constant(part)}
        for name, part in extra.items():
            ranked.append((3, f"{name} (line {part.lineno}) is not part of it"))
        self.is_known = not any(rank < 4 for rank, _ in ranked)
        for name, published in PUBLISHED.items():
            label = SETTING_NAMES.get(name, name)
            if name not in self.constants:
                ranked.append((4, f"{label} is not set to a number"))
                self.is_known = self.is_known and name in ("num_samples", "temperature")
            elif self.constants[name].value != published:
                ranked.append((4, f"{label} is {self.constants[name].value}, not {published}"))
        self.differences = [phrase for _, phrase in sorted(ranked, key=lambda x: x[0])]

    def _well_known(self):
        """Yield known causes of differences between copies, each with its rank."""
        for node in ast.walk(self.tree):
            if (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)
                    and ast.unparse(node.left).endswith(".relu()")):
                yield 0, f"line {node.lineno}: squares the ReLU"
            if isinstance(node, ast.Call):
                function = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if function in ("gelu", "silu"):
                    yield 0, f"line {node.lineno}: {function} in place of the ReLU"
        texts = {x.value for x in ast.walk(self.tree)
                 if isinstance(x, ast.Constant) and isinstance(x.value, str)}
        if "wte" in texts and "lm_head" not in texts:
            yield 0, "there is no lm_head: the logits are made with wte"
        modules = {name.name.split(".")[0] for node in ast.walk(self.tree)
                   if isinstance(node, ast.Import) for name in node.names}
        for module in sorted(modules & {"numpy", "torch", "jax", "tensorflow", "mlx", "tinygrad"}):
            yield 0, f"computes with {module}"
