"""Owns the promises of the object store, kept by local files and by a real S3 server alike.

Failures are real ones: wrong keys, a missing bucket, a stopped server, a killed writer, and a front
before MinIO that fails, drops connections or changes bytes on their way.
"""

import base64
import errno
import hashlib
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from minio import Minio
from minio import time as minio_time

from tests.real_parts import MinioServer, free_port, minio_server, stop
from worker.errors import SettingsError, StorageError
from worker.settings import Settings
from worker.storage import (
    FileStore,
    ObjectStore,
    S3Store,
    open_public_store,
    open_store,
    original_key,
    rendition_key,
)

SHA = hashlib.sha256(b"an original").hexdigest()
PUBLIC = "public, max-age=31536000, immutable"
PRIVATE = "private, max-age=31536000, immutable"

_numbers = itertools.count(1)


def s3_settings(server: MinioServer, **changes: object) -> Settings:
    """Settings that name a bucket of its own, not yet made."""
    values: dict[str, object] = {
        "s3_endpoint": server.endpoint,
        "s3_bucket": f"test-{next(_numbers)}",
        "s3_access_key": server.access_key,
        "s3_secret_key": server.secret_key,
        "connect_timeout_seconds": 2.0,
    }
    return Settings.model_validate(values | changes)


def admin(server: MinioServer) -> Minio:
    """The SDK's own client, to see what a store did without asking the store."""
    return Minio(
        server.endpoint.removeprefix("http://"), server.access_key, server.secret_key, secure=False
    )


def write(store: ObjectStore, key: str, data: bytes, sha256: str | None = None) -> None:
    store.put(key, data, content_type="image/webp", cache_control=PUBLIC, sha256=sha256)


def status_of(url: str, method: str = "GET") -> int:
    """What an anonymous request is answered."""
    try:
        asked = urllib.request.Request(url, method=method)
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


@pytest.fixture(params=["files", pytest.param("s3", marks=pytest.mark.real_s3)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """A store of either kind, ready and empty."""
    if request.param == "s3":
        made = open_store(s3_settings(request.getfixturevalue("minio")))
    else:
        made = open_store(Settings.model_validate({"state_dir": tmp_path}))
    made.ensure_ready()
    return made


# What both promise.


def test_an_object_reads_back_as_it_was_written(store: ObjectStore) -> None:
    data = os.urandom(200_000)
    write(store, "v/aa/x.webp", data)
    assert store.get("v/aa/x.webp") == data


def test_a_view_of_bytes_is_written_like_bytes(store: ObjectStore) -> None:
    data = bytes(range(256)) * 4
    view = memoryview(data)[256:512]
    store.put("v/x.webp", view, content_type="image/webp", cache_control=PUBLIC)
    assert store.get("v/x.webp") == data[256:512]


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    write(store, "v/empty.webp", b"")
    found = store.stat("v/empty.webp")
    assert found is not None
    assert found.size_bytes == 0
    assert store.get("v/empty.webp") == b""


def test_a_second_put_replaces_the_first_whole(store: ObjectStore) -> None:
    write(store, "v/x.webp", b"a longer first version")
    write(store, "v/x.webp", b"second")
    assert store.get("v/x.webp") == b"second"


def test_bytes_that_do_not_match_their_hash_are_refused(store: ObjectStore) -> None:
    with pytest.raises(StorageError, match="not those that were hashed") as refused:
        write(store, "v/x.webp", b"other bytes", sha256=SHA)
    assert refused.value.retryable
    assert store.stat("v/x.webp") is None


def test_a_known_hash_is_accepted(store: ObjectStore) -> None:
    write(store, "v/x.webp", b"an original", sha256=SHA)
    assert store.get("v/x.webp") == b"an original"


def test_stat_tells_size_tag_and_type(store: ObjectStore) -> None:
    write(store, "v/x.webp", b"12345")
    found = store.stat("v/x.webp")
    assert found is not None
    assert (found.key, found.size_bytes, found.content_type) == ("v/x.webp", 5, "image/webp")
    assert found.etag


def test_the_tag_changes_with_the_bytes(store: ObjectStore) -> None:
    write(store, "v/x.webp", b"one")
    before = store.stat("v/x.webp")
    write(store, "v/x.webp", b"three")
    after = store.stat("v/x.webp")
    assert before is not None
    assert after is not None
    assert before.etag != after.etag


def test_what_is_absent_is_said_to_be_absent(store: ObjectStore) -> None:
    assert store.stat("v/aa/none.webp") is None
    for read in (store.get, store.open_range):
        with pytest.raises(StorageError) as refused:
            read("v/aa/none.webp")
        assert (refused.value.code, refused.value.retryable) == ("NoSuchKey", False)


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, None, slice(None)), (0, 3, slice(3)), (7, 5, slice(7, 12)), (100, 0, slice(0)),
     (199_999, None, slice(-1, None)), (199_990, 500, slice(-10, None)),
     (1, 150_000, slice(1, 150_001))],
)  # fmt: skip
def test_a_range_reads_the_bytes_it_names(
    store: ObjectStore, start: int, length: int | None, expected: slice
) -> None:
    data = os.urandom(200_000)
    write(store, "v/x.webp", data)
    assert b"".join(store.open_range("v/x.webp", start, length)) == data[expected]


