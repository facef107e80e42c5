"""Pieces of a page, compressed once and joined into one gzip member.

Each piece is raw deflate that ends on a byte boundary with a full flush, so that
pieces can follow each other in any order. A member needs the CRC-32 of all it
holds: that of two pieces follows from theirs by arithmetic over GF(2), so the
text of large pieces need not be kept. (Several members in one body would be
legal gzip, but `curl --compressed` reads only the first.)
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

_HEADER = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF))
_END = b"\x03\x00"  # an empty last block
_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31
_SMALL = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Compressed text: its CRC-32 and length in bytes, and how many samples.

    Pieces are equal only if they are the same one. `text` is kept of small ones
    only, for which running the CRC over it is faster than the arithmetic.
    """

    data: bytes
    crc: int
    length: int
    series: int = 0
    text: bytes = b""


EMPTY = Piece(b"", 0, 0)


class Press:
    """Compresses texts into pieces; serves one thread."""

    def __init__(self, level: int = 1) -> None:
        # Level 6 takes four times as long and saves a tenth.
        self._stream = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)

    def piece(self, text: str, series: int) -> Piece:
        """Return the text as a piece of its own."""
        raw = text.encode()
        data = self._stream.compress(raw) + self._stream.flush(zlib.Z_FULL_FLUSH)
        kept = raw if len(raw) <= _SMALL else b""
        return Piece(data, zlib.crc32(raw), len(raw), series, kept)


def join(pieces: Sequence[Piece]) -> Piece:
    """Return one piece that reads as all of them."""
    if len(pieces) == 1:
        return pieces[0]
    length = sum(piece.length for piece in pieces)
    return Piece(
        data=b"".join([piece.data for piece in pieces]),
        crc=_crc(pieces),
        length=length,
        series=sum(piece.series for piece in pieces),
        text=b"".join([piece.text for piece in pieces]) if length <= _SMALL else b"",
    )


def member(pieces: Sequence[Piece]) -> bytes:
    """Return a gzip member that holds all pieces."""
    length = sum(piece.length for piece in pieces)
    trailer = struct.pack("<LL", _crc(pieces), length & 0xFFFFFFFF)
    return b"".join([_HEADER, *(piece.data for piece in pieces), _END, trailer])


def _crc(pieces: Iterable[Piece]) -> int:
    crc = 0
    for piece in pieces:
        if piece.text:
            crc = zlib.crc32(piece.text, crc)
        else:
            crc = _product(_power(piece.length), crc) ^ piece.crc
    return crc


def _product(a: int, b: int) -> int:
    """Multiply two polynomials modulo the CRC's; both have their bits reflected."""
    result = 0
    bit = _ONE
    while a:
        if a & bit:
            result ^= b
            a ^= bit
        bit >>= 1
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
    return result


@lru_cache(maxsize=16_384)
def _power(length: int) -> int:
    """Return x to the power of 8 * length: what moves a CRC past so many bytes."""
    result, place = _ONE, 0
    while length:
        if digit := length & 0xFF:
            result = _product(_digit_power(place, digit), result)
        length >>= 8
        place += 1
    return result


@cache
def _digit_power(place: int, digit: int) -> int:
    """Return x to the power of 8 * digit * 256 ** place."""
    result = _ONE
    for bit in range(8):
        if digit >> bit & 1:
            result = _product(_square(3 + 8 * place + bit), result)
    return result


@cache
def _square(times: int) -> int:
    """Return x squared so many times: x to the power of 2 ** times."""
    if times == 0:
        return _ONE >> 1
    root = _square(times - 1)
    return _product(root, root)
