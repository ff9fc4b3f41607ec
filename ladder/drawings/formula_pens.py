"""Pens for formula-driven pre-training: they draw a picture and a map of what each of its pixels shows."""

import numpy as np
from PIL import ImageDraw

Colour = tuple[int, ...]  # red, green, blue; 0 to 255

PARTS = (
    "background",
    "ellipse",
    "polygon",
    "ring",
    "stroke",
    "stripes",
    "trunk",
    "leg",
    "hair",
    "face",
    "right upper arm",
    "right forearm",
    "right hand",
    "left upper arm",
    "left forearm",
    "left hand",
    "held box",
    "held cup",
    "held rod",
)


class Pens:
    """Draws in the picture and in the map of parts, whose side is 1 / scale of the picture's.

    Points are in pixels of the picture; `part` is one of PARTS.
    """

    def __init__(self, picture: ImageDraw.ImageDraw, parts: ImageDraw.ImageDraw, scale: int):
        self.picture, self.parts, self.scale = picture, parts, scale

    def polygon(self, points: np.ndarray, colour: Colour, part: str) -> None:
        """Fill the outline through points [n, 2]."""
        self.picture.polygon(points.ravel().tolist(), fill=colour)
        self.parts.polygon((points / self.scale).ravel().tolist(), fill=PARTS.index(part))

    def ellipse(self, centre: np.ndarray, radii: tuple[float, float], colour: Colour, part: str) -> None:
        """Fill an ellipse with level axes."""
        box = np.concatenate([centre - radii, centre + radii])
        self.picture.ellipse(box.tolist(), fill=colour)
        self.parts.ellipse((box / self.scale).tolist(), fill=PARTS.index(part))

    def line(self, points: np.ndarray, width: float, colour: Colour, part: str) -> None:
        """Draw a line through points [n, 2]."""
        self.picture.line(points.ravel().tolist(), fill=colour, width=max(1, round(width)), joint="curve")
        thin = max(1, round(width / self.scale))
        self.parts.line((points / self.scale).ravel().tolist(), fill=PARTS.index(part), width=thin)

    def capsule(self, ends: np.ndarray, radii: np.ndarray, colour: Colour, part: str) -> None:
        """A limb from ends[0] to ends[1], as thick as radii [2] say, with round ends."""
        along = ends[1] - ends[0]
        across = np.array([-along[1], along[0]]) / max(np.hypot(*along), 1e-6)
        sides = [ends[0] + across * radii[0], ends[1] + across * radii[1]]
        sides += [ends[1] - across * radii[1], ends[0] - across * radii[0]]
        self.polygon(np.array(sides), colour, part)
        for end, radius in zip(ends, radii, strict=True):
            self.ellipse(end, (radius, radius), colour, part)


def shaded(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor < 1) or lighter (> 1)."""
    return tuple(int(min(255.0, channel * factor)) for channel in colour)


def random_colour(rng: np.random.Generator) -> Colour:
    """Anything from near black over greys and strong hues to near white."""
    grey, spread = rng.uniform(10, 245), rng.choice([8.0, 40.0, 90.0])
    return tuple(int(c) for c in np.clip(grey + spread * rng.uniform(-1, 1, 3), 0, 255))