@pytest.mark.parametrize(("start", "length"), [(5, None), (99, 1), (-1, None), (0, -1)])
def test_a_range_that_is_not_there_is_refused(
    store: ObjectStore, start: int, length: int | None
) -> None:
    write(store, "v/x.webp", b"12345")
    with pytest.raises(StorageError) as refused:
        store.open_range("v/x.webp", start, length)
    assert (refused.value.code, refused.value.retryable) == ("InvalidRange", False)


def test_a_range_may_be_left_unread(store: ObjectStore) -> None:
    write(store, "v/x.webp", os.urandom(1_000_000))
    for _ in range(3):
        chunks = store.open_range("v/x.webp")
        assert len(next(chunks)) > 0
        chunks.close()
    store.open_range("v/x.webp").close()
    assert store.health() == []


def test_delete_removes_what_is_there_and_shrugs_at_the_rest(store: ObjectStore) -> None:
    for name in ("a", "b", "c"):
        write(store, f"v/aa/{name}.webp", b"x")
    store.delete(["v/aa/a.webp", "v/aa/none.webp", "v/bb/none/none.webp", "v/aa/c.webp"])
    store.delete([])
    assert [found.key for found in store.list()] == ["v/aa/b.webp"]


def test_delete_takes_more_keys_than_one_request_holds(store: ObjectStore) -> None:
    write(store, "v/zz/last.webp", b"x")
    store.delete([*(f"v/aa/{n}.webp" for n in range(1001)), "v/zz/last.webp"])
    assert list(store.list()) == []


def test_a_listing_is_in_the_order_of_keys_and_knows_its_prefix(store: ObjectStore) -> None:
    keys = ["o/ab/1", "v/a-b/x.webp", "v/a.b/x.webp", "v/a/x.webp", "v/a/y.webp", "v/ab/x.webp"]
    for key in reversed(keys):
        write(store, key, key.encode())
    assert [found.key for found in store.list()] == sorted(keys)
    assert [found.key for found in store.list("v/a/")] == ["v/a/x.webp", "v/a/y.webp"]
    assert [found.key for found in store.list("v/a")] == sorted(keys)[1:]
    assert [found.key for found in store.list("v/a/y")] == ["v/a/y.webp"]
    assert list(store.list("w")) == []
    assert {found.key: found.size_bytes for found in store.list("o/")} == {"o/ab/1": 6}


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x", "v/../../x", "v/./x", "v//x", "v/x/", ".incoming/x", "v/.x",
     "v/a b", "v/a\\b", "v/\x00", "v/é", "v/x\n", "v/%2e%2e/x", "v/" + "x" * 300, "x/" * 20 + "x"],
)  # fmt: skip
def test_a_key_that_could_mean_another_place_is_refused(store: ObjectStore, key: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: write(store, key, b"x"),
        lambda: store.get(key),
        lambda: store.open_range(key),
        lambda: store.stat(key),
        lambda: store.delete([key]),
    ]
    for call in calls:
        with pytest.raises(StorageError) as refused:
            call()
        assert (refused.value.code, refused.value.retryable) == ("InvalidKey", False)


