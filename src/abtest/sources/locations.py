"""What a table's path is, by its look alone: nothing is opened here."""

from __future__ import annotations

import re
from urllib.parse import unquote

POSTGRES = ("postgresql://", "postgres://")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# A colon before the last @ ends a user's name; what follows is secret, whatever marks it holds.
_USER_PASSWORD = re.compile(r"://[^@]*:.*@")
_PASSWORD_OPTION = re.compile(r"(?i)[?&](ssl)?password=")


def is_postgres(path: str) -> bool:
    """Whether a path is the address of a PostgreSQL database.

    >>> is_postgres("postgresql://crm@db.example.com/shop")
    True
    """
    return path.startswith(POSTGRES)


def is_url(path: str) -> bool:
    """Whether a path is an address of any kind."""
    return _URL.match(path) is not None


def holds_password(path: str) -> bool:
    """Whether an address has a password in it.

    >>> holds_password("postgresql://crm:secret@db.example.com/shop")
    True
    """
    plain = unquote(path)
    return is_url(path) and bool(_USER_PASSWORD.search(plain) or _PASSWORD_OPTION.search(plain))
