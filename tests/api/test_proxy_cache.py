"""The proxy's files: whole or not there, bounded in bytes and age."""

import os
from pathlib import Path

from api.proxy_cache import ProxyCache


def keep(cache: ProxyCache, key: str, body: bytes) -> None:
    draft = cache.draft(key)
    draft.write(body)
    draft.keep("image/png")
    cache.count(draft.size_bytes)
    draft.drop()


def read(cache: ProxyCache, key: str) -> bytes | None:
    kept = cache.find(key)
    if kept is None:
        return None
    with kept.file as file:
        return file.read()


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*"))


def test_a_picture_is_there_when_it_is_whole(tmp_path: Path) -> None:
    cache = ProxyCache(tmp_path, 10_000, 60)
    draft = cache.draft("a")
    draft.write(b"12")
    assert cache.find("a") is None
    draft.write(b"34")
    draft.keep("image/png")
    kept = cache.find("a")
    assert kept
    with kept.file as file:
        assert (kept.content_type, kept.size_bytes, file.read()) == ("image/png", 4, b"1234")
    keep(cache, "b", b"1234")
    other = cache.find("b")
    assert other
    other.file.close()
    assert other.etag == kept.etag


def test_one_that_is_dropped_leaves_nothing(tmp_path: Path) -> None:
    cache = ProxyCache(tmp_path, 10_000, 60)
    draft = cache.draft("a")
    draft.write(b"12")
    draft.drop()
    assert (cache.find("a"), files(tmp_path)) == (None, [])


def test_a_picture_grows_old(tmp_path: Path) -> None:
    now = [tmp_path.stat().st_mtime]
    cache = ProxyCache(tmp_path, 10_000, 60, now=lambda: now[0])
    keep(cache, "a", b"1")
    assert read(cache, "a") == b"1"
    now[0] += 120
    assert read(cache, "a") is None
    cache.trim()
    assert files(tmp_path) == []


def test_the_oldest_go_where_there_are_too_many_bytes(tmp_path: Path) -> None:
    cache = ProxyCache(tmp_path, 10_000, 60)
    for number in range(30):
        keep(cache, str(number), bytes(1000))
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 10_000
    assert read(cache, "29") == bytes(1000)


def test_what_is_thrown_out_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    cache = ProxyCache(tmp_path, 10_000, 60)
    keep(cache, "a", b"1234")
    kept = cache.find("a")
    assert kept
    for path in files(tmp_path):
        path.unlink()
    with kept.file as file:
        assert file.read() == b"1234"


def test_a_file_that_a_crash_cut_short_is_not_there(tmp_path: Path) -> None:
    cache = ProxyCache(tmp_path, 10_000, 60)
    keep(cache, "a", b"1234")
    [path] = files(tmp_path)
    path.write_bytes(bytes(100))
    assert cache.find("a") is None


def test_drafts_of_the_dead_go(tmp_path: Path) -> None:
    cache = ProxyCache(tmp_path, 10_000, 3600)
    draft = cache.draft("a")
    [path] = files(tmp_path)
    cache.trim()
    assert files(tmp_path) == [path]
    os.utime(path, (0, 0))
    cache.trim()
    assert files(tmp_path) == []
    draft.drop()
