"""Recognises damaged cells: a first line is lost or misspelt, two cells are merged, a check is damaged.

IPython takes such a cell for Python, and reports a Python error. So each cell's text is examined before it runs. A cell
is only rejected on evidence that it is C, or if it misspells a name of ours; correct Python is never rejected.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property

from IPython.core.inputtransformer2 import TransformerManager

from kmodlab.course.exercise_data import ExerciseData, call_by_title, how_to_lay_out
from kmodlab.i18n import _
from kmodlab.notebook.way_back import DamagedCellError

CELL_MAGICS = (
    "kmod", "library", "kfile", "makefile", "kscript", "answer", "guest", "faults", "timeline", "intree", "patch",
)  # fmt: skip
_OF_C = {"kmod", "library", "faults", "timeline", "intree"}
WORDS = ("check", "hint", "progress", "exercise")
_NEAR = 0.7
_NEAR_CALL = 0.5
_SHORTEST = 4  # characters of a line that is compared
_LEAST_SHARED = 0.5  # share of lines that a cell without its first line must have in common with the original

_OUR_LINE = re.compile(rf"%%(?:{'|'.join(CELL_MAGICS)})\b.*")
_OUR_CALL = re.compile(r"(?:check|exercise)\([\"'].*\)\s*")
_LAST_CALL = re.compile(r"(?:check|hint|progress)\(\)\s*")  # C may begin a function like this, but not end a file
_SPOILT_LINE = re.compile(r"[#/ \t]*(%[% \t]*)(\w+)\b(.*)")
_CALL_BEGINS = re.compile(r"\W*(\w+)\s*(?:[()\"'“”„]|\Z)")
_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*[<\"]", re.MULTILINE)
_MACRO = re.compile(r"(?:MODULE_[A-Z_]+|module_\w+)\(")
_C_LINE = re.compile(
    r"^(?:[ \t]*#[ \t]*include[ \t]*[<\"]|(?:MODULE_[A-Z_]+|module_\w+|EXPORT_SYMBOL\w*)[ \t]*\("
    r"|(?:static|struct|enum|union|typedef|extern|const|void|int|long|char|unsigned)\b[^#\n]*[;{(,]"
    r"|[ \t]*(?:pr_\w+|printk)[ \t]*\([^\n]*;)",
    re.MULTILINE,
)


@dataclass
class Surroundings:
    """What is known around a cell: the data of its exercise, the texts of cells that were run, and defined names.

    `find_data` returns None if the exercise is unknown. `names` are those of the notebook, `ours` our functions.
    """

    find_data: Callable[[], ExerciseData | None] = lambda: None
    ran: Sequence[str] = ()
    names: Mapping[str, object] = field(default_factory=dict)
    ours: Mapping[str, object] = field(default_factory=dict)
    is_magic: Callable[[str], bool] = lambda _name: False

    @cached_property
    def given(self) -> Mapping[str, str]:
        """The given cells of the exercise, by id."""
        data = self.find_data()
        return data.cells if data else {}

    def is_defined(self, name: str) -> bool:
        """Whether a name is defined in the notebook."""
        return name in self.names or hasattr(builtins, name)

    def is_ours(self, name: str) -> bool:
        """Whether a name is defined as a function of ours."""
        return name in self.ours and self.names.get(name) is self.ours[name]


def look_at_cell(source: str, around: Surroundings) -> None:
    """Examine a cell before it runs.

    Raises: DamagedCellError if it is damaged.
    """
    text = source.strip("\n")
    first = text.partition("\n")[0]
    if first.startswith("%%") and first[2:3].isalpha():
        _look_at_magic(text, around)
    elif text.strip() and not first.startswith(("!", "?")):
        if is_python(text):
            _look_at_words(text, around)
            # A call of ours is whole here, and may still be a line of a cell that was merged before.
            if _calls_ours(text, around) or not (_is_c_by_chance(text) or _most_like(text, around)[1] >= _LEAST_SHARED):
                return
        _look_at_first_line(text, around)
        _look_at_spoilt_line(text, around)
        _look_at_damaged_call(text, around)
        _look_for_lost_line(text, around)


def is_python(text: str) -> bool:
    """Whether a cell is valid in IPython's extended Python; a cell magic below the first line is not."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        transformed = TransformerManager().transform_cell(text)
        compile(transformed, "cell", "exec", flags)
    except (SyntaxError, ValueError):
        return False
    return "run_line_magic('%" not in transformed


