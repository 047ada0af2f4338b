"""``/knowledge``: read the hierarchy of descriptions, and replace it without a restart."""

from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse

from knowledge.hierarchy import KnowledgeError, hierarchy_to_yaml, parse_hierarchy
from service import errors
from service.api import problems
from service.api.schemas import KnowledgeAccepted
from service.api.state import Shared, State

router = APIRouter(tags=["knowledge"])

MAX_BODY_BYTES = 1024**2
YAML_TYPE = "application/yaml"
SHA256_HEADER = {"ETag": {"description": "The content's SHA-256.", "schema": {"type": "string"}}}
IfMatch = Annotated[str | None, Header(description="The `ETag` that the change was made from.")]


@router.get(
    "/knowledge",
    response_class=JSONResponse,
    responses={
        200: {
            "description": "The hierarchy in service.",
            "headers": SHA256_HEADER,
            "content": {
                "application/json": {"schema": {"type": "object"}},
                YAML_TYPE: {"schema": {"type": "string"}},
            },
        }
    },
)
def read_knowledge(state: State, accept: Annotated[str, Header()] = "") -> Response:
    """The hierarchy in service: YAML for `Accept: application/yaml`, else JSON."""
    hierarchy = state.engine.current.hierarchy
    headers = {"ETag": f'"{hierarchy.sha256}"', "Vary": "Accept"}
    if "yaml" in accept:
        return Response(hierarchy_to_yaml(hierarchy), media_type=YAML_TYPE, headers=headers)
    content: dict[str, Any] = hierarchy.model_dump(mode="json", exclude_defaults=True)
    return JSONResponse(content, headers=headers)


@router.put(
    "/knowledge",
    response_model=KnowledgeAccepted,
    responses={
        200: {"description": "It is in service.", "headers": SHA256_HEADER},
        **problems.responses(
            errors.KnowledgeRejected, errors.KnowledgeChanged, errors.UploadTooLarge
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                YAML_TYPE: {"schema": {"type": "string"}},
                "application/json": {"schema": {"type": "object"}},
            },
        }
    },
)
async def replace_knowledge(
    request: Request, state: State, response: Response, if_match: IfMatch = None
) -> KnowledgeAccepted:
    """Check a hierarchy (YAML or JSON), embed its texts, and use it from now on.

    An invalid one changes nothing. A running job keeps the hierarchy it began with. The accepted
    file is kept in the data folder and used after a restart.
    """
    body = await request.body()
    # Embedding takes a second or two, so it has a thread; no frame request waits for it.
    accepted = await anyio.to_thread.run_sync(_replace, state, body, if_match)
    response.headers["ETag"] = f'"{accepted.sha256}"'
    return accepted


def _replace(state: Shared, body: bytes, if_match: str | None) -> KnowledgeAccepted:
    try:
        hierarchy = parse_hierarchy(body, "request")
    except KnowledgeError as error:
        summary = f"{len(error.violations)} broken rules, the first: {error.violations[0]}"
        raise errors.KnowledgeRejected(summary, error.violations) from error
    state.engine.replace(hierarchy, body, _digests(if_match))
    return KnowledgeAccepted(
        sha256=hierarchy.sha256, leaves=len(hierarchy.leaves), descriptions=len(hierarchy.flat)
    )


def _digests(if_match: str | None) -> frozenset[str] | None:
    """The digests of an ``If-Match`` header; None when any will do."""
    if if_match is None or if_match.strip() == "*":
        return None
    return frozenset(tag.strip().removeprefix("W/").strip('"') for tag in if_match.split(","))
