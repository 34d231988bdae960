"""Tokens of the model server: its own, which holds while it runs, and passes made from it, which end by themselves.

A pass is for somebody who shall come in for a while and not for good: a JSON web token (RFC 7519), signed with the
server's token, that says until when it holds.
"""

import hmac
import time

import jwt

from explorer.errors import InvalidInput

_SIGNED_BY = "HS256"
_LEAST = 32  # whoever has a pass could find out a shorter token by trying


def pass_for(token: str, seconds: float) -> str:
    """A pass that holds for so many seconds, made without asking the server. Raises InvalidInput."""
    if len(token.encode()) < _LEAST:
        raise InvalidInput(f"Got a token of {len(token)} bytes; expected {_LEAST} for passes. Set a longer one.")
    if not 0 < seconds <= 366 * 24 * 3600:
        raise InvalidInput(f"Got a pass for {seconds:g} s; expected more than 0, at most a year.")
    return jwt.encode({"exp": time.time() + seconds}, token, _SIGNED_BY)


def opens(given: bytes, token: str) -> bool:
    """Whether a caller gave the token, compared in constant time, or a pass of it that still holds."""
    if hmac.compare_digest(given, token.encode()):
        return True
    if len(token.encode()) < _LEAST:
        return False
    try:
        jwt.decode(given, token, [_SIGNED_BY], options={"require": ["exp"]})
    except jwt.InvalidTokenError:
        return False
    return True
