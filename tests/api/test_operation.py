"""Tests of probes, figures, pages and how the API starts and stops."""

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from api import problems, uploads
from api.app import create_app
from api.examples import EXAMPLES
from api.gallery import average_colour
from api.server import Server
from tests.api.serving import client_of, running
from tests.api.shop import Shop
from tests.sources import ROOT
from worker.errors import StaleSchema
from worker.migrate import APP_ROLE, let_programs_log_in
from worker.settings import Settings


def test_a_well_api_is_alive_and_ready(client: httpx.Client) -> None:
    assert client.get("/healthz").text == "ok\n"
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["ready"] is True
    assert {check["name"] for check in answer.json()["checks"]} == {"process", "database", "store"}


def test_a_changed_schema_makes_it_unready_and_names_the_command(
    client: httpx.Client, database: str
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("update likeness.schema_code set checksum = repeat('a', 64)")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    (problem,) = [check["problem"] for check in answer.json()["checks"] if not check["ok"]]
    assert "likeness migrate" in problem


def test_a_store_that_is_gone_makes_it_unready(
    client: httpx.Client, api_settings: Settings
) -> None:
    objects = api_settings.state_dir / "objects"
    objects.rename(objects.with_name("elsewhere"))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert [check["name"] for check in answer.json()["checks"] if not check["ok"]] == ["store"]


def test_it_refuses_to_start_on_a_stale_schema_and_names_the_command(
    empty_database: str, tmp_path: Path
) -> None:
    settings = Settings(database_url=empty_database, state_dir=tmp_path)
    with pytest.raises(StaleSchema, match="likeness migrate"):
        create_app(settings)


def test_ready_turns_false_before_it_stops_answering(shop: Shop, api_settings: Settings) -> None:
    settings = api_settings.model_copy(update={"api_drain_seconds": 2.0})
    with running(settings) as server, client_of(settings) as client:
        assert client.get("/readyz").status_code == 200
        started = time.monotonic()
        server.handle_exit(signal.SIGTERM, None)
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert client.get("/healthz").status_code == 200
        assert not server.should_exit
        while not server.should_exit:
            assert time.monotonic() - started < 10
            time.sleep(0.02)


@pytest.mark.parametrize(("role", "is_told"), [("postgres", True), (APP_ROLE, False)])
def test_an_api_that_may_alter_tables_says_so(
    capfd: pytest.CaptureFixture[str],
    shop: Shop,
    api_settings: Settings,
    role: str,
    is_told: bool,
) -> None:
    assert api_settings.database_url
    owner = api_settings.database_url.get_secret_value()
    let_programs_log_in(owner)
    url = SecretStr(make_conninfo(owner, user=role))
    with running(api_settings.model_copy(update={"database_url": url})):
        pass
    assert ("may alter tables" in "".join(capfd.readouterr())) is is_told


def test_an_interrupt_does_not_wait(server: Server) -> None:
    server.handle_exit(signal.SIGINT, None)
    assert server.should_exit


def test_without_a_database_answers_say_try_again(
    client: httpx.Client, shop: Shop, database: str
) -> None:
    product = shop.pending()
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with psycopg.connect(database, dbname="postgres", autocommit=True) as other:
        other.execute(f'alter database "{name}" allow_connections false')
        other.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = %s and application_name <> 'likeness test'",
            (name,),
        )
    answer = client.get(f"/api/products/{product}/display-url")
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:likeness:problem:unavailable"
    assert int(answer.headers["retry-after"]) >= 1
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    with psycopg.connect(database, dbname="postgres", autocommit=True) as other:
        other.execute(f'alter database "{name}" allow_connections true')
    deadline = time.monotonic() + 30
    while client.get(f"/api/products/{product}/display-url").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_metrics_tell_the_queue_and_the_requests(client: httpx.Client, shop: Shop) -> None:
    product = shop.pending()
    client.get(f"/api/products/{product}/display-url")
    client.get("/nowhere")
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == CONTENT_TYPE_LATEST
    text = answer.text
    assert 'likeness_images{state="waiting"} 1.0' in text
    assert 'likeness_hosts{status="ready"} 1.0' in text
    assert re.search(
        r'request_seconds_count\{method="GET",route="[^"]*display-url",status="200"', text
    )
    assert 'route="none",status="404"' in text
    assert "origin.example" not in text


def test_metrics_tell_of_alerts_and_of_periodic_work(client: httpx.Client, shop: Shop) -> None:
    shop.connection.execute("select likeness.note_storage(90, 1, quota_bytes => 100)")
    shop.connection.execute(
        "select likeness.register_periodic('tidy', '* * * * *', '2020-01-01', 'Tidies.')"
    )
    text = client.get("/metrics").text
    assert 'likeness_alerts{rule="storage"} 1.0' in text
    assert 'likeness_alert_value{rule="storage"} 0.9' in text
    assert 'likeness_alerts{rule="processing"} 0.0' in text
    assert 'likeness_periodic_overdue{task="tidy"} 1.0' in text


