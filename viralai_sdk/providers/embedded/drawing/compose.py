"""Composition: which light, where the horizon and the sun are, what is painted in which order, where figures stand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .backdrops import paint_abstract, paint_space, paint_studio, paint_underwater
from .color import mix, rgb, smoothstep
from .data import load
from .figures import Sprite, place, render, shadow, shape_of, tinted
from .growth import paint_city, paint_flowers, paint_forest, paint_grass
from .noise import sample, tile
from .scene import Subject
from .sky import paint_sky
from .stage import Light, Stage
from .terrain import ground_kind, paint_beach, paint_ground, paint_mountains
from .water import paint_river, paint_water, wet_ground
from .weather import paint_fog, paint_godrays, paint_lightning, paint_rain, paint_snowfall

WATERS = ("sea", "lake")


def compose(stage: Stage) -> None:
    """Paint the stage's scene on its canvas, reporting from 0.05 to 0.75."""
    _arrange(stage)
    stage.report(0.05, "layout", preview=False)
    backdrops: dict[str, Callable[[Stage], None]] = {
        "abstract": paint_abstract,
        "space": paint_space,
        "underwater": paint_underwater,
        "studio": paint_studio,
    }
    paint = backdrops.get(stage.scene.backdrop)
    if paint:
        paint(stage)
        stage.report(0.5, "backdrop")
        _place_subjects(stage)
        stage.report(0.75, "figures")
    else:
        _landscape(stage)


def _arrange(stage: Stage) -> None:
    scene, rng = stage.scene, stage.rng("layout")
    choices = ["day", "sunset", "dawn"] if not scene.has("rain") and not scene.has("storm") else ["day", "dusk"]
    if scene.has("snow"):
        choices = ["dawn", "sunset", "day"]
    if scene.has("city") and len(scene.places) == 1:
        choices = ["dusk", "sunset", "night"]
    stage.time = scene.time or str(rng.choice(choices))
    options = load("palettes")["time"][stage.time]
    light = Light.of(options[int(rng.integers(len(options)))])
    if scene.has("storm") or scene.has("rain"):
        dark = {"night": 0.35, "dusk": 0.45}.get(stage.time, 0.78 if scene.has("storm") else 0.6)
        light = light.blend(Light.of(load("palettes")["storm"]), dark)
    if scene.has("fog"):
        light = light.blend(Light.of({**load("palettes")["storm"], "sky": ["#b9c3c9", "#d5dbdd"], "haze": "#d9dfe1",
                                      "light": "#eef1f1", "shade": "#7d8a95"}), 0.35)  # fmt: skip
    named = load("palettes")["named"]
    for color in scene.colors[:2]:
        light = light.toward(rgb(named[color]), 0.55)
    if scene.sky_color:
        light = light.toward(rgb(named[scene.sky_color]), 0.85, sky_only=True)
    stage.light = light
    low = 0.62 if not scene.subjects else 0.57
    if scene.backdrop == "studio":
        low = 0.70
    if any(place in scene.places for place in WATERS):
        low = 0.60
    stage.horizon = int(stage.height * (low + float(rng.uniform(-0.045, 0.045))))
    side = float(rng.choice([rng.uniform(0.2, 0.36), rng.uniform(0.64, 0.8)]))
    drop = {
        "sunset": 0.72 if scene.has("mountains") or scene.has("city") else 0.82,
        "dawn": 0.62,
        "day": 0.26,
        "dusk": 0.9,
        "night": 0.34,
    }[stage.time]
    stage.sun = (stage.width * side, stage.horizon * (drop + float(rng.uniform(-0.06, 0.06))))
    overcast = (scene.has("storm") or scene.has("rain")) and not scene.has("sun") and not scene.has("moon")
    hidden = overcast or "sun" in scene.unwanted
    shining = scene.has("sun") or stage.time in ("sunset", "dawn")
    stage.reflects_sun = (scene.has("moon") if stage.time in ("night", "dusk") else shining) and not hidden


