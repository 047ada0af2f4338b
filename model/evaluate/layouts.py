"""Eight layouts of two things: does the model tell left from right, in pictures and in words?

Clusters alone prove little: texts cluster perfectly even where pictures are matched to the wrong
one (docs/experiments.md). So the matching stands beside every cluster figure.

Dimension letters used in this file: G groups of eight pictures, N = 8 G, D embedding size.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.metrics import (
    adjusted_rand_score,
    normalized_mutual_info_score,
    silhouette_score,
)

from knowledge.entities import class_group
from model.data.records import Caption
from model.evaluate.embedders import Embedder, View
from model.synthesis.layouts import (
    NOUNS,
    NUM_OCTANTS,
    RELATIONS,
    is_held_out,
    make_layout,
    plain_captions,
)

Appearance = Literal["random", "fixed"]
APPEARANCES: tuple[Appearance, ...] = get_args(Appearance)
FIXED_NOUNS, FIXED_COLOURS = ("cube", "ball"), ("red", "blue")  # a pair that never trains
PERPLEXITY, PCA_DIMENSIONS, SEED = 30, 50, 0
FIRST_SEED = 10_000_000  # far from every seed that trains


@dataclass(frozen=True, slots=True)
class LayoutFigures:
    """What a model reached on ``items`` pictures of held-out pairs of nouns.

    Attributes:
        image_to_text: Share of pictures whose own text is the best of the eight.
        text_to_image: Share of texts whose own picture is the best of the eight.
        true_over_inverse: Share of pictures nearer to their text than to its inverse.
        octants_off: Mean number of octants by which the choice is off, 0 to 4.
        ari_images, nmi_images, silhouette_images, purity_images: Clusters of the pictures.
        ari_texts, nmi_texts, silhouette_texts, purity_texts: Clusters of the texts.
        low, high: 95 % interval of ``image_to_text`` over the groups.
    """

    items: int
    image_to_text: float
    low: float
    high: float
    text_to_image: float
    true_over_inverse: float
    octants_off: float
    ari_images: float
    nmi_images: float
    silhouette_images: float
    purity_images: float
    ari_texts: float
    nmi_texts: float
    silhouette_texts: float
    purity_texts: float

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class LayoutEmbeddings:
    """Embeddings of G groups: ``images`` and ``texts`` (G, 8, D), group by group."""

    images: NDArray[np.float32]
    texts: NDArray[np.float32]


def embed_layouts(
    embedder: Embedder, groups: int = 200, seed: int = 0, appearance: Appearance = "random"
) -> LayoutEmbeddings:
    """Draw and embed ``groups`` times all eight octants, with things that never trained together.

    Args:
        embedder: Checkpoint or bundle.
        groups: Eight pictures each.
        seed: Of the pictures.
        appearance: ``random``: held-out pairs of nouns in any colours, one wording. ``fixed``: a
            red cube and a blue ball throughout, as in the paper's Fig. 4, and all wordings; only
            here do clusters of octants have nothing else to compete with.
    """
    rng = np.random.default_rng(seed)
    pairs = [(a, b) for a in NOUNS for b in NOUNS if a != b and is_held_out(a, b)]
    views: list[View] = []
    captions: list[Caption] = []
    for number in range(groups):
        first, second = pairs[int(rng.integers(len(pairs)))]
        painted, wording = None, 0
        if appearance == "fixed":
            (first, second), painted = FIXED_NOUNS, FIXED_COLOURS
            wording = number % len(RELATIONS[0])
        for octant in range(NUM_OCTANTS):
            where = FIRST_SEED + seed * 1_000_000 + number * NUM_OCTANTS + octant
            scene = make_layout(where, "heldout", (first, second, octant), painted)
            assert scene.frame is not None
            groups_of = [class_group(name) for name in scene.class_names]
            views.append(View(scene.frame, scene.xyxy, (groups_of[0], groups_of[1])))
        captions += plain_captions(first, second, wording)
    shape = (groups, NUM_OCTANTS, -1)
    return LayoutEmbeddings(
        embedder.images(views).reshape(shape), embedder.texts(captions).reshape(shape)
    )


def layout_figures(found: LayoutEmbeddings) -> LayoutFigures:
    """All figures of one model."""
    alike = found.images @ found.texts.transpose(0, 2, 1)  # (G, picture, text)
    own = np.arange(NUM_OCTANTS)
    chosen = alike.argmax(axis=2)
    right = chosen == own
    off = np.abs(chosen - own)
    inverse = (own + NUM_OCTANTS // 2) % NUM_OCTANTS
    nearer = alike[:, own, own] > alike[:, own, inverse]
    images, texts = (part.reshape(-1, part.shape[2]) for part in (found.images, found.texts))
    labels = np.tile(own, len(found.images))
    clusters = [
        KMeans(NUM_OCTANTS, n_init=10, random_state=SEED).fit_predict(x) for x in (images, texts)
    ]
    low, high = _interval(right.mean(axis=1))
    return LayoutFigures(
        items=len(labels),
        image_to_text=float(right.mean()),
        low=low,
        high=high,
        text_to_image=float((alike.argmax(axis=1) == own).mean()),
        true_over_inverse=float(nearer.mean()),
        octants_off=float(np.minimum(off, NUM_OCTANTS - off).mean()),
        ari_images=float(adjusted_rand_score(labels, clusters[0])),
        nmi_images=float(normalized_mutual_info_score(labels, clusters[0])),
        silhouette_images=float(silhouette_score(images, labels, metric="cosine")),
        purity_images=_purity(images, labels),
        ari_texts=float(adjusted_rand_score(labels, clusters[1])),
        nmi_texts=float(normalized_mutual_info_score(labels, clusters[1])),
        silhouette_texts=float(silhouette_score(texts, labels, metric="cosine")),
        purity_texts=_purity(texts, labels),
    )


def layouts_table(found: dict[Appearance, LayoutFigures]) -> Table:
    """One line for each figure, one column for each appearance."""
    table = Table("figure", *(f"{name} appearance" for name in found))
    rows = {name: figures.as_dict() for name, figures in found.items()}
    for figure in next(iter(rows.values())):
        digits = 0 if figure == "items" else 3
        table.add_row(figure, *(f"{row[figure]:.{digits}f}" for row in rows.values()))
    return table


def draw_tsne(found: LayoutEmbeddings, title: str, out: Path, groups: int = 60) -> None:
    """t-SNE of pictures and texts side by side: ``OUT.png`` and the points as ``OUT.json``."""
    import json

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = ("right", "behind right", "behind", "behind left", "left", "front left", "front",
             "front right")  # fmt: skip
    labels = np.tile(np.arange(NUM_OCTANTS), min(groups, len(found.images)))
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    points = {}
    for axis, kind, part in zip(
        axes, ("images", "texts"), (found.images, found.texts), strict=True
    ):
        flat = part[:groups].reshape(-1, part.shape[2])
        place = tsne(flat)
        points[kind] = [[round(float(x), 3), round(float(y), 3)] for x, y in place]
        for octant in range(NUM_OCTANTS):
            chosen = labels == octant
            axis.scatter(*place[chosen].T, s=8, label=names[octant], color=f"C{octant}")
        axis.set(title=kind, xticks=[], yticks=[])
    figure.suptitle(title)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=8,
                  fontsize=7)  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out.with_suffix(".png"), dpi=80)
    pyplot.close(figure)
    content = {"octant": labels.tolist(), **points}
    out.with_suffix(".json").write_text(json.dumps(content) + "\n", encoding="utf-8")


def tsne(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, D) to (N, 2): PCA to 50 dimensions, then t-SNE of perplexity 30 with a fixed seed."""
    components = min(PCA_DIMENSIONS, *vectors.shape)
    reduced = PCA(components, random_state=SEED).fit_transform(vectors)
    perplexity = min(PERPLEXITY, max(2, len(vectors) // 4))
    place: NDArray[np.float32] = TSNE(
        perplexity=perplexity, init="pca", random_state=SEED
    ).fit_transform(reduced)
    return place


def _purity(vectors: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Share of vectors whose nearest other vector has the same label."""
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -np.inf)
    return float((labels[alike.argmax(axis=1)] == labels).mean())


def _interval(values: NDArray[np.float64], draws: int = 1000) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over groups."""
    picks = np.random.default_rng(SEED).integers(0, len(values), (draws, len(values)))
    low, high = np.quantile(values[picks].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)
