"""Owns the description of the API: OpenAPI as JSON and YAML, and a page to read, all from here.

The page is plain HTML made of the same schema; nothing of it is loaded from another server.
"""

from typing import Any

from litestar import Response, Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import License, Server, Tag

from api.access import COMPONENTS
from api.description import complete
from api.gallery import POLICY
from api.parameters import AnyRequest
from api.problems import problem
from worker.settings import Settings

# Of the contract, not of the program: it changes when a client may have to.
CONTRACT_VERSION = "1"
_TAGS = {
    "display": "Which URL shows a product right now.",
    "names": "Stable addresses that redirect to what shows now.",
    "bytes": "Pictures by content, and through the proxy.",
    "lazy": "A picture wanted now.",
    "runs": "Mirroring many products.",
    "feeds": "Suppliers, datasets, products in.",
    "products": "Pictures of a product.",
    "matching": "What is the same thing, and who says so.",
    "changes": "Another picture at the same address: what a person decides.",
    "users": "Pictures that users keep.",
    "operation": "Probes and figures.",
}


class Json(JsonRenderPlugin):
    """The schema for programs."""

    def render(self, request: AnyRequest, openapi_schema: dict[str, Any]) -> bytes:
        return super().render(request, _completed(request, openapi_schema))


class Yaml(YamlRenderPlugin):
    """The same in YAML."""

    def render(self, request: AnyRequest, openapi_schema: dict[str, Any]) -> bytes:
        return super().render(request, _completed(request, openapi_schema))


def _completed(request: AnyRequest, schema: dict[str, Any]) -> dict[str, Any]:
    state = request.app.state
    if "description" not in state:
        state.description = complete(schema)
    found: dict[str, Any] = state.description
    return found


class ReferencePage(OpenAPIRenderPlugin):
    """The schema as a page."""

    def render(self, request: AnyRequest, openapi_schema: dict[str, Any]) -> bytes:
        openapi_schema = _completed(request, openapi_schema)
        engine = request.app.template_engine
        assert engine is not None
        page: str = engine.get_template("reference.html").render(
            schema=openapi_schema, tags=_TAGS, by_tag=_by_tag(openapi_schema)
        )
        return page.encode()


def _by_tag(schema: dict[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {tag: [] for tag in _TAGS}
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and operation.get("tags"):
                found[operation["tags"][0]].append((method.upper(), path, operation))
    return found


async def _finish(response: Response[Any]) -> Response[Any]:
    if response.status_code == 404:
        # Litestar tells in HTML what it does not find here.
        raise problem("not-found", "The description is at /openapi/openapi.json.")
    response.set_header("content-security-policy", POLICY)
    response.set_header("x-content-type-options", "nosniff")
    return response


def openapi_config(settings: Settings) -> OpenAPIConfig:
    """/openapi/openapi.json, /openapi/openapi.yaml and /openapi, which /docs leads to."""
    return OpenAPIConfig(
        title="Likeness",
        version=CONTRACT_VERSION,
        description="Mirrors, matches and serves product pictures. Failures are problem+json"
        " (RFC 9457) with a stable type.",
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        servers=[Server(url=settings.api_url)],
        components=COMPONENTS,
        tags=[Tag(name=name, description=text) for name, text in _TAGS.items()],
        openapi_router=Router(
            "/openapi", route_handlers=[], after_request=_finish, include_in_schema=False
        ),
        render_plugins=[
            ReferencePage(path="/"),
            Json(),
            Yaml(),
        ],
    )