def _landscape(stage: Stage) -> None:
    scene = stage.scene
    paint_sky(stage)
    stage.report(0.20, "sky")
    if scene.has("mountains"):
        paint_mountains(stage)
    if scene.has("storm") and "lightning" not in scene.unwanted:
        paint_lightning(stage)
    wet = any(scene.has(water) for water in WATERS)
    if wet:
        _far_shore(stage)
        stage.report(0.34, "far shore")
        paint_water(stage)
        if scene.has("beach"):
            paint_beach(stage)
        elif _needs_bank(stage):
            paint_ground(stage, 0.62, 1.1, 2)
    else:
        _land(stage)
    stage.report(0.5, "land")
    if scene.has("fog"):
        paint_fog(stage, 0.78)
    elif scene.has("forest") or scene.has("mountains"):
        paint_fog(stage, 0.36, "haze")
    if stage.reflects_sun and stage.time in ("sunset", "dawn"):
        paint_godrays(stage)
    if scene.has("snow"):
        paint_snowfall(stage, front=False)
    if scene.has("blossoms"):  # before the figures: flowers over a face would spoil it
        paint_flowers(stage)
    _place_subjects(stage)
    stage.report(0.64, "figures")
    green = ground_kind(stage) in ("meadow", "hills", "forest")
    if (green and not scene.has("city") and (not wet or _needs_bank(stage)) and not scene.has("river")) or scene.has(
        "blossoms"
    ):
        paint_grass(stage)
    if scene.has("rain") or (scene.has("storm") and not scene.has("snow") and "rain" not in scene.unwanted):
        paint_rain(stage)
    if scene.has("snow"):
        paint_snowfall(stage, front=True)
    stage.report(0.75, "weather")


def _needs_bank(stage: Stage) -> bool:
    grounded = any(shape_of(subject.name)["anchor"] == "ground" for subject in stage.scene.subjects)
    return grounded or stage.scene.has("blossoms") or stage.scene.has("meadow")


def _far_shore(stage: Stage) -> None:
    """What stands behind the water and will be mirrored in it."""
    scene = stage.scene
    shore = stage.horizon
    if scene.has("hills") or scene.has("village") or scene.has("forest") or scene.has("desert"):
        keep, stage.horizon = stage.horizon, int(stage.horizon - 0.025 * stage.unit)
        paint_ground(stage, 0.0, 0.03, 2)
        stage.horizon = keep
    if scene.has("city"):
        paint_city(stage, shore + 2)
    if scene.has("forest"):
        keep_height = stage.height
        paint_forest(stage, shore - 0.02 * stage.unit - 0.03 * (keep_height - shore), near_rows=False, clearing=0.9)
    if scene.has("village"):
        _houses(stage, shore - 0.004 * stage.unit, 0.55)


def _land(stage: Stage) -> None:
    scene = stage.scene
    if scene.has("city"):
        paint_city(stage, stage.horizon + 0.03 * stage.unit)
    street = ground_kind(stage) == "road"
    paint_ground(stage, 0.0, 1.0, 1 if street else 4)
    if street:
        wet_ground(stage, 0.55 if scene.has("rain") else 0.3 if stage.time in ("night", "dusk") else 0.14)
    if scene.has("river"):
        paint_river(stage)
    if scene.has("forest"):
        alone = not scene.subjects and not scene.has("village") and not scene.has("river")
        paint_forest(stage, stage.horizon, near_rows=True, clearing=0.55 if alone else 0.86)
    if scene.has("village"):
        _houses(stage, stage.horizon + 0.16 * (stage.height - stage.horizon), 1.0)


def _houses(stage: Stage, base: float, scale: float) -> None:
    rng = stage.rng("village")
    roofs = ("red", "brown", "blue", "gray")
    single = "house" in stage.scene.used or "cabin" in stage.scene.used or "cottage" in stage.scene.used
    count = 1 if single else int(4 * stage.across) + 2
    for index in range(count):
        spot = float(rng.uniform(0.3, 0.7)) if single else (index + 0.5 + float(rng.uniform(-0.3, 0.3))) / count
        depth = float(rng.uniform(0, 1))
        height = stage.unit * (0.075 + 0.05 * depth) * scale * (1.7 if single else 1.0)
        sprite = render(stage, "house", height, None, f"house.{index}", part={"body2": str(rng.choice(roofs))})
        sprite = tinted(sprite, stage.light.haze, 0.26 * (1 - depth))
        place(stage, sprite, spot * stage.width, base + depth * 0.05 * stage.unit * scale)