def test_the_request_id_of_a_client_is_kept_if_it_is_sound(client: httpx.Client) -> None:
    kept = client.get("/healthz", headers={"x-request-id": "abc-1.2_3"})
    other = client.get("/healthz", headers={"x-request-id": 'x" injected="1'})
    assert kept.headers["x-request-id"] == "abc-1.2_3"
    assert re.fullmatch("[0-9a-f]{32}", other.headers["x-request-id"])


def test_no_stack_trace_leaves(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("api.display.answer", explode)
    answer = client.post("/api/display-urls", json={"product_ids": []})
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:likeness:problem:internal-error"
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("DELETE", "/api/display-urls", 405),
        ("GET", "/i", 404),
        ("GET", "/openapi/nothing", 404),
        ("GET", "/openapi/nothing.json", 404),
        ("GET", "/static/nothing", 404),
        ("GET", "/static/%00", 404),
        ("GET", "/static/gallery.css%00.js", 404),
    ],
)
def test_what_matches_no_route_is_a_problem_too(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_allowed_instead_is_told(client: httpx.Client) -> None:
    refused = client.put("/api/products/1/display-url").headers["allow"]
    assert refused.split(", ") == ["GET", "HEAD", "OPTIONS"]
    assert client.get("/api/display-urls").headers["allow"] == "POST, OPTIONS"


def test_a_body_that_is_too_large_is_refused(client: httpx.Client) -> None:
    answer = client.post("/api/display-urls", content=b" " * 5_000_000)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:likeness:problem:too-large"
    assert answer.json()["detail"] == "A body may have 4,000,000 bytes here."


@pytest.mark.parametrize("odd", ["0{}", "+{}", " {}", "{}_0", "\u0661"])
def test_a_thing_has_one_address(client: httpx.Client, shop: Shop, odd: str) -> None:
    product = shop.pending()
    assert client.get(f"/api/products/{product}/display-url").status_code == 200
    answer = client.get(f"/api/products/{odd.format(product)}/display-url")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:likeness:problem:not-found"


def test_the_gallery_shows_every_state_and_no_markup_of_a_feed(
    client: httpx.Client, shop: Shop
) -> None:
    shop.pending(sku="<script>alert(1)</script>", supplier="<b>acme")
    shop.complete()
    shop.product(1, "failed", ("b.jpg",))
    shop.fail()
    shop.product(1, "waits", ("c.jpg",))
    shop.product(1, "none", ())
    answer = client.get("/gallery", params={"supplier": "<b>acme"})
    assert answer.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "<script>alert" not in answer.text
    assert "<b>acme" not in answer.text
    for word in ("Mirrored", "Failed", "Waiting", "No picture"):
        assert f">{word}</span>" in answer.text
    assert 'data-settled="no"' in answer.text
    assert client.get("/gallery", params={"supplier": "nobody"}).text.count('<li class="card') == 0


def test_pages_load_nothing_from_elsewhere(client: httpx.Client, shop: Shop) -> None:
    shop.pending()
    shop.complete()
    base = str(client.base_url).rstrip("/")
    for path in ("/", "/openapi", "/static/likeness.css", "/static/gallery.js"):
        text = client.get(path).text
        for attribute in re.findall(r'(?:\b(?:src|href|srcset)=|url\()"([^"]+)"', text):
            assert attribute.startswith(("/", "?", "#", base)), (path, attribute)


def test_all_static_files_are_served(client: httpx.Client) -> None:
    for path in (ROOT / "api/static").iterdir():
        assert client.get(f"/static/{path.name}").status_code == 200


def test_a_static_path_cannot_leave_its_folder(client: httpx.Client) -> None:
    assert client.get("/static/..%2fapp.py").status_code == 404
    assert client.get("/static/%2e%2e/app.py").status_code == 404


def test_the_openapi_description_lists_what_words_there_are(client: httpx.Client) -> None:
    schemas = client.get("/openapi/openapi.json").json()["components"]["schemas"]
    item = schemas["DisplayUrl"]["properties"]
    assert {"cached", "pending", "no-image"} < set(item["status"]["enum"])
    assert {"rendition", "proxy"} < set(item["source"]["anyOf"][0]["enum"])
    assert "zoom" in schemas["DisplayUrlsRequest"]["properties"]["context"]["enum"]
    assert schemas["LazyAnswer"]["properties"]["status"] == item["status"]


def test_the_openapi_description_tells_keys_and_problems(client: httpx.Client) -> None:
    schema = client.get("/openapi/openapi.json").json()
    assert client.get("/openapi/openapi.yaml").status_code == 200
    assert client.get("/docs").headers["location"] == "/openapi"
    assert schema["openapi"].startswith("3.1")
    assert set(schema["components"]["securitySchemes"]) == {"bearer", "api_key", "user"}
    described = {tag["name"] for tag in schema["tags"]}
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            assert operation["summary"], (method, path)
            # The page is made by tag, and each tag is explained on it.
            assert set(operation["tags"]) <= described, (method, path)
            problem_types = {
                kind
                for status, response in operation["responses"].items()
                if status >= "4" and path.startswith("/api")
                for kind in response.get("content", {})
            }
            assert problem_types <= {"application/problem+json"}, (method, path)
    assert "security" in schema["paths"]["/api/mirror"]["post"]
    assert "security" not in schema["paths"]["/api/display-urls"]["post"]
    assert "://" not in json.dumps(schema["servers"]).replace(str(client.base_url).rstrip("/"), "")


def test_the_description_holds_the_limits_that_requests_are_judged_by(client: httpx.Client) -> None:
    schema = client.get("/openapi/openapi.json").json()
    ids = schema["components"]["schemas"]["DisplayUrlsRequest"]["properties"]["product_ids"]
    assert (ids["maxItems"], ids["items"]["minimum"]) == (200, 1)
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            assert ("requestBody" in operation) <= ("413" in operation["responses"]), (method, path)
            assert ("security" in operation) <= ("401" in operation["responses"]), (method, path)
    bodies = {
        path: item["post"]["requestBody"]["required"]
        for path, item in schema["paths"].items()
        if "requestBody" in item.get("post", {})
    }
    assert {path for path, is_needed in bodies.items() if not is_needed} == {
        "/api/match-decisions/{decision_id}/undo",
        "/api/mirror",
        "/api/process-product-images",
    }
    assert "503" in schema["paths"]["/readyz"]["get"]["responses"]
    assert {"206", "304"} <= schema["paths"]["/api/images/{sha256}/{file}"]["get"][
        "responses"
    ].keys()


def test_every_body_and_every_answer_has_an_example_that_fits(client: httpx.Client) -> None:
    schema = client.get("/openapi/openapi.json").json()
    contents = [
        (f"{method} {path}", content["schema"])
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        for part in (operation.get("requestBody", {}), *operation["responses"].values())
        for kind, content in part.get("content", {}).items()
        if kind.endswith("json") and content.get("schema", {}).get("type") != "string"
    ]
    assert len(contents) > 50
    for where, found in contents:
        named = [each["$ref"] for each in (found, *found.get("oneOf", ())) if "$ref" in each]
        name = named[0].rpartition("/")[2]
        assert schema["components"]["schemas"][name]["examples"] == [EXAMPLES[name]], where
    ours: dict[str, Any] = {
        f"{kind.__module__.rpartition('.')[2]}_{kind.__name__}": kind
        for kind in (*_descendants(msgspec.Struct), uploads.UploadForm)
    }
    for name, example in EXAMPLES.items():
        (kind,) = (kind for key, kind in ours.items() if key == name or kind.__name__ == name)
        if kind is uploads.UploadForm:
            assert example.keys() == set(uploads.UploadForm.__annotations__)
        else:
            assert msgspec.to_builtins(msgspec.convert(example, kind)).keys() >= example.keys()
            if not kind.__struct_config__.forbid_unknown_fields and name != "Problem":
                assert set(kind.__struct_fields__) == example.keys(), name


def _descendants(base: Any) -> Iterator[Any]:
    for kind in base.__subclasses__():
        if kind.__module__.startswith("api."):
            yield kind
        yield from _descendants(kind)


def test_the_documentation_lists_every_type_of_problem() -> None:
    text = (ROOT / "docs/api.md").read_text()
    listed = dict(re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", text, re.MULTILINE))
    assert listed == {code: str(status) for code, (status, _) in problems.TYPES.items()}


def test_the_documentation_names_every_route(client: httpx.Client) -> None:
    text = (ROOT / "docs/api.md").read_text()
    for path in client.get("/openapi/openapi.json").json()["paths"]:
        start = path.partition("{")[0]
        assert start in text, path


def test_a_thumbhash_begins_with_its_mean_colour() -> None:
    colour = average_colour("1QcSHQRnh493V4dIh4eXh1h4kJUI")
    assert colour
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    assert max(red, green, blue) - min(red, green, blue) < 80
    assert average_colour(None) is None
    assert average_colour("x") is None
    assert average_colour("%%%") is None
