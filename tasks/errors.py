"""The one exception whose message is meant for the person at the keyboard, and how others' text gets into it."""

import re
import reprlib

LONGEST = 200
"""Characters of somebody else's text, or of a value, in a message."""


class UserError(Exception):
    """A mistake the user can mend: one line that says what was wrong, where, and what to do.

    The console command prints it without a traceback and exits with code 2.
    """


def one_line(text: object, longest: int = LONGEST) -> str:
    """Somebody else's text as part of a message: without line breaks or control characters, shortened."""
    words = " ".join(str(text).split())
    plain = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in words[: longest + 1])
    return plain if len(words) <= longest else f"{plain[:longest]}…"


def reason_of(error: object) -> str:
    """An error's message as part of another, without the excerpt of the statement that DuckDB adds."""
    return one_line(re.split(r"\n+LINE \d+:", str(error))[0], longest=1000)


class _Short(reprlib.Repr):
    """Python's writing of a value, however large or deep it is."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 60

    def repr_int(self, value: int, level: int) -> str:
        # Python writes no number of more than 4300 digits
        return f"a number of {value.bit_length()} bits" if value.bit_length() > LONGEST else repr(value)


def shown(value: object) -> str:
    """A value that somebody gave, as Python writes it, in one line and shortened."""
    return one_line(_Short().repr(value))
