"""Panels for ViralAI in JupyterLab: `ComparePanel(ai)`, `ProviderPicker(ai)` and their kin.

A panel is shown by naming it in a cell. Its state is in traits: read it, set it, observe it.
"""

from __future__ import annotations

from viralai_widgets.arena import ArenaPanel
from viralai_widgets.benchmark_panel import BenchmarkPanel
from viralai_widgets.compare_panel import ComparePanel
from viralai_widgets.gallery import SessionGallery
from viralai_widgets.health import HealthPanel
from viralai_widgets.jobs import JobsPanel
from viralai_widgets.leaderboard import Leaderboard
from viralai_widgets.panel import Panel
from viralai_widgets.provider_picker import ProviderPicker
from viralai_widgets.usage import UsagePanel

__all__ = [
    "ArenaPanel",
    "BenchmarkPanel",
    "ComparePanel",
    "HealthPanel",
    "JobsPanel",
    "Leaderboard",
    "Panel",
    "ProviderPicker",
    "SessionGallery",
    "UsagePanel",
]
