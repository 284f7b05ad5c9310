"""The helpers of `ViralAI`: arguments → request → pipeline → response."""

from viralai_sdk.helpers.base import Helper
from viralai_sdk.helpers.image import ImageHelper
from viralai_sdk.helpers.speech import SpeechHelper
from viralai_sdk.helpers.text import TextHelper
from viralai_sdk.helpers.video import VideoHelper

__all__ = ["Helper", "ImageHelper", "SpeechHelper", "TextHelper", "VideoHelper"]
