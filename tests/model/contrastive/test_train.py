"""A run of a CLIP tower: it learns, it survives a kill, and it says what is wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from model.checkpoint import CheckpointError, load_checkpoint
from model.contrastive.features import StaleFeatures
from model.contrastive.recipe import ContrastiveRecipe
from model.contrastive.train import NoSamples, load_trained, schedule, train_contrastive
from model.curation.records import TripletsError
from model.towers.clip import TowerError
from tests.builders.layout_captions import write_layouts
from tests.model.contrastive.conftest import MakeRecipe


def losses(run: Path) -> dict[int, float]:
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["step"]: row["total"] for row in map(json.loads, lines)}


def test_a_run_learns_and_leaves_all_that_is_needed(
    make_recipe: MakeRecipe, tmp_path: Path
) -> None:
    """The loss falls; the averaged tower loads; bf16 trains too."""
    recipe = make_recipe(steps=30, lr=3e-3, precision="bf16")

    train_contrastive(recipe, tmp_path)

    seen = losses(tmp_path)
    assert seen[29] < 0.7 * seen[0]
    tower, tokenizer = load_trained(recipe, tmp_path)
    assert not tower.training
    assert (tmp_path / "tokenizer.json").is_file()
    assert list((tmp_path / "tensorboard").iterdir())
    assert tokenizer.encode("a car").ids[0] == 49406


def test_resuming_is_bit_equal(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    """Stopped after 3 of 6 steps and taken up again: the same weights as without a stop."""
    recipe = make_recipe()
    train_contrastive(recipe, tmp_path / "whole")
    train_contrastive(recipe, tmp_path / "parts", stop_at=3)
    train_contrastive(recipe, tmp_path / "parts", resume=True)

    whole, parts = load_checkpoint(tmp_path / "whole"), load_checkpoint(tmp_path / "parts")
    assert parts["step"] == 6
    for part in ("model", "average"):
        for name, value in whole[part].items():
            assert torch.equal(value, parts[part][name]), name


@pytest.mark.slow
def test_a_killed_run_is_taken_up_with_the_same_losses(
    make_recipe: MakeRecipe, tmp_path: Path
) -> None:
    """SIGKILL in mid-run; the last loss is equal to the last bit."""
    recipe = make_recipe(steps=40)
    train_contrastive(recipe, tmp_path / "whole")
    content = json.loads(recipe.model_dump_json())
    (tmp_path / "recipe.yaml").write_text(json.dumps(content), encoding="utf-8")
    command = [sys.executable, "-m", "model.cli", "train", str(tmp_path / "recipe.yaml")]
    command += ["--out", str(tmp_path / "killed")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    state = tmp_path / "killed" / "state.pt"
    while not state.is_file() and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait(10)
    assert load_checkpoint(tmp_path / "killed")["step"] < 40

    subprocess.run([*command, "--resume"], env=environment, check=True, capture_output=True)

    assert losses(tmp_path / "killed")[39] == losses(tmp_path / "whole")[39]


def test_another_recipe_may_not_go_on(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    """It names the section that differs."""
    train_contrastive(make_recipe(), tmp_path, stop_at=2)

    with pytest.raises(CheckpointError, match="another `optim`"):
        train_contrastive(make_recipe(lr=1.0), tmp_path, resume=True)


def test_features_are_kept_and_stale_ones_refused(
    make_recipe: MakeRecipe, tmp_path: Path, layouts: tuple[Path, Path, Path]
) -> None:
    """A second run computes nothing; other weights are another matter."""
    recipe = make_recipe()
    train_contrastive(recipe, tmp_path, stop_at=1)
    kept = np.load(tmp_path / "features" / "scene.npy")
    assert kept.any(axis=1).all()
    stamp = (tmp_path / "features" / "features.json").stat().st_mtime_ns
    train_contrastive(recipe, tmp_path, stop_at=1)
    assert (tmp_path / "features" / "features.json").stat().st_mtime_ns == stamp

    other = recipe.model_copy(update={"data": recipe.data.model_copy(update={"seed": 5})})
    with pytest.raises(StaleFeatures, match="delete the folder"):
        train_contrastive(other, tmp_path, stop_at=1)


def test_what_cannot_be_used_is_counted(
    make_recipe: MakeRecipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing picture, a broken one, a caption beyond the context: skipped and said."""
    images, triplets, rois = write_layouts(tmp_path / "data", 8)
    (images / "00000.png").unlink()
    (images / "00001.png").write_bytes(b"no picture")
    lines = triplets.read_text(encoding="utf-8").splitlines()
    long = json.loads(lines[2])
    long["caption"] += " and" * 100
    lines[2] = json.dumps(long)
    lines[3] = json.dumps({**json.loads(lines[3]), "negatives": []})
    triplets.write_text("\n".join(lines), encoding="utf-8")
    rois.write_text("".join(rois.read_text().splitlines(keepends=True)[2:]), encoding="utf-8")
    recipe = make_recipe()
    data = recipe.data.model_copy(update={"images": images, "triplets": triplets, "rois": rois})

    train_contrastive(recipe.model_copy(update={"data": data}), tmp_path / "run", stop_at=1)

    said = capsys.readouterr().out
    for reason in ("image missing", "image not readable", "caption too long", "no hard negative"):
        assert f"'{reason}': 1" in said, said
    assert "usable=4" in said


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        ("", NoSamples, "0 triplets can be used"),
        ('{"image": "a.png"}\n', TripletsError, "triplets.jsonl:1: subject"),
        ("nonsense\n", TripletsError, "triplets.jsonl:1:"),
    ],
)
def test_bad_triplets_stop_the_run(
    make_recipe: MakeRecipe, tmp_path: Path, content: str, error: type[Exception], says: str
) -> None:
    """One line with the file and the line."""
    path = tmp_path / "triplets.jsonl"
    path.write_text(content, encoding="utf-8")
    recipe = make_recipe()
    data = recipe.data.model_copy(update={"triplets": path})

    with pytest.raises(error, match=says):
        train_contrastive(recipe.model_copy(update={"data": data}), tmp_path / "run")


@pytest.mark.parametrize(
    ("tower", "says"),
    [
        ({"model_name": "ViT-X"}, "no architecture 'ViT-X'"),
        ({"pretrained": "nobody"}, "'nobody' is no file and no tag"),
        ({"model_name": "ViT-B-32-SigLIP2-256"}, "set tower.tokenizer"),
        ({"tokenizer": "none.json"}, "none.json is not there"),
    ],
)
def test_a_tower_that_cannot_be_had(
    make_recipe: MakeRecipe, tmp_path: Path, tower: dict[str, str], says: str
) -> None:
    """Architecture, weights, tokenizer: each is named."""
    recipe = make_recipe()
    changed = ContrastiveRecipe.model_validate(
        {**recipe.model_dump(), "tower": {**recipe.tower.model_dump(), **tower}}
    )

    with pytest.raises(TowerError, match=says):
        train_contrastive(changed, tmp_path)


def test_schedule_by_hand(make_recipe: MakeRecipe) -> None:
    """2 of 6 steps warm up; the cosine is at half its height in the middle of the other 4."""
    optim = make_recipe().optim

    assert [schedule(step, optim) for step in (0, 1, 2, 4)] == pytest.approx([0.5, 1, 1, 0.5])
