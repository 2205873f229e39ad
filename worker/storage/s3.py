"""Owns objects in a bucket of an S3 server, by the ``minio`` SDK.

The worker writes three objects a picture and pays for each in Python, so the writing of one is
built from the SDK's parts (its URLs, its signer) and all else is the SDK's own.
"""

import base64
import hashlib
import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal, cast
from urllib.parse import SplitResult, urlsplit

import urllib3
from minio import Minio
from minio import time as minio_time
from minio.credentials.providers import StaticProvider
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.helpers import BaseURL, DictType, check_bucket_name
from minio.signer import sign_v4_s3

from worker.errors import SettingsError, StorageError
from worker.log import get_logger
from worker.settings import Settings
from worker.storage import policy as policies
from worker.storage.objects import (
    CHUNK_BYTES,
    Sentences,
    StoredObject,
    checked_key,
    checked_range,
    checked_sha256,
)
from worker.storage.s3_answers import Place, explained, may_pass, raise_answer

_log = get_logger()

_RETRIES = urllib3.Retry(
    total=4,
    backoff_factor=0.1,  # seconds: 0, 0.2, 0.4, 0.8, each plus the jitter
    backoff_jitter=0.1,
    retry_after_max=2,  # the queue waits better than a thread does
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,  # every call we make may be repeated, the bulk delete (POST) too
    raise_on_status=False,  # the last answer names its code; a summary of retries would not
    redirect=False,  # a signed request is not carried to another host
)
# A check that waits for retries would itself look like a dead program to what probes it. A read is
# repeated once, since a kept connection may have been closed by the server meanwhile.
_PROBE_RETRIES = urllib3.Retry(total=1, connect=0, redirect=False, raise_on_status=False)
_READ_TIMEOUT_SECONDS = 30.0
_PROBE_TIMEOUT_SECONDS = 5.0
_KEPT_CONNECTIONS = 64  # more threads than that open connections of their own
_POLICY_REFUSED = frozenset({"AccessDenied", "MethodNotAllowed", "NotImplemented"})
Endpoint = Literal["s3_endpoint", "s3_public_endpoint"]