def test_many_threads_may_write_and_read_at_once(store: ObjectStore) -> None:
    def turn(number: int) -> bool:
        data = number.to_bytes(4) * 5000
        write(store, f"v/{number % 7}/{number}.webp", data)
        return store.get(f"v/{number % 7}/{number}.webp") == data

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(turn, range(64)))
    assert len(list(store.list("v/"))) == 64


def test_a_reader_sees_one_whole_version_while_writers_race(store: ObjectStore) -> None:
    versions = [bytes([n]) * 100_000 for n in range(4)]
    write(store, "v/x.webp", versions[0])
    stopped = threading.Event()

    def read_until_stopped() -> set[bytes]:
        seen = set()
        while not stopped.is_set():
            seen.add(store.get("v/x.webp"))
        return seen

    with ThreadPoolExecutor(5) as threads:
        reader = threads.submit(read_until_stopped)
        try:
            list(threads.map(lambda n: write(store, "v/x.webp", versions[n % 4]), range(40)))
        finally:
            stopped.set()
        assert reader.result() <= set(versions)
    assert [found.key for found in store.list()] == ["v/x.webp"]


def test_making_ready_may_be_repeated_and_raced(store: ObjectStore) -> None:
    write(store, "v/x.webp", b"kept")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: store.ensure_ready(), range(4)))
    assert store.health() == []
    assert store.get("v/x.webp") == b"kept"


# Keys.


def test_keys_spread_over_folders_by_their_hash() -> None:
    assert original_key(SHA) == f"o/{SHA[:2]}/{SHA}"
    assert rendition_key(SHA, "0123456789ab", "webp") == f"v/{SHA[:2]}/{SHA}/0123456789ab.webp"


@pytest.mark.parametrize(
    ("sha256", "recipe", "extension"),
    [("abc", "0123", "webp"), (SHA.upper(), "0123", "webp"), (SHA, "../x", "webp"),
     (SHA, "0123", "svg"), (SHA + "\n", "0123", "webp"), (SHA, "", "webp")],
)  # fmt: skip
def test_a_key_is_made_of_nothing_but_its_parts(sha256: str, recipe: str, extension: str) -> None:
    with pytest.raises(StorageError) as refused:
        rendition_key(sha256, recipe, extension)
    assert refused.value.code == "InvalidKey"


# Settings.


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"s3_endpoint": "https://foo.amazonaws.com"}, "LIKENESS_S3_ENDPOINT"),
        ({"s3_bucket": "A Bucket"}, "LIKENESS_S3_BUCKET"),
        ({"s3_access_key": None}, "LIKENESS_S3_ACCESS_KEY"),
        ({"s3_secret_key": None}, "LIKENESS_S3_SECRET_KEY"),
    ],
)
def test_a_bad_setting_is_named(changes: dict[str, object], variable: str) -> None:
    good = {"s3_endpoint": "http://127.0.0.1:9", "s3_access_key": "a", "s3_secret_key": "b"}
    with pytest.raises(SettingsError, match=variable):
        open_store(Settings.model_validate(good | changes))


def test_the_address_for_browsers_is_named_by_its_own_setting() -> None:
    settings = Settings.model_validate(
        {
            "s3_endpoint": "http://127.0.0.1:9",
            "s3_public_endpoint": "https://foo.amazonaws.com",
            "s3_access_key": "a",
            "s3_secret_key": "b",
        }
    )
    open_store(settings)
    with pytest.raises(SettingsError, match=r"^LIKENESS_S3_PUBLIC_ENDPOINT or "):
        open_public_store(settings)


# S3: what the server was told.


@pytest.mark.real_s3
def test_s3_keeps_type_caching_and_checksum_with_the_object(minio: MinioServer) -> None:
    settings = s3_settings(minio)
    store = open_store(settings)
    store.ensure_ready()
    store.put(original_key(SHA), b"an original", content_type="image/jpeg", cache_control=PRIVATE)
    kept = admin(minio).stat_object(
        settings.s3_bucket, original_key(SHA), extra_headers={"x-amz-checksum-mode": "ENABLED"}
    )
    assert kept.metadata is not None
    assert kept.content_type == "image/jpeg"
    assert kept.metadata["cache-control"] == PRIVATE
    assert base64.b64decode(kept.metadata["x-amz-checksum-sha256"]).hex() == SHA


