"""CLIP towers: what they share with open_clip, which ROI is the subject, what is missing."""

import json
import os
from pathlib import Path

import open_clip
import pytest
import torch
from open_clip.tokenizer import SimpleTokenizer, canonicalize_text, default_bpe
from tokenizers import Tokenizer, models, normalizers, processors, trainers
from torch import Tensor

from knowledge.hierarchy import load_hierarchy
from model.towers.attention import export_attention
from model.towers.clip import TowerError, build_clip_tower, load_tokenizer, tower_of
from model.towers.clip_tokens import clean_caption, clip_tokenizer
from model.towers.clip_tower import ClipTower
from model.towers.spec import ClipSpec
from service.bundle.text import token_spans

TINY = str(Path(__file__).parents[3] / "model" / "recipes" / "tiny_clip.json")
FRAMES = torch.randint(0, 256, (1, 60, 80, 3), dtype=torch.uint8, generator=torch.manual_seed(0))
ROIS = torch.tensor([[0, 0.1, 0.1, 0.4, 0.6], [0, 0.5, 0.3, 0.9, 0.9]])
CLASSES = torch.tensor([3, 1])
TEXTS = [
    "It's 24\u00b0C \u2014 na\u00efve caf\u00e9, don't!",
    "\ufb01ne \u0130stanbul Stra\u00dfe",
    "a\tb\nc 123",
    "\u65e5\u672c\u8a9e 5",
    "'S 'LL they'Re",
    "emoji \U0001f600 ok",
]


def tower(**changes: object) -> ClipTower:
    torch.manual_seed(0)
    return build_clip_tower(ClipSpec.model_validate({"model_name": TINY, **changes})).eval()


def relation(model: ClipTower, pairs: list[list[int]]) -> Tensor:
    with torch.no_grad():
        return model.encode_image(FRAMES, ROIS, CLASSES, torch.tensor(pairs))[1]


def captions(model: ClipTower, texts: list[str]) -> Tensor:
    tokenizer = clip_tokenizer(Path(default_bpe()))
    tokens = torch.zeros(len(texts), model.context_length, dtype=torch.int64)
    for row, text in enumerate(texts):
        ids = tokenizer.encode(text).ids
        tokens[row, : len(ids)] = torch.tensor(ids)
    return tokens


def test_tokens_are_open_clip_s() -> None:
    """On odd texts, the hierarchy's sentences, and real captions where there are some."""
    ours, theirs = clip_tokenizer(Path(default_bpe())), SimpleTokenizer()
    texts = [*TEXTS, *(d.text for d in load_hierarchy().flat)]
    folder = Path(os.environ.get("SACLIP_TEST_DATA", "nowhere")) / "flickr8k" / "captions.jsonl"
    if folder.is_file():
        rows = [json.loads(line) for line in folder.read_text(encoding="utf-8").splitlines()[:400]]
        texts += [caption for row in rows for caption in row["captions"]]

    for text in texts:
        ids = ours.encode(clean_caption(text)).ids
        assert ids == [theirs.sot_token_id, *theirs.encode(text), theirs.eot_token_id], text


@pytest.mark.slow
def test_an_untrained_tower_is_clip(tmp_path: Path) -> None:
    """ViT-B-32 from a state dict in the published layout: logits of the pooled half to 1e-4."""
    torch.manual_seed(1)
    theirs = open_clip.create_model("ViT-B-32-quickgelu", pretrained=None).eval()
    torch.save(theirs.state_dict(), tmp_path / "clip.pt")
    ours = build_clip_tower(ClipSpec(pretrained=str(tmp_path / "clip.pt"))).eval()
    pixels = torch.nn.functional.interpolate(
        FRAMES.permute(0, 3, 1, 2).float(), size=(224, 224), mode="bilinear", antialias=True
    )
    tokens = captions(ours, ["a car hits a pole", "a dog on a sofa"])

    with torch.no_grad():
        image = theirs.encode_image((pixels - ours.mean) / ours.std, normalize=True)
        wanted = 100 * image @ theirs.encode_text(tokens, normalize=True).T
        scene, first, gate = ours.encode_image(FRAMES, ROIS, CLASSES, torch.tensor([[0, 1]]))
        spans = torch.zeros(2, 3, 77)
        spans[:, :, 1] = 1
        pooled, svo = ours.encode_text(tokens, spans)

    assert torch.allclose(100 * scene @ pooled.T, wanted, atol=1e-4)
    assert gate.tolist() == [1]
    crops = ours.frozen_features(FRAMES, ROIS, torch.tensor([[0, 1]]))
    unit = torch.nn.functional.normalize
    start = unit(0.25 * unit(crops.roi[:1]) + 0.25 * unit(crops.roi[1:]) + 0.5 * unit(crops.union))
    assert torch.allclose(first, start, atol=1e-5)  # the relation half starts in CLIP's own space
    assert svo.shape == (2, 512)


