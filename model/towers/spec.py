"""Which CLIP model, and how each open point of the paper is read: a section of the recipe."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ClipSpec(BaseModel):
    """A tower over any model of open_clip.

    The defaults are ours; the literal readings of the paper are named beside them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model_name: str = "ViT-B-32-quickgelu"
    """Architecture in open_clip, or the path of a JSON like its own; OpenAI's needs QuickGELU."""

    pretrained: str | None = None
    """Tag of open_clip (`openai`), path of a state dict, or None for random weights."""

    tokenizer: str | None = None
    """Path of a ``tokenizer.json``, for models that do not use CLIP's own byte pairs."""

    roi_agg: Literal["concat3", "mean", "role_mean"] = "concat3"
    """Eq. (7): `mean` is the literal reading, blind to which ROI is the subject."""

    box_embed: Literal["geometry8", "lxmert4"] = "geometry8"
    """Embed(Position) of Eq. (6): corners, centre and size, or LXMERT's four corners."""

    roi_view: Literal["crop", "canvas"] = "crop"
    """What f_v sees of an ROI: the crop, or a black frame with the ROI in its place."""

    union_view: Literal["crop", "rois"] = "crop"
    """What stands for the hull of a pair: a crop of its own, or the mean of its two ROIs."""

    norm: Literal["per_part", "joint"] = "per_part"
    """Eq. (5) and (8): unit halves, or one unit vector of both (literal; cannot be served)."""

    svo_context: Literal["causal", "bidirectional"] = "causal"
    """`bidirectional` drops the causal mask in the last two layers of the SVO half."""

    class_embed: bool = True
    """Whether the detector's class group joins the ROI; literal: no."""

    crop_context: float = Field(default=0.0, ge=0, le=0.5)
    """Share of its size by which an ROI is grown on each side before it is cropped."""
