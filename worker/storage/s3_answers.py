"""Owns what a failing S3 server means: each failure becomes one StorageError in words.

The SDK raises five kinds of error, some of which name neither code nor cause; an operator needs the
setting to correct, and the queue needs to know whether to try again.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn
from xml.etree.ElementTree import ParseError

from minio import time as minio_time
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

from worker.errors import StorageError

_PASSING_CODES = frozenset(
    {
        "BadDigest",
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
    }
)


@dataclass(frozen=True)
class Place:
    """Where a bucket is: ``endpoint`` is ``host:port``."""

    endpoint: str
    secure: bool
    bucket: str
    region: str


@contextmanager
def explained(place: Place, action: str) -> Iterator[None]:
    """Turn what the SDK and its HTTP client raise into StorageError; ``action`` was to be done."""
    try:
        yield
    except S3Error as error:
        raise _refused(place, action, error) from error
    except (ServerError, InvalidResponseError, ParseError) as error:
        raise _not_s3(place, action, error) from error
    except (HTTPError, MinioException) as error:
        raise _unreached(place, action, error) from error


def raise_answer(response: BaseHTTPResponse) -> NoReturn:
    """Raise what an answer that is not 200 says, as the SDK would."""
    content_type = response.headers.get("content-type", "")
    if "xml" in content_type:
        raise S3Error.fromxml(response)
    raise InvalidResponseError(response.status, content_type, None)


def may_pass(code: str | None) -> bool:
    """Whether the same call may succeed later."""
    return code in _PASSING_CODES


def _refused(place: Place, action: str, error: S3Error) -> StorageError:
    # An answer to HEAD has no body to name the code in; MinIO names it in a header.
    code = error.response.headers.get("x-minio-error-code") or error.code or "Unknown"
    status = error.response.status
    return StorageError(
        f"The S3 store at {place.endpoint} did not {action} ({code}): "
        + _advice(place, code, error),
        code=code,
        retryable=may_pass(code) or status == 429 or status >= 500,
    )


def _advice(place: Place, code: str, error: S3Error) -> str:
    match code:
        case "NoSuchBucket":
            return (
                f"there is no bucket {place.bucket}. Start a worker: it makes it, or correct"
                " LIKENESS_S3_BUCKET."
            )
        case "NoSuchKey":
            return "there is no such object."
        case "InvalidAccessKeyId":
            return "it does not know the access key. Correct LIKENESS_S3_ACCESS_KEY."
        case "SignatureDoesNotMatch":
            return (
                "the signature is wrong. Correct LIKENESS_S3_SECRET_KEY; if it is right, a proxy"
                " before the store changes the Host header."
            )
        case "RequestTimeTooSkewed":
            return f"{_clock_skew(error)} Set the clock of this machine (NTP)."
        case "AccessDenied":
            return (
                "the access key may not do this. Grant it s3:GetObject, s3:PutObject and"
                f" s3:DeleteObject on {place.bucket}/* and s3:ListBucket on {place.bucket}."
            )
        case "AuthorizationHeaderMalformed" | "PermanentRedirect" | "Redirect":
            return _region_advice(place, error)
        case "XMinioStorageFull" | "InsufficientStorage":
            return "its disk is full. Free space there, or add drives."
        case "XAmzContentSHA256Mismatch" | "XAmzContentChecksumMismatch" | "BadDigest":
            return "the bytes that arrived are not those that were hashed."
    return error.message or "it gave no reason."


def _clock_skew(error: S3Error) -> str:
    """How far this machine's clock is from the store's, by the Date of the store's answer."""
    date = error.response.headers.get("Date")
    if date is None:
        return "the clocks of this machine and of the store differ too much."
    seconds = (minio_time.utcnow() - minio_time.from_http_header(date)).total_seconds()
    direction = "ahead of" if seconds > 0 else "behind"
    return f"the clock of this machine is {abs(seconds):.0f} s {direction} the store's."


def _region_advice(place: Place, error: S3Error) -> str:
    region = error.response.headers.get("x-amz-bucket-region")
    known = f"the bucket is in {region}" if region else error.message or "the region is wrong"
    return f"{known} (signed for {place.region}). Correct LIKENESS_S3_REGION."


def _not_s3(place: Place, action: str, error: Exception) -> StorageError:
    """Something answered, but not as S3 does: another port, or a proxy with a page of its own."""
    status = re.search(r"code:? (\d{3})", str(error))  # the SDK shows it in its message alone
    code = f"Http{status[1]}" if status else "InvalidResponse"
    return StorageError(
        f"What answers at {place.endpoint} did not {action} and does not speak S3 ({code}):"
        " see whether LIKENESS_S3_ENDPOINT names the S3 port, and what a proxy before it logs.",
        code=code,
        retryable=code == "Http429" or code.startswith("Http5"),
    )


def _unreached(place: Place, action: str, error: Exception) -> StorageError:
    cause = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    if isinstance(cause, SSLError):
        return StorageError(
            f"The S3 store at {place.endpoint} is not trusted ({cause}). Name the authority that"
            " signed its certificate in SSL_CERT_FILE, or correct LIKENESS_S3_ENDPOINT.",
            code="Untrusted",
            retryable=False,
        )
    return StorageError(
        f"The S3 store at {place.endpoint} did not {action}: it cannot be reached ({cause})."
        " See that it runs and that LIKENESS_S3_ENDPOINT is right.",
        code="Unreachable",
        retryable=True,
    )
