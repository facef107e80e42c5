import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from monitor.exporters.deflate import Press, join, member

TEXTS = st.lists(st.text("ab 1\nü", max_size=30) | st.just("long line\n" * 700))


@given(TEXTS)
def test_pieces_join_into_one_gzip_member(texts: list[str]) -> None:
    press = Press()

    body = member([press.piece(text, 1) for text in texts])

    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert "".join(texts) == reader.decompress(body).decode()
    assert reader.eof
    assert reader.unused_data == b""
    assert "".join(texts) == gzip.decompress(body).decode()


@given(TEXTS, TEXTS)
def test_a_piece_is_reused_in_any_order_and_grouping(
    ours: list[str], more: list[str]
) -> None:
    press = Press()
    first = [press.piece(text, 1) for text in ours]
    second = [press.piece(text, 1) for text in more]

    body = member([join(second), join([join(first), join(second)])])

    expected = "".join([*more, *ours, *more])
    assert expected == gzip.decompress(body).decode()


@given(TEXTS)
def test_a_joined_piece_counts_what_its_parts_count(texts: list[str]) -> None:
    press = Press()

    result = join([press.piece(text, 2) for text in texts])

    raw = "".join(texts).encode()
    assert (zlib.crc32(raw), len(raw)) == (result.crc, result.length)
    assert 2 * len(texts) == result.series
