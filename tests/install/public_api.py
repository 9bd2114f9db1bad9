"""Reads the declarations of the public headers, for the tests that compare them with the libraries."""

import re
import subprocess

COMMENT = re.compile(r"//[^\n]*")
DIRECTIVE = re.compile(r"^#[^\n]*$", re.MULTILINE)
BODY = re.compile(r"\{[^{}]*\}")
EXPORTED = re.compile(r"visibility push\(default\)(.*?)visibility pop", re.DOTALL)
FUNCTION = re.compile(r"\b(\w+)\s*\((?!\()[^;]*\)\s*;")


def headers(include):
    """Return the public headers, each as it is written after #include."""
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


def exported_functions(include):
    """Return the functions that the library exports: not those of arena.h, for example."""
    declared = set()
    for header in headers(include):
        text = (include / header).read_text(encoding="utf-8")
        if EXPORTED.search(text):
            declared.update(declared_functions(include / header))
    if len(declared) < 50:
        raise SystemExit(f"{include}: only {len(declared)} functions found")
    return declared


def global_names(library, *options):
    """Return the names that the library exports, by nm, without those that a sanitizer adds (reserved
    names)."""
    symbols = subprocess.run(["nm", "--defined-only", "--extern-only", *options, library], check=True,
                             capture_output=True, text=True).stdout
    lines = [line.split() for line in symbols.splitlines()]
    return {words[2] for words in lines if len(words) == 3 and not words[2].startswith("_")}
