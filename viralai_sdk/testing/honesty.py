"""Does `check()` tell the truth: is what it calls dropped really not sent, and does what it is silent about change the request?

Requests that may be billed are caught before they are sent, so this costs nothing even at a live provider.
"""

from __future__ import annotations

from collections.abc import Mapping

from viralai_sdk.interfaces.errors import UnsupportedCapabilityError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.speech import Voice
from viralai_sdk.testing.report import Check, Report, expect
from viralai_sdk.testing.rig import Rig
from viralai_sdk.testing.samples import Variation, request, variations
from viralai_sdk.testing.wires import leaves

GROUP = "honesty"
ENGINE_FIELDS = {AIServiceType.IMAGE_GENERATION: {"width": 64, "height": 64}}


async def check_honesty(rig: Rig, report: Report) -> None:
    """One check for each portable parameter of the service."""
    if rig.adapter is None:
        return
    voices: list[Voice] = []
    if rig.kind is AIServiceType.SPEECH_SYNTHESIS:
        with report.check(GROUP, "its voices can be listed"):
            voices = await rig.voices()
    wire = await rig.uses_wire()
    if wire:
        with report.check(GROUP, "what may be billed is marked as creating something"):
            expect(any(step.creates for step in await rig.catch(rig.request())), "no request has creates=True")
    for variation in variations(rig.kind, voices):
        with report.check(GROUP, f"{variation.parameter} is sent, or said to be dropped") as check:
            check.detail = await (_on_the_wire if wire else _in_the_engine)(rig, variation, check)


async def _on_the_wire(rig: Rig, variation: Variation, check: Check) -> str:
    assert rig.adapter is not None
    varied, plain = request(rig.kind, variation.values), request(rig.kind, variation.base)
    try:
        rig.adapter.check(plain, rig.model)
    except UnsupportedCapabilityError:
        return "refused already without it"
    try:
        warnings = rig.adapter.check(varied, rig.model)
        sent = leaves(await rig.catch(varied))
    except UnsupportedCapabilityError as error:
        expect(error.billed == "no", "refused, but not before it could cost something")
        return "refused before sending"
    usual, again = leaves(await rig.catch(plain)), leaves(await rig.catch(plain))
    volatile = difference(usual, again)
    if volatile:
        # A value that is a new one each time, and stays when the parameter is given, is that parameter: a seed.
        volatile &= difference(sent, leaves(await rig.catch(varied)))
    about = [warning for warning in warnings if variation.named(warning.parameter)]
    changed = difference(sent, usual, volatile=volatile)
    if any(warning.kind == "unsupported" for warning in about):
        expect(not changed, f"said to be dropped, but it changes {', '.join(sorted(changed)[:3])}")
        return "dropped, and said so"
    if about:
        return "adjusted, and said so" if changed else "not sent, and said so"
    expect(changed, "check() says nothing, and the request is the same without it")
    return f"sent as {', '.join(sorted(changed)[:2])}"


async def _in_the_engine(rig: Rig, variation: Variation, check: Check) -> str:
    """An engine has no wire: what it says it drops must not change its result."""
    assert rig.adapter is not None
    small = ENGINE_FIELDS.get(rig.kind, {})
    varied = request(rig.kind, {**small, **variation.values})
    try:
        warnings = rig.adapter.check(varied, rig.model)
    except UnsupportedCapabilityError:
        return "refused before starting"
    if not any(warning.kind == "unsupported" and variation.named(warning.parameter) for warning in warnings):
        return "taken"
    if rig.kind is AIServiceType.VIDEO_GENERATION:
        return "dropped, and said so"
    first = await _result(rig, request(rig.kind, {**small, **variation.base}))
    expect(first == await _result(rig, varied), "said to be dropped, but the result is another one")
    return "dropped, and said so"


async def _result(rig: Rig, wanted: Request) -> str:
    """What identifies a result: its text, or the checksum of its content without our provenance."""
    adapter = rig.adapter
    assert adapter is not None
    response = await rig.run(wanted)
    return str(getattr(response, "text", "")) or " ".join(
        f"{file.width}×{file.height} {file.duration} {file.media_type}" for file in response.artifacts
    )


def difference(one: Mapping[str, str], other: Mapping[str, str], volatile: set[str] | None = None) -> set[str]:
    """Paths of the values in which two requests differ, without those that differ every time."""
    paths = {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)}
    return paths - (volatile or set())