@pytest.mark.real_s3
def test_s3_shows_the_world_renditions_and_nothing_else(minio: MinioServer) -> None:
    settings = s3_settings(minio)
    store = open_store(settings)
    store.ensure_ready()
    write(store, "v/aa/x.webp", b"rendition")
    write(store, "o/aa/x", b"original")
    bucket = f"{minio.endpoint}/{settings.s3_bucket}"
    assert status_of(f"{bucket}/v/aa/x.webp") == 200
    assert status_of(f"{bucket}/o/aa/x") == 403
    assert status_of(f"{bucket}?list-type=2&prefix=v/") == 403
    assert status_of(f"{bucket}?policy") == 403


@pytest.mark.real_s3
def test_s3_signs_urls_that_read_one_object_for_a_while(minio: MinioServer) -> None:
    store = open_store(s3_settings(minio))
    store.ensure_ready()
    write(store, "o/aa/x", b"original")
    url = store.signed_url("o/aa/x", timedelta(minutes=1))
    assert url is not None
    assert status_of(url) == 200
    assert status_of(url.replace("o/aa/x", "o/aa/y")) == 403
    to_look = store.signed_url("o/aa/x", timedelta(minutes=1), "HEAD")
    assert to_look is not None
    assert (status_of(to_look, "HEAD"), status_of(to_look)) == (200, 403)


@pytest.mark.real_s3
def test_s3_keeps_what_an_operator_added_to_the_policy(minio: MinioServer) -> None:
    settings = s3_settings(minio)
    client = admin(minio)
    client.make_bucket(settings.s3_bucket)
    client.set_bucket_policy(settings.s3_bucket, policy(settings.s3_bucket, "logos/*"))
    store = open_store(settings)
    store.ensure_ready()
    store.ensure_ready()
    statements = json.loads(client.get_bucket_policy(settings.s3_bucket))["Statement"]
    resources = [resource for statement in statements for resource in statement["Resource"]]
    assert sorted(r.partition("/")[2] for r in resources) == ["logos/*", "v/*"]


def policy(bucket: str, names: str) -> str:
    """A policy that lets anyone read these names."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/{names}"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.real_s3
def test_s3_reuses_its_connections(minio: MinioServer) -> None:
    with front(minio) as (settings, opened, _):
        store = open_store(settings)
        store.ensure_ready()
        opened.clear()
        for number in range(5):
            write(store, f"v/{number}.webp", b"x")
            assert store.get(f"v/{number}.webp") == b"x"
            assert store.stat(f"v/{number}.webp") is not None
        store.delete([found.key for found in store.list()])
    assert len(opened) == 0  # all of it went over the connection that ensure_ready had opened


# S3: failures on the way.

Act = Callable[["_Forwarder", bytes], bytes | None]
"""What a front does with a request's body: the body to pass on, or None when it has answered."""


