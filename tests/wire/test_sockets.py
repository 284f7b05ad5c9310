"""The live channel keeps its headers to itself."""

from __future__ import annotations

import logging

import pytest

from viralai_sdk.simulator import Simulator
from viralai_sdk.wire.sockets import SocketReader

KEY = "vk-canary-of-the-handshake-51c0"


async def test_no_log_at_any_level_holds_the_handshake(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("websockets", "websockets.client", "viralai_sdk.wire.sockets"):
        caplog.set_level(logging.DEBUG, logger=name)
    came: list[str | bytes] = []
    with Simulator() as sim:
        reader = SocketReader(
            f"{sim.url('comfyui')}/ws",
            params={"clientId": "a"},
            headers={"Authorization": f"Bearer {KEY}"},
            first=['{"type": "feature_flags", "data": {}}'],
            take=came.append,
            lost=lambda: None,
        )
        stood = await reader.open(10)
        await reader.aclose()
    assert stood
    assert KEY not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("websockets.client")]
