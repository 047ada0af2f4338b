"""CLIP and YOLO11n from their makers, exported and installed as a bundle, in one command."""

import socket
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import structlog

from model.assemble_clip import assemble_clip_bundle
from model.detector.yolo import yolo_address
from model.errors import ModelError
from model.towers.clip import build_clip_tower, load_tokenizer, weights_address
from model.towers.spec import ClipSpec

REACH_S = 5.0
log = structlog.get_logger()


class NotReachable(ModelError):
    """The weights cannot be downloaded from here."""


def pull(out: Path, spec: ClipSpec, yolo: str) -> Path:
    """Download, export and install.

    Args:
        out: Bundle folder to write.
        spec: Which CLIP model and weights.
        yolo: Weights for ultralytics.

    Raises:
        NotReachable: There is no way to the weights; nothing was changed.
    """
    for address in (weights_address(spec), yolo_address(yolo)):
        if address is not None:
            check_reachable(address)
    log.info("downloading", model=spec.model_name, weights=spec.pretrained, detector=yolo)
    tower = build_clip_tower(spec)
    sources = [
        {
            "name": f"{spec.model_name} {spec.pretrained}",
            "licence": "see its makers",
            "use": "towers",
        },
        {"name": yolo, "licence": "AGPL-3.0 or a licence of Ultralytics", "use": "detector"},
    ]
    assemble_clip_bundle(out, spec.model_name.lower(), tower, load_tokenizer(spec), sources, yolo)
    return out


def check_reachable(address: str) -> None:
    """Say within seconds when there is no network, instead of retrying for minutes.

    Raises:
        NotReachable: Naming the host.
    """
    parts = urlsplit(_proxy_for(address) or address)
    host, port = parts.hostname or address, parts.port or (80 if parts.scheme == "http" else 443)
    try:
        socket.create_connection((host, port), REACH_S).close()
    except OSError as error:
        reason = error.strerror or str(error) or "no answer"
        raise NotReachable(
            f"pull: {host} cannot be reached ({reason}); nothing was changed"
        ) from error


def _proxy_for(address: str) -> str | None:
    """The proxy through which an address is asked for, if any."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    proxy = getproxies().get(parts.scheme)
    return None if proxy is None or proxy_bypass(host) else proxy
