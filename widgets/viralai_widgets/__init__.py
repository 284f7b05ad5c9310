"""Panels for ViralAI in JupyterLab: `ProviderPicker(ai)`, `ComparePanel(ai)` and their kin.

A panel is shown by naming it in a cell. Its state is in traits: read it, set it, observe it.
"""

from __future__ import annotations

from viralai_widgets.panel import Panel
from viralai_widgets.provider_picker import ProviderPicker

__all__ = ["Panel", "ProviderPicker"]
