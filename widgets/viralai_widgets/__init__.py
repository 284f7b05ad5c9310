"""Panels for ViralAI in JupyterLab."""
