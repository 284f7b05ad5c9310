"""Small real films for simulated answers."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

FPS = 12


def film(picture: Image.Image, size: tuple[int, int], seconds: float) -> bytes:
    """An MP4 of this size and length that moves slowly over a picture.

    Raises:
        ImportError: films need PyAV (extra `video`).
    """
    import av

    width, height = size
    wide = picture.convert("RGB").resize((width + width // 8, height))
    buffer = io.BytesIO()
    count = max(1, round(seconds * FPS))
    with av.open(buffer, "w", format="mp4") as output:
        stream: Any = output.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "32"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(count):
            left = (wide.width - width) * number // count
            frame: Any = av.VideoFrame.from_ndarray(
                np.asarray(wide.crop((left, 0, left + width, height))), format="rgb24"
            )
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()