@pytest.mark.parametrize(
    ("roi_agg", "is_blind"), [("mean", True), ("concat3", False), ("role_mean", False)]
)
def test_a_mean_of_rois_is_blind_to_roles(roi_agg: str, is_blind: bool) -> None:
    """Eq. (7) read literally: exchanging subject and object changes nothing."""
    model = tower(roi_agg=roi_agg)
    torch.manual_seed(5)
    for parameter in model.relation_head.parameters():
        torch.nn.init.normal_(parameter, std=0.2)  # what training could make of it

    there, back = relation(model, [[0, 1], [1, 0]])

    assert torch.allclose(there, back, atol=1e-6) == is_blind


@pytest.mark.parametrize(
    "change",
    [{}, {"box_embed": "lxmert4"}, {"roi_view": "canvas"}, {"union_view": "rois"},
     {"class_embed": False}, {"crop_context": 0.15}, {"svo_context": "bidirectional"}],
)  # fmt: skip
def test_every_reading_gives_unit_halves(change: dict[str, object]) -> None:
    """With an object and without one."""
    model = tower(**change)
    tokens = captions(model, ["a car hits a pole"])
    spans = torch.zeros(1, 3, model.context_length)
    spans[:, :, 2] = 1

    found = relation(model, [[0, 1], [1, -1]])
    with torch.no_grad():
        halves = [*model.encode_text(tokens, spans), found]

    for half in halves:
        assert torch.allclose(half.norm(dim=-1), torch.ones(len(half)), atol=1e-5)


def test_bidirectional_context_lets_the_subject_see_its_object() -> None:
    """With the causal mask r_s sees its prefix alone; the pooled half stays CLIP's."""
    causal, both = tower(), tower(svo_context="bidirectional")
    spans = torch.zeros(2, 3, causal.context_length)
    spans[:, :, 2] = 1  # "car" is the role of all three
    tokens = captions(causal, ["a car hits a pole", "a car hits a dog"])

    with torch.no_grad():
        (pooled, one), (same, two) = (m.encode_text(tokens, spans) for m in (causal, both))

    assert torch.allclose(one[0], one[1], atol=1e-6)
    assert not torch.allclose(two[0], two[1], atol=1e-4)
    assert torch.allclose(pooled, same, atol=1e-6)


def test_joint_norm_leaves_the_halves_as_they_are() -> None:
    """They are brought to length together, in the loss."""
    assert not torch.allclose(
        relation(tower(norm="joint"), [[0, 1]]).norm(dim=-1), torch.ones(1), atol=1e-3
    )


@pytest.mark.parametrize("is_fused", [True, False])
def test_exported_attention_is_the_same_attention(is_fused: bool) -> None:
    """Two blocks of the image tower, two of the text tower."""
    model = tower()
    before = relation(model, [[0, 1]])

    assert export_attention(model.visual, is_fused) == 2
    assert export_attention(model.text, is_fused=False) == 2
    assert torch.allclose(relation(model, [[0, 1]]), before, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileCLIP2-S0", "ViT-B-32-SigLIP2-256"])
def test_other_families_build(name: str) -> None:
    """Convolutional and SigLIP towers, whose text towers are not causal."""
    model = build_clip_tower(ClipSpec(model_name=name)).eval()

    assert relation(model, [[0, 1], [0, -1]]).shape == (2, model.half_dim)


def test_a_text_tower_without_tokens_is_refused() -> None:
    """CoCa's class token is one; a model without a text transformer another."""
    with pytest.raises(TowerError, match="text transformers"):
        tower_of(ClipSpec(model_name=TINY), torch.nn.Identity())


def test_clip_s_own_tokenizer_is_the_default() -> None:
    """And ends with the end token."""
    assert load_tokenizer(ClipSpec()).encode("a car").ids[-1] == 49407


def gemma_like(folder: Path) -> str:
    """A tokenizer of SigLIP2's kind: byte fallback, visible space, capitals kept, an end token."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))  # noqa: S106
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    special = ["<pad>", "<eos>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([d.text.lower() for d in load_hierarchy().flat], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", 1)]
    )
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return str(path)


def test_siglip_s_tokenizer_gets_siglip_s_cleaning(tmp_path: Path) -> None:
    """Ids as of the text that open_clip would hand it; spans as of the text as given."""
    name, path = "ViT-B-32-SigLIP2-256", gemma_like(tmp_path)
    plain = Tokenizer.from_file(path)
    tokenizer = load_tokenizer(ClipSpec(model_name=name, tokenizer=path))
    texts = ["A CAR, a_pole  & (it's) 5 o'clock! ", *(d.text for d in load_hierarchy().flat)]

    for text in texts:
        assert tokenizer.encode(text).ids == plain.encode(canonicalize_text(text)).ids, text
    text = "It's: a CAR!"
    encoding = tokenizer.encode(text)
    weights = token_spans(encoding.offsets, [(8, 11), (8, 11), (8, 11)], 64)
    picked = [encoding.offsets[i] for i in weights[0].nonzero()[0]]
    assert {text[low:high].strip() for low, high in picked} <= {"CAR", "C", "A", "R", "CA", "AR"}
    assert "".join(text[low:high] for low, high in picked).strip() == "CAR"


def test_without_its_tokenizer_siglip_is_refused() -> None:
    """Its file lies with its makers."""
    with pytest.raises(TowerError, match=r"set tower\.tokenizer"):
        load_tokenizer(ClipSpec(model_name="ViT-B-32-SigLIP2-256"))