def _place_subjects(stage: Stage) -> None:
    scene = stage.scene
    groups = len(scene.subjects)
    order = sorted(enumerate(scene.subjects), key=lambda item: shape_of(item[1].name)["anchor"] != "air")
    for index, subject in order:
        spots = {1: (0.5,), 2: (0.28, 0.73), 3: (0.2, 0.5, 0.8)}[groups]
        _place_group(stage, subject, spots[index], index, 1.0 if groups == 1 else 0.82)


def _place_group(stage: Stage, subject: Subject, spot: float, index: int, scale: float) -> None:
    shape = shape_of(subject.name)
    rng = stage.rng(f"subject.{index}.{subject.name}")
    count = subject.count
    lone = 1.9 if shape.get("flock") and count == 1 else 1.0
    size = lone * float(shape["size"]) * scale / (1 + 0.22 * (count - 1) ** 0.8)
    width_share = size * shape["box"][0] / shape["box"][1]
    room = stage.across / max(1, len(stage.scene.subjects))
    size *= min(1.0, 0.84 * room / max(0.01, width_share * (1 + 0.9 * (count - 1))))
    size *= min(1.25, stage.down**0.35)
    step = max(size * shape["box"][0] / shape["box"][1] * 1.12, 0.15 if shape.get("flock") else 0.0)
    step = min(step, 0.86 * room / count)
    drift = float(rng.uniform(-0.12, 0.12))
    size *= float(rng.uniform(0.92, 1.1))
    for number in range(count):
        far = float(rng.uniform(0, 1)) if count > 1 else 0.0
        height = stage.unit * size * (1 - 0.28 * far)
        offset = (number - (count - 1) / 2) * step
        x = (
            stage.width * (spot + drift * (0.3 if count > 1 or len(stage.scene.subjects) > 1 else 1))
            + offset * stage.unit
        )
        sprite = render(stage, subject.name, height, subject.color, f"{subject.name}.{number}",
                        glow=stage.scene.backdrop in ("space", "underwater"), tilt=_tilt(shape, rng))  # fmt: skip
        if rng.random() < 0.5 and not shape.get("steam"):
            sprite = sprite.flipped()
        _set_down(stage, sprite, str(shape["anchor"]), x, far, rng, subject)


def _tilt(shape: dict[str, object], rng: np.random.Generator) -> float:
    lean = float(str(shape.get("tilt", 0.14 if shape.get("flock") else 0.0)))
    return lean * float(rng.uniform(0.5, 1.0)) * float(rng.choice([-1.0, 1.0]))


def _set_down(
    stage: Stage, sprite: Sprite, anchor: str, x: float, far: float, rng: np.random.Generator, subject: Subject
) -> None:
    height = sprite.alpha.shape[0]
    span = stage.height - stage.horizon
    backdrop = stage.scene.backdrop
    if backdrop in ("space", "abstract") or (backdrop == "underwater" and anchor != "ground") or anchor == "air":
        middle = 0.5 if backdrop != "landscape" else 0.30
        spread = float(rng.uniform(-0.12, 0.12)) * (1.6 if subject.count > 1 else 0.5)
        base = stage.height * (middle + spread) + height / 2
        if backdrop == "landscape":
            base = max(min(base, stage.horizon - 0.03 * stage.unit), height + 0.02 * stage.unit)
        place(stage, tinted(sprite, stage.light.haze, 0.22 * far) if backdrop == "landscape" else sprite, x, base)
        return
    wet = any(stage.scene.has(water) for water in WATERS)
    if anchor in ("water", "under") and backdrop == "landscape" and (wet or stage.scene.has("river")):
        base = stage.horizon + span * (0.30 - 0.16 * far)
        if anchor == "under":  # a swimmer shows its back; the rest of it fades into the water
            rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
            sprite = Sprite(sprite.color, sprite.alpha * (1 - 0.88 * smoothstep(0.50, 0.72, rows)))
            base += 0.2 * height
            place(stage, tinted(sprite, stage.light.haze, 0.2 * far), x, base)
            return
        _reflect(stage, sprite, x, base)
        place(stage, tinted(sprite, stage.light.haze, 0.2 * far), x, base)
        return
    foot = {"studio": 0.40, "underwater": 0.82}.get(backdrop, 0.74 if span < 0.55 * stage.unit else 0.62)
    base = stage.horizon + span * (foot - 0.22 * far)
    shadow(stage, x, base - height * 0.012, sprite.alpha.shape[1] * 0.72)
    place(stage, tinted(sprite, stage.light.haze, 0.25 * far), x, base)
    if stage.scene.has("snow") and backdrop == "landscape":
        _drift_over(stage, x, base, sprite.alpha.shape[1])
    steam = shape_of(subject.name).get("steam")
    if steam:
        _steam(
            stage,
            x + (steam[0] / shape_of(subject.name)["box"][0] - 0.5) * sprite.alpha.shape[1],
            base - height * 0.62,
            height,
        )


