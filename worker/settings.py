"""Owns the settings: one frozen object, read from ``LIKENESS_*`` variables once, at the entry.

Everything else receives the object; nothing else reads the environment, so that a test, a bench
and a production worker differ in what they pass and in nothing hidden.
"""

import difflib
import os
import socket
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from worker import setting_values as values
from worker.errors import SettingsError

_PREFIX = "LIKENESS_"
# Of the programs that build and test this one.
_OTHERS = ("TEST_", "TOOLS")
_LONGEST_SECONDS = 86_400.0


def _database(value: SecretStr) -> SecretStr:
    values.database(value.get_secret_value())
    return value


def _network(value: object) -> object:
    return values.network(value) if isinstance(value, str) else value


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
Address = Annotated[str, AfterValidator(values.address)]
BaseUrl = Annotated[str, AfterValidator(values.base)]
ServerUrl = Annotated[str, AfterValidator(values.server)]
Link = Annotated[str, AfterValidator(values.link)]
Origin = Annotated[str, AfterValidator(values.origin)]
Network = values.Network
Networks = Annotated[tuple[Annotated[Network, BeforeValidator(_network)], ...], NoDecode]
Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """Every setting of every program. A field's unit is in its name or in its type."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_file=None,
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        # A traceback prints the error, and the value may be a password.
        hide_input_in_errors=True,
    )

    # Where things live.
    state_dir: Path = Field(
        Path(".state"), description="Data of the embedded Postgres and of the local object store."
    )
    database_url: DatabaseUrl | None = Field(
        None, description="A Postgres server (15 to 18); empty: the embedded one under state_dir."
    )
    owner_database_url: DatabaseUrl | None = Field(
        None,
        description="The same database as its owner, for `likeness migrate` and `likeness key`;"
        " empty: as database_url has it.",
    )
    app_password: SecretStr | None = Field(
        None,
        description="Password that `likeness migrate` gives the role likeness_app, as which the API"
        " and the workers then log in; empty: the role is left as it is.",
    )
    read_database_url: DatabaseUrl | None = Field(
        None,
        description="A replica that the resolver reads; it reads the database itself while the"
        " replica is away. Empty: always.",
    )
    s3_endpoint: ServerUrl | None = Field(
        None, description="URL of an S3 server; empty: local files under state_dir."
    )
    s3_bucket: str = Field("likeness", description="Bucket of originals and renditions.")
    s3_access_key: str | None = Field(None, description="Access key of the S3 server.")
    s3_secret_key: SecretStr | None = Field(None, description="Secret key of the S3 server.")
    s3_region: str = Field("us-east-1", description="Region that requests are signed for.")

    # What the outside sees.
    api_host: str = Field("127.0.0.1", description="Address that the API listens on.")
    api_port: int = Field(8000, ge=0, le=65535, description="Port that the API listens on.")
    public_url: BaseUrl | None = Field(
        None, description="Base of the API's URLs in answers; empty: http://api_host:api_port."
    )
    rendition_base_url: BaseUrl | None = Field(
        None,
        description="Base of the renditions' URLs where a CDN or a public bucket serves them;"
        " empty: the API serves them.",
    )
    s3_public_endpoint: ServerUrl | None = Field(
        None,
        description="URL of the S3 server as browsers reach it, where the bucket is private: the"
        " API leads to renditions by URLs signed for a week; empty: it serves them.",
    )
    placeholder_url: Link | None = Field(
        None,
        description="Where the routes of plain <img> lead when there is no picture: a URL, or a"
        " path of the API's host. Empty: 404.",
    )
    service_key: SecretStr | None = Field(
        None, description="Key of callers that change state; empty: `likeness up` makes one."
    )
    url_signing_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Keys that sign proxy URLs, newest first; empty: derived from service_key."
    )
    max_request_bytes: int = Field(
        1 << 30, gt=0, description="Largest body that a feed import accepts."
    )
    api_reads: int = Field(
        default_factory=lambda: min(8, 2 * (os.cpu_count() or 1)),
        ge=1,
        le=8,
        description="Statements that one API's resolver has Postgres work on at once.",
    )
    api_drain_seconds: float = Field(
        0.0,
        ge=0,
        le=_LONGEST_SECONDS,
        description="How long an API that got SIGTERM still answers while /readyz says no.",
    )
    trusted_proxies: Networks = Field(
        (),
        description="Networks of the proxies before the API, whose X-Forwarded-For is believed:"
        " 10.0.0.0/8,...",
    )
    cors_origins: Annotated[tuple[Origin, ...], NoDecode] = Field(
        ("*",),
        description="Origins whose pages may call the API; pages of named ones may send a user's"
        " token too.",
    )
    proxy_cache_dir: Path | None = Field(
        None, description="Folder of pictures that the proxy keeps; empty: under state_dir."
    )
    proxy_cache_bytes: int = Field(
        512 << 20, ge=64 << 20, description="Most bytes that the proxy keeps there."
    )
    proxy_per_minute: int = Field(
        600, ge=1, description="Pictures a minute that one client may ask an API's proxy for."
    )
    user_jwt_secret: Annotated[SecretStr, Field(min_length=32)] | None = Field(
        None, description="Secret of users' tokens (JWT, HS256), 32 bytes or more."
    )
    user_jwks_url: Address | None = Field(
        None, description="Address of the keys of users' tokens (JWKS; RS256, ES256, EdDSA)."
    )
    user_token_issuer: str | None = Field(
        None, description="What `iss` of users' tokens must be; empty: anything."
    )
    user_token_audience: str | None = Field(
        None, description="What `aud` of users' tokens must name; empty: they must have none."
    )

    # The worker.
    worker_name: str = Field(
        default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}",
        description="Name of this worker in claims and logs; empty: host:pid.",
    )
    fetch_concurrency: int = Field(24, ge=1, description="Pictures a worker has in hand at once.")
    claim_batch: int = Field(16, ge=1, le=1000, description="Pictures a worker claims at once.")
    render_processes: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="Child processes that decode.",
    )
    lease_seconds: float = Field(
        60.0, ge=1, le=_LONGEST_SECONDS, description="How long a claim lives unless renewed."
    )
    grace_seconds: float = Field(
        20.0,
        ge=0,
        le=_LONGEST_SECONDS,
        description="How long a stopping worker may finish what is in hand.",
    )
    keep_originals: bool = Field(True, description="Keep each original beside its renditions.")
    garbage_grace_days: float = Field(
        30.0, ge=0, le=36_500, description="How long bytes that nobody shows any more are kept."
    )
    history_days: float = Field(
        365.0, ge=0, le=36_500, description="How long bytes are kept that a place showed once."
    )
    freshness_cron: str = Field(
        "0 2 * * *", description="When the day's freshness checks are planned: cron, in UTC."
    )
    freshness_requests_percent: float = Field(
        25.0, gt=0, description="Requests a day for freshness checks, in percent of all pictures."
    )
    freshness_bytes_a_day: int = Field(
        20_000_000_000, gt=0, description="Bytes a day that freshness checks may fetch."
    )
    cleanup_days: float = Field(
        90.0,
        ge=0,
        le=36_500,
        description="How long a product must be inactive or deleted before its pictures go.",
    )
    cleanup_cron: str = Field(
        "0 4 1 * *", description="When the pictures of such products go: cron, in UTC."
    )
    storage_quota_bytes: int | None = Field(
        None, gt=0, description="What the object store may hold; empty: no alert about it."
    )
    second_wave: bool = Field(
        True,
        description="Make further sizes and formats of kept originals while no picture waits.",
    )

    # Limits on what comes from outside.
    fetch_max_bytes: int = Field(50_000_000, gt=0, description="Largest picture file accepted.")
    fetch_deadline_seconds: float = Field(
        60.0,
        gt=0,
        le=_LONGEST_SECONDS,
        description="Whole time of one fetch; 30 s of silence end it sooner.",
    )
    connect_timeout_seconds: float = Field(
        10.0, gt=0, le=_LONGEST_SECONDS, description="Time to open one connection."
    )
    render_deadline_seconds: float = Field(
        20.0, gt=0, le=_LONGEST_SECONDS, description="Time to render one picture."
    )
    render_max_memory_bytes: int = Field(
        2 << 30, ge=64 << 20, description="Address space of one rendering process."
    )
    max_pixels: int = Field(
        50_000_000, gt=0, description="Pixel budget of a picture (frames x width x height)."
    )
    allowed_private_networks: Networks = Field(
        (),
        description="Private networks that sources may live in, on any port: 192.168.10.0/24,...",
    )
    allowed_ports: Annotated[tuple[Port, ...], NoDecode] = Field(
        (80, 443, 8080, 8443, 21), description="Ports that sources may use, comma-separated."
    )

    # Logs.
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a terminal, JSON lines elsewhere."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )

    @field_validator(
        "allowed_private_networks",
        "allowed_ports",
        "cors_origins",
        "trusted_proxies",
        "url_signing_keys",
        mode="before",
    )
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("freshness_cron", "cleanup_cron")
    @classmethod
    def _is_cron(cls, value: str) -> str:
        from croniter import croniter

        if not croniter.is_valid(value):
            raise ValueError("not a time in cron's words, such as 0 2 * * *")
        return value

    @field_validator(
        "database_url",
        "owner_database_url",
        "app_password",
        "user_jwt_secret",
        "user_jwks_url",
        "user_token_issuer",
        "user_token_audience",
        "s3_endpoint",
        "s3_access_key",
        "s3_secret_key",
        "public_url",
        "rendition_base_url",
        "read_database_url",
        "s3_public_endpoint",
        "placeholder_url",
        "proxy_cache_dir",
        "service_key",
        "storage_quota_bytes",
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @model_validator(mode="before")
    @classmethod
    def _empty_is_of_the_machine(cls, given: Any) -> Any:
        """Leave out what is empty and whose default the machine gives."""
        by_machine = {n for n, field in cls.model_fields.items() if field.default_factory}
        return {n: v for n, v in given.items() if v != "" or n not in by_machine}

    @property
    def api_url(self) -> str:
        """Base of the API's own URLs, without a trailing slash."""
        return (self.public_url or f"http://{self.api_host}:{self.api_port}").rstrip("/")


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment; ``overrides`` win (a command's options).

    Raises SettingsError that names each variable and what is wrong with it.
    """
    try:
        return Settings(**{k: v for k, v in overrides.items() if v is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        said: dict[str, str] = {}
        for fault in error.errors(include_input=False):
            # The first of a setting; what comes after its name is a place within its value.
            message = fault["msg"].removeprefix("Value error, ")
            said.setdefault(f"{_PREFIX}{str(fault['loc'][0]).upper()}", message)
        lines = [f"{name}: {message}" for name, message in said.items()]
        raise SettingsError("Bad settings:\n  " + "\n  ".join(lines)) from error


def unknown_variables() -> dict[str, str | None]:
    """Variables that are named like settings and are none, each with the nearest setting."""
    known = [name.upper() for name in Settings.model_fields]
    found: dict[str, str | None] = {}
    for variable in sorted(os.environ):
        # They are read whatever the case of their names.
        prefix, name = variable[: len(_PREFIX)].upper(), variable[len(_PREFIX) :].upper()
        if prefix == _PREFIX and name not in known and not name.startswith(_OTHERS):
            nearest = difflib.get_close_matches(name, known, 1)
            found[variable] = f"{_PREFIX}{nearest[0]}" if nearest else None
    return found


def as_owner(settings: Settings) -> Settings:
    """The same settings with the database as its owner: for what the programs' role may not do."""
    if settings.owner_database_url is None:
        return settings
    return settings.model_copy(update={"database_url": settings.owner_database_url})


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of a program that we start: ours, and every setting that is not a default.

    Without what no setting knows, which was told of once.
    """
    told = unknown_variables()
    return {name: value for name, value in os.environ.items() if name not in told} | {
        f"{_PREFIX}{name.upper()}": _as_variable(getattr(settings, name))
        for name in settings.model_fields_set
    }


def _as_variable(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(map(_as_variable, value))
    return "" if value is None else str(value)
