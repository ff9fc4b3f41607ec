"""Jointed figures for formula-driven pre-training: trunk, head and limbs in random postures and views."""

from typing import NamedTuple

import numpy as np

from ladder.drawings.bodies import bend_arm, rotation
from ladder.drawings.formula_pens import Colour, Pens, random_colour, shaded

KEYPOINTS = ("head", "right elbow", "right hand", "left elbow", "left hand")
HELD = ("nothing", "held box", "held cup", "held rod")
HELD_RADII = {"held box": (0.035, 0.035), "held cup": (0.03, 0.042), "held rod": (0.012, 0.016)}  # metres
SIDES = ((-1.0, "right"), (1.0, "left"))  # sign of y and name; x is forward, y to the left, z up
DIRECTIONS = 12  # numbers in `Figure.directions`


class Figure(NamedTuple):
    """What is asked about a picture's figure."""

    keypoints: np.ndarray  # [5, 2] in pixels, in the order of KEYPOINTS
    directions: (
        np.ndarray
    )  # [12]: where head and trunk face, each [3], seen by the camera; hands from the head
    held: tuple[int, int]  # index into HELD for the right and the left hand


class View:
    """A camera that looks along -x at a figure, and the limbs that it will draw, the nearest last."""

    def __init__(self, rng: np.random.Generator, side: int):
        u = rng.uniform
        self.turn = rotation(u(-np.pi, np.pi), u(-0.35, 0.35), u(-0.25, 0.25))
        if rng.random() < 0.5:  # half of them are seen from a side, where arms hide each other
            sideways = rng.choice([-0.5, 0.5]) * np.pi
            self.turn = rotation(sideways + u(-0.6, 0.6), u(-0.35, 0.35), u(-0.2, 0.2))
        self.zoom, self.squeeze, self.perspective = side * u(0.55, 1.1), u(0.7, 1.1), u(0.0, 0.5)
        self.shift = side * np.array([u(0.3, 0.7), u(0.5, 0.95)])
        self.limbs: list[tuple] = []
        self.thickness = 1.0

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pixels [n, 2], pixels per metre [n] and nearness [n] in metres of points [n, 3]."""
        seen = np.asarray(points) @ self.turn.T
        scale = self.zoom / (1.0 - self.perspective * seen[:, 0])
        pixels = np.stack([seen[:, 1] * scale * self.squeeze, -seen[:, 2] * scale], 1)
        return pixels + self.shift, scale, seen[:, 0]

    def limb(self, points: list, radii: tuple, colour: Colour, part: str, lift: float = 0.0) -> None:
        """Add a limb between two points [3]; `lift` metres nearer than it is, where limbs touch."""
        pixels, scale, nearness = self.project(np.array(points))
        self.limbs.append(
            (nearness.mean() + lift, pixels, np.array(radii) * scale * self.thickness, colour, part)
        )

    def draw(self, pens: Pens, light: np.ndarray) -> None:
        """Draw the limbs, brighter on the side that light [2] points to."""
        for _, pixels, radii, colour, part in sorted(self.limbs, key=lambda limb: limb[0]):
            if part == "held box":
                along = pixels[1] - pixels[0]
                across = np.array([-along[1], along[0]]) / max(np.hypot(*along), 1e-6) * radii[0]
                corners = [pixels[0] + across, pixels[1] + across, pixels[1] - across, pixels[0] - across]
                pens.polygon(np.array(corners), colour, part)
                continue
            pens.capsule(pixels, radii, shaded(colour, 0.8), part)
            if radii.max() > 2:
                pens.capsule(pixels + light * radii.mean(), 0.72 * radii, colour, part)


def place_hands(rng: np.random.Generator, head: np.ndarray, arm: float) -> list[np.ndarray]:
    """Where the hands are [3]: at the head, in front, in the lap, behind or anywhere; sometimes together."""
    u = rng.uniform
    hands = []
    for side, _ in SIDES:
        kind = rng.random()
        if kind < 0.3:
            around = rng.normal(size=3) * (1.0, 1.0, 0.8)
            around[1] = side * abs(around[1])
            hands.append(head + around / np.linalg.norm(around) * u(0.09, 0.17))
        elif kind < 0.75:
            hands.append(np.array([u(0.12, 0.62), side * u(-0.15, 0.35), u(-0.05, 0.5)]))
        elif kind < 0.85:
            hands.append(np.array([u(-0.5, -0.1), side * u(0.05, 0.5), u(-0.1, 0.5)]))
        else:
            away = rng.normal(size=3)
            hands.append(np.array([0.0, side * 0.17, 0.45]) + away / np.linalg.norm(away) * arm * u(0.4, 1))
    if rng.random() < 0.25:  # both hold on to one thing in front
        centre, angle = np.array([u(0.3, 0.5), u(-0.1, 0.1), u(0.1, 0.45)]), u(-0.6, 0.6)
        reach = u(0.04, 0.2) * np.array([0.0, np.cos(angle), np.sin(angle)])
        hands = [centre - reach, centre + reach]
    return hands


def add_trunk(
    rng: np.random.Generator, view: View, trunk: np.ndarray, build: float, shirt: Colour, trousers: Colour
) -> None:
    """Legs from the hips at the origin, and the trunk, turned by trunk [3, 3]."""
    u = rng.uniform
    for sign, _ in SIDES:
        hip, knee = (0.0, 0.09 * sign, 0.0), np.array([u(0.1, 0.5), u(0.1, 0.25) * sign, u(-0.4, 0.1)])
        view.limb([hip, knee], (0.085, 0.06), trousers, "leg", -0.1)
        foot = np.add(knee, (u(-0.2, 0.2), 0.0, -0.4))
        view.limb([knee, foot], (0.06, 0.045), trousers, "leg", -0.1)
        ends = [trunk @ (0.0, 0.07 * sign * build, 0.02), trunk @ (0.0, 0.1 * sign * build, 0.42)]
        view.limb(ends, (0.11, 0.1), shirt, "trunk")
    view.limb([trunk @ (0.02, 0.0, 0.05), trunk @ (0.02, 0.0, 0.38)], (0.12, 0.13), shirt, "trunk", 0.01)


def add_head(
    rng: np.random.Generator, view: View, head: np.ndarray, turn: np.ndarray, flesh: Colour, hair: Colour
) -> None:
    """Hair and a face with eyes, nose and mouth; turn [3, 3] says which way it looks."""

    def at(*point: float) -> np.ndarray:
        return head + turn @ point

    fall = -rng.choice([0.0, 0.0, 0.12, 0.22])
    view.limb([at(-0.025, 0.0, 0.03), at(-0.04, 0.0, fall)], (0.1, 0.07), hair, "hair", -0.02)
    view.limb([at(0.025, 0.0, 0.01), at(0.05, 0.0, -0.08)], (0.08, 0.045), flesh, "face")
    dark_or_light = (20, 20, 24) if sum(flesh) > 200 else (235, 235, 230)
    for y in (-0.035, 0.035):
        view.limb([at(0.1, y, 0.012)] * 2, (0.014, 0.014), dark_or_light, "face", 0.03)
    view.limb([at(0.1, 0.0, 0.0), at(0.125, 0.0, -0.025)], (0.01, 0.015), shaded(flesh, 0.9), "face", 0.02)
    lips = [at(0.09, 0.025, -0.065), at(0.09, -0.025, -0.065)]
    view.limb(lips, (0.01, 0.01), (140, 60, 60), "face", 0.02)


def add_arm(
    rng: np.random.Generator,
    view: View,
    side: int,
    ends: list[np.ndarray],
    arm: float,
    colours: tuple[Colour, ...],
) -> tuple[np.ndarray, np.ndarray, int]:
    """An arm of side 0 or 1 between ends, shoulder and wrist [3], with a hand that may hold something.

    `colours` are those of upper arm, forearm and hand. Returns elbow and palm [3] and an index into HELD.
    """
    u, (sign, name) = rng.uniform, SIDES[side]
    sag = np.array([u(-0.6, 0.2), u(0.0, 0.8) * sign, -1.0])
    elbow, wrist = bend_arm(*ends, sag, 0.52 * arm, 0.48 * arm)
    view.limb([ends[0], elbow], (0.062, 0.05), colours[0], f"{name} upper arm", 0.03)
    view.limb([elbow, wrist], (0.048, 0.035), colours[1], f"{name} forearm", 0.04)
    palm = wrist + 0.06 * (wrist - elbow) / np.linalg.norm(wrist - elbow)
    view.limb([wrist, palm], (0.042, 0.038), colours[2], f"{name} hand", 0.05)
    held = int(rng.choice(len(HELD), p=[0.5, 0.2, 0.15, 0.15]))
    if held:
        axis = rng.normal(size=3)
        axis *= u(0.09, 0.17) / np.linalg.norm(axis)
        thing = [palm - 0.35 * axis, palm + 0.65 * axis]
        view.limb(thing, HELD_RADII[HELD[held]], random_colour(rng), HELD[held], rng.choice([0.02, 0.07]))
    return elbow, palm, held


def draw_figure(rng: np.random.Generator, pens: Pens, side: int) -> Figure:
    """Draw a figure in a picture of `side` pixels."""
    u, view = rng.uniform, View(rng, side)
    build, view.thickness, arm = u(0.85, 1.15), u(0.8, 1.35), u(0.5, 0.62)
    trunk = rotation(0.0, u(-0.3, 0.4), u(-0.3, 0.3))
    turn = trunk @ rotation(u(-1.5, 1.5), u(-0.45, 0.6), u(-0.3, 0.3))
    neck = trunk @ (0.0, 0.0, 0.52)
    head = neck + trunk @ (0.02, 0.0, 0.14)
    wrists = place_hands(rng, head, arm)
    flesh = random_colour(rng)
    if rng.random() < 0.6:
        flesh = shaded((235, 180, 140), u(0.35, 1.08))
    shirt, trousers, hair = random_colour(rng), random_colour(rng), random_colour(rng)
    sleeves = (shirt, shirt)
    if rng.random() >= 0.4:
        sleeves = (shirt, flesh) if rng.random() < 0.6 else (flesh, flesh)
    light = rng.normal(size=2) * 0.25

    add_trunk(rng, view, trunk, build, shirt, trousers)
    throat = [neck - trunk @ (0.0, 0.0, 0.04), head]
    view.limb(throat, (0.05, 0.05), shaded(flesh, 0.85), "trunk", 0.01)
    add_head(rng, view, head, turn, flesh, hair)
    shoulders = [trunk @ (0.0, 0.175 * sign * build, 0.44) for sign, _ in SIDES]
    arms = [
        add_arm(rng, view, number, [shoulders[number], wrists[number]], arm, (*sleeves, flesh))
        for number in (0, 1)
    ]
    view.draw(pens, light)
    (right_elbow, right_palm, right_held), (left_elbow, left_palm, left_held) = arms
    points = np.array([head, right_elbow, right_palm, left_elbow, left_palm])
    fronts = [view.turn @ turn[:, 0], view.turn @ trunk[:, 0]]
    reaches = [(palm - head) @ turn / 0.3 for palm in (right_palm, left_palm)]
    return Figure(view.project(points)[0], np.concatenate(fronts + reaches), (right_held, left_held))
