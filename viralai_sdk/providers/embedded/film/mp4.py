"""H.264 and AAC in MP4 through PyAV (the optional extra `video`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from .captions import Cue
from .isobmff import offer_text_tracks
from .plan import Narration
from .sound import RATE, Audio

if TYPE_CHECKING:
    from av.container import OutputContainer

AUDIO_BITS = 128_000
_CAPTION_TICKS = 1000  # caption times are milliseconds, like WebVTT's


def missing_encoder() -> str | None:
    """None when PyAV can write H.264 and AAC here, else the reason in plain words."""
    try:
        import av
    except ImportError as error:
        return f"PyAV is not installed ({error})"
    for name in ("libx264", "aac"):
        try:
            av.codec.Codec(name, "w")
        except ValueError:  # PyAV's UnknownCodecError
            return f"this PyAV has no {name} encoder"
    return None


def resampled(narration: Narration) -> Audio:
    """The narration as float32 mono at 48 kHz."""
    import av

    if not len(narration.samples):
        return np.zeros(0, np.float32)

    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    source = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(narration.samples)[np.newaxis], format="s16", layout="mono"
    )
    source.sample_rate = narration.sample_rate
    source.pts = 0
    source.time_base = Fraction(1, narration.sample_rate)
    pieces = [frame.to_ndarray()[0] for step in (source, None) for frame in resampler.resample(step)]
    return np.concatenate(pieces).astype(np.float32)


def write_mp4(
    path: Path,
    frames: Iterable[Image.Image],
    size: tuple[int, int],
    rate: Fraction,
    *,
    audio: Audio | None,
    track: Sequence[Cue],
    lettered: bool,
    comment: str,
    on_frame: Callable[[int, Image.Image], None],
) -> None:
    """Write a progressive MP4: H.264 (BT.709, limited range), AAC when there is `audio`, a timed-text track when
    there are captions.

    With `lettered` captions, which are in the picture already, that track is offered but not switched on.
    The pictures are the same for the same plan; x264 may still encode them differently by a hair from run to run when a
    side is no multiple of 16 (seen with FFmpeg 8.1.2).

    `on_frame(index, picture)` is called after each encoded frame; whatever it raises comes out of here.
    """
    import av

    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        if comment:
            container.metadata["comment"] = comment
        video = _video_stream(container, size, rate)
        sound = _audio_stream(container, audio) if audio is not None else None
        text: Any = container.add_mux_stream("mov_text", rate=_CAPTION_TICKS) if track else None
        if text is not None:
            text.time_base = Fraction(1, _CAPTION_TICKS)
        if sound is not None and audio is not None:
            _mux_audio(container, sound, audio)
        if text is not None:
            _mux_captions(container, text, track)
        for index, picture in enumerate(frames):
            container.mux(video.encode(_converted(picture, index, rate)))
            on_frame(index, picture)
        container.mux(video.encode(None))
    if track and lettered:
        offer_text_tracks(path)


def _video_stream(container: OutputContainer, size: tuple[int, int], rate: Fraction) -> Any:
    from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc

    stream: Any = container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "21"})
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / rate
    context.color_primaries = int(ColorPrimaries.BT709)
    context.color_trc = int(ColorTrc.BT709)
    context.colorspace = (
        1  # AVCOL_SPC_BT709; PyAV's Colorspace numbers are the scaler's, in which 709 happens to be 1 too
    )
    context.color_range = int(ColorRange.MPEG)
    context.gop_size = max(1, round(2 * rate))  # a key frame every two seconds, so that seeking is quick
    return stream


def _converted(picture: Image.Image, index: int, rate: Fraction) -> Any:
    import av
    from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

    source: Any = av.VideoFrame
    frame = source.from_image(picture).reformat(
        format="yuv420p",
        src_color_range=ColorRange.JPEG,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        dst_color_trc=ColorTrc.BT709,
        dst_color_primaries=ColorPrimaries.BT709,
    )
    frame.pts = index
    frame.time_base = 1 / rate
    return frame


def _audio_stream(container: OutputContainer, audio: Audio) -> Any:
    stream: Any = container.add_stream("aac", rate=RATE, layout="stereo" if len(audio) == 2 else "mono")
    stream.bit_rate = AUDIO_BITS
    return stream


def _mux_audio(container: OutputContainer, stream: Any, audio: Audio) -> None:
    """Sound goes in first: it is small, and the muxer interleaves it with the pictures that follow."""
    import av

    container.start_encoding()
    step = stream.codec_context.frame_size or 1024
    for start in range(0, audio.shape[1], step):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(audio[:, start : start + step]), format="fltp", layout=stream.layout.name
        )
        frame.sample_rate = RATE
        frame.pts = start
        frame.time_base = Fraction(1, RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _mux_captions(container: OutputContainer, stream: Any, track: Sequence[Cue]) -> None:
    """Timed-text samples (3GPP TS 26.245): a length of two bytes and UTF-8 text. The muxer fills the silences between
    them."""
    import av

    for cue in track:
        encoded = cue.text.encode()
        packet: Any = av.Packet(len(encoded).to_bytes(2, "big") + encoded)
        begin = round(cue.start * _CAPTION_TICKS)
        packet.stream = stream
        packet.time_base = Fraction(1, _CAPTION_TICKS)
        packet.pts = packet.dts = begin
        packet.duration = round(cue.end * _CAPTION_TICKS) - begin
        packet.is_keyframe = True
        container.mux_one(packet)
