"""What the public headers declare, for the tests that compare it with what the libraries hold."""

import re

COMMENT = re.compile(r"//[^\n]*")
DIRECTIVE = re.compile(r"^#[^\n]*$", re.MULTILINE)
BODY = re.compile(r"\{[^{}]*\}")
FUNCTION = re.compile(r"\b(\w+)\s*\((?!\()[^;]*\)\s*;")


def headers(include):
    """Return the public headers, each as one writes it behind #include."""
    found = sorted(path.relative_to(include).as_posix() for path in include.rglob("*.h"))
    if len(found) < 10:
        raise SystemExit(f"{include}: only {len(found)} headers found")
    return found


def declared_functions(header):
    """Return the names of the functions that a header declares."""
    text = DIRECTIVE.sub("", COMMENT.sub("", header.read_text(encoding="utf-8")))
    text = text.replace('extern "C" {', "")
    while BODY.search(text):
        text = BODY.sub("", text)
    text = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)", "", text)
    return FUNCTION.findall(text)