def _is_c_by_chance(text: str) -> bool:
    """Whether a text is C that is valid Python too: #include is a comment, and a macro is a call."""
    try:
        statements = ast.parse(text).body if _INCLUDE.search(text) else []
    except SyntaxError:
        return False
    return any(isinstance(each, ast.Expr) and _MACRO.match(ast.unparse(each)) for each in statements)


def near_word(name: str, words: Sequence[str]) -> str:
    """The word that equals or resembles a name; empty if none does."""
    return next(iter(get_close_matches(name.lower(), words, n=1, cutoff=_NEAR)), "")


# ---- cells with a magic --------------------------------------------------------------------------------------------


def _look_at_magic(text: str, around: Surroundings) -> None:
    first, _newline, body = text.partition("\n")
    match = re.match(r"%%(\w+)(.*)", first)
    assert match
    name, rest = match.groups()
    if name in CELL_MAGICS:
        is_c = name in _OF_C or (name == "kfile" and rest.strip().endswith((".c", ".h")))
        _look_for_merged_cells(first, body.split("\n"), around, is_c=is_c)
    elif not around.is_magic(name) and (right := near_word(name, CELL_MAGICS)):
        raise DamagedCellError(
            _("There is no `%%{name}`.").format(name=name),
            advice=_("Did you mean `%%{right}`?").format(right=right),
            texts=(f"%%{right}{rest}\n{body}",),
            given=find_given(f"%%{right}{rest}", around.given),
        )


def _look_for_merged_cells(first: str, lines: list[str], around: Surroundings, *, is_c: bool) -> None:
    number = next((number for number, line in enumerate(lines) if _OUR_LINE.fullmatch(line)), None)
    if number is not None and lines[number].split() == first.split():
        rest = [line for line in lines if line.split() != first.split()]
        raise DamagedCellError(
            _("`{line}` stands twice in this cell.").format(line=first.strip()),
            advice=_("Keep it as the first line only."),
            texts=("\n".join([first, *rest]),),
            given=find_given(first, around.given),
        )
    if number is not None:
        texts = ("\n".join([first, *lines[:number]]).rstrip(), "\n".join(lines[number:]))
        raise _two_cells(lines[number], texts)
    if not is_c:
        return  # scripts and answers may contain any text
    last = next((line for line in reversed(lines) if line.strip()), "")
    calls = [line for line in lines if _OUR_CALL.fullmatch(line) or (line is last and _LAST_CALL.fullmatch(line))]
    if calls:
        rest = [line for line in lines if line not in calls]
        raise _two_cells(calls[0], ("\n".join([first, *rest]).rstrip(), *map(str.strip, calls)))


def _two_cells(line: str, texts: tuple[str, ...]) -> DamagedCellError:
    return DamagedCellError(
        _("`{line}` does not belong into this cell: two cells were merged.").format(line=line.strip()),
        advice=_("Move it to a cell of its own."),
        texts=texts,
    )


# ---- cells that should have a magic --------------------------------------------------------------------------------


