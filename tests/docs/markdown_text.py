"""Reads the part of Markdown that this project's documents use, for the tests of the documents."""

import re
from collections import namedtuple

# kind: "heading", "code", "table", "text". line: of its first line, counted from 1. lines: of code, without
# fences and indentation; of a table, the rows. info: a heading's level, the word after the fence of code (""
# if there is none, None for indented code).
Block = namedtuple("Block", "kind line lines info")

FENCE = re.compile(r"^(`{3,}|~{3,})(.*)$")
HEADING = re.compile(r"^(#{1,6}) (.*?)(?: #+)?$")
LIST_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s")


def read_blocks(text):
    """Return all blocks of the text, in order. Blank lines separate text from text."""
    lines = text.splitlines()
    blocks = []
    i = 0
    while i < len(lines):
        start = i
        fence = FENCE.match(lines[i])
        heading = HEADING.match(lines[i])
        if fence:
            i += 1
            while i < len(lines) and not lines[i].startswith(fence.group(1)):
                i += 1
            blocks.append(Block("code", start + 1, lines[start + 1:i], fence.group(2).strip()))
            i += 1
        elif heading:
            blocks.append(Block("heading", start + 1, [heading.group(2)], len(heading.group(1))))
            i += 1
        elif lines[i].startswith("    ") and not is_in_list(blocks, lines, start):
            while i < len(lines) and (lines[i].startswith("    ") or is_gap(lines, i)):
                i += 1
            blocks.append(Block("code", start + 1, [line[4:] for line in lines[start:i]], None))
        elif not lines[i].strip():
            i += 1
        else:
            kind = "table" if lines[i].startswith("|") else "text"
            while i < len(lines) and lines[i].strip() and not begins_other(lines[i], kind):
                i += 1
            blocks.append(Block(kind, start + 1, lines[start:i], None))
    return blocks


def begins_other(line, kind):
    """Whether the line ends a block of text or a table without a blank line between."""
    return bool(FENCE.match(line) or HEADING.match(line)) or \
        (kind == "table") != line.startswith("|")


def is_gap(lines, i):
    """Whether a blank line is between two lines of indented code."""
    return not lines[i].strip() and i + 1 < len(lines) and lines[i + 1].startswith("    ")


def is_in_list(blocks, lines, i):
    """Whether an indented line continues a list's item."""
    is_after_text = i > 0 and lines[i - 1].strip() and not HEADING.match(lines[i - 1])
    return bool(is_after_text) or bool(
        blocks and blocks[-1].kind == "text" and LIST_ITEM.match(blocks[-1].lines[0]))


def prose(block):
    """The block's text in one line, for phrases that may be broken over two lines."""
    return " ".join(line.strip() for line in block.lines)


def code_spans(text):
    """All `code` in a line of text."""
    return re.findall(r"(?<!`)`([^`]+)`(?!`)", text)


def without_code(text):
    return re.sub(r"(?<!`)`[^`]+`(?!`)", "", text)


def links(text):
    """The targets of all links and images, [text](target) and <https://...>."""
    text = without_code(text)
    targets = re.findall(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)", text)
    targets += re.findall(r"<(https?://[^>]+)>", text)
    targets += re.findall(r"^\[[^\]]+\]:\s*(\S+)", text)
    return targets + re.findall(r"(?:src|href)=\"([^\"]+)\"", text)


def anchor(heading):
    """The name that GitHub gives to a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    text = re.sub(r"[^\w\- ]", "", text.replace("*", ""))
    return text.strip().replace(" ", "-")


def anchors(blocks):
    """All anchors of a document; the second heading of a name gets -1, the third -2."""
    found = []
    for block in blocks:
        if block.kind == "heading":
            name = anchor(block.lines[0])
            n_before = sum(re.fullmatch(re.escape(name) + r"(-\d+)?", other) is not None
                           for other in found)
            found.append(name if n_before == 0 else f"{name}-{n_before}")
    return found


def table_rows(block):
    """The cells of all rows of a table except the line below the header; the header comes first."""
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
            for line in block.lines]
    return rows[:1] + rows[2:]
