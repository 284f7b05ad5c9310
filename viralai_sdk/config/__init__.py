"""Configuration: files and environment → `AIConfiguration`; platform presets."""
