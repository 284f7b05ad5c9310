"""providers, models, sessions, jobs, sim, lab and doctor."""

from __future__ import annotations

import argparse
import builtins
import importlib.util
import json
import re
import sqlite3
import sys
import threading
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import Viralai
from viralai_sdk.cli import doctor_engines, doctor_project, lab, models, project, report, sim
from viralai_sdk.config.configuration import AIConfiguration
from viralai_sdk.providers.embedded.film import av1, mp4
from viralai_sdk.providers.embedded.voice import espeak_process
from viralai_sdk.simulator import Recorded
from viralai_sdk.store.journal import Journal
from viralai_sdk.store.rows import JobRow

SMALL = ("--width", "64", "--height", "64")


def broken_journal(place: Path) -> None:
    (place / ".viralai").mkdir()
    (place / ".viralai" / "journal.db").write_bytes(b"this is no database")


def test_providers_list(viralai: Viralai) -> None:
    rows = viralai("providers", "list", "--json").document["providers"]
    assert {row["service"] for row in rows if row["provider"] == "embedded"} == {"text", "image", "video", "speech"}
    assert {row["provider"] for row in rows if row["default"]} == {"embedded"}
    assert "openai" in viralai("providers", "list", "--service", "image").out


def test_models_list(viralai: Viralai) -> None:
    rows = viralai("models", "list", "--provider", "openai", "--service", "image", "--json").document["models"]
    assert rows
    assert all(row["services"] and "image" in row["services"] for row in rows)
    assert all(row["source"] for row in rows)
    assert "procedural-image" in viralai("models", "list").out
    assert "$5/M input_token" in viralai("models", "list", "--provider", "openai").out


def test_models_retiring_counts_from_the_day_given(viralai: Viralai) -> None:
    document = viralai("models", "retiring", "--as-of", "2026-11-22", "--within", "60d", "--json").document
    left = [row["days_left"] for row in document["models"]]
    assert left == sorted(left)
    assert max(left) <= 60
    wider = viralai("models", "retiring", "--as-of", "2026-11-22", "--within", "1y", "--json").document["models"]
    assert len(wider) > len(left)
    assert "2026-11-22" in viralai("models", "retiring", "--as-of", "2026-11-22").out


@pytest.mark.parametrize(("text", "number"), [("90", 90), ("90d", 90), ("12w", 84), ("6M", 180), ("1y", 365)])
def test_times(text: str, number: int) -> None:
    assert models.days(text) == number


def test_sessions_are_listed_and_shown(viralai: Viralai) -> None:
    assert viralai("sessions", "list", "--json").document["sessions"] == []
    for session in ("session_a", "session_b"):
        assert viralai("generate", "image", "fox", *SMALL, "--session", session).code == 0
    viralai("generate", "image", "", "--session", "session_b")
    rows = viralai("sessions", "list", "--json").document["sessions"]
    assert [(row["session_id"], row["calls"], row["cost_usd"]) for row in rows] == [
        ("session_a", 1, 0),
        ("session_b", 1, 0),
    ]
    latest = viralai("sessions", "show", "--json").document
    assert latest["session_id"] == "session_b"
    assert Path(latest["calls"][0]["files"][0]).is_file()
    shown = viralai("sessions", "show", "session_a")
    assert "procedural-image" in shown.out
    assert "images/" in shown.out
    assert "Did you mean 'session_a'?" in viralai("sessions", "show", "session_aa").err
    assert "session_a" in viralai("sessions", "list").out


def test_a_session_shows_its_texts(viralai: Viralai) -> None:
    made = viralai(
        "generate", "text", "Foxes hunt at dawn. Foxes rest at noon. Snow is cold.", "--session", "s", "--json"
    )
    (call,) = viralai("sessions", "show", "s", "--json").document["calls"]
    assert call["text"] == made.document["response"]["text"]
    assert " ".join(call["text"].split())[:20] in viralai("sessions", "show", "s").out


def test_sessions_with_a_corrupt_journal_exit_1(viralai: Viralai) -> None:
    (viralai.place / "outputs" / "session_a").mkdir(parents=True)
    broken_journal(viralai.place)
    for action in ("list", "show"):
        done = viralai("sessions", action)
        assert (done.code, "journal" in done.err) == (1, True)


def left_behind(place: Path, **cells: Any) -> None:
    journal = Journal(place / ".viralai" / "journal.db")
    journal.open_job(JobRow("job_1", "video_generation", "embedded", **cells))
    journal.close()


def test_jobs_of_a_dead_process_are_listed_and_resumed(viralai: Viralai) -> None:
    assert viralai("jobs", "list", "--json").document["jobs"] == []
    assert "No job" in viralai("jobs", "resume").err
    request = {"prompt": "a fox", "duration": 0.5, "resolution": "64x48", "fps": 10}
    cells: dict[str, Any] = {"state": "running", "remote_id": "local", "state_json": {"repeatable": True}}
    left_behind(viralai.place, request_json=request, session_id="session_a", **cells)
    (job,) = viralai("jobs", "list", "--open", "--json").document["jobs"]
    assert (job["job_id"], job["state"]) == ("job_1", "running")
    done = viralai("jobs", "resume")
    assert done.code == 0
    assert Path(done.out.strip()).is_file()
    assert viralai("jobs", "list", "--open", "--json").document["jobs"] == []
    assert "completed" in viralai("jobs", "list").out


