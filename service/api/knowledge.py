"""``/knowledge``: read the hierarchy, and replace it without a restart."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from knowledge.hierarchy import KnowledgeError, hierarchy_to_yaml, parse_hierarchy
from service import errors
from service.api import problems
from service.api.state import State
from service.errors import KnowledgeChanged, KnowledgeRejected

router = APIRouter(tags=["knowledge"])
YAML_TYPE = "application/yaml"


@router.get("/knowledge")
def read_knowledge(state: State, accept: Annotated[str, Header()] = "") -> Response:
    """The hierarchy in use: YAML when asked for `application/yaml`, else JSON."""
    hierarchy = state.engine.current.hierarchy
    headers = {"ETag": f'"{hierarchy.sha256}"'}
    if YAML_TYPE in accept:
        return Response(hierarchy_to_yaml(hierarchy), media_type=YAML_TYPE, headers=headers)
    return JSONResponse(hierarchy.model_dump(mode="json", exclude_defaults=True), headers=headers)


@router.put(
    "/knowledge",
    responses=problems.responses(errors.KnowledgeRejected, errors.KnowledgeChanged),
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
    request: Request, state: State, if_match: Annotated[str | None, Header()] = None
) -> JSONResponse:
    """Validate a hierarchy (YAML or JSON), embed it, and use it from now on.

    An invalid one changes nothing. A job that runs keeps the hierarchy it began with.
    """
    body = await request.body()
    sha256 = await run_in_threadpool(_replace, state, body, if_match)
    return JSONResponse({"sha256": sha256}, headers={"ETag": f'"{sha256}"'})


def _replace(state: State, body: bytes, if_match: str | None) -> str:
    expected = None if if_match in (None, "*") else str(if_match).strip('"')
    in_use = state.engine.current.hierarchy.sha256
    if expected not in (None, in_use):
        raise KnowledgeChanged(f"the hierarchy in use is {in_use[:12]}..., not {expected[:12]}...")
    try:
        hierarchy = parse_hierarchy(body, "request")
    except KnowledgeError as error:
        rejected = KnowledgeRejected(str(error))
        rejected.violations = [  # type: ignore[attr-defined]  # read by problems.describe
            {"id": v.id, "rule": v.rule, "detail": v.detail} for v in error.violations
        ]
        raise rejected from error
    state.engine.replace(hierarchy)
    return hierarchy.sha256
