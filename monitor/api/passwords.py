"""Checks bcrypt passwords without stalling the loop, and remembers good ones.

One check takes about 100 ms by design. Scrapers send the same password each time,
so a good one is kept as a digest of user, password and hash, never as it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Executor

import bcrypt

MOST_REMEMBERED = 256
LONGEST_PASSWORD = 72
"""Bytes that bcrypt looks at; exporter-toolkit refuses longer ones as well."""

# An unknown user costs as much as a known one, or names could be guessed by time.
_NOBODY = "$2b$10$5MhFPe.NAzm1.W3ISuOPCORY7OWbB9H58lFVSoB2WmTQTnivJn.ee"


class PasswordChecker:
    """Answers whether user and password are known, one bcrypt check at a time."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._good: OrderedDict[bytes, None] = OrderedDict()
        self._salt = secrets.token_bytes(32)
        self._one_at_a_time = asyncio.Lock()

    async def check(self, users: Mapping[str, str], user: str, password: str) -> bool:
        """Say whether the password is the user's."""
        hashed = users.get(user, _NOBODY)
        raw = password.encode(errors="surrogateescape")
        if len(raw) > LONGEST_PASSWORD:
            return False
        key = self._digest(user, raw, hashed)
        if key not in self._good:
            async with self._one_at_a_time:
                loop = asyncio.get_running_loop()
                is_right = await loop.run_in_executor(
                    self._executor, _matches, raw, hashed
                )
            if not is_right or user not in users:
                return False
        self._remember(key)
        return True

    def _digest(self, user: str, password: bytes, hashed: str) -> bytes:
        parts = (user.encode(errors="surrogateescape"), password, hashed.encode())
        mac = hashlib.blake2b(key=self._salt)
        for part in parts:
            mac.update(len(part).to_bytes(4, "big") + part)
        return mac.digest()

    def _remember(self, key: bytes) -> None:
        """Keep what was right only: guesses must not push it out."""
        self._good[key] = None
        self._good.move_to_end(key)
        while len(self._good) > MOST_REMEMBERED:
            self._good.popitem(last=False)


def _matches(password: bytes, hashed: str) -> bool:
    try:
        return bcrypt.checkpw(password, hashed.encode())
    except ValueError:
        return False
