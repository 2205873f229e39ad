"""Owns what Litestar leaves out of the API's description: limits of types, answers, examples.

msgspec judges every body, so its own account of a type is the true one: Litestar's forgets the
limits of a list's items, those that are 0, and which values an optional field takes.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from api.examples import EXAMPLES
from api.parameters import BIGGEST_ID

_REF = "#/components/schemas/{name}"
_TOO_LARGE = {
    "description": "The body is too large.",
    "content": {
        "application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}},
    },
}


def complete(schema: dict[str, Any]) -> dict[str, Any]:
    """The description with msgspec's account of our types, examples, and 413 for every body."""
    components = schema["components"]
    ours = [
        struct for struct in _structs(msgspec.Struct) if struct.__name__ in components["schemas"]
    ]
    _, precise = msgspec.json.schema_components(ours, ref_template=_REF)
    schemas = components["schemas"] | precise
    schemas |= {
        name: schemas[name] | {"examples": [example]}
        for name, example in EXAMPLES.items()
        if name in schemas
    }
    paths = {
        path: {method: _with_limits(operation) for method, operation in item.items()}
        for path, item in schema["paths"].items()
    }
    return schema | {"components": components | {"schemas": schemas}, "paths": paths}


def _with_limits(operation: Any) -> Any:
    if not isinstance(operation, dict):
        return operation
    parameters = [
        parameter | {"schema": _with_whole_numbers(parameter.get("schema", {}))}
        for parameter in operation.get("parameters", [])
    ]
    described = operation | {"parameters": parameters}
    if "requestBody" in operation:
        body = operation["requestBody"]
        schemas = [content["schema"] for content in body["content"].values()]
        # Litestar calls every body required: one that may be null may be left out.
        is_needed = not any({"type": "null"} in schema.get("oneOf", []) for schema in schemas)
        described["requestBody"] = body | {"required": is_needed}
        described["responses"] = {"413": _TOO_LARGE} | operation["responses"]
    return described


def _with_whole_numbers(schema: dict[str, Any]) -> dict[str, Any]:
    """Limits as they are: as a float, the biggest key is one more than the biggest key."""
    bounds = {
        name: min(int(schema[name]), BIGGEST_ID)
        for name in ("minimum", "maximum")
        if name in schema
    }
    return schema | bounds


def _structs(base: type[Any]) -> Iterator[type[Any]]:
    """Every type of an answer or a body that the API's modules define."""
    for found in base.__subclasses__():
        if found.__module__.startswith("api."):
            yield found
        yield from _structs(found)
