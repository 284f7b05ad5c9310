"""Starting the espeak-ng child process and reading its frames. Every way it can fail becomes a VoiceError."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from viralai_sdk.providers.embedded.voice.espeak_worker import HEADER
from viralai_sdk.providers.embedded.voice.model import VoiceError

INSTALL_HINT = 'pip install "viralai-sdk[speech]"'
# From 160 bytes on, espeak-ng 1.52 overruns its path buffer and does not start.
LONGEST_DATA_PATH = 159
# A frame holds one second of speech and takes milliseconds; only a hung engine is silent this long.
SILENCE_DEADLINE = 30.0
_CREATE_NO_WINDOW = 0x08000000  # Windows only, where subprocess has it by name
_WORKER = Path(__file__).with_name("espeak_worker.py")


@dataclass(frozen=True, slots=True)
class Installation:
    """Where the shared library and its data folder are."""

    library: str
    data: str


def locate() -> Installation | None:
    """The installation that `espeakng_loader` ships, or None when the extra is missing."""
    try:
        import espeakng_loader
    except ImportError:
        return None
    try:
        return Installation(espeakng_loader.get_library_path(), _short(espeakng_loader.get_data_path()))
    except RuntimeError as error:
        raise VoiceError(
            "engine_failed", f"The installed espeakng-loader is incomplete ({error}). Reinstall it: {INSTALL_HINT}"
        ) from error


def require() -> Installation:
    """`locate`, or VoiceError("engine_missing") with the line that installs it."""
    found = locate()
    if found is None:
        raise VoiceError("engine_missing", f"espeak-ng is not installed: {INSTALL_HINT}")
    return found


_links: dict[str, str] = {}
_links_lock = threading.Lock()


def _short(data: str) -> str:
    """The data folder under a path that fits the engine's buffer: itself, or a private link (or copy) to it."""
    if len(os.fsencode(data)) <= LONGEST_DATA_PATH:
        return data
    with _links_lock:
        # A cleaner of temporary files may have been here since.
        if data not in _links or not Path(_links[data]).is_dir():
            _links[data] = _link(data)
        return _links[data]


def _link(data: str) -> str:
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp")):  # noqa: S108 - mkdtemp makes a private folder in it
        if len(os.fsencode(parent)) + len("/viralai-xxxxxxxx/espeak-ng-data") > LONGEST_DATA_PATH:
            continue
        try:
            folder = tempfile.mkdtemp(prefix="viralai-", dir=parent)
        except OSError:
            continue
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        short = Path(folder) / "espeak-ng-data"
        try:
            short.symlink_to(data, target_is_directory=True)
        except OSError:
            shutil.copytree(data, short)
        return str(short)
    raise VoiceError(
        "engine_failed",
        f"The espeak-ng data folder has a path of more than {LONGEST_DATA_PATH} bytes ({data}) and no temporary folder "
        "with a short path could be used. Set TMPDIR to a short path, or install into a shallower environment.",
    )


def frames(request: dict[str, Any], installation: Installation) -> Generator[tuple[bytes, bytes], None, None]:
    """Run one request in a process of its own and yield (kind, payload). Closing the generator ends the process."""
    body = {**request, "library": installation.library, "data": installation.data}
    process = _start()
    try:
        with process:
            try:
                yield from _converse(process, json.dumps(body).encode())
            finally:
                # Only a finished worker has left by itself; a cancelled one must not keep the caller waiting.
                process.kill()
    except OSError as error:
        raise VoiceError("engine_failed", f"The connection to espeak-ng broke: {error}. Try again.") from error


def _start() -> subprocess.Popen[bytes]:
    if not sys.executable:
        raise VoiceError("engine_failed", "espeak-ng needs a Python program to run in, and sys.executable is empty.")
    # Isolated and without site: nothing of the caller's environment can change the worker, and it starts in ~15 ms.
    command = [sys.executable, "-I", "-S", "-B", str(_WORKER)]
    # A session of its own: Ctrl-C in the notebook is for the caller, who then ends the worker.
    detached: dict[str, Any] = (
        {"creationflags": _CREATE_NO_WINDOW} if sys.platform == "win32" else {"start_new_session": True}
    )
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **detached
        )
    except OSError as error:
        raise VoiceError("engine_failed", f"The espeak-ng process could not be started: {error}.") from error


class _Watchdog:
    """Ends a worker that is silent for too long: one thread for a conversation, however many frames it has."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._since: float | None = time.monotonic()
        self._over = threading.Event()
        self.bit = False
        self._thread = threading.Thread(target=self._watch, name="espeak-watchdog", daemon=True)

    def __enter__(self) -> _Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def listening(self, listening: bool) -> None:
        """Nobody waits while a frame is dealt with: the deadline begins anew with the next wait."""
        self._since = time.monotonic() if listening else None

    def _watch(self) -> None:
        left = SILENCE_DEADLINE
        while not self._over.wait(left):
            since = self._since
            left = SILENCE_DEADLINE if since is None else since + SILENCE_DEADLINE - time.monotonic()
            if left <= 0:
                self.bit = True
                self._process.kill()
                return


def _converse(process: subprocess.Popen[bytes], body: bytes) -> Iterator[tuple[bytes, bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(body)
        process.stdin.close()
    except BrokenPipeError:
        pass  # It died before reading: the missing answer below says so.
    with _Watchdog(process) as watchdog:
        while True:
            kind, payload = _read_frame(process, process.stdout, watchdog)
            if kind == b"Z":
                return
            if kind == b"E":
                raise VoiceError("engine_failed", f"{json.loads(payload)['message']}. Reinstall it: {INSTALL_HINT}")
            watchdog.listening(False)
            yield kind, payload
            watchdog.listening(True)


def _read_frame(process: subprocess.Popen[bytes], stream: IO[bytes], watchdog: _Watchdog) -> tuple[bytes, bytes]:
    header = stream.read(HEADER.size)
    kind, length = HEADER.unpack(header) if len(header) == HEADER.size else (b"", 0)
    payload = stream.read(length)
    if not kind or len(payload) != length:
        if watchdog.bit:
            reason = f"gave no answer for {SILENCE_DEADLINE:g} s and was stopped"
        else:
            reason = f"ended without an answer (exit code {process.wait()})"
        raise VoiceError("engine_failed", f'The espeak-ng process {reason}. Try again, or engine="formant".')
    return kind, payload


@lru_cache(maxsize=8)
def catalogue(installation: Installation) -> dict[str, Any]:
    """Languages, variants and version, asked once for each installation."""
    with closing(frames({"op": "voices"}, installation)) as answers:
        for kind, payload in answers:
            if kind == b"L":
                listed: dict[str, Any] = json.loads(payload)
                return listed
    raise VoiceError("engine_failed", f"espeak-ng listed no voices. Reinstall it: {INSTALL_HINT}")
