"""UserError, the exception whose message is meant for the user, and helpers that put foreign text into one line."""

import re
import reprlib

LONGEST = 200
"""The most characters of a foreign text or of a value in a message."""


class UserError(Exception):
    """A mistake that the user can correct. The message says in one line what was wrong, where, and what to do.

    The console command prints it without a traceback and exits with code 2.
    """


def one_line(text: object, longest: int = LONGEST) -> str:
    """Return a foreign text for use in a message: without line breaks and control characters, and shortened."""
    words = " ".join(str(text).split())
    plain = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in words[: longest + 1])
    return plain if len(words) <= longest else f"{plain[:longest]}…"


def reason_of(error: object) -> str:
    """Return an error's message for use in another message, without the excerpt of the statement that DuckDB adds."""
    return one_line(re.split(r"\n+LINE \d+:", str(error))[0], longest=1000)


class _Short(reprlib.Repr):
    """`repr` of a value, shortened however large or deeply nested it is."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 60

    def repr_int(self, value: int, level: int) -> str:
        # Python refuses to write a number of more than 4300 digits
        return f"a number of {value.bit_length()} bits" if value.bit_length() > LONGEST else repr(value)


def shown(value: object) -> str:
    """Return the `repr` of a value that a user gave, in one line and shortened."""
    return one_line(_Short().repr(value))
