"""Nano: the compact SA-CLIP student that ships inside the service.

One convolutional pass a frame; ROIs are sampled from its map instead of being cropped. The
streams that know drawn pixels are gated: in a frame unlike those, class and box geometry speak,
motion, and in stills what the detector's features have shown of real participants (`nano_look`).

Dimension letters used in this file:
    B frames, R ROIs, K pairs, T texts, C token context, W stream width, D half of the embedding,
    F feature channels, h w map size, P sampled points per ROI, M numbers of a pair's motion.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model import sa_clip
from model.towers.language_model import LanguageModel, LanguageSizes, sizes_in
from model.towers.nano_image import ImageTrunk, sample_rois, union_boxes
from model.towers.nano_look import TEXTURE, DetectorLook, look_at
from model.towers.nano_relation import RelationHead
from model.towers.nano_text import LanguageTower, TextTower
from model.towers.texture_gate import TextureGate
from service.bundle.encoder import MOTION_WIDTH

LANGUAGE_PREFIX = "text_tower.language."
GRID = 4  # points per side of an ROI
# By how many deviations a frame is nearer to the drawn frames than to the real ones: 1.33 or more
# of 99 of 100 drawn frames of other seeds.
LEAD = (0.9, 1.3)


class Nano(nn.Module):
    """The student: image trunk, relation head and text tower with one embedding space."""

    def __init__(
        self,
        vocab_size: int,
        context_length: int = 32,
        half_dim: int = 256,
        width: int = 192,
        language: LanguageSizes | None = None,
    ) -> None:
        """Draw untrained weights.

        Args:
            vocab_size: Of the tokenizer.
            context_length: Tokens of the longest text.
            half_dim: D.
            width: W.
            language: Of the language model below the text tower, whose own vocabulary and
                context count then; None where the tower learns its words itself.
        """
        super().__init__()
        self.half_dim = half_dim
        self.width = width
        self.trunk = ImageTrunk()
        self.detector_look = DetectorLook()
        self.scene_head = nn.Linear(self.trunk.deep_channels, half_dim)
        self.relation_head = RelationHead(self.trunk.map_channels, GRID, width, half_dim)
        self.text_tower: TextTower | LanguageTower
        if language is None:
            self.text_tower = TextTower(vocab_size, context_length, width)
        else:
            self.text_tower = LanguageTower(LanguageModel(language), width)
        self.text_pool = nn.Linear(width, half_dim)
        self.svo_linear = nn.Linear(width, half_dim)
        self.logit_scale = nn.Parameter(torch.tensor(2.66))  # log(1 / 0.07), as in CLIP
        # What the trunk saw in training, and what the look did: fitted once training has ended.
        self.scene_gate = TextureGate(self.trunk.texture_features, is_open=True)
        self.drawn_gate = TextureGate(TEXTURE, is_open=True)  # the same by the detector's features
        self.look_gate = TextureGate(TEXTURE, is_open=False)

    @property
    def context_length(self) -> int:
        """Tokens of the longest text."""
        tower = self.text_tower
        position = tower.position if isinstance(tower, TextTower) else tower.language.position
        return len(position)

    def encode_image(
        self,
        frames: Tensor,
        rois: Tensor,
        roi_classes: Tensor,
        pairs: Tensor,
        motion: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Embed frames and ordered ROI pairs.

        Args:
            frames: (B, H, W, 3) uint8 RGB, one size per call.
            rois: (R, 5) float32: frame index and xyxy in 0..1.
            roi_classes: (R,) int64 class groups.
            pairs: (K, 2) int64 into ``rois``; -1 as object means that there is none.
            motion: (K, M) of `service.vision.pair_motion`; all 0, or None, for stills.

        Returns:
            scene (B, D) and relation (K, D) unit vectors, and the gate, (B,): how far the frame is
            like the drawn ones, whose look the scene half knows.
        """
        feature_map, pooled, texture = self.trunk(frames)  # (B, F, h, w), (B, deep), (B, texture)
        look_map, look_texture = self.detector_look(frames)
        gate = torch.minimum(self.scene_gate(texture), self._drawn(look_texture))
        frame_of_roi = rois[:, 0].long()
        xyxy = rois[:, 1:]
        frame_of_pair = frame_of_roi[pairs[:, 0]]
        unions = union_boxes(xyxy, pairs)
        relation = self.relation_head(
            sample_rois(feature_map, frame_of_roi, xyxy, GRID),
            sample_rois(feature_map, frame_of_pair, unions, GRID),
            xyxy,
            roi_classes,
            pairs,
            _known(motion, pairs),
            gate[frame_of_roi][:, None],
            gate[frame_of_pair][:, None],
            (
                look_at(look_map, frame_of_roi, xyxy),
                look_at(look_map, frame_of_pair, unions),
                self.look_gate(look_texture)[frame_of_pair][:, None],
            ),
        )
        scene = F.normalize(self.scene_head(pooled), dim=-1)
        return scene, F.normalize(relation, dim=-1), gate

    def _drawn(self, look_texture: Tensor) -> Tensor:
        """(B,): whether frames are like drawn ones, and like them rather than like real ones."""
        drawn: Tensor = self.drawn_gate(look_texture)
        lead = self.look_gate.distance(look_texture) - self.drawn_gate.distance(look_texture)
        rather = ((lead - LEAD[0]) / (LEAD[1] - LEAD[0])).clamp(0.0, 1.0)
        knows_real = self.look_gate.limits[1] > 0
        return torch.where(knows_real, torch.minimum(drawn, rather), drawn)

    def encode_mixed(
        self,
        frames: Tensor,
        rois: Tensor,
        roi_classes: Tensor,
        pairs: Tensor,
        motion: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Embed a training batch in which only the first P scenes have pixels.

        The others train what a gated frame is left with: class and box geometry.

        Args:
            frames: (P, H, W, 3) uint8 RGB.
            rois: (R, 5) of all scenes; scenes P and later have no pixels.
            roi_classes: (R,) int64.
            pairs: (K, 2) int64.
            motion: (K, M), None where nothing is known.

        Returns:
            scene (P, D) and relation (K, D) unit vectors.
        """
        feature_map, pooled, _ = self.trunk(frames)
        frame_of_roi, xyxy = rois[:, 0].long(), rois[:, 1:]
        frame_of_pair = frame_of_roi[pairs[:, 0]]
        gates, samples = [], []
        boxes = ((frame_of_roi, xyxy), (frame_of_pair, union_boxes(xyxy, pairs)))
        for frame_index, box in boxes:
            seen = frame_index < frames.shape[0]
            sampled = sample_rois(feature_map, frame_index[seen], box[seen], GRID)
            padded = sampled.new_zeros(len(seen), sampled.shape[1])
            samples.append(padded.index_put((seen.nonzero()[:, 0],), sampled))
            gates.append(seen.to(xyxy.dtype)[:, None])
        relation = self.relation_head(
            *samples, xyxy, roi_classes, pairs, _known(motion, pairs), *gates
        )
        return F.normalize(self.scene_head(pooled), dim=-1), F.normalize(relation, dim=-1)

    def encode_text(self, tokens: Tensor, spans: Tensor) -> tuple[Tensor, Tensor]:
        """Embed descriptions.

        Args:
            tokens: (T, C) int64, 0 = padding.
            spans: (T, 3, C) averaging weights of subject, verb and object.

        Returns:
            pooled (T, D) and svo (T, D) unit vectors, the halves of Eq. (5).
        """
        return self.encode_words(sa_clip.token_outputs(self.text_tower, tokens), tokens, spans)

    def encode_words(
        self, token_output: Tensor, tokens: Tensor, spans: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The same from what the text tower says of each token, (T, C, W)."""
        used = (tokens != 0).to(token_output.dtype)[..., None]  # (T, C, 1)
        sentence = (token_output * used).sum(dim=1) / used.sum(dim=1).clamp(min=1)
        roles = sa_clip.role_outputs(token_output, spans)
        svo = sa_clip.project_svo(self.svo_linear, sa_clip.pool_roles(roles))
        return F.normalize(self.text_pool(sentence), dim=-1), F.normalize(svo, dim=-1)


def nano_of(weights: Mapping[str, Tensor], vocab_size: int, **sizes: int) -> Nano:
    """An untrained student with the text tower that weights are of."""
    return Nano(vocab_size, language=sizes_in(weights, LANGUAGE_PREFIX), **sizes)


def _known(motion: Tensor | None, pairs: Tensor) -> Tensor:
    if motion is None:
        return torch.zeros(pairs.shape[0], MOTION_WIDTH, device=pairs.device)
    return motion
