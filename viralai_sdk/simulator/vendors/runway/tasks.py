"""Tasks: their states by the simulator's clock, their results, and the signed addresses where those lie for a day."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from viralai_sdk.simulator.films import film
from viralai_sdk.simulator.media import encode_audio, encode_picture
from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.runway.desk import Desk

PENDING, THROTTLED, RUNNING = 0.5, 1.0, 4.0
"""Seconds after its start until which a task is in each state."""
SIGNED_FOR = 24 * 3600
NAMES = {"text_to_image": "picture.png", "text_to_speech": "sound.mp3"}
KINDS = {"png": "image/png", "mp3": "audio/mpeg", "mp4": "video/mp4"}
FPS = 12
NAMED_SIZES = {"480p": 480, "720p": 720, "768p": 768, "1080p": 1080, "2k": 1440}


@dataclass(slots=True)
class Task:
    """One task. `fate` is what a fault has in store for it."""

    number: str
    route: str
    body: dict[str, Any]
    pictures: list[Image.Image]
    credits: int
    created: float
    fate: str | None = None
    cancelled: bool = False
    files: dict[str, bytes] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Names of the result's files."""
        name = NAMES.get(self.route, "film.mp4")
        return [f"{place}-{name}" for place in range(int(self.body.get("outputCount") or 1))]


class Shelf:
    """All tasks of a simulator."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._tasks: dict[str, Task] = {}

    def add(self, route: str, body: dict[str, Any], pictures: list[Image.Image], price: int, fate: str | None) -> Task:
        """A new task."""
        digits = hashlib.sha256(self._state.new_id("task").encode()).hexdigest()
        number = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
        task = self._tasks[number] = Task(number, route, body, pictures, price, self._state.clock.now(), fate)
        return task

    def find(self, number: str) -> Task | None:
        """A task by its id; deleted ones are gone."""
        return self._tasks.get(number)

    def remove(self, task: Task) -> None:
        """Cancel a running task, delete another."""
        if self.status(task) in ("PENDING", "THROTTLED", "RUNNING"):
            task.cancelled = True
        else:
            del self._tasks[task.number]

    def age(self, task: Task) -> float:
        """Seconds since its start."""
        return self._state.clock.now() - task.created

    def status(self, task: Task) -> str:
        """Its state now."""
        age = self.age(task)
        if task.cancelled:
            return "CANCELLED"
        if age < RUNNING:
            return "PENDING" if age < PENDING else "THROTTLED" if age < THROTTLED else "RUNNING"
        return "FAILED" if task.fate in ("blocked", "error_chunk") else "SUCCEEDED"

    def address(self, task: Task, name: str, origin: str) -> str:
        """A signed address that ends in a day."""
        until = int(self._state.clock.now()) + SIGNED_FOR
        return f"{origin}/runway/files/{task.number}/{name}?expires={until}&signature={_sign(task, name, until)}"

    def open(self, request: Request, task: Task | None, name: str) -> bool:
        """Whether a request's signature is right and has not ended."""
        until = request.query_params.get("expires", "0")
        if task is None or not until.isdigit() or int(until) < self._state.clock.now():
            return False
        return request.query_params.get("signature") == _sign(task, name, int(until)) and name in task.names()

    def make(self, task: Task, name: str) -> bytes:
        """The file, made on first use."""
        if name not in task.files:
            task.files[name] = _make(self._state, task, name)
        return task.files[name]


async def show(desk: Desk, request: Request, *, shelf: Shelf) -> Response:
    """GET /v1/tasks/{id}."""
    task = _find(desk, request, shelf)
    status = shelf.status(task)
    answer: dict[str, Any] = {
        "id": task.number,
        "status": status,
        "createdAt": datetime.fromtimestamp(task.created, UTC).isoformat().replace("+00:00", "Z"),
    }
    if status in ("PENDING", "THROTTLED", "RUNNING"):
        answer["estimatedCost"] = {"credits": task.credits}
    if status == "RUNNING":
        answer["progress"] = round((shelf.age(task) - THROTTLED) / (RUNNING - THROTTLED), 2)
    elif status == "SUCCEEDED":
        origin = f"{request.url.scheme}://{request.url.netloc}"
        names = [] if task.fate == "empty" else task.names()
        answer |= {"output": [shelf.address(task, name, origin) for name in names], "cost": {"credits": task.credits}}
    elif status == "FAILED":
        refused = task.fate == "blocked"
        answer["failure"] = "The content was refused." if refused else "An unexpected error occurred."
        answer["failureCode"] = "SAFETY.INPUT.TEXT" if refused else "INTERNAL.BAD_OUTPUT.CODE01"
        answer["cost"] = {"credits": 0}
    elif status == "CANCELLED":
        answer["cost"] = {"credits": 0}
    return JSONResponse(answer)


async def delete(desk: Desk, request: Request, *, shelf: Shelf) -> Response:
    """DELETE /v1/tasks/{id}."""
    shelf.remove(_find(desk, request, shelf))
    return Response(status_code=204)


async def fetch(request: Request, *, shelf: Shelf) -> Response:
    """A result, from storage: no key is wanted there, and one that is sent along is a mistake to be noticed."""
    name = request.path_params["name"]
    task = shelf.find(request.path_params["task_id"])
    if "authorization" in request.headers:
        return PlainTextResponse("Only one auth mechanism allowed", 400)
    if task is None or not shelf.open(request, task, name):
        return PlainTextResponse("Request has expired", 403)
    data = await asyncio.to_thread(shelf.make, task, name)
    return Response(data, headers={"content-type": KINDS[name.rpartition(".")[2]]})


def _find(desk: Desk, request: Request, shelf: Shelf) -> Task:
    task = shelf.find(request.path_params["task_id"])
    if task is None:
        raise desk.refuse(404, "The task was not found.")
    return task


def _sign(task: Task, name: str, until: int) -> str:
    return hashlib.sha256(f"{task.number}/{name}/{until}".encode()).hexdigest()[:32]


def _make(state: State, task: Task, name: str) -> bytes:
    words = str(task.body.get("promptText") or "a film")
    if task.route == "text_to_speech":
        samples = state.media.samples(words, voice=str(task.body.get("voice")), speed=task.body.get("speed") or 1.0)
        return encode_audio(samples, "mp3")
    size = _size(task)
    picture = state.media.picture(f"{words} {name[0]}", *size)
    if task.pictures:
        picture = Image.blend(task.pictures[0].convert("RGB").resize(size), picture.convert("RGB"), 0.3)
    if task.route == "text_to_image":
        return encode_picture(picture, "png")
    seconds = task.body.get("duration")
    return film(picture, float(seconds) if isinstance(seconds, int) else 5.0, fps=FPS)


def _size(task: Task) -> tuple[int, int]:
    """Pixels of a result. Bare ratios are drawn at 720p or the resolution asked for; words keep the first picture's ratio."""
    ratio = str(task.body.get("ratio") or "16:9")
    match = re.fullmatch(r"(\d+):(\d+)", ratio)
    width, height = (int(match[1]), int(match[2])) if match else (16, 9)
    if match is None and task.pictures:
        width, height = task.pictures[0].size
    if width >= 100 and match:
        return width - width % 2, height - height % 2
    named = str(task.body.get("resolution") or ratio.removeprefix("auto_"))
    scale = NAMED_SIZES.get(named, 720) / min(width, height)
    return round(width * scale / 2) * 2, round(height * scale / 2) * 2
