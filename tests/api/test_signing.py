"""Tests of signed URLs."""

from urllib.parse import parse_qs

from pydantic import SecretStr

from api.signing import UrlSigner, make_signer
from worker.settings import Settings

NOW = 1_800_000_123.0


def _signer(*keys: bytes, now: float = NOW) -> UrlSigner:
    return UrlSigner(keys, lambda: now)


def _parts(query: str) -> tuple[str, int]:
    values = parse_qs(query)
    return values["sig"][0], int(values["expires"][0])


def test_a_signature_fits_its_subject_and_expiry_alone() -> None:
    signer = _signer(b"key")
    signature, expires = _parts(signer.query("proxy/17"))
    assert signer.is_valid("proxy/17", signature, expires)
    assert not signer.is_valid("proxy/18", signature, expires)
    assert not signer.is_valid("proxy/17", signature, expires + 3600)
    assert not signer.is_valid("proxy/17", signature[:-1], expires)
    assert not signer.is_valid("proxy/17", "", expires)
    assert not signer.is_valid("proxy/17", "ünïcode", expires)


def test_a_url_stays_the_same_within_the_hour_and_lives_at_least_one() -> None:
    start = 500_000 * 3600.0
    early = _signer(b"key", now=start + 1).query("proxy/17")
    late = _signer(b"key", now=start + 3599).query("proxy/17")
    assert early == late
    assert _parts(early)[1] >= start + 3599 + 3600


def test_a_signature_expires() -> None:
    signature, expires = _parts(_signer(b"key").query("proxy/17"))
    assert _signer(b"key", now=expires).is_valid("proxy/17", signature, expires)
    assert not _signer(b"key", now=expires + 1).is_valid("proxy/17", signature, expires)


def test_an_older_key_is_accepted_and_the_newest_signs() -> None:
    old = _parts(_signer(b"old").query("proxy/17"))
    rotated = _signer(b"new", b"old")
    assert rotated.is_valid("proxy/17", *old)
    assert rotated.query("proxy/17") == _signer(b"new").query("proxy/17")
    assert not _signer(b"new").is_valid("proxy/17", *old)


def test_signing_keys_win_over_the_service_key() -> None:
    both = Settings(service_key=SecretStr("service"), url_signing_keys=(SecretStr("signing"),))
    alone = Settings(url_signing_keys=(SecretStr("signing"),))
    assert make_signer(both).query("x") == make_signer(alone).query("x")


def test_the_service_key_itself_signs_nothing() -> None:
    settings = Settings(service_key=SecretStr("service"))
    assert make_signer(settings).query("x") == make_signer(settings).query("x")
    assert make_signer(settings).query("x") != make_signer(Settings()).query("x")


def test_without_a_key_each_process_has_its_own() -> None:
    assert make_signer(Settings()).query("x") != make_signer(Settings()).query("x")
