"""Measurements of the SDK against a bare client doing the same. See README.md in this folder."""
