"""CLIP models by their name in open_clip; the only file that imports open_clip."""

import warnings
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import huggingface_hub
import open_clip
from open_clip.constants import HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME
from open_clip.tokenizer import default_bpe
from tokenizers import Tokenizer

from model.errors import ModelError
from model.towers.clip_tokens import canonical, clip_tokenizer
from model.towers.clip_tower import ClipTower
from model.towers.spec import ClipSpec


class TowerError(ModelError):
    """A CLIP model cannot be built or its weights cannot be loaded."""


def build_clip_tower(spec: ClipSpec) -> ClipTower:
    """Build the model of a recipe and load its weights.

    Raises:
        TowerError: The architecture is unknown, or the weights cannot be had or do not fit.
    """
    name = _known_name(spec)
    is_file = spec.pretrained is not None and Path(spec.pretrained).is_file()
    if spec.pretrained is not None and not is_file:
        tags = open_clip.list_pretrained_tags_by_model(spec.model_name)
        if spec.pretrained not in tags:
            raise TowerError(
                f"pretrained: {spec.pretrained!r} is no file and no tag of {spec.model_name}"
                f" (tags: {', '.join(tags) or 'none'})"
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of timm and huggingface_hub, about their own code
            clip = open_clip.create_model(name, pretrained=spec.pretrained, force_custom_text=True)
    except Exception as error:  # open_clip raises whatever its downloads and loaders raise
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TowerError(f"{spec.model_name}, weights {spec.pretrained}: {first}") from error
    return tower_of(spec, clip)


def load_tokenizer(spec: ClipSpec) -> Tokenizer:
    """The tokenizer file of a recipe's model.

    Raises:
        TowerError: It is neither CLIP's own nor a file that is there.
    """
    config = open_clip.get_model_config(_known_name(spec)) or {}
    text = config.get("text_cfg", {})
    if spec.tokenizer is not None:
        if not Path(spec.tokenizer).is_file():
            raise TowerError(f"tokenizer: {spec.tokenizer} is not there")
        tokenizer = Tokenizer.from_file(spec.tokenizer)
        is_canonical = text.get("tokenizer_kwargs", {}).get("clean") == "canonicalize"
        return canonical(tokenizer) if is_canonical else tokenizer
    name = text.get("hf_tokenizer_name")
    if name is not None:
        raise TowerError(
            f"{spec.model_name} needs the tokenizer of {name}: set tower.tokenizer to its "
            "tokenizer.json"
        )
    return clip_tokenizer(Path(default_bpe()))


def weights_address(spec: ClipSpec) -> str | None:
    """Where a tag's weights come from; None for files that are here already or random weights.

    Raises:
        TowerError: The tag is unknown.
    """
    if spec.pretrained is None or Path(spec.pretrained).is_file():
        return None
    config = open_clip.get_pretrained_cfg(_known_name(spec), spec.pretrained)
    if not config:
        raise TowerError(f"pretrained: {spec.pretrained!r} is no file and no tag")
    # open_clip's own order: the hub before the maker's address.
    if config.get("hf_hub"):
        repository, _, file = str(config["hf_hub"]).rpartition("/")
        names = (file,) if file else (HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME)
        cached = (huggingface_hub.try_to_load_from_cache(repository, name) for name in names)
        is_here = any(isinstance(found, str) for found in cached)
        return None if is_here else str(huggingface_hub.constants.ENDPOINT)
    url = str(config["url"])
    is_here = (Path.home() / ".cache" / "clip" / Path(urlsplit(url).path).name).is_file()
    return None if is_here else url


def _known_name(spec: ClipSpec) -> str:
    """The architecture's name in open_clip, to which a JSON file of one's own is added first."""
    name = spec.model_name
    if name.endswith(".json"):
        if not Path(name).is_file():
            raise TowerError(f"model_name: {name} is not there")
        open_clip.add_model_config(Path(name))
        name = Path(name).stem
    if name not in open_clip.list_models():
        raise TowerError(f"model_name: open_clip has no architecture {spec.model_name!r}")
    return name


def tower_of(spec: ClipSpec, clip: Any) -> ClipTower:
    """Wrap a model that open_clip has made.

    Raises:
        TowerError: Its text tower cannot give token outputs.
    """
    if getattr(clip, "text", None) is None or not hasattr(clip.text, "token_embedding"):
        raise TowerError(f"{spec.model_name}: only open_clip's own text transformers are supported")
    if clip.text.cls_emb is not None:
        raise TowerError(f"{spec.model_name}: text towers with a class token are not supported")
    preprocess = open_clip.get_model_preprocess_cfg(clip)
    size = preprocess["size"]
    side = int(size[0] if isinstance(size, tuple | list) else size)
    mean, std = tuple(preprocess["mean"]), tuple(preprocess["std"])
    return ClipTower(spec, clip, side, cast(tuple[float, ...], mean), cast(tuple[float, ...], std))
