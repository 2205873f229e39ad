"""Tests of what the settings take and refuse, and of how they say it."""

import re
from pathlib import Path

import pytest

from tests.sources import ROOT
from worker.errors import SettingsError
from worker.settings import Settings, child_environment, load_settings, unknown_variables


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    """What load_settings says of these variables."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    # A traceback prints where the error came from, too.
    return f"{refused.value}\n{refused.value.__cause__}"


def lines_of(said: str) -> list[str]:
    """The lines about single settings."""
    return re.findall(r"^  (LIKENESS_.*)$", said, re.MULTILINE)


@pytest.mark.parametrize("which", ["DATABASE_URL", "READ_DATABASE_URL", "OWNER_DATABASE_URL"])
@pytest.mark.parametrize(
    "value",
    [
        "postgres:/user:SEKRET@host/db",
        "postgres:/user:SEKRET@host/db?sslmode=require",
        "postgresql://u:SEKRET%zz@h/db",
        "postgresql:u:SEKRET@h/db",
        "postgresql://u:SEK/RET@h/db",
        "postgresql://u:SEK@RET@h/db",
        "postgresql://u@[SEKRET/db",
        "host=h password=SEK RET",
        "mysql://u:SEKRET@h/db",
        "SEKRET",
    ],
)
def test_a_database_url_that_is_none_is_refused_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, which: str, value: str
) -> None:
    said = refusal(monkeypatch, **{f"LIKENESS_{which}": value})
    [line] = lines_of(said)
    assert line.startswith(f"LIKENESS_{which}: must be a Postgres URL such as ")
    assert "SEK" not in said
    assert "RET" not in said


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://u:p%40%2F@h:5432/db?sslmode=require",
        "postgres://u@[::1]:5432,second:5433/db",
        "postgresql:///db?host=/var/run/postgresql",
        "host=/run/x dbname=likeness password='a b'",
        "dbname=likeness host=@abstract",
    ],
)
def test_what_libpq_reads_is_a_database_url(value: str) -> None:
    loaded = Settings(database_url=value).database_url
    assert loaded is not None
    assert loaded.get_secret_value() == value


NO_URLS = ["javascript:alert(1)", "shop.example", "ftp://h/", "http://", "https:///x", "http://h:x"]
BASES = ["PUBLIC_URL", "RENDITION_BASE_URL", "S3_ENDPOINT", "S3_PUBLIC_ENDPOINT"]


@pytest.mark.parametrize("name", [*BASES, "PLACEHOLDER_URL", "USER_JWKS_URL", "CORS_ORIGINS"])
@pytest.mark.parametrize("value", [*NO_URLS, "http://h/a b", "http://h/\nx: y", "http://h\\@x"])
def test_an_address_that_is_no_url_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    if (name, value) == ("CORS_ORIGINS", "ftp://h/"):
        return  # pages of programs have origins of their own schemes
    [line] = lines_of(refusal(monkeypatch, **{f"LIKENESS_{name}": value}).replace("\nx", " "))
    assert line.startswith(f"LIKENESS_{name}: ")
    assert "https://" in line or "http://127.0.0.1:9000" in line


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("value", ["http://u:SEKRET@h", "http://h/?q", "http://h/#f"])
def test_a_base_of_urls_is_nothing_but_a_base(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert "SEKRET" not in refusal(monkeypatch, **{f"LIKENESS_{name}": value})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("public_url", ["http://localhost:8000", "https://h/a/", "https://[::1]:8/"]),
        ("rendition_base_url", ["https://cdn.example/api/images/", "https://cdn.example"]),
        ("s3_endpoint", ["http://127.0.0.1:9000", "http://minio:9000/", "https://s3.amazonaws.com"]),
        ("s3_public_endpoint", ["https://pictures.example"]),
        ("placeholder_url", ["https://h/none.svg?x=1", "/static/likeness.svg", "/"]),
        ("user_jwks_url", ["https://id.example/keys?tenant=1", "http://127.0.0.1:9/"]),
        (
            "cors_origins",
            ["*", "https://shop.example,https://*.brand.example", "http://localhost:*",
             "https://shop.example/", "http://[::1]:3000", "capacitor://localhost"],
        ),
    ],
)  # fmt: skip
def test_what_an_address_may_look_like(
    monkeypatch: pytest.MonkeyPatch, name: str, values: list[str]
) -> None:
    for value in values:
        monkeypatch.setenv(f"LIKENESS_{name.upper()}", value)
        read = getattr(load_settings(), name)
        assert (",".join(read) if isinstance(read, tuple) else read) == value


@pytest.mark.parametrize("value", ["//evil.example/x", "/\\evil.example", "none.svg", "/a b"])
def test_a_placeholder_is_a_url_or_a_path_of_our_own(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    assert "LIKENESS_PLACEHOLDER_URL: " in refusal(monkeypatch, LIKENESS_PLACEHOLDER_URL=value)


@pytest.mark.parametrize("value", ["HTTPS://shop.example", "https://shop.example/x", "null", "**"])
def test_an_origin_is_one_as_browsers_write_it(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    said = refusal(monkeypatch, LIKENESS_CORS_ORIGINS=f"https://a.example, {value}")
    assert lines_of(said)[0].startswith(f"LIKENESS_CORS_ORIGINS: {value} is no origin: one reads ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_PORTS", "80,0"),
        ("ALLOWED_PORTS", "80,65536"),
        ("LEASE_SECONDS", "0.5"),
        ("LEASE_SECONDS", "inf"),
        ("LEASE_SECONDS", "1e300"),
        ("GRACE_SECONDS", "nan"),
        ("API_DRAIN_SECONDS", "inf"),
        ("FETCH_DEADLINE_SECONDS", "inf"),
        ("FETCH_DEADLINE_SECONDS", "0"),
        ("CONNECT_TIMEOUT_SECONDS", "inf"),
        ("RENDER_DEADLINE_SECONDS", "inf"),
        ("RENDER_MAX_MEMORY_BYTES", "1000000"),
        ("FRESHNESS_REQUESTS_PERCENT", "inf"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    [line] = lines_of(refusal(monkeypatch, **{f"LIKENESS_{name}": value}))
    assert line.startswith(f"LIKENESS_{name}: Input should be ")


@pytest.mark.parametrize("name", ["LIKENESS_TRUSTED_PROXIES", "LIKENESS_ALLOWED_PRIVATE_NETWORKS"])
def test_a_network_that_is_none_is_told_once_with_what_was_meant(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    said = refusal(monkeypatch, **{name: "192.168.0.0/16, 10.0.0.1/8, fd00::1/8"})
    assert lines_of(said) == [f"{name}: 10.0.0.1/8 is not a network: did you mean 10.0.0.0/8?"]
    said = refusal(monkeypatch, **{name: "localhost"})
    assert lines_of(said) == [f"{name}: localhost is not a network: one reads like 192.168.10.0/24"]


def test_each_bad_setting_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(
        monkeypatch, LIKENESS_API_PORT="many", LIKENESS_TRUSTED_PROXIES="x", LIKENESS_PUBLIC_URL="y"
    )
    assert [line.partition(":")[0] for line in lines_of(said)] == [
        "LIKENESS_API_PORT",
        "LIKENESS_PUBLIC_URL",
        "LIKENESS_TRUSTED_PROXIES",
    ]


def test_the_example_of_the_environment_loads_with_every_line_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = (ROOT / ".env.example").read_text()
    lines = re.findall(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE)
    assert len(lines) > len(Settings.model_fields)
    before = load_settings()
    for name, value in lines:
        monkeypatch.setenv(name, value)
    assert load_settings() == before
    assert unknown_variables() == {}


def test_an_empty_worker_name_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_WORKER_NAME", "")
    # What asks for the heartbeat of a machine's worker goes by that.
    assert "worker_name" not in load_settings().model_fields_set


def test_variables_that_no_setting_knows_are_found_with_the_nearest_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in (
        "LIKENESS_CORS_ORIGNS",
        "LIKENESS_XYZZY_0",
        "LIKENESS_TEST_STRICT",
        "likeness_api_port",
    ):
        monkeypatch.setenv(name, "1")
    assert unknown_variables() == {
        "LIKENESS_CORS_ORIGNS": "LIKENESS_CORS_ORIGINS",
        "LIKENESS_XYZZY_0": None,
    }
    told = child_environment(Settings(state_dir=tmp_path))
    assert "LIKENESS_CORS_ORIGNS" not in told
    assert told["LIKENESS_TEST_STRICT"] == "1"
