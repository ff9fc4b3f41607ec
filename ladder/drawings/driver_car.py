"""The car around the driver and the world outside its windows."""

import numpy as np

from ladder.drawings.bodies import rotation
from ladder.drawings.driver_canvas import Canvas
from ladder.drawings.driver_looks import RADIO, Colour, Look, shade


def rim_point(look: Look, angle: float) -> np.ndarray:
    """Point [3] of the steering wheel; angle 0 is the driver's left, a right angle is the top."""
    up = np.array([np.sin(look.wheel_tilt), 0.0, np.cos(look.wheel_tilt)])
    left = np.array([0.0, 1.0, 0.0])
    return look.wheel_centre + look.wheel_radius * (np.cos(angle) * left + np.sin(angle) * up)


def draw_outside(canvas: Canvas, look: Look, travel: float) -> None:
    """Sky, ground and whatever passes by, moved by travel picture heights; the cabin is drawn over it."""
    unit, horizon = canvas.height, look.horizon * canvas.height
    for row in range(8):  # a sky that gets paler towards the horizon
        top = row * horizon / 8
        canvas.pen.rectangle([0, top, canvas.width, horizon], fill=shade(look.sky, 0.8 + 0.03 * row))
    canvas.pen.rectangle([0, horizon, canvas.width, canvas.height], fill=look.ground)
    for bearing, width, height, brightness in look.scenery:
        x = ((bearing + travel + 0.3) % 1.9 - 0.3) * unit
        box = [x, horizon - height * unit, x + width * unit, horizon + 0.05 * unit]
        if brightness < 0.8:
            canvas.pen.ellipse(box, fill=shade((96, 150, 84), brightness))
        else:
            canvas.pen.rectangle(box, fill=shade((170, 160, 150), brightness))


def draw_cabin(canvas: Canvas, look: Look) -> None:
    """Doors, roof, pillars, seats, dashboard and steering wheel: all that the driver sits in front of."""
    wall, cabin, seat = 0.62, look.cabin, look.seat

    def panel(colour: Colour, *corners: tuple[float, float]) -> None:
        canvas.polygon([(x, wall, z) for x, z in corners], colour)

    panel(cabin, (-3, 0.4), (1.8, 0.4), (1.8, -0.9), (-3, -0.9))
    panel(shade(cabin, 1.25), (-0.3, 0.34), (0.75, 0.3), (0.75, 0.22), (-0.3, 0.26))
    panel(shade(cabin, 0.8), (-0.33, 0.4), (0.9, 0.4), (0.9, 0.37), (-0.33, 0.37))
    panel(shade(cabin, 1.35), (-3, 0.9), (0.45, 0.9), (1.8, 0.75), (1.8, 2), (-3, 2))
    panel(shade(cabin, 1.15), (-0.47, 0.95), (-0.33, 0.95), (-0.30, -0.9), (-0.5, -0.9))
    panel(shade(cabin, 1.1), (0.5, 0.92), (0.58, 0.92), (1.05, 0.38), (0.93, 0.38))
    canvas.box(np.array([-1.15, 0.05, 0.1]), np.diag([0.12, 0.5, 0.36]), shade(seat, 0.8))
    canvas.box(np.array([0.88, 0.1, 0.08]), np.diag([0.24, 0.5, 0.3]), shade(cabin, 0.85))
    canvas.blob([(0.66, 0.2, 0.4), (0.66, -0.18, 0.4)], [0.05, 0.05], shade(cabin, 0.7))
    width = look.seat_width
    for y in (width, -width):
        canvas.blob([(-0.1, y, -0.1), (-0.19, y, 0.25), (-0.25, 0.85 * y, 0.5)], [0.08, 0.07, 0.06], seat)
    canvas.blob([(-0.24, -0.1, 0.7), (-0.24, 0.1, 0.7)], [0.075, 0.075], shade(seat, 0.9))
    cushion = [(-0.1, -width, -0.12), (0.4, -width, -0.1), (0.4, width, -0.1)]
    canvas.blob(cushion, [0.07, 0.07, 0.07], shade(seat, 0.9))
    centre = look.wheel_centre
    canvas.line([centre, np.add(centre, (0.25, 0, -0.08))], 0.07, shade(cabin, 0.6))
    rim = np.stack([rim_point(look, a) for a in np.linspace(0, 2 * np.pi, 25)])
    canvas.line(rim, 0.028, (34, 33, 36))
    for angle in (0.1, 3.04, 4.71):
        canvas.line([centre, rim_point(look, angle)], 0.025, (48, 47, 50))
    canvas.blob([centre], [0.055], (44, 43, 46))
    draw_console(canvas, look)


def draw_console(canvas: Canvas, look: Look) -> None:
    """The middle of the car, between driver and camera, with the things that lie about there."""
    cabin = look.cabin
    tilt = rotation(0.0, 0.5)
    canvas.box(np.add(RADIO, (0.07, 0.0, -0.12)), (tilt * (0.06, 0.1, 0.2)).T, shade(cabin, 0.75))
    canvas.box(RADIO, (tilt * (0.015, 0.08, 0.045)).T, (40, 60, 72))
    canvas.box(np.array([0.1, -0.37, -0.12]), np.diag([0.4, 0.07, 0.1]), shade(cabin, 0.9))
    canvas.line([(0.36, -0.37, -0.02), (0.34, -0.37, 0.08)], 0.02, (30, 30, 30))
    canvas.blob([(0.34, -0.37, 0.09)], [0.025], (52, 50, 50))
    if "mounted phone" in look.clutter:
        canvas.box(np.array([0.6, -0.14, 0.44]), (rotation(0.3, 0.2) * (0.006, 0.04, 0.075)).T, (26, 27, 32))
    if "cup in holder" in look.clutter:
        canvas.blob([(0.2, -0.37, 0.0), (0.2, -0.37, 0.09)], [0.03, 0.037], shade(look.seat, 1.7))
    if "paper" in look.clutter:
        canvas.box(np.array([0.8, -0.1, 0.4]), (rotation(0.5) * (0.08, 0.11, 0.01)).T, (226, 224, 214))
    if "visor" in look.clutter:
        folded_down = (rotation(0.0, -0.5) * (0.01, 0.17, 0.07)).T
        canvas.box(np.array([0.42, 0.15, 0.9]), folded_down, shade(cabin, 1.45))


def draw_foreground(canvas: Canvas, look: Look) -> None:
    """What stands nearer to the camera than the driver."""
    if "passenger seat" in look.clutter:
        canvas.blob([(-0.3, -0.62, -0.2), (-0.36, -0.62, 0.14)], [0.08, 0.07], shade(look.seat, 0.85))
    if "bag" in look.clutter:
        canvas.blob([(0.2, -0.58, -0.02), (0.38, -0.58, -0.04)], [0.07, 0.06], shade(look.trousers, 1.4))
