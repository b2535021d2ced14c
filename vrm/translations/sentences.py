"""Python files of the rooms below the desk → the sentences in them, as `make texts` collects them.

Those rooms know no reader: their sentences are kept with a hold, printed by `vrm`, and answered to programs in English.
What is written there as a sentence is one here, in the context “said”: an f-string with a blank for each thing that
it fills in. `vrm.web.spoken` finds the blanks' fillings again.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from io import BytesIO
from typing import Any

from babel.messages.extract import extract_python

CONTEXT = "said"
_ENDS = re.compile(r"([.!?…]”?|: %\(\w+\)s)$")
_CLAUSE = re.compile(r"(%\(\w+\)s |[a-z]+ ).* ")
_BLANK = re.compile(r"%\(\w+\)s")
_WORDS, _LETTERS = 3, 9  # That stand fixed: with fewer, a sentence with blanks would be found everywhere.


def extract(
    file: BytesIO, keywords: Mapping[str, Any], comments: Collection[str], options: Any
) -> Iterator[tuple[Any, ...]]:
    """As Babel calls it; what is marked is collected, too."""
    yield from extract_python(file, keywords, comments, options)
    file.seek(0)
    for line, sentence in sentences(ast.parse(file.read()), clauses="clauses" in options):
        yield line, "pgettext", (CONTEXT, sentence), []


def sentences(tree: ast.Module, *, clauses: bool = False) -> Iterator[tuple[int, str]]:
    """(line, sentence) of each that somebody may read: neither documentation nor a line of the log.

    With `clauses` also what is put into a sentence, such as "it is written in another language".
    """
    unread = {id(node) for part in ast.walk(tree) if _is_unread(part) for node in ast.walk(part)}
    for node in ast.walk(tree):
        if id(node) not in unread and isinstance(node, ast.Constant | ast.JoinedStr):
            unread.update(id(part) for part in ast.walk(node))
            sentence = _template(node)
            if _is_sentence(sentence, clauses=clauses):
                yield node.lineno, sentence


def _is_unread(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func)
    return called.startswith(("_log.", "re.", "sa.")) or called in ("text", "_", "later", "say", "ngettext")


def _template(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    taken: list[str] = []
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value).replace("%", "%%"))
            continue
        named = [
            each.attr if isinstance(each, ast.Attribute) else each.id
            for each in ast.walk(part)
            if isinstance(each, ast.Attribute | ast.Name)
        ]
        name = (named or ["it"])[0].strip("_").lower()
        while name in taken:
            name += "2"
        taken.append(name)
        parts.append(f"%({name})s")
    return "".join(parts)


def _is_sentence(text: str, *, clauses: bool = False) -> bool:
    fixed = _BLANK.sub("", text)
    if len(fixed.split()) < _WORDS or sum(letter.isalpha() for letter in fixed) < _LETTERS or ")s%(" in text:
        return False  # Of two fillings side by side nobody could tell where one ends.
    if clauses and _CLAUSE.match(text):
        return True
    return (text[0].isupper() or text[0] in "“%") and _ENDS.search(text) is not None
