"""`/api/v1/openapi.json`: the API described in OpenAPI 3.1, made from its routes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from pydantic import TypeAdapter

from monitor.api.access import Access
from monitor.api.bodies import Error, MuteText
from monitor.api.lists import Listing
from monitor.api.responses import Answer, json_answer
from monitor.model.finding import Severity
from monitor.model.listing.locks import LockEntry
from monitor.model.listing.rls import RlsTargetEntry
from monitor.model.shape import Shape
from monitor.model.state import State

if TYPE_CHECKING:
    from monitor.api.routes import Route

_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(slots=True)
class _Schemas:
    """Collects the component schemas that references point at."""

    components: dict[str, object] = field(default_factory=dict[str, object])

    def ref(self, kind: type[Any]) -> Shape:
        """Return a reference to the schema of a model or dataclass."""
        mode = "validation" if kind.__name__.endswith("Input") else "serialization"
        schema = TypeAdapter[Any](kind).json_schema(ref_template=_REF, mode=mode)
        self.components |= cast("dict[str, object]", schema.pop("$defs", {}))
        self.components[kind.__name__] = schema
        return {"$ref": _REF.format(model=kind.__name__)}


def answer(state: State, routes: Iterable[Route]) -> Answer:
    """Make the description."""
    return json_answer(document(state.version, routes))


def document(version: str, routes: Iterable[Route]) -> Shape:
    """Return the description of these routes."""
    schemas = _Schemas()
    paths: dict[str, dict[str, object]] = {}
    for route in routes:
        operations = paths.setdefault(route.path, {})
        operations[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pgvigil",
            "version": version,
            "description": "What pgvigil has seen, and what an operator may decide.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "user": {"type": "http", "scheme": "basic"},
            },
        },
    }


_SECURITY: Mapping[Access, list[Shape]] = {
    Access.OPEN: [],
    Access.SCRAPE: [{}, {"user": []}, {"token": []}],
    Access.READ: [{}, {"user": []}, {"token": []}],
    Access.OPERATE: [{"token": []}],
}


def _operation(route: Route, schemas: _Schemas) -> Shape:
    content, schema = _content(route, schemas)
    made: Shape = {
        "summary": route.summary,
        "operationId": _identifier(route),
        "security": _SECURITY[route.access],
        "parameters": [*_in_path(route), *_in_query(route)],
        "responses": {
            "200": {"description": "OK", "content": {content: {"schema": schema}}},
            "default": {
                "description": "Why not.",
                "content": {"application/json": {"schema": schemas.ref(Error)}},
            },
        },
    }
    if route.body is not None:
        body = {"application/json": {"schema": schemas.ref(route.body)}}
        made["requestBody"] = {"required": True, "content": body}
    return made


def _identifier(route: Route) -> str:
    words = re.findall(r"\w+", route.path.replace("{", "by_"))
    return "_".join((route.method.lower(), *words)) if words else "get_page"


def _content(route: Route, schemas: _Schemas) -> tuple[str, Shape]:
    if route.listing is not None:
        return "application/json", _listed(route, route.listing, schemas)
    if route.answer is not None:
        return "application/json", schemas.ref(route.answer)
    if route.path.startswith(("/api/", "/-/")):
        is_list = route.path.endswith("/sd")
        return "application/json", {"type": "array" if is_list else "object"}
    if route.path == "/" or route.path.startswith("/runbooks/"):
        return "text/html", {"type": "string"}
    return "text/plain", {"type": "string"}


def _listed(route: Route, listing: Listing, schemas: _Schemas) -> Shape:
    row = schemas.ref(listing.row)
    if route.is_single and listing.is_unique:
        properties: dict[str, object] = {listing.one: row}
        if listing.name == "findings":
            properties |= {
                "mute": {"anyOf": [schemas.ref(MuteText), {"type": "null"}]},
                "runbook": {"type": "string"},
                "alert_severity": {"type": "string", "enum": list(Severity)},
            }
    else:
        properties = {listing.name: {"type": "array", "items": row}}
        if listing.name == "locks":
            modes = schemas.ref(LockEntry)
            properties["modes"] = {"type": "array", "items": modes}
        if listing.name == "rls":
            targets = schemas.ref(RlsTargetEntry)
            properties["targets"] = {"type": "array", "items": targets}
    return {"type": "object", "required": list(properties), "properties": properties}


def _in_path(route: Route) -> list[Shape]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(route.path)
    ]


def _in_query(route: Route) -> list[Shape]:
    listing = route.listing
    if listing is None:
        return []
    filters = ("target",) if route.is_single else listing.filters
    schemas: dict[str, Shape] = {name: {"type": "string"} for name in filters}
    if not route.is_single:
        if "severity" in schemas:
            schemas["severity"] = {"type": "string", "enum": list(Severity)}
        if listing.orders:
            schemas["order"] = {"type": "string", "enum": list(listing.orders)}
        schemas["limit"] = {"type": "integer", "minimum": 1, "default": listing.limit}
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in schemas.items()
    ]
