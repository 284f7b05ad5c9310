"""The configuration, the keys' origins, and the project's folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from viralai_sdk.cli.doctor_finding import Finding
from viralai_sdk.config import reading
from viralai_sdk.config.configuration import AIConfiguration
from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.display.markup import human_size
from viralai_sdk.interfaces.errors import AIError, ConfigurationError
from viralai_sdk.interfaces.names import SERVICES
from viralai_sdk.providers import registry
from viralai_sdk.services.manager import AIServiceManager
from viralai_sdk.services.runtime import Runtime
from viralai_sdk.store.journal import Journal

LITTLE_SPACE = 1_000_000_000
"""Bytes of free disk below which films may not fit."""


def configuration(given: Path | None) -> list[Finding]:
    """Where the configuration comes from, which key each provider uses, and who serves what."""
    try:
        source = _source(given)
        config = AIConfiguration.from_file(source) if source else AIConfiguration()
        told = str(source) if source else "none"
        findings = [Finding("Configuration", "file", "ok", told, "" if source else "keys in the environment are used")]
        return [*findings, *_keys(config), *_serving(config)]
    except ConfigurationError as error:
        return [
            Finding(
                "Configuration",
                "file",
                "problem",
                error.message,
                hint=f"Mend the configuration. {error.hint or ''}".strip(),
            )
        ]


def _source(given: Path | None) -> Path | None:
    named = os.environ.get("VIRALAI_CONFIG")
    if given or named:
        return Path(given or named or "")
    return next((path for path in reading.candidates() if path.is_file()), None)


def _keys(config: AIConfiguration) -> list[Finding]:
    """Origin of each key. The key itself is never shown, not even a part of it."""
    findings = []
    for name in registry.all_names():
        spec = registry.spec_of(name)
        if not spec.key_required:
            findings.append(Finding("Providers", name, "ok", "needs no key"))
            continue
        origin = _origin(config, spec)
        if origin:
            findings.append(Finding("Providers", name, "ok", f"key from {origin}"))
        else:
            variable = spec.key_env[0] if spec.key_env else "api_key in viralai.yaml"
            findings.append(
                Finding("Providers", name, "missing", "no key", hint=f"To use {spec.title}: set {variable}")
            )
    return findings


def _origin(config: AIConfiguration, spec: ProviderSpec) -> str | None:
    names = (spec.name, *spec.aliases)
    if config.key_for(*names) is not None:
        return f"the configuration ({config.source})"
    for settings in config.services.values():
        if any(settings.provider_configs.get(name, {}).get("api_key") for name in names):
            return f"the configuration ({config.source})"
    return next((f"${variable}" for variable in spec.key_env if os.environ.get(variable, "").strip()), None)


def _serving(config: AIConfiguration) -> list[Finding]:
    with tempfile.TemporaryDirectory() as nowhere:
        runtime = Runtime(config, home=Path(nowhere), progress=False)
        manager = AIServiceManager(runtime=runtime)
        findings = []
        for kind in SERVICES:
            try:
                route = manager.default_route(kind)
            except ConfigurationError as error:
                findings.append(Finding("Who serves", kind.short, "problem", error.message, hint=error.hint or ""))
                continue
            why = "rules; nothing else is configured" if route.provider == "embedded" else ""
            findings.append(Finding("Who serves", kind.short, "ok", route.label, why))
        runtime.close()
    return findings


def folder(home: Path) -> list[Finding]:
    """Whether results can be written, how much room there is, and whether the journal is sound."""
    return [_writable(home), _space(home), _journal(home / ".viralai" / "journal.db")]


def _writable(home: Path) -> Finding:
    spot = _existing(home)
    blocking = next((path for path in (home, *home.parents) if path.exists() and not path.is_dir()), None)
    if blocking is not None:
        hint = "Move it aside, or give --home or $VIRALAI_HOME."
        return Finding("Project", "folder", "problem", f"{blocking} is a file, not a folder", hint=hint)
    try:
        with tempfile.TemporaryFile(dir=spot):
            return Finding("Project", "folder", "ok", str(home), "" if home.exists() else "will be made")
    except OSError as error:
        hint = "Start from a folder you may write, or give --home or $VIRALAI_HOME."
        return Finding("Project", "folder", "problem", f"cannot write in {spot}: {error.strerror}", hint=hint)


def _space(home: Path) -> Finding:
    free = shutil.disk_usage(_existing(home)).free
    told = f"{free / 1e9:.1f} GB free"
    if free < LITTLE_SPACE:
        return Finding("Project", "disk", "problem", told, hint="Free some disk space: films may not fit.")
    return Finding("Project", "disk", "ok", told)


def _existing(home: Path) -> Path:
    return next(path for path in (home, *home.parents) if path.is_dir())


def _journal(path: Path) -> Finding:
    if not path.exists():
        return Finding("Project", "journal", "ok", "none yet", "begun with the first call")
    journal = Journal(path)
    try:
        calls = sum(total.calls for total in journal.totals())
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file:
            verdict = str(file.execute("PRAGMA quick_check(1)").fetchone()[0])
        if verdict == "ok":
            return Finding("Project", "journal", "ok", f"{calls} calls, {human_size(path.stat().st_size)}, sound")
        problem = verdict
    except AIError as error:
        return Finding("Project", "journal", "problem", error.message, hint=error.hint or "")
    except sqlite3.Error as error:
        problem = str(error)
    finally:
        with contextlib.suppress(AIError):
            journal.close()
    return Finding(
        "Project", "journal", "problem", f"damaged: {problem}", hint=f"Move {path} aside; a new one is begun."
    )
