"""Mistakes of punctuation, recognised by gcc's message alone. `syntax_hints`, which reads the source, comes first."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.hint_rules import Rule

SYNTAX_RULES = (
    Rule(
        "unclosed-string",
        r'missing terminating " character',
        N_('A string is not closed: put the second " before the end of the line.'),
    ),
    Rule(
        "single-quotes",
        "character constant too long|multi-character character constant",
        N_('A string stands in double quotes: "hello\\n". Single quotes are for one character.'),
    ),
    Rule(
        "space-after-backslash",
        "backslash and newline separated by space",
        N_("A backslash continues the line only if nothing follows it: remove the spaces after it."),
    ),
    Rule(
        "nested-comment",
        r'"/\*" within comment',
        N_("A comment ends at the first */, even if another one began in it."),
    ),
    Rule(
        "escape",
        "unknown escape sequence",
        N_("In a string, \\ begins a character such as \\n. A \\ that stands for itself is written twice."),
    ),
    Rule("ternary", "expected ':' before ';'", N_("After ? come two values, with a : between them: x ? 1 : 2.")),
    Rule("unclosed-comment", "unterminated comment", N_("A comment begins here and never ends: close it with */.")),
    Rule("unclosed-condition", r"unterminated (?P<directive>#\w+)", N_("This {directive} has no #endif.")),
    Rule(
        "condition-parentheses",
        r"expected '\(' before",
        N_("The condition after if, while, for or switch stands in parentheses: if (x > 3)."),
        excerpt=r"\b(?:if|while|for|switch)\b",
    ),
    Rule(
        "else-without-if",
        "'else' without a previous 'if'",
        N_(
            "An else must follow the one statement of its if. If there are several, put {{ before the first and }} "
            "after the last."
        ),
    ),
    Rule(
        "missing-semicolon",
        "old-style parameter declarations in prototyped function definition",
        N_("A declaration ends with a semicolon: it is missing after the parenthesis."),
    ),
    Rule(
        "missing-parenthesis",
        r"unterminated argument list invoking macro|expected '\)' before",
        N_("A parenthesis is open: count ( and ) on this line and the one before."),
    ),
    Rule(
        "end-of-input",
        "expected .* at end of input|invalid storage class for function",
        N_("A function above is still open where the next thing begins: look for a missing }}."),
    ),
    Rule(
        "missing-semicolon",
        "expected .*';'.* (?:before|at end)",
        N_("A statement ends with a semicolon: it is missing here, or at the end of the line above."),
    ),
    Rule(
        "missing-semicolon",
        "called object .*is not a function",
        N_("A semicolon is missing at the end of this line, so the parenthesis on the next one makes a call of it."),
    ),
    Rule(
        "stray-character",
        "stray .* in program",
        N_(
            "C does not know this character. Often it is a typographic quote or space from copied text: type it "
            'again, with plain " and plain spaces.'
        ),
    ),
)