def _look_at_first_line(text: str, around: Surroundings) -> None:
    """Reject a cell whose magic is not its first line."""
    lines = text.split("\n")
    number = next((number for number, line in enumerate(lines) if _OUR_LINE.fullmatch(line)), 0)
    if not number:
        return
    above, line, below = "\n".join(lines[:number]), lines[number], "\n".join(lines[number + 1 :])
    code = [text for text in lines[:number] if text.strip() and not text.lstrip().startswith("#")]
    if code and is_python(above):
        raise _two_cells(line, (above.rstrip(), f"{line}\n{below}"))
    comments = re.sub(r"^#(?![ \t]*(?:include|define|if|endif)\b)[ \t]*", "// ", above, flags=re.MULTILINE)
    moved = comments if line.startswith(("%%kmod", "%%library")) else above
    raise DamagedCellError(
        _("`{line}` must be the first line of its cell.").format(line=line.strip()),
        advice=_("Move what is above it below."),
        texts=(f"{line}\n{moved}\n{below}",),
        given=find_given(line, around.given),
    )


def _look_at_spoilt_line(text: str, around: Surroundings) -> None:
    """Reject a cell whose magic lacks a percent sign, is commented out, or contains a blank."""
    first, _newline, body = text.partition("\n")
    match = _SPOILT_LINE.fullmatch(first) or re.fullmatch(rf"()({'|'.join(CELL_MAGICS)})\b(.*)", first)
    if not match or not (name := near_word(match[2], CELL_MAGICS)) or not body.strip():
        return
    line = f"%%{name}{match[3]}"
    raise DamagedCellError(
        _("The cell's first line is `{line}`.").format(line=first.strip()),
        advice=_("It has to be `{line}`, with two percent signs.").format(line=line),
        texts=(f"{line}\n{body}",),
        given=find_given(line, around.given),
    )


def _look_for_lost_line(text: str, around: Surroundings) -> None:
    lost, shared = _most_like(text, around)
    is_c = _C_LINE.search(text) is not None
    if not is_c and shared < _LEAST_SHARED:
        return
    of_c = [text.partition("\n")[0] for text in around.given.values() if text.startswith("%%kmod")]
    lost = lost or (of_c if len(of_c) == 1 else [])
    if not lost:
        raise DamagedCellError(_("This cell is C."), advice=_("Begin it with `%%kmod NAME`, on a line of its own."))
    sentence = _("This cell is C, and its first line is missing.") if is_c else _("The cell's first line is missing.")
    if len(lost) > 1:
        advice = _("Begin it with one of these:") + "".join(f" `{first}`" for first in lost)
        raise DamagedCellError(sentence, advice=advice, choices={first: f"{first}\n{text}" for first in lost})
    raise DamagedCellError(
        sentence,
        advice=_("Begin it with `{line}`.").format(line=lost[0]),
        texts=(f"{lost[0]}\n{text}",),
        given=find_given(lost[0], around.given),
    )


def _most_like(text: str, around: Surroundings) -> tuple[list[str], float]:
    """The first lines of the cells that resemble a text most, and the similarity from 0 to 1."""
    shared: dict[str, float] = {}
    for known in (*around.ran, *around.given.values()):
        first, _newline, body = known.partition("\n")
        if _OUR_LINE.fullmatch(first) and (alike := _shared(text, body)):
            shared[first] = max(alike, shared.get(first, 0.0))
    most = max(shared.values(), default=0.0)
    likely = [first for first, alike in shared.items() if alike == most]
    # A cell that was run still exists, so it only counts if it is the most similar one.
    ran = {each.partition("\n")[0] for each in around.ran}
    return [first for first in likely if first not in ran] or likely, most


def _shared(text: str, body: str) -> float:
    """The share of a text's lines that another text has too, from 0 to 1, without #include lines, which are common."""
    lines, others = (
        {line.strip() for line in each.split("\n") if len(line.strip()) >= _SHORTEST and not _INCLUDE.match(line)}
        for each in (text, body)
    )
    return len(lines & others) / len(lines) if lines else 0.0


def find_given(first: str, given: Mapping[str, str]) -> str:
    """The id of the given cell with that first line; empty if no cell has it."""
    return next((name for name, text in given.items() if text.split("\n")[0].split() == first.split()), "")


# ---- cells with our functions --------------------------------------------------------------------------------------


