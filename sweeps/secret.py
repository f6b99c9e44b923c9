"""Passwords in URLs, which belong into no file and on no screen."""

from __future__ import annotations

import re

__all__ = ["without_passwords"]

_USER = re.compile(r"(?<=://)([^/@:\s]*):[^/\s]*@")
_QUERY = re.compile(r"([?&](?:password|passwd|pwd|sslpassword|token)=)[^&\s]*", re.IGNORECASE)


def without_passwords(text: str) -> str:
    """Return ``text`` with the passwords of the URLs in it left out: ``postgresql://me@host/db``."""
    return _QUERY.sub(r"\1***", _USER.sub(r"\1@", text))
