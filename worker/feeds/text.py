"""Owns the way from a feed's bytes to its text: gzip, encoding and lines, in bounded memory.

A feed is read once and never whole, so the encoding is decided where it first matters: at the
first block that is more than ASCII.
"""

import codecs
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator

from charset_normalizer import from_bytes

from worker.errors import FeedError

BLOCK_BYTES = 1 << 18
MAX_LINE = 1 << 20  # characters

# Bytes that do not decode become lone surrogates, which the rows' checks find.
UNDECODABLE = re.compile("[\ud800-\udfff]")

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook: unpack it, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: save it as CSV"),
    (b"%PDF", "a PDF: export the data as CSV"),
    (b"BZh", "compressed with bzip2: use gzip, or unpack it"),
    (b"\xfd7zXZ\x00", "compressed with xz: use gzip, or unpack it"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: use gzip, or unpack it"),
)
# What shops' exports come in beside Unicode; charset_normalizer weighs these against each other.
_LEGACY = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "cp850", "mac_roman",
    "koi8_r", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr",
]  # fmt: skip
_MULTIBYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)


def read_text(
    chunks: Iterable[bytes],
    *,
    progress: Callable[[int], None] | None = None,
    max_bytes: int | None = None,
) -> Iterator[str]:
    """Decode a feed block by block; ``progress`` hears of the bytes read so far (as they came).

    Raises FeedError for what is no text, and for more than ``max_bytes`` after decompression.
    """
    blocks = _regroup(_watch(chunks, progress))
    first = next(blocks, b"")
    if first.startswith(b"\x1f\x8b"):
        blocks = _regroup(_gunzip(_chain(first, blocks)))
        first = next(blocks, b"")
    for magic, what in _FOREIGN:
        if first.startswith(magic):
            raise FeedError(f"The feed is {what}.")
    return _decode(_limit(_chain(first, blocks), max_bytes), _marked_encoding(first))


def split_lines(texts: Iterable[str]) -> Iterator[str]:
    """Lines with their ends (\\n, \\r or \\r\\n). Raises FeedError for a line of over a million
    characters."""
    carry = ""
    number = 0
    for text in texts:
        lines = list(io.StringIO(carry + text, newline=""))
        # The last line may go on in the next text; so may an end of \r, as \r\n.
        carry = lines.pop() if lines and not lines[-1].endswith("\n") else ""
        if len(carry) > MAX_LINE:
            raise FeedError(f"Line {number + len(lines) + 1} has over {MAX_LINE:,} characters.")
        number += len(lines)
        yield from lines
    if carry:
        yield carry


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _watch(chunks: Iterable[bytes], progress: Callable[[int], None] | None) -> Iterator[bytes]:
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        if progress:
            progress(done)


def _limit(blocks: Iterable[bytes], max_bytes: int | None) -> Iterator[bytes]:
    done = 0
    for block in blocks:
        done += len(block)
        if max_bytes is not None and done > max_bytes:
            raise FeedError(f"The feed has more than {max_bytes:,} bytes when unpacked.")
        yield block


def _regroup(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks large enough to detect an encoding in, whatever pieces a network delivers."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        if len(buffer) >= BLOCK_BYTES:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if stream.eof:  # a further member; some writers pad the end with zeros
                    rest = rest.lstrip(b"\0")
                    stream = zlib.decompressobj(wbits=31) if rest else stream
                    if not rest:
                        break
                # A bound on the output, so that a bomb cannot fill the memory.
                yield stream.decompress(rest, BLOCK_BYTES)
                rest = stream.unused_data if stream.eof else stream.unconsumed_tail
        yield stream.flush()
    except zlib.error as error:
        raise FeedError(f"The gzip file is damaged: {error}") from error
    if not stream.eof:
        raise FeedError("The gzip file ends too early: fetch it again.")


def _marked_encoding(first: bytes) -> str | None:
    """The Unicode encoding that a byte order mark or the NULs of UTF-16 tell, or None."""
    for mark, encoding in _BOMS:
        if first.startswith(mark):
            return encoding
    sample = first[:4096]
    for offset, encoding in ((0, "utf-16-be"), (1, "utf-16-le")):
        nuls = sample[offset::2].count(0)
        if (
            len(sample) >= 8
            and nuls > 0.7 * len(sample[offset::2])
            and nuls > 4 * sample[1 - offset :: 2].count(0)
        ):
            return encoding
    return None


def _decode(blocks: Iterable[bytes], encoding: str | None) -> Iterator[str]:
    decoder = _decoder(encoding) if encoding else None
    is_first = True
    for block in blocks:
        if decoder is None and not block.isascii():
            decoder = _decoder(detect_encoding(block))
        text = decoder.decode(block) if decoder else block.decode("ascii")
        yield text.removeprefix("\ufeff") if is_first else text
        is_first = False
    if decoder:
        yield decoder.decode(b"", final=True)


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    # The wide encodings know no surrogateescape: they show U+FFFD.
    errors = "replace" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    return codecs.getincrementaldecoder(encoding)(errors)


def detect_encoding(sample: bytes) -> str:
    """The encoding of a sample that is more than ASCII and carries no mark."""
    good = len(_MULTIBYTE.findall(sample))
    # Incrementally: a character that the sample's end cuts in two is no fault.
    bad = len(UNDECODABLE.findall(_decoder("utf-8").decode(sample)))
    # A few bad rows do not make a file of another encoding: those rows are rejected.
    if bad <= good:
        return "utf-8"
    lines = [line for line in sample.splitlines() if not line.isascii()]
    matches = from_bytes(b"\n".join(lines)[:65536], cp_isolation=_LEGACY)
    best = matches.best()
    western = [match for match in matches if match.encoding == "cp1252"]
    # Western languages look alike in many code pages; the one of Windows is by far the likeliest.
    if best is None or (western and western[0].chaos <= best.chaos + 0.1 and _reads_western(lines)):
        return "cp1252"
    return best.encoding


def _reads_western(lines: list[bytes]) -> bool:
    """Whether most letters are ASCII, as in all Western languages, and not in Greek or Russian."""
    text = b"".join(lines)
    high = sum(byte >= 0xC0 for byte in text)
    letters = sum(65 <= byte & 0xDF <= 90 for byte in text if byte < 0x80)
    return high * 3 < letters