class _Forwarder(BaseHTTPRequestHandler):
    """Passes requests on to MinIO as they are, unless an act is due first."""

    protocol_version = "HTTP/1.1"
    upstream: str
    opened: list[object]
    acts: list[Act]

    def setup(self) -> None:
        super().setup()
        self.opened.append(self.client_address)

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.acts:
            passed = self.acts.pop(0)(self, body)
            if passed is None:
                return
            body = passed
        connection = HTTPConnection(self.upstream)
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        with connection.getresponse() as answer:
            self.answer(answer.status, dict(answer.getheaders()), answer.read())
        connection.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        if "Content-Length" not in headers and status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests look at what the store makes of it."""


@contextmanager
def front(minio: MinioServer) -> Iterator[tuple[Settings, list[object], list[Act]]]:
    """A front before MinIO: settings that lead through it, connections it took, acts to come."""
    opened: list[object] = []
    acts: list[Act] = []
    handler = type(
        "Forwarder",
        (_Forwarder,),
        {"upstream": minio.endpoint.removeprefix("http://"), "opened": opened, "acts": acts},
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        yield s3_settings(minio, s3_endpoint=endpoint), opened, acts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def slow_down(request: _Forwarder, body: bytes) -> None:
    xml = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>"
    request.answer(503, {"Content-Type": "application/xml"}, xml)


def bad_gateway(request: _Forwarder, body: bytes) -> None:
    request.answer(502, {"Content-Type": "text/html"}, b"<h1>Bad gateway</h1>")


def hang_up(request: _Forwarder, body: bytes) -> None:
    request.connection.shutdown(socket.SHUT_RDWR)
    request.close_connection = True


def flip_a_bit(request: _Forwarder, body: bytes) -> bytes:
    return bytes([body[0] ^ 1]) + body[1:]


@pytest.mark.real_s3
@pytest.mark.parametrize("fault", [slow_down, bad_gateway, hang_up])
def test_s3_calls_outlast_two_failures(minio: MinioServer, fault: Act) -> None:
    with front(minio) as (settings, _, acts):
        store = open_store(settings)
        calls: list[Callable[[], object]] = [
            store.ensure_ready,
            lambda: write(store, "v/x.webp", b"x"),
            lambda: store.get("v/x.webp"),
            lambda: store.stat("v/x.webp"),
            lambda: list(store.list()),
            lambda: store.delete(["v/x.webp"]),
        ]
        for call in calls:
            acts[:] = [fault, fault]
            call()
            assert acts == []
        assert store.stat("v/x.webp") is None


@pytest.mark.real_s3
def test_s3_gives_up_with_the_code_that_the_server_gave(minio: MinioServer) -> None:
    with front(minio) as (settings, _, acts):
        store = open_store(settings)
        acts[:] = [slow_down] * 50
        with pytest.raises(StorageError, match="Reduce your request rate") as refused:
            write(store, "v/x.webp", b"x")
        assert (refused.value.code, refused.value.retryable) == ("SlowDown", True)
        assert len(acts) == 45  # one call and four retries


@pytest.mark.real_s3
def test_s3_refuses_a_body_that_was_changed_on_its_way(minio: MinioServer) -> None:
    with front(minio) as (settings, _, acts):
        store = open_store(settings)
        store.ensure_ready()
        acts[:] = [flip_a_bit]
        with pytest.raises(StorageError) as refused:
            write(store, "v/x.webp", b"as it was sent")
        assert (refused.value.code, refused.value.retryable) == ("XAmzContentSHA256Mismatch", True)
        assert store.stat("v/x.webp") is None


@pytest.mark.real_s3
def test_s3_carries_no_signed_request_to_another_host(minio: MinioServer) -> None:
    with front(minio) as (other, visitors, _), front(minio) as (settings, _, acts):

        def redirect(request: _Forwarder, body: bytes) -> None:
            xml = b"<Error><Code>TemporaryRedirect</Code><Message>Over there</Message></Error>"
            headers = {"Location": f"{other.s3_endpoint}/", "Content-Type": "application/xml"}
            request.answer(307, headers, xml)

        store = open_store(settings)
        for call in (lambda: write(store, "v/x.webp", b"x"), lambda: store.get("v/x.webp")):
            acts[:] = [redirect]
            with pytest.raises(StorageError, match="Over there") as refused:
                call()
            assert refused.value.code == "TemporaryRedirect"
        assert visitors == []


@pytest.mark.real_s3
def test_s3_names_a_page_that_is_not_s3(minio: MinioServer) -> None:
    def not_found(request: _Forwarder, body: bytes) -> None:
        request.answer(404, {"Content-Type": "text/html"}, b"<h1>No such page</h1>")

    with front(minio) as (settings, _, acts):
        acts[:] = [not_found] * 2
        store = open_store(settings)
        assert "does not speak S3 (Http404)" in store.health()[0]
        with pytest.raises(StorageError, match="LIKENESS_S3_ENDPOINT") as refused:
            write(store, "v/x.webp", b"x")
        assert not refused.value.retryable


@pytest.mark.real_s3
def test_s3_that_stops_is_unreachable(tmp_path: Path, minio: MinioServer) -> None:
    with minio_server(tmp_path / "drive") as server:
        settings = s3_settings(server)
        store = open_store(settings)
        store.ensure_ready()
        write(store, "v/x.webp", b"x")
        stop(server.process)
        for call in (lambda: write(store, "v/y.webp", b"y"), lambda: store.get("v/x.webp")):
            with pytest.raises(StorageError, match="cannot be reached") as refused:
                call()
            assert (refused.value.code, refused.value.retryable) == ("Unreachable", True)
        [sentence] = store.health()
        assert "See that it runs and that LIKENESS_S3_ENDPOINT is right" in sentence


# S3: health.


def ready_s3(minio: MinioServer, **changes: object) -> tuple[Settings, S3Store]:
    """A ready bucket, and a store on it whose settings were changed after."""
    settings = s3_settings(minio)
    S3Store(settings).ensure_ready()
    changed = settings.model_copy(update=changes)
    return changed, S3Store(Settings.model_validate(changed.model_dump()))


@pytest.mark.real_s3
def test_health_says_that_the_bucket_is_missing(minio: MinioServer) -> None:
    store = open_store(s3_settings(minio, s3_bucket="not-there"))
    [sentence] = store.health()
    assert "NoSuchBucket" in sentence
    assert "there is no bucket not-there" in sentence
    assert "LIKENESS_S3_BUCKET" in sentence
    with pytest.raises(StorageError, match="there is no bucket not-there") as refused:
        store.stat("v/x.webp")  # a missing bucket is not a missing object
    assert refused.value.code == "NoSuchBucket"


@pytest.mark.real_s3
@pytest.mark.parametrize(
    ("changes", "code", "variable"),
    [
        ({"s3_access_key": "nobody"}, "InvalidAccessKeyId", "LIKENESS_S3_ACCESS_KEY"),
        ({"s3_secret_key": "a wrong secret"}, "SignatureDoesNotMatch", "LIKENESS_S3_SECRET_KEY"),
        ({"s3_region": "eu-north-7"}, "AuthorizationHeaderMalformed", "LIKENESS_S3_REGION"),
    ],
)
def test_health_names_the_setting_that_is_wrong(
    minio: MinioServer, changes: dict[str, object], code: str, variable: str
) -> None:
    _, store = ready_s3(minio, **changes)
    [sentence] = store.health()
    assert f"({code})" in sentence
    assert f"Correct {variable}" in sentence
    calls: list[Callable[[], object]] = [
        store.ensure_ready,
        lambda: write(store, "v/x.webp", b"x"),
        lambda: store.stat("v/x.webp"),
    ]
    for call in calls:
        with pytest.raises(StorageError, match=f"Correct {variable}") as refused:
            call()
        assert (refused.value.code, refused.value.retryable) == (code, False)


@pytest.mark.real_s3
@pytest.mark.parametrize(("minutes", "direction"), [(20, "ahead of"), (-20, "behind")])
def test_health_says_how_far_the_clock_is_off(
    minio: MinioServer, monkeypatch: pytest.MonkeyPatch, minutes: int, direction: str
) -> None:
    _, store = ready_s3(minio)
    true_clock = minio_time.utcnow
    monkeypatch.setattr(minio_time, "utcnow", lambda: true_clock() + timedelta(minutes=minutes))
    [sentence] = store.health()
    said = re.search(rf"the clock of this machine is (\d+) s {direction} the store's", sentence)
    assert said, sentence
    assert abs(int(said[1]) - 1200) < 30
    assert "NTP" in sentence
    with pytest.raises(StorageError, match="clock") as refused:
        write(store, "v/x.webp", b"x")
    assert (refused.value.code, refused.value.retryable) == ("RequestTimeTooSkewed", False)


def test_health_says_within_seconds_that_nobody_answers() -> None:
    settings = Settings.model_validate(
        {
            "s3_endpoint": f"http://127.0.0.1:{free_port()}",
            "s3_access_key": "key",
            "s3_secret_key": "secret",
        }
    )
    begun = time.monotonic()
    [sentence] = open_store(settings).health()
    assert "cannot be reached" in sentence
    assert time.monotonic() - begun < 3


@pytest.mark.real_s3
def test_health_says_that_tls_is_not_spoken_there(minio: MinioServer) -> None:
    _, store = ready_s3(minio, s3_endpoint=minio.endpoint.replace("http:", "https:"))
    [sentence] = store.health()
    assert "LIKENESS_S3_ENDPOINT" in sentence


@pytest.mark.real_s3
def test_health_misses_the_policy_only_where_browsers_read_the_bucket(minio: MinioServer) -> None:
    settings, served_by_api = ready_s3(minio)
    served_by_bucket = S3Store(
        settings.model_copy(update={"rendition_base_url": f"{minio.endpoint}/{settings.s3_bucket}"})
    )
    assert served_by_bucket.health() == []
    admin(minio).delete_bucket_policy(settings.s3_bucket)
    assert served_by_api.health() == []
    [sentence] = served_by_bucket.health()
    assert f"allow s3:GetObject on arn:aws:s3:::{settings.s3_bucket}/v/*" in sentence
    served_by_bucket.ensure_ready()
    assert served_by_bucket.health() == []


@pytest.mark.real_s3
def test_a_bucket_that_turns_private_stops_being_public(minio: MinioServer) -> None:
    settings, public = ready_s3(minio)
    write(public, "v/x.webp", b"x")
    url = f"{minio.endpoint}/{settings.s3_bucket}/v/x.webp"
    assert status_of(url) == 200
    private = S3Store(settings.model_copy(update={"s3_public_endpoint": minio.endpoint}))
    [sentence] = private.health()
    assert "LIKENESS_S3_PUBLIC_ENDPOINT" in sentence
    assert "lets anyone read v/*" in sentence
    private.ensure_ready()
    assert private.health() == []
    assert status_of(url) == 403
    private.ensure_ready()
    signed = private.signed_url("v/x.webp", timedelta(minutes=1))
    assert signed is not None
    assert status_of(signed) == 200


@pytest.mark.real_s3
def test_a_bucket_that_turns_private_keeps_what_others_allowed(minio: MinioServer) -> None:
    settings, public = ready_s3(minio)
    bucket = settings.s3_bucket
    kept = json.loads(policy(bucket, "brochures/*"))["Statement"]
    ours = json.loads(admin(minio).get_bucket_policy(bucket))
    both = {**ours, "Statement": [*ours["Statement"], *kept]}
    admin(minio).set_bucket_policy(bucket, json.dumps(both))
    write(public, "v/x.webp", b"x")
    write(public, "brochures/x.webp", b"x")
    S3Store(settings.model_copy(update={"s3_public_endpoint": minio.endpoint})).ensure_ready()
    assert status_of(f"{minio.endpoint}/{bucket}/brochures/x.webp") == 200
    assert status_of(f"{minio.endpoint}/{bucket}/v/x.webp") == 403


@pytest.mark.real_s3
@pytest.mark.parametrize(("names", "leak"), [("*", "read originals"), ("o/*", "read originals")])
def test_health_says_that_originals_are_public(minio: MinioServer, names: str, leak: str) -> None:
    settings, store = ready_s3(minio)
    admin(minio).set_bucket_policy(settings.s3_bucket, policy(settings.s3_bucket, names))
    [sentence] = store.health()
    assert f"lets anyone {leak}" in sentence


@pytest.mark.real_s3
def test_s3_goes_on_where_it_may_not_set_a_policy(
    minio: MinioServer, caplog: pytest.LogCaptureFixture
) -> None:
    def denied(request: _Forwarder, body: bytes) -> None:
        xml = b"<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>"
        request.answer(403, {"Content-Type": "application/xml"}, xml)

    with front(minio) as (settings, _, acts):
        open_store(settings).ensure_ready()
        admin(minio).delete_bucket_policy(settings.s3_bucket)
        store = open_store(settings)
        acts[:] = [lambda request, body: body, denied]  # the probe passes, the policy does not
        store.ensure_ready()
        assert acts == []
        write(store, "v/x.webp", b"x")


# Files.


def test_files_leave_nothing_but_their_objects(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "objects")
    store.ensure_ready()
    write(store, "v/aa/x/1.webp", b"x")
    write(store, "v/aa/x/2.webp", b"x")
    assert (tmp_path / "objects/v/aa/x/1.webp").read_bytes() == b"x"
    store.delete(["v/aa/x/1.webp"])
    assert (tmp_path / "objects/v/aa/x").is_dir()
    store.delete(["v/aa/x/2.webp"])
    assert [path.name for path in (tmp_path / "objects").rglob("*")] == [".incoming"]


def test_files_sign_no_urls(tmp_path: Path) -> None:
    assert FileStore(tmp_path).signed_url("o/aa/x", timedelta(minutes=1)) is None


def test_files_know_no_type_of_an_original(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    write(store, original_key(SHA), b"an original")
    found = store.stat(original_key(SHA))
    assert found is not None
    assert found.content_type is None


def test_a_folder_is_no_object(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    write(store, "v/aa/x.webp", b"x")
    with pytest.raises(StorageError) as refused:
        store.get("v/aa")
    assert refused.value.code == "NoSuchKey"
    assert store.stat("v/aa") is None
    assert store.stat("v/aa/x.webp/below") is None


def test_folders_pruned_under_a_writer_are_made_again(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    written = threading.Event()

    def delete_until_written() -> None:
        while not written.is_set():
            store.delete(["v/aa/x/1.webp"])

    with ThreadPoolExecutor(1) as thread:
        deleter = thread.submit(delete_until_written)
        try:
            for _ in range(300):
                write(store, "v/aa/x/1.webp", b"x")
        finally:
            written.set()
        deleter.result()
    write(store, "v/aa/x/1.webp", b"last")
    assert store.get("v/aa/x/1.webp") == b"last"


CRASHING_WRITER = """
import os, sys
from pathlib import Path
from worker.storage import FileStore
os.replace = Path.replace = lambda *_: os._exit(9)
FileStore(Path(sys.argv[1])).put(
    "v/aa/x.webp", b"new" * 1000, content_type="image/webp", cache_control="")
