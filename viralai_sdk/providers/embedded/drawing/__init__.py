"""A procedural painter: pictures from keywords, with numpy and Pillow only. No model, no key, no network.

It understands a fixed vocabulary and says which words of a prompt it used and which it ignored.
"""

from .engine import draw
from .parser import parse
from .scene import ENGINE, STYLES, Drawing, ProgressFn, Scene, Subject

__all__ = ["ENGINE", "STYLES", "Drawing", "ProgressFn", "Scene", "Subject", "draw", "parse"]
