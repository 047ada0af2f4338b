"""The look at an upload: bounded in time, and in how many there are at once."""

import time
from pathlib import Path

import anyio
import pytest

from service.api.probes import Probe
from service.errors import Overloaded, VideoNotDecodable
from service.settings import Settings
from tests.builders.footage import street, street_clip
from tests.hostile.clips import encode, no_picture

# A busy host must not make the decoder look as if it hung, nor the clip's length decide.
SETTINGS = Settings(_env_file=None, decode_stall_seconds=280, max_video_seconds=1e9)


@pytest.fixture(scope="module")
def junk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip in which a decoder searches for its first frame for a long time."""
    path = tmp_path_factory.mktemp("junk") / "junk.avi"
    path.write_bytes(no_picture(encode("avi", "mpeg4", [street()]), "avi", 3_000_000).data)
    return path


def test_a_search_without_end_is_ended(junk: Path) -> None:
    """By its CPU time it is the clip's fault, and the same on a busy host."""
    with pytest.raises(VideoNotDecodable, match="more CPU time than it may on its first frame"):
        anyio.run(Probe(SETTINGS, cpu_s=1, limit_s=250).check, junk)


def test_a_look_that_takes_too_long_is_not_the_fault_of_the_clip(junk: Path) -> None:
    """Where its CPU time is not yet spent, others keep the host busy: come back later."""
    started = time.monotonic()

    with pytest.raises(Overloaded, match=r"within 0\.5 s: this host is busy"):
        anyio.run(Probe(SETTINGS, limit_s=0.5).check, junk)

    assert time.monotonic() - started < 20


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_good_clip_beside_it_has_its_place_or_is_told_to_come_back(
    junk: Path, tmp_path: Path, at_once: int
) -> None:
    """With two places it passes; with one it waits no longer than it may."""
    good = street_clip(tmp_path / "good.mp4")
    probe = Probe(SETTINGS, at_once=at_once, patience_s=0.5, cpu_s=2, limit_s=250)

    async def beside_junk() -> str:
        refused = ""

        async def hold_a_place() -> None:
            with pytest.raises(VideoNotDecodable):
                await probe.check(junk)

        async with anyio.create_task_group() as group:
            group.start_soon(hold_a_place)
            await anyio.sleep(0.1)
            try:
                await probe.check(good)
            except Overloaded as error:
                refused = str(error)
        await probe.check(good)  # the place is free again
        return refused

    refused = anyio.run(beside_junk)

    assert ("1 at once is the limit); this one waited 0.5 s" in refused) == (at_once == 1)
    assert (refused == "") == (at_once == 2)