"""


def test_a_crash_before_the_rename_leaves_the_old_object_and_a_draft_to_sweep(
    tmp_path: Path,
) -> None:
    store = FileStore(tmp_path)
    write(store, "v/aa/x.webp", b"old")
    died = subprocess.run([sys.executable, "-c", CRASHING_WRITER, tmp_path], check=False)
    assert died.returncode == 9
    assert store.get("v/aa/x.webp") == b"old"
    assert [found.key for found in store.list()] == ["v/aa/x.webp"]

    [draft] = (tmp_path / ".incoming").iterdir()
    store.ensure_ready()
    assert draft.exists()  # young enough to be another writer's
    two_hours_ago = time.time() - 7200
    os.utime(draft, (two_hours_ago, two_hours_ago))
    store.ensure_ready()
    assert not draft.exists()


FULL_WRITER = """
import resource, sys
from pathlib import Path
from worker.errors import StorageError
from worker.storage import FileStore
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    FileStore(Path(sys.argv[1])).put(
        "v/aa/x.webp", bytes(100_000), content_type="image/webp", cache_control="")
except StorageError as error:
    print(error.code, error.retryable)
"""


def test_a_write_cut_short_leaves_neither_object_nor_draft(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", FULL_WRITER, tmp_path], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["EFBIG", "False"]
    assert list((tmp_path / ".incoming").iterdir()) == []
    assert list(FileStore(tmp_path).list()) == []


def test_health_says_that_the_folder_is_not_set_up(tmp_path: Path) -> None:
    [sentence] = FileStore(tmp_path / "none").health()
    assert "is not set up" in sentence
    assert "LIKENESS_STATE_DIR" in sentence


def test_health_says_that_the_disk_is_nearly_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore(tmp_path)
    store.ensure_ready()
    total = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: total._replace(free=10 << 20))
    [sentence] = store.health()
    assert "has 10 MiB left" in sentence


@pytest.mark.parametrize(
    ("number", "words", "retryable"),
    [(errno.ENOSPC, "the disk is full", True), (errno.EROFS, "it is not writable", False)],
)
def test_a_full_and_a_locked_disk_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str, retryable: bool
) -> None:
    store = FileStore(tmp_path)
    store.ensure_ready()

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    [sentence] = store.health()
    assert words in sentence
    assert "LIKENESS_STATE_DIR" in sentence
    with pytest.raises(StorageError, match=words) as refused:
        write(store, "v/x.webp", b"x")
    assert (refused.value.code, refused.value.retryable) == (errno.errorcode[number], retryable)
    assert list((tmp_path / ".incoming").iterdir()) == []


def test_a_place_that_takes_no_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file where a folder should be")
    store = FileStore(tmp_path / "occupied" / "objects")
    with pytest.raises(StorageError, match="LIKENESS_STATE_DIR") as refused:
        store.ensure_ready()
    assert not refused.value.retryable
    with pytest.raises(StorageError, match="LIKENESS_STATE_DIR"):
        write(store, "v/x.webp", b"x")
