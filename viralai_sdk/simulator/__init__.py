"""The vendors' HTTP APIs on loopback: as strict as the vendors, with real media, a request log and faults on demand.

    with Simulator() as sim:
        client = openai.OpenAI(base_url=sim.url("openai"), api_key=sim.key)

Nothing here shares code with the adapters: that is what makes it a proof. Needs the extra `sim`.
"""

from viralai_sdk.simulator.app import create_app
from viralai_sdk.simulator.faults import Fault, Faults
from viralai_sdk.simulator.media import EngineMedia, MediaMaker, SmallMedia
from viralai_sdk.simulator.server import Simulator
from viralai_sdk.simulator.state import Clock, Recorded, SimulatorConfig, State

__all__ = [
    "Clock",
    "EngineMedia",
    "Fault",
    "Faults",
    "MediaMaker",
    "Recorded",
    "Simulator",
    "SimulatorConfig",
    "SmallMedia",
    "State",
    "create_app",
]
