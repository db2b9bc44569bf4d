"""File systems at URLs that fsspec opens. What a server refuses or doesn't answer is a UserError of one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fsspec

from tasks.errors import UserError, one_line

CONNECT_SECONDS, READ_SECONDS = 10, 60
"""How long a server may take to accept a connection, and to go on with an answer."""


def filesystem_at(url: str) -> tuple[Any, str]:
    """Return fsspec's file system of a URL, and the path in it without a slash at its end.

    Credentials are in fsspec's configuration or environment variables. Raises UserError for a protocol that fsspec
    doesn't know, or whose package isn't installed.
    """
    try:
        filesystem, path = fsspec.core.url_to_fs(url, **_limits(url))
    except (ValueError, ImportError) as error:
        raise UserError(f"{one_line(url.rstrip('/'))} can't be opened: {one_line(error)}") from error
    return filesystem, path.rstrip("/")


@contextmanager
def answering(name: str, doing: str = "read") -> Iterator[None]:
    """Raise UserError in place of any error but that a file doesn't exist. name, doing: for the message."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if isinstance(error, FileNotFoundError) and not _is_unanswered(error):
            raise
        reason = one_line(error.__cause__ or error) or type(error).__name__
        raise UserError(f"{name} can't be {doing} ({reason}): check address, network and credentials") from error


def _is_unanswered(error: FileNotFoundError) -> bool:
    """Whether a web server failed, for which fsspec raises FileNotFoundError too."""
    cause = error.__cause__
    return type(cause).__module__.startswith("aiohttp") and getattr(cause, "status", None) != 404


def _limits(url: str) -> dict:
    """Return fsspec's options that limit the time for which a server is waited for."""
    protocol = url.split(":")[0].lower()
    if protocol in ("http", "https"):
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS)
        return {"client_kwargs": {"timeout": timeout}}
    if protocol in ("s3", "s3a"):
        return {"config_kwargs": {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}}
    return {}