def test_a_job_that_cannot_be_resumed_exits_1(viralai: Viralai) -> None:
    left_behind(viralai.place, request_json={"prompt": "a fox"}, session_id="session_a")
    done = viralai("jobs", "resume")
    assert (done.code, "unknown" in done.err) == (1, True)


def test_jobs_are_cancelled(viralai: Viralai) -> None:
    left_behind(
        viralai.place, request_json={"prompt": "a fox"}, session_id="session_a", state="running", remote_id="local"
    )
    assert viralai("jobs", "cancel", "job_1", "--json").document == {
        "job_id": "job_1",
        "cancelled": True,
        "state": "cancelled",
    }
    again = viralai("jobs", "cancel", "job_1")
    assert (again.code, "over already" in again.err) == (1, True)
    assert viralai("jobs", "cancel", "job_2").code == 1


def test_sim_prints_a_configuration_that_the_sdk_reads(viralai: Viralai) -> None:
    done = viralai("sim", "--print-config", "--port", "4321")
    config = AIConfiguration.from_dict(yaml.safe_load(done.out))
    assert config.providers["openai"].base_url == "http://127.0.0.1:4321/openai/v1"
    assert viralai("sim", "--print-config", "--port", "4321", "--json").document == yaml.safe_load(done.out)


def test_sim_serves_until_it_is_stopped_and_logs_its_answers(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    class Asks(threading.Event):
        """Instead of waiting, looks whether somebody answers."""

        status = 0

        def wait(self, timeout: float | None = None) -> bool:
            address = next(
                line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("openai")
            )
            request = urllib.request.Request(f"{address}/models", headers={"authorization": "Bearer sim-key"})
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:
                    Asks.status = answer.status
            except urllib.error.HTTPError as refusal:
                Asks.status = refusal.code
                refusal.close()
            raise KeyboardInterrupt

    assert (
        sim.run(
            argparse.Namespace(port=0, print_config=False, fault=[], latency=[], speed=1.0, log=tmp_path / "log"),
            report.Output(),
            Asks(),
        )
        == 0
    )
    assert Asks.status == 200
    (line,) = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert (line["vendor"], line["method"], line["path"], line["status"]) == ("openai", "GET", "/v1/models", 200)
    assert 0 < line["first"] <= line["seconds"]


def test_sim_serves_on_when_its_log_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    entry = Recorded("openai", "GET", "/v1/models", "key=secret", {}, b"", 1.0, 200, 0.1, 0.2)
    with Path("/dev/full").open("ab", buffering=0) as full:
        log = sim._Log(full, report.Output())
        log(entry)
        log(entry)
    told = capsys.readouterr().err
    assert (told.count("No space left"), "secret" in told) == (1, False)


def test_sim_refuses_a_log_that_cannot_be_opened(viralai: Viralai) -> None:
    done = viralai("sim", "--port", "0", "--log", "nowhere/log")
    assert (done.code, "nowhere/log" in done.err) == (1, True)


def test_sim_on_a_taken_port_exits_2(viralai: Viralai) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = viralai("sim", "--port", taken.getsockname()[1])
    assert (done.code, "--port 0" in done.err) == (2, True)


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Make modules look as if they were not installed."""
    real_find, real_import = importlib.util.find_spec, builtins.__import__

    def find(name: str, *rest: Any) -> Any:
        return None if name in modules else real_find(name, *rest)

    def load(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] in modules:
            raise ImportError(f"No module named {name!r}", name=name)
        return real_import(name, *rest, **more)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    monkeypatch.setattr(builtins, "__import__", load)


def test_sim_without_its_extra_says_what_to_install(viralai: Viralai, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("viralai_sdk.simulator")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("viralai_sdk.simulator", raising=False)
    without(monkeypatch, "uvicorn", "starlette")
    done = viralai("sim")
    assert (done.code, "viralai-sdk[sim]" in done.err) == (2, True)


def test_lab_opens_the_tutorials(viralai: Viralai, monkeypatch: pytest.MonkeyPatch) -> None:
    done = viralai("lab", "--dry-run", "--json", "--", "--no-browser")
    assert done.document["folder"].endswith("notebooks/tutorials")
    assert done.document["command"][-1] == "--no-browser"
    assert "jupyterlab" in viralai("lab", "--dry-run").out
    (viralai.place / "notebooks" / "tutorials").mkdir(parents=True)
    assert lab.tutorials() == viralai.place / "notebooks" / "tutorials"
    assert viralai("lab", "--", "--version").code == 0
    without(monkeypatch, "jupyterlab")
    assert viralai("lab").code == 2


def findings(viralai: Viralai, *words: str) -> dict[str, dict[str, Any]]:
    return {f"{row['area']}/{row['name']}": row for row in viralai("doctor", "--json", *words).document["findings"]}


def test_doctor_in_an_empty_folder_is_content(viralai: Viralai) -> None:
    done = viralai("doctor")
    assert done.code == 0
    assert "All is well." in done.out
    assert "viralai demo" in done.out
    assert "GPL" in done.out
    assert list(viralai.place.iterdir()) == [], "looking must change nothing"


def test_doctor_says_where_a_key_is_from_and_never_the_key(viralai: Viralai, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "OPENAI_API_KEY" in findings(viralai)["Providers/openai"]["hint"]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-9876")
    done = viralai("doctor")
    assert "key from $OPENAI_API_KEY" in done.out
    assert "9876" not in done.out + done.err
    for text in (
        "providers: {openai: {api_key: sk-from-file-5432}}",
        "ai_services: {image_generation: {provider_configs: {openai: {api_key: sk-from-file-5432}}}}",
    ):
        (viralai.place / "viralai.yaml").write_text(text)
        assert findings(viralai)["Providers/openai"]["value"] == "key from the configuration (viralai.yaml)"
        assert "5432" not in viralai("doctor").out
    assert findings(viralai)["Who serves/image"]["value"].startswith("openai")


def test_doctor_sees_a_file_where_the_project_should_be(viralai: Viralai) -> None:
    (viralai.place / "file").write_text("in the way")
    for home in ("file", "file/below"):
        found = findings(viralai, "--home", home)["Project/folder"]
        assert (found["state"], "is a file" in found["value"]) == ("problem", True)


def test_doctor_reports_a_broken_configuration(viralai: Viralai) -> None:
    (viralai.place / "viralai.yaml").write_text("providers: {openai: {api_kye: x}}")
    done = viralai("doctor")
    assert (done.code, "api_key" in done.out) == (1, True)
    other = viralai.place / "other.yaml"
    other.write_text("ai_services: {image_generation: {default_provider: nobody}}")
    row = findings(viralai, "--config", str(other))
    assert "problem" in {finding["state"] for finding in row.values()}


def test_doctor_reports_a_damaged_journal(viralai: Viralai) -> None:
    broken_journal(viralai.place)
    done = viralai("doctor")
    assert (done.code, "journal" in done.out) == (1, True)


def test_doctor_counts_the_calls_of_a_sound_journal(viralai: Viralai) -> None:
    viralai("generate", "text", "Write a slogan about tea")
    assert findings(viralai)["Project/journal"]["value"].startswith("1 calls")


def test_doctor_looks_into_every_page_of_the_journal(viralai: Viralai, monkeypatch: pytest.MonkeyPatch) -> None:
    viralai("generate", "text", "Write a slogan about tea")

    def refused(*_: Any, **__: Any) -> Any:
        raise sqlite3.DatabaseError("disk image is malformed")

    monkeypatch.setattr(sqlite3, "connect", refused)
    path = viralai.place / ".viralai" / "journal.db"
    monkeypatch.setattr(Journal, "totals", lambda self: [])
    assert doctor_project._journal(path).state == "problem"


def test_doctor_reports_a_folder_that_cannot_be_written(viralai: Viralai, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(viralai, "--home", str(viralai.place / "new"))["Project/folder"]["why"] == "will be made"
    assert findings(viralai, "--home", "/proc/none")["Project/folder"]["state"] == "problem"
    monkeypatch.setattr(doctor_project, "LITTLE_SPACE", 1 << 60)
    assert findings(viralai)["Project/disk"]["state"] == "problem"


def test_doctor_names_the_engine_in_use_when_an_extra_is_missing(
    viralai: Viralai, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "espeakng_loader", "av")
    monkeypatch.setattr(espeak_process, "locate", lambda: None)
    monkeypatch.setattr(mp4, "missing_encoder", lambda: "PyAV is not installed")
    rows = findings(viralai)
    assert rows["Embedded engines/speech"]["value"].startswith("formant")
    assert "AV1" in rows["Embedded engines/video"]["value"]
    assert "viralai-sdk[speech]" in rows["Installation/speech"]["hint"]
    monkeypatch.setattr(av1, "missing_encoder", lambda: "no AVIF")
    assert findings(viralai)["Embedded engines/video"]["value"] == "none"


def test_doctor_knows_the_extras_of_the_project() -> None:
    root = Path(__file__).resolve().parents[2]
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    told = {extra: sorted(package for _, package in parts) for extra, parts in doctor_engines.EXTRAS.items()}
    for extra, packages in told.items():
        assert packages == sorted(re.split("[<>=]", line)[0] for line in extras[extra])
    assert set(extras) - set(told) == {"demo", "test", "all"}


def test_the_home_is_found_as_the_client_finds_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VIRALAI_HOME", str(tmp_path))
    assert project.home(argparse.Namespace(home=None)) == tmp_path
    assert project.home(argparse.Namespace(home=Path("/elsewhere"))) == Path("/elsewhere")