class S3Store:
    """Objects in a bucket. One client and one pool of connections, shared by all threads.

    ``endpoint`` is the setting that names the server.
    """

    def __init__(self, settings: Settings, endpoint: Endpoint = "s3_endpoint") -> None:
        self._place = _place(settings, endpoint)
        self._bucket = self._place.bucket
        self._browsers_read_bucket = settings.rendition_base_url is not None
        # Read by signed URLs alone.
        self._is_private = (
            settings.s3_public_endpoint is not None and not self._browsers_read_bucket
        )
        self._credentials = _credentials(settings)
        self._bucket_url = _bucket_url(self._place, endpoint)
        http = urllib3.PoolManager(
            maxsize=_KEPT_CONNECTIONS,
            retries=_RETRIES,
            timeout=urllib3.Timeout(
                connect=settings.connect_timeout_seconds, read=_READ_TIMEOUT_SECONDS
            ),
        )
        self._client = self._connect(http)
        # The SDK's connections, reached without looking the host up for each object.
        self._pool = http.connection_from_url(self._bucket_url.geturl())
        self._prober = self._connect(
            urllib3.PoolManager(
                maxsize=4, retries=_PROBE_RETRIES, timeout=urllib3.Timeout(_PROBE_TIMEOUT_SECONDS)
            )
        )

    def _connect(self, http: urllib3.PoolManager) -> Minio:
        return Minio(
            self._place.endpoint,
            credentials=self._credentials,
            secure=self._place.secure,
            region=self._place.region,
            http_client=http,
        )

    def put(
        self,
        key: str,
        data: bytes | memoryview,
        *,
        content_type: str,
        cache_control: str,
        sha256: str | None = None,
    ) -> None:
        """One PUT whose sha256 is signed, compared by the server and kept with the object.

        The SDK's ``put_object`` would hash the body again, and over TLS sign no hash of it at all.
        """
        checked_key(key)
        digest = checked_sha256(sha256) if sha256 else hashlib.sha256(data).hexdigest()
        headers = {
            "Content-Type": content_type,
            "Cache-Control": cache_control,
            "Content-Length": str(memoryview(data).nbytes),
            "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(digest)).decode(),
        }
        with explained(self._place, f"write {key}"):
            self._send(key, cast(bytes, data), digest, headers)

    def _send(self, key: str, body: bytes, digest: str, headers: dict[str, str]) -> None:
        now = minio_time.utcnow()
        # No character of a key needs quoting.
        url = self._bucket_url._replace(path=f"{self._bucket_url.path.rstrip('/')}/{key}")
        headers["Host"] = url.netloc
        headers["x-amz-content-sha256"] = digest
        headers["x-amz-date"] = minio_time.to_amz_date(now)
        sign_v4_s3(
            method="PUT",
            url=url,
            region=self._place.region,
            headers=cast(DictType, headers),
            credentials=self._credentials.retrieve(),
            content_sha256=digest,
            date=now,
        )
        response = self._pool.urlopen("PUT", url.path, body=body, headers=headers)
        if response.status != 200:
            raise_answer(response)

    def get(self, key: str) -> bytes:
        return b"".join(self.open_range(key))

    def open_range(
        self, key: str, start: int = 0, length: int | None = None
    ) -> Generator[bytes, None, None]:
        checked_range(key, start, length)
        chunks = self._chunks(checked_key(key), start, length)
        next(chunks)  # sends the request, so that its failure is raised here
        return chunks

    def _chunks(self, key: str, start: int, length: int | None) -> Generator[bytes, None, None]:
        """An empty chunk once the answer has begun, then the bytes."""
        with explained(self._place, f"read {key}"):
            # S3 has no word for an empty range; one byte shows that the object is there.
            response = self._client.get_object(
                self._bucket, key, start, 1 if length == 0 else length or 0
            )
            try:
                yield b""
                if length != 0:
                    yield from response.stream(CHUNK_BYTES)
            finally:
                response.close()

    def stat(self, key: str) -> StoredObject | None:
        checked_key(key)
        try:
            with explained(self._place, f"look at {key}"):
                found = self._client.stat_object(self._bucket, key)
        except StorageError as error:
            if error.code == "NoSuchKey":
                return None
            raise
        return StoredObject(key, found.size or 0, found.etag, found.content_type)

    def delete(self, keys: Iterable[str]) -> None:
        doomed = [DeleteObject(checked_key(key)) for key in keys]
        with explained(self._place, f"delete {len(doomed)} objects"):
            for fault in self._client.remove_objects(self._bucket, doomed):
                raise StorageError(
                    f"The S3 store at {self._place.endpoint} did not delete {fault.name}"
                    f" ({fault.code}): {fault.message}",
                    code=fault.code or "Unknown",
                    retryable=may_pass(fault.code),
                )

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        with explained(self._place, f"list {prefix}*"):
            for found in self._client.list_objects(self._bucket, prefix, recursive=True):
                etag = (found.etag or "").strip('"') or None
                yield StoredObject(found.object_name or "", found.size or 0, etag, None)

    def ensure_ready(self) -> None:
        try:
            self._probe(self._client)
        except StorageError as error:
            if error.code != "NoSuchBucket":
                raise
            self._make_bucket()
            self._probe(self._client)
        if self._is_private:
            self._hide_renditions()
        else:
            self._publish_renditions()

    def health(self) -> Sentences:
        try:
            self._probe(self._prober)
            return self._policy_faults()
        except StorageError as error:
            return [str(error)]

    def signed_url(
        self, key: str, expires: timedelta, method: Literal["GET", "HEAD"] = "GET"
    ) -> str | None:
        return self._client.get_presigned_url(method, self._bucket, checked_key(key), expires)

    def _probe(self, client: Minio) -> None:
        """Ask for a listing that is always empty: it needs the endpoint, the keys and the bucket.

        A HEAD of the bucket would be refused without saying why.
        """
        with explained(self._place, "answer"):
            next(client.list_objects(self._bucket, prefix="health/"), None)

    def _make_bucket(self) -> None:
        try:
            with explained(self._place, f"make the bucket {self._bucket}"):
                self._client.make_bucket(self._bucket)
            _log.info("bucket made", bucket=self._bucket)
        except StorageError as error:
            # Another program was faster; whether the bucket is ours, the next probe tells.
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise

    def _publish_renditions(self) -> None:
        with self._policies_are_optional("renditions not public"):
            policy = self._policy(self._client)
            if not policies.renditions_are_public(policy, self._bucket):
                self._set_policy(policies.with_public_renditions(policy, self._bucket))

    def _hide_renditions(self) -> None:
        """Take back what an earlier start published; what others allowed is theirs to take back."""
        with self._policies_are_optional("renditions may be public"):
            policy = self._policy(self._client)
            private = policies.without_public_renditions(policy)
            if private != policy:
                self._set_policy(private)
                _log.info("renditions no longer public", bucket=self._bucket)

    def _set_policy(self, policy: policies.Policy) -> None:
        with explained(self._place, "take its policy"):
            if policy["Statement"]:
                self._client.set_bucket_policy(self._bucket, json.dumps(policy))
            else:
                self._client.delete_bucket_policy(self._bucket)

    @contextmanager
    def _policies_are_optional(self, outcome: str) -> Iterator[None]:
        """Some stores have no policies and some keys may not touch them. The API still serves."""
        try:
            yield
        except StorageError as error:
            if error.code not in _POLICY_REFUSED:
                raise
            _log.warning(outcome, bucket=self._bucket, reason=str(error))

    def _policy_faults(self) -> Sentences:
        try:
            policy = self._policy(self._prober)
        except StorageError as error:
            if error.code in _POLICY_REFUSED:
                return []  # a key that may not see the policy is no fault
            raise
        faults = [
            f"The policy of the bucket {self._bucket} lets anyone {leak}."
            " Take the statement that allows it out of the policy."
            for leak in policies.leaks(policy, self._bucket)
        ]
        are_public = policies.renditions_are_public(policy, self._bucket)
        if self._is_private and are_public:
            faults.append(
                f"LIKENESS_S3_PUBLIC_ENDPOINT says that the bucket {self._bucket} is private, whose"
                " policy lets anyone read v/*. A starting worker takes back what an earlier one"
                " allowed; take any other statement that allows it out of the policy."
            )
        if self._browsers_read_bucket and not are_public:
            faults.append(
                f"LIKENESS_RENDITION_BASE_URL sends browsers to the bucket {self._bucket}, whose"
                " policy does not let them read v/*. A starting worker sets it; or allow"
                f" s3:GetObject on arn:aws:s3:::{self._bucket}/v/* to everyone."
            )
        return faults

    def _policy(self, client: Minio) -> policies.Policy:
        with explained(self._place, "show its policy"):
            try:
                policy: policies.Policy = json.loads(client.get_bucket_policy(self._bucket))
            except S3Error as error:
                if error.code == "NoSuchBucketPolicy":
                    return policies.EMPTY
                raise
            return policy


