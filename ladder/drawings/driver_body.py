"""The person at the wheel: a posture and the head, limbs and held things that show it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ladder.drawings.bodies import bend_arm, rotation
from ladder.drawings.driver_canvas import Canvas
from ladder.drawings.driver_looks import Colour, Look, shade

RIGHT, LEFT = 0, 1
SIDE = (-1.0, 1.0)  # sign of y of the right and the left hand


@dataclass
class Pose:
    """One posture. Points are [3] in metres, in the car's or, when `on_head`, in the head's own axes."""

    trunk: np.ndarray  # turn to the left, bend forward, lean to the right, in radians and relative to the car
    head: np.ndarray  # the same
    hands: list[np.ndarray]  # right, left
    on_head: list[bool] = field(default_factory=lambda: [False, False])
    held: dict[int, str] = field(default_factory=dict)  # what a hand holds: phone, cup, bottle or brush
    mouth_open: float = 0.0
    colour: Colour = (0, 0, 0)  # of the held things
    length: float = 0.15  # of the held things, metres
    spin: np.ndarray = field(default_factory=lambda: np.zeros(3))  # how the held thing is turned


def draw_head(canvas: Canvas, look: Look, centre: np.ndarray, turn: np.ndarray, mouth_open: float) -> None:
    """Hair, face and its features; turn [3, 3] takes the head's axes to the car's."""

    def at(*points: tuple[float, float, float]) -> np.ndarray:
        return centre + np.array(points) @ turn.T

    def hair() -> None:
        canvas.blob(at((-0.02, 0, 0.03), (0.01, 0, 0.035)), [0.1, 0.088], look.hair)
        if look.cap:
            canvas.blob(at((-0.015, 0, 0.065), (0.02, 0, 0.06)), [0.092, 0.082], look.cap)

    def face() -> None:
        chin = (0.055, 0, -0.085)
        canvas.blob(at((0.025, 0, 0.01), (0.04, 0, -0.02), chin), [0.077, 0.07, 0.04], look.skin)
        if look.beard:
            canvas.blob(at((0.058, 0.03, -0.085), (0.058, -0.03, -0.085)), [0.034, 0.034], look.hair)

    to_camera = (canvas.eye - centre) @ turn  # the camera's direction in the head's axes
    to_camera /= np.linalg.norm(to_camera)
    for part in (hair, face) if to_camera[0] > -0.1 else (face, hair):
        part()
    for side in SIDE:
        if to_camera[1] * side > 0.35:
            ear = at((-0.012, 0.078 * side, 0.0), (-0.008, 0.076 * side, -0.03))
            canvas.blob(ear, [0.018, 0.013], shade(look.skin, 0.9))
        if np.dot(to_camera, (0.8, 0.6 * side, 0.0)) > 0.15:
            eye = (0.085, 0.034 * side, 0.012)
            canvas.blob(at(eye), [0.012], (236, 232, 226))
            canvas.blob(at((0.094, 0.034 * side, 0.011)), [0.0075], (32, 26, 22))
            brow = at((0.088, 0.052 * side, 0.034), (0.098, 0.018 * side, 0.036))
            canvas.line(brow, 0.009, shade(look.hair, 0.8))
            if look.glasses:
                outer, inner, temple = (0.088, 0.056 * side), (0.1, 0.014 * side), (-0.01, 0.08 * side)
                frame = ((*outer, 0.03), (*inner, 0.03), (*inner, -0.008), (*outer, -0.008), (*outer, 0.03))
                canvas.line(at(*frame, (*temple, 0.02)), 0.006, (24, 22, 24))
    if to_camera[0] > 0.0:
        canvas.blob(at((0.098, 0, 0.01), (0.115, 0, -0.022)), [0.009, 0.015], shade(look.skin, 0.96))
        canvas.line(at((0.08, 0.028, -0.062), (0.098, 0, -0.06), (0.08, -0.028, -0.062)), 0.01, (142, 66, 62))
        if mouth_open > 0.45:
            corners = at((0.09, 0.012, -0.068), (0.09, -0.012, -0.068))
            canvas.blob(corners, [0.013 * mouth_open] * 2, (92, 32, 34))
    if look.cap:
        peak = at((0.09, 0.05, 0.06), (0.09, -0.05, 0.06), (0.15, 0, 0.05))
        canvas.blob(peak, [0.014, 0.014, 0.014], shade(look.cap, 0.8))


def draw_held(
    canvas: Canvas, pose: Pose, hand: int, point: np.ndarray, axes: np.ndarray, mouth: np.ndarray
) -> None:
    """The phone, cup, bottle or brush in a hand at point [3]; axes [3, 3] are the car's or the head's."""
    colour, length = pose.colour, pose.length
    axes = axes @ rotation(*pose.spin)
    match pose.held[hand]:
        case "phone" if pose.on_head[hand]:  # flat on the cheek, from the ear towards the mouth
            centre = point + axes @ (-0.005, 0.0, 0.05)
            canvas.box(centre, (axes @ rotation(0.0, 0.5) * (0.037, 0.009, 0.55 * length)).T, colour)
        case "phone":  # the screen looks at the face
            tilt = axes @ rotation(0.0, 0.7)
            centre = point + tilt @ (0.0, 0.0, 0.055)
            canvas.box(centre, (tilt * (0.007, 0.038, length / 2)).T, colour)
            screen = (tilt * (0.003, 0.033, 0.43 * length)).T
            canvas.box(centre - tilt @ (0.006, 0, 0), screen, (150, 190, 205))
        case "brush":
            canvas.blob([point, point + length * axes @ (0.5, 0.0, 0.6)], [0.008, 0.013], colour)
        case "cup":
            out = (point - mouth) / np.linalg.norm(point - mouth)
            canvas.blob([mouth + 0.03 * out, mouth + (0.03 + 0.6 * length) * out], [0.043, 0.032], colour)
        case "bottle":
            out = (point - mouth) / np.linalg.norm(point - mouth)
            canvas.blob([mouth + 0.015 * out, mouth + 0.08 * out], [0.012, 0.016], shade(colour, 0.8))
            canvas.blob([mouth + 0.1 * out, mouth + (0.1 + 0.8 * length) * out], [0.033, 0.033], colour)


def draw_driver(canvas: Canvas, look: Look, pose: Pose) -> None:
    """The whole person, each part after those that lie behind it."""
    build, size = look.build, look.size
    trunk, turn = rotation(*pose.trunk), rotation(*pose.head)
    hips = rotation(0.3 * pose.trunk[0])
    shoulders = [trunk @ (0.0, side * 0.165 * build, 0.46 * size) for side in SIDE]
    neck = trunk @ (0.0, 0.0, 0.51 * size)
    head = neck + trunk @ (0.03, 0.0, 0.145)
    parts: list[tuple[Any, ...]] = []  # distance from the camera, what draws it and with which arguments

    def limb(nearness: float, points: list, radii: list, colour: Colour) -> None:
        distance = canvas.distance(np.mean(points, axis=0)) - nearness
        parts.append((distance, canvas.blob, np.array(points), np.array(radii) * build, colour))

    for side in SIDE:
        knee = np.array([0.42 * size, 0.14 * side, 0.1])
        limb(-0.1, [hips @ (0.0, 0.1 * side, 0.0), knee], [0.09, 0.065], look.trousers)
        limb(-0.1, [knee, np.add(knee, (0.15, 0.0, -0.35))], [0.062, 0.045], look.trousers)
    waist = [hips @ (0.0, 0.08 * side, 0.05) for side in SIDE]
    chest = [trunk @ (0.03, 0.09 * side, 0.33 * size) for side in SIDE]
    top = [0.9 * shoulder + 0.1 * neck for shoulder in shoulders]
    limb(-0.05, [*waist, *chest, *top], [0.115, 0.115, 0.1, 0.1, 0.055, 0.055], look.shirt)
    parts.append((canvas.distance(chest[0]), draw_front, canvas, look, trunk))
    throat = [neck - (0.0, 0.0, 0.03), head - turn @ (0.02, 0.0, 0.06)]
    limb(0.0, throat, [0.058, 0.05], shade(look.skin, 0.85))
    if look.hair_length:  # falls behind the neck of who looks at us
        ends = [(-0.05, y, z) for y in (0.05, -0.05) for z in (0.0, -0.05 - look.hair_length)]
        facing = turn[:, 0] @ (canvas.eye - head) > 0.5
        strands = [head + turn @ end for end in ends]
        limb(-0.25 if facing else 0.02, strands, [0.06, 0.035, 0.06, 0.035], shade(look.hair, 0.9))
    parts.append((canvas.distance(head) - 0.02, draw_head, canvas, look, head, turn, pose.mouth_open))
    sleeve = look.shirt if look.long_sleeves else look.skin
    for hand, side in enumerate(SIDE):
        target = head + turn @ pose.hands[hand] if pose.on_head[hand] else pose.hands[hand]
        # Elbows hang down and outwards, but point forward when the hand is at ear or mouth.
        low_on_head = pose.on_head[hand] and pose.hands[hand][2] < 0
        sag = np.array([0.6, 0.25 * side, -1.0] if low_on_head else [-0.1, 0.45 * side, -1.0])
        elbow, wrist = bend_arm(shoulders[hand], target, sag, 0.275 * size, 0.32 * size)
        half = 0.5 * (shoulders[hand] + elbow)
        limb(0.0, [half, elbow], [0.045, 0.042], sleeve)
        limb(0.02, [shoulders[hand], 0.3 * half + 0.7 * elbow], [0.062, 0.053], look.shirt)
        limb(0.03, [elbow, wrist], [0.042, 0.028], sleeve)
        fingers = wrist + 0.05 * (wrist - elbow) / np.linalg.norm(wrist - elbow)
        limb(0.09, [wrist, fingers, fingers - (0.0, 0.0, 0.02)], [0.03, 0.03, 0.028], look.skin)
        if hand in pose.held:
            axes = turn if pose.on_head[hand] else rotation(0.0)
            mouth = head + turn @ (0.1, 0.0, -0.06)
            grip = wrist + 0.03 * (wrist - elbow)
            parts.append((canvas.distance(wrist) - 0.06, draw_held, canvas, pose, hand, grip, axes, mouth))
    for _, draw, *arguments in sorted(parts, key=lambda part: -part[0]):
        draw(*arguments)


def draw_front(canvas: Canvas, look: Look, trunk: np.ndarray) -> None:
    """Stripes of the shirt and the safety belt, on the chest."""
    size, build = look.size, look.build
    if "stripes" in look.clutter:
        for height in (0.15, 0.24, 0.33):
            across = [(0.1, -0.14, height), (0.13, 0.0, height), (0.1, 0.12, height)]
            canvas.line(np.array(across) * (build, build, size) @ trunk.T, 0.02, shade(look.shirt, 1.35))
    if "belt" in look.clutter:
        across = [(0.04, 0.13, 0.46), (0.13, 0.04, 0.3), (0.14, -0.08, 0.12), (0.05, -0.17, 0.02)]
        canvas.line(np.array(across) * (build, build, size) @ trunk.T, 0.04, (60, 60, 64))