def _look_at_words(text: str, around: Surroundings) -> None:
    """Reject Python with a misspelt function of ours, one without parentheses, or a title without quotes."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return  # the cell has magics, or an `await`
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    if any(isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef) for node in ast.walk(tree)):
        return
    for value in [node.value for node in tree.body if isinstance(node, ast.Expr)]:
        name = value.func if isinstance(value, ast.Call) else value
        if not isinstance(name, ast.Name) or name.id in stored or not (word := near_word(name.id, WORDS)):
            continue
        if not around.is_defined(name.id) or (around.is_ours(name.id) and not _is_whole_call(value, around)):
            raise _damaged_call(ast.get_source_segment(text, value) or "", text, name.id, word, around)


def _calls_ours(text: str, around: Surroundings) -> bool:
    """Whether a cell in plain Python calls a function of ours."""
    try:
        statements = ast.parse(text).body
    except SyntaxError:  # a line magic
        return False
    calls = [node.value for node in statements if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    return any(isinstance(call.func, ast.Name) and around.is_ours(call.func.id) for call in calls)


def _is_whole_call(value: ast.expr, around: Surroundings) -> bool:
    """Whether an expression calls a function of ours, with a title that is a string or a defined name."""
    title = value.args[0] if isinstance(value, ast.Call) and value.args else None
    return isinstance(value, ast.Call) and (not isinstance(title, ast.Name) or around.is_defined(title.id))


def _look_at_damaged_call(text: str, around: Surroundings) -> None:
    match = _CALL_BEGINS.match(text)
    word = near_word(match[1], WORDS) if match else ""
    if match and word and not _C_LINE.search(text) and (not around.is_defined(match[1]) or around.is_ours(match[1])):
        raise _damaged_call(text, text, match[1], word, around)


def _damaged_call(text: str, cell: str, name: str, word: str, around: Surroundings) -> DamagedCellError:
    """The error for a text in a cell that should be a call of one of our functions."""
    if name == word:
        sentence = _("`{text}` is not a complete call.").format(text=text.strip().split("\n")[0])
    else:
        sentence = _("There is no function `{name}`.").format(name=name)
    if word == "check":
        return _damaged_check(sentence, text, around.find_data(), cell)
    quoted = re.search(r"[\w-]{3,}", text.strip()[len(name) :])
    call = f"{word}()" if word != "exercise" else f'exercise("{quoted[0]}")' if quoted else ""
    return DamagedCellError(
        sentence,
        advice=_("Did you mean `{call}`?").format(call=call) if call else _('It needs a name: `exercise("…")`.'),
        texts=(cell.replace(text, call, 1),) if call else (),
        given=next((name for name, given in around.given.items() if f"{word}(" in given), ""),
    )


def look_at_title(title: object, data: ExerciseData) -> None:
    """Check the title of a check.

    Raises: DamagedCellError if the exercise has no check of that title.
    """
    if title in data.checks or title in data.hidden:
        return
    if title == "":
        sentence = _("A check needs its title.")
    else:
        sentence = _("The exercise {exercise} has no check {title!r}.").format(exercise=data.exercise, title=title)
    call = call_by_title(str(title))
    raise _damaged_check(sentence, call if title else "", data, call)


def _damaged_check(sentence: str, text: str, data: ExerciseData | None, cell: str) -> DamagedCellError:
    """The error for a text in a cell that should be a check; it offers the most similar check, or else all checks."""
    calls = [call_by_title(title) for title in data.checks] if data else []
    call = next(iter(get_close_matches(text.strip(), calls, n=1, cutoff=_NEAR_CALL)), "")
    if not call:
        advice = _("It is one of these:") + "".join(f" `{call}`" for call in calls) if calls else how_to_lay_out()
        return DamagedCellError(sentence, advice=advice, choices={call: call for call in calls})
    return DamagedCellError(
        sentence,
        advice=_("Did you mean `{call}`?").format(call=call),
        texts=(cell.replace(text, call, 1),),
        given=next((name for name, given in data.cells.items() if given.strip() == call), "") if data else "",
    )
