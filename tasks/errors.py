"""The one exception whose message is meant for the person at the keyboard."""


class UserError(Exception):
    """A mistake the user can mend: one line that says what was wrong, where, and what to do.

    The console command prints it without a traceback and exits with code 2.
    """
