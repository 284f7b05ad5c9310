"""Measurements between results: near-duplicates among pictures, differences between texts."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from viralai_sdk.compare.decode.pictures import decode_picture
from viralai_sdk.compare.metrics.texts import words_of
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.responses import Response

K = TypeVar("K", bound=Hashable)

ALIKE = 6
"""Bits of 64 in which the hashes of near-duplicates differ at most."""
_NOISE = 2
"""Steps of brightness, of 255, up to which a difference may be the noise of an encoder and counts for nothing."""
_SHADE = 16.0
"""Mean difference of colour, of 255, from which two pictures are not the same whatever their hashes say: all flat ones hash alike."""
MAX_WORDS = 4000


@dataclass(frozen=True, slots=True)
class NearDuplicate(Generic[K]):
    """Two results that show nearly the same. `distance` counts differing bits of 64.

    It finds copies, nothing else: a sharp picture and its strong blur have distance 0, so it says nothing about quality.
    """

    first: K
    second: K
    distance: int


def near_duplicates(responses: Mapping[K, Response], *, distance: int = ALIKE) -> list[NearDuplicate[K]]:
    """Pairs whose first pictures are nearly the same, the nearest first: an arm that answers every prompt alike, or two doors to one model.

    Args:
        responses: picture responses by any name, such as that of the arm.
        distance: most differing bits of the 64-bit difference hash.

    Raises:
        InvalidRequestError: one is no picture response.
        AIError: a picture is gone or cannot be decoded.
    """
    prints = {name: _print_of(response) for name, response in responses.items()}
    found = []
    for (one, (steps, shades)), (other, (more, others)) in combinations(prints.items(), 2):
        bits_apart = hash_distance(steps, more)
        if bits_apart <= distance and float(np.abs(shades - others).mean()) < _SHADE:
            found.append(NearDuplicate(one, other, bits_apart))
    return sorted(found, key=lambda pair: pair.distance)


def _print_of(response: Response) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    if not isinstance(response, ImageGenerationResponse) or response.first_image is None:
        raise InvalidRequestError(f"near-duplicates are looked for among pictures, not in a {type(response).__name__}.")
    image = decode_picture(Path(response.first_image), 256).image
    return difference_steps(image), np.asarray(image.resize((4, 4), Image.Resampling.BOX), np.float64)


def difference_steps(image: Image.Image) -> NDArray[np.int16]:
    """How much brighter each of 8 by 8 places is than its right neighbour; their signs are the difference hash (dHash)."""
    small = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), np.int16)
    return np.asarray(small[:, :-1] - small[:, 1:])


def hash_distance(one: NDArray[np.int16], other: NDArray[np.int16]) -> int:
    """Differing bits of 64. Where both pictures are flat, the sign is noise and no difference."""
    told = np.maximum(np.abs(one), np.abs(other)) > _NOISE
    return int((((one > 0) != (other > 0)) & told).sum())


def text_difference(first: str, second: str) -> float:
    """Share of words that differ, 0 (the same) to 1 (nothing in common), by the longest common runs; of long texts, of their beginnings.

    Scripts that do not separate words are compared by character.
    """
    one, other = (_parts(text) for text in (first, second))
    if not one and not other:
        return 0.0
    return 1 - difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _parts(text: str) -> list[str]:
    words: Iterable[str] | None = words_of(text)
    return list(words if words is not None else text)[:MAX_WORDS]
