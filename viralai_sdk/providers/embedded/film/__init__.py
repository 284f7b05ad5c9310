"""Films by rules, not by a model: stills from any painter, camera moves, cross-fades, narration, captions and a quiet
pad.

Pure: numpy and Pillow, PyAV when it is there. Imports nothing else of the SDK, so that any painter and any voice can
be put in.
"""

from .captions import captions_srt, captions_vtt
from .plan import (
    ENGINE,
    Film,
    FilmPlan,
    FilmPlanError,
    Narration,
    NoVideoEncoderError,
    Painter,
    ProgressFn,
    TimedWord,
)
from .shoot import shoot
from .storyboard import Shot, split_scenes, storyboard

__all__ = [
    "ENGINE",
    "Film",
    "FilmPlan",
    "FilmPlanError",
    "Narration",
    "NoVideoEncoderError",
    "Painter",
    "ProgressFn",
    "Shot",
    "TimedWord",
    "captions_srt",
    "captions_vtt",
    "shoot",
    "split_scenes",
    "storyboard",
]
