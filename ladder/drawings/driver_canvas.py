"""Drawing in three dimensions: a pinhole camera and rounded bodies, boxes and lines in car coordinates."""

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from ladder.drawings.driver_looks import Colour, Look, shade

SUPERSAMPLING = 2  # drawn this many times larger, then reduced: ImageDraw itself does not antialias
CIRCLE = np.stack([np.cos(np.arange(16) * np.pi / 8), np.sin(np.arange(16) * np.pi / 8)], axis=1)


def hull(points: np.ndarray) -> list[int]:
    """Indices of the convex hull of points [n, 2], in order (Andrew's monotone chain)."""
    coordinates = points.tolist()
    order = sorted(range(len(coordinates)), key=coordinates.__getitem__)
    sides = []
    for sequence in (order, order[::-1]):
        side: list[int] = []
        for index in sequence:
            x, y = coordinates[index]
            while len(side) > 1:
                (ax, ay), (bx, by) = coordinates[side[-2]], coordinates[side[-1]]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                side.pop()
            side.append(index)
        sides += side[:-1]
    return sides


class Canvas:
    """A picture that is drawn in car coordinates, farthest things first."""

    def __init__(self, look: Look, eye: np.ndarray, target: np.ndarray, roll: float, height: int):
        self.height = height * SUPERSAMPLING
        self.width = height * 4 // 3 * SUPERSAMPLING
        self.image = Image.new("RGB", (self.width, self.height), look.sky)
        self.pen = ImageDraw.Draw(self.image)
        self.eye = eye
        forward = (target - eye) / np.linalg.norm(target - eye)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        c, s = np.cos(roll), np.sin(roll)
        self.axes = np.stack([c * right + s * down, c * down - s * right, forward])
        self.focal = look.zoom * self.height
        # Where light seems to fall on round things: from above and from the sunny side.
        self.light = np.array([0.6 * np.cos(look.light_angle), -0.6])
        self.light_contrast = look.light_contrast

    def project(self, points: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Pixels [n, 2] and pixels per metre [n] of points [n, 3]."""
        seen = (np.asarray(points, float) - self.eye) @ self.axes.T
        scale = self.focal / np.maximum(seen[:, 2], 0.15)
        return seen[:, :2] * scale[:, None] + (self.width / 2, self.height / 2), scale

    def distance(self, point: np.ndarray) -> float:
        """Metres between the camera and a point [3]."""
        return float(np.linalg.norm(point - self.eye))

    def polygon(self, points: ArrayLike, colour: Colour) -> None:
        """A flat polygon through points [n, 3]."""
        self.pen.polygon(self.project(points)[0].ravel().tolist(), fill=colour)

    def line(self, points: ArrayLike, width: float, colour: Colour) -> None:
        """A line through points [n, 3], as wide as width metres would look at its middle."""
        pixels, scale = self.project(points)
        self.pen.line(pixels.ravel().tolist(), colour, max(1, round(width * scale.mean())), joint="curve")

    def blob(self, points: ArrayLike, radii: ArrayLike, colour: Colour) -> None:
        """A rounded body: the hull of balls at points [n, 3] with radii [n], brighter on its lit side."""
        pixels, scale = self.project(points)
        reach = (np.asarray(radii) * scale)[:, None, None]
        outline = (pixels[:, None] + reach * CIRCLE).reshape(-1, 2)
        edge = hull(outline)
        lit = (pixels[:, None] + reach * (0.66 * CIRCLE + 0.22 * self.light)).reshape(-1, 2)
        self.pen.polygon(outline[edge].ravel().tolist(), fill=shade(colour, 0.95 - 0.5 * self.light_contrast))
        self.pen.polygon(lit[edge].ravel().tolist(), fill=colour)

    def box(self, centre: np.ndarray, halves: np.ndarray, colour: Colour) -> None:
        """A box of centre [3] and half-edges [3, 3], one in each row; only the faces in sight are drawn."""
        for axis in range(3):
            out, a, b = (halves[(axis + k) % 3] for k in range(3))
            side = 1.0 if out @ (self.eye - centre) > 0 else -1.0
            middle = centre + side * out
            if side * out @ (self.eye - middle) > 0:
                lift = side * out[2] / np.linalg.norm(out)  # faces that look up are brighter
                corners = np.stack([middle + a + b, middle + a - b, middle - a - b, middle - a + b])
                self.polygon(corners, shade(colour, 0.9 + 0.25 * lift))
