"""One result out of several calls: for vendors that make fewer pictures a call than were asked for."""

from __future__ import annotations

from collections.abc import Sequence

from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import MediaPayload


def join_pictures(results: Sequence[MediaPayload | BaseException]) -> MediaPayload:
    """Join the pictures of several calls. When some calls failed, what the others made and charged is still given, with a note.

    What each payload tells as `seed` in its metadata becomes the list `seeds`; of anything else the first one's word stands.

    Raises:
        AIError: all of them failed; it is the first one's error.
    """
    payloads = [result for result in results if not isinstance(result, BaseException)]
    errors = [result for result in results if isinstance(result, BaseException)]
    fatal = [error for error in errors if not isinstance(error, AIError)]
    if fatal or not payloads:
        raise (fatal or errors)[0]
    whole = payloads[0]
    seeds = [payload.metadata["seed"] for payload in payloads if "seed" in payload.metadata]
    for payload in payloads[1:]:
        whole.blobs += payload.blobs
        whole.warnings += payload.warnings
        for unit, amount in payload.quantities.items():
            whole.quantities[unit] = whole.quantities.get(unit, 0) + amount
    if seeds:
        rest = {name: value for name, value in whole.metadata.items() if name != "seed"}
        whole.metadata = {**rest, "seeds": seeds}
    whole.warnings += [missing_part(error) for error in errors]
    return whole


def missing_part(failure: object) -> CallWarning:
    """The note about a call that gave nothing while others did."""
    return CallWarning(kind="other", parameter="num_images", message=f"a part of the pictures failed: {failure}")