def _place(settings: Settings, endpoint: Endpoint) -> Place:
    # The settings have seen to it that it is an http(s) URL of a server.
    parts = urlsplit(getattr(settings, endpoint).rstrip("/"))
    try:
        check_bucket_name(settings.s3_bucket, strict=True)
    except ValueError as error:
        raise SettingsError(f"LIKENESS_S3_BUCKET: {error}") from error
    return Place(parts.netloc, parts.scheme == "https", settings.s3_bucket, settings.s3_region)


def _bucket_url(place: Place, endpoint: Endpoint) -> SplitResult:
    """Where the bucket's objects are: below its name, or on a host of its own as AWS has it."""
    url = f"{'https' if place.secure else 'http'}://{place.endpoint}"
    try:
        base = BaseURL(url, place.region)
    except ValueError as error:
        raise SettingsError(
            f"LIKENESS_{endpoint.upper()} or LIKENESS_S3_REGION: {error}"
        ) from error
    return base.build(method="GET", region=place.region, bucket_name=place.bucket)


def _credentials(settings: Settings) -> StaticProvider:
    if settings.s3_access_key is None or settings.s3_secret_key is None:
        raise SettingsError(
            "LIKENESS_S3_ENDPOINT is set, so LIKENESS_S3_ACCESS_KEY and LIKENESS_S3_SECRET_KEY"
            " must be set too."
        )
    return StaticProvider(settings.s3_access_key, settings.s3_secret_key.get_secret_value())
