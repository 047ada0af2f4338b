"""``POST /tokens``: a short-lived stand-in for a key, to be put into an address."""

from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from service.api.state import State, WhoAsks

router = APIRouter(prefix="/tokens", tags=["access"])


class TokenAnswer(BaseModel):
    """A token and its end."""

    token: str = Field(description="To be sent as `?token=` where no header can be sent.")
    expires_at: datetime


@router.post("", status_code=201)
async def issue_token(state: State, caller: WhoAsks) -> TokenAnswer:
    """A token for pictures, films, event streams, downloads and `WS /streams/score`.

    It does what the key may do, ends after ten minutes, and ends at once when the key is withdrawn.
    While keys are switched off it is not looked at.
    """
    token, expires_at = state.tokens.issue(caller.name)
    return TokenAnswer(token=token, expires_at=datetime.fromtimestamp(expires_at, UTC))