def _reflect(stage: Stage, sprite: Sprite, x: float, base: float) -> None:
    """The sprite upside down in the water, wavering and fading with depth."""
    height, width = sprite.alpha.shape
    squeezed = sprite.alpha[::-1][:: 2 if height > 8 else 1]
    color = sprite.color[::-1][:: 2 if height > 8 else 1]
    rows = squeezed.shape[0]
    texture = tile(stage.rng("reflection"), 128, 8, 3)
    v = np.arange(rows, dtype=np.float32)[:, None] / rows
    waver = sample(texture, np.zeros_like(v), v * 2.2) * width * 0.12
    columns = np.clip(np.arange(width)[None, :] + waver, 0, width - 1).astype(np.int32)
    at = np.arange(rows)[:, None]
    faded = squeezed[at, columns] * np.asarray(0.55 * (1 - v) ** 1.2, dtype=np.float32)
    place(stage, Sprite(color[at, columns], faded), x, base + rows - 1)


def _drift_over(stage: Stage, x: float, base: float, width: float) -> None:
    """Fresh snow heaped over the feet, so that a figure stands in the snow and not on it."""
    x0, x1 = int(max(0, x - width)), int(min(stage.width, x + width))
    y0, y1 = int(max(0, base - width * 0.12)), int(min(stage.height, base + width * 0.10))
    if x1 <= x0 or y1 <= y0:
        return
    texture = tile(stage.rng("drift"), 128, 4, 4)
    u = (np.arange(x0, x1, dtype=np.float32)[None, :] - np.float32(x)) / np.float32(width)
    crest = base - width * (0.030 + 0.03 * sample(texture, u * 0.35, u * 0)) * np.exp(-(u**2) * 4)
    y = np.arange(y0, y1, dtype=np.float32)[:, None]
    rise = np.clip((y - crest) / max(1.0, width * 0.018), 0, 1)
    fade = np.exp(-((np.abs(u) * 1.75) ** 4)) * np.clip((y1 - y) / (width * 0.09), 0, 1)
    snow = mix(stage.lit(rgb("#f6f8fd"), 0.8), stage.lit(rgb("#f6f8fd"), 0.5), 0.3)
    area = stage.canvas[y0:y1, x0:x1]
    area += (snow - area) * (rise * fade).astype(np.float32)[..., None]


def _steam(stage: Stage, x: float, base: float, height: float) -> None:
    tall, wide = int(height * 0.75), int(height * 0.6)
    y0, x0 = max(0, int(base) - tall), max(0, int(x - wide / 2))
    y1, x1 = min(stage.height, int(base)), min(stage.width, x0 + wide)
    if y1 - y0 < 2 or x1 - x0 < 2:
        return
    up = 1 - np.arange(y1 - y0, dtype=np.float32)[:, None] / (y1 - y0)
    across = (np.arange(x0, x1, dtype=np.float32)[None, :] - x) / np.float32(height)
    mask = np.zeros((y1 - y0, x1 - x0), dtype=np.float32)
    for phase, shift in ((0.0, -0.07), (2.1, 0.02), (4.0, 0.09)):
        center = shift + 0.045 * np.sin(up * 7 + phase) * (0.3 + up)
        mask += np.exp(-(((across - center) / (0.016 + 0.035 * up)) ** 2)) * np.sqrt(np.clip(np.sin(np.pi * up), 0, 1))
    area = stage.canvas[y0:y1, x0:x1]
    area += (1 - np.clip(area, 0, 1)) * (np.clip(mask, 0, 1) * 0.42)[..., None]
