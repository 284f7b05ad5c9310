"""ViralAI SDK: one notebook-first interface over AI providers for text, image, video and speech."""

__version__ = "0.1.0"
