"""`JobsPanel`: long work, its progress, and the buttons that stop it or pick it up again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.jobs import JobStatus
from viralai_sdk.interfaces.names import service_type
from viralai_sdk.store.rows import JobRow
from viralai_widgets.board import Board, Tone, action, badge, column, row, section
from viralai_widgets.owner import Owner

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI

MOST_JOBS = 100
_TONES: dict[str, Tone] = {"completed": "good", "failed": "bad", "lost": "bad", "cancelled": "idle"}
_COLUMNS = (
    column("job", "Job", "code"),
    column("service", "Service"),
    column("provider", "Provider"),
    column("state", "State", "badge"),
    column("progress", "Progress", "progress"),
    column("made", "Started", "time"),
    column("message", "Message"),
)


class JobsPanel(Board):
    """Jobs of the project, newest first: live progress, cancel, and resume for what a dead kernel left behind.

    >>> JobsPanel(ai)

    Attributes:
        open_only: leave out what is over.

    Args:
        ai: whose jobs.
        every: seconds between two looks of the live board.
    """

    switches_offered: ClassVar[tuple[tuple[str, str], ...]] = (("open_only", "Open only"),)
    tools_offered: ClassVar[tuple[tuple[str, str], ...]] = (("resume_all", "Resume all"),)

    open_only = traitlets.Bool(False).tag(sync=True)

    def __init__(self, ai: ViralAI, *, owner: Owner | None = None, **state: Any) -> None:
        self._ai = ai
        super().__init__(owner=owner, title=state.pop("title", "Jobs"), **state)

    async def look(self) -> list[dict[str, Any]]:
        """The table."""
        found = await self._ai.jobs.list(open_only=self.open_only)
        rows = [await self._row(job) for job in found[:MOST_JOBS]]
        left = sum(not job.over and not self._here(job) for job in found)
        words: list[tuple[str, Tone]] = []
        if left:
            words.append(
                (
                    f"{left} open {'job is' if left == 1 else 'jobs are'} not followed in this kernel. Resume picks up what was paid for.",
                    "warn",
                )
            )
        if len(found) > MOST_JOBS:
            words.append((f"The latest {MOST_JOBS} of {len(found)} jobs.", "idle"))
        return [section("jobs", "Jobs of this project", _COLUMNS, rows, words=words, empty="No jobs yet.")]

    def _here(self, job: JobRow) -> bool:
        """This client works on it: its progress is known without asking the provider."""
        return job.owner == self._ai.runtime.owner

    async def _row(self, job: JobRow) -> dict[str, Any]:
        status = await self._ai.jobs.status(job.job_id) if not job.over and self._here(job) else None
        cells = {
            "job": job.job_id,
            "service": service_type(job.service).short,
            "provider": " · ".join(part for part in (job.provider, job.model) if part),
            "state": badge(job.state, _TONES.get(job.state, "warn")),
            "progress": _progress(job, status),
            "made": time.strftime("%Y-%m-%d %H:%M", time.localtime(job.created)),
            "message": job.message,
        }
        actions = []
        if not job.over:
            if not self._here(job):
                actions.append(action("resume", "Resume", f"Resume job {job.job_id}"))
            actions.append(action("cancel", "Cancel", f"Cancel job {job.job_id}"))
        return row(job.job_id, cells, actions)

    async def act(self, act: str, key: str) -> str:
        """Cancel or resume.

        Raises:
            AIError: it cannot be done.
        """
        if act == "cancel":
            stopped = await self._ai.jobs.cancel(key)
            return f"{key} was cancelled." if stopped else f"{key} was over already, or its provider cannot stop it."
        if act == "resume":
            self._follow(key)
            return f"{key} is followed again."
        if act == "resume_all":
            handles = await self._ai.jobs.resume(wait=False)
            return f"{len(handles)} {'job is' if len(handles) == 1 else 'jobs are'} followed again."
        return await super().act(act, key)

    def _follow(self, key: str) -> None:
        """Wait for a job in the background; how it ends stands in the journal, why it cannot be picked up in the panel."""
        self.owner.start(self._followed(key))

    async def _followed(self, key: str) -> None:
        try:
            await self._ai.jobs(key).wait()
        except AIError as error:
            self.show_error(error)
        await self._refresh()

    @traitlets.observe("open_only")
    def _filtered(self, _change: Any) -> None:
        if hasattr(self, "_every"):
            self.refresh()


def _progress(job: JobRow, status: JobStatus | None) -> dict[str, Any] | None:
    if job.over:
        return None
    name = f"Progress of {job.job_id}"
    if status is None:
        return {"name": name, "fraction": None, "text": "not followed here", "resting": True}
    queue = f"place {status.queue_position + 1} in the queue" if status.queue_position is not None else ""
    percent = f"{status.progress:.0%}" if status.progress is not None else ""
    text = " · ".join(part for part in (percent, status.stage or "", queue) if part) or "working"
    return {"name": name, "fraction": status.progress, "text": text}
