"""What stays the same while one person drives: the look of driver, car, light and camera.

Everything is placed in car coordinates, in metres: x forward, y to the driver's left, z up, origin between
the hips. A pinhole camera at the passenger's side turns them into pixels, so that limbs hide each other and
grow near the lens as in a photo, and so that every driver may be seen from another place.
"""

from dataclasses import dataclass

import numpy as np

Colour = tuple[int, ...]  # red, green, blue; 0 to 255

RADIO = np.array([0.55, -0.25, 0.27])  # metres, in the car

SKINS = ((244, 208, 177), (231, 188, 150), (224, 172, 125), (198, 140, 94), (150, 98, 62), (98, 64, 44))
HAIRS = ((28, 22, 20), (58, 38, 26), (96, 62, 36), (206, 172, 112), (128, 52, 28), (150, 148, 146))
CABINS = ((46, 46, 50), (70, 70, 74), (104, 98, 90), (150, 134, 112), (186, 176, 160), (64, 52, 46))
CLUTTER = ("mounted phone", "cup in holder", "passenger seat", "visor", "bag", "belt", "stripes", "paper")


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor < 1) or lighter (> 1)."""
    return tuple(min(255, max(0, round(channel * factor))) for channel in colour)


def any_colour(rng: np.random.Generator) -> Colour:
    """A colour of clothes and objects, from near black over strong hues to near white."""
    grey, tint = rng.uniform(25, 225), rng.uniform(-1, 1, 3)
    return shade(tuple(grey + rng.choice([12, 60]) * tint), 1.0)


@dataclass(frozen=True)
class Look:
    """What one driver keeps over all clips. Colours are RGB, lengths metres, angles radians."""

    skin: Colour
    hair: Colour
    shirt: Colour
    trousers: Colour
    long_sleeves: bool
    hair_length: float
    beard: bool
    glasses: bool
    cap: Colour | None
    build: float  # width of trunk and limbs, 1 is average
    size: float  # length of trunk and limbs, 1 is average
    cabin: Colour
    seat: Colour
    seat_width: float
    wheel_centre: np.ndarray
    wheel_radius: float
    wheel_tilt: float
    eye: np.ndarray  # the camera's position
    target: np.ndarray  # the point at the middle of its picture
    camera_roll: float
    zoom: float  # focal length in picture heights
    sky: Colour
    ground: Colour
    scenery: np.ndarray  # [n, 4]: bearing, width, height in picture heights, brightness
    horizon: float  # in picture heights from the top
    light_angle: float
    light_contrast: float
    tint: np.ndarray  # [3], factor on each colour channel
    gamma: float
    noise: float  # standard deviation in grey levels
    sun_patches: np.ndarray  # [n, 3]: x, y, radius in picture heights
    clutter: frozenset[str]


def make_look(rng: np.random.Generator) -> Look:
    """Draw the look of a driver, a car, a camera and a day."""
    u = rng.uniform
    skin = shade(SKINS[rng.integers(len(SKINS))], u(0.9, 1.08))
    cabin = shade(CABINS[rng.integers(len(CABINS))], u(0.8, 1.2))
    seat = shade(CABINS[rng.integers(len(CABINS))], u(0.7, 1.15))
    hair_length = float(rng.choice([0.0, 0.0, 0.1, 0.2, 0.3]))
    return Look(
        skin=skin,
        hair=shade(HAIRS[rng.integers(len(HAIRS))], u(0.85, 1.15)),
        shirt=any_colour(rng),
        trousers=shade(any_colour(rng), 0.6),
        long_sleeves=bool(rng.random() < 0.45),
        hair_length=hair_length,
        beard=bool(rng.random() < 0.2) and not hair_length,
        glasses=bool(rng.random() < 0.3),
        cap=any_colour(rng) if rng.random() < 0.15 else None,
        build=u(0.86, 1.22),
        size=u(0.94, 1.07),
        cabin=cabin,
        seat=seat,
        seat_width=u(0.17, 0.23),
        wheel_centre=np.array([u(0.40, 0.47), 0.0, u(0.26, 0.35)]),
        wheel_radius=u(0.17, 0.20),
        wheel_tilt=u(0.3, 0.6),
        eye=np.array([u(0.36, 0.66), u(-1.0, -0.82), u(0.5, 0.74)]),
        target=np.array([u(0.10, 0.22), 0.05, u(0.39, 0.47)]),
        camera_roll=u(-0.07, 0.07),
        zoom=u(0.92, 1.15),
        sky=tuple(int(c) for c in u(150, 255) - np.array([u(0, 60), u(0, 25), 0])),
        ground=shade((110, 112, 100), u(0.6, 1.5)),
        scenery=np.stack([u(-0.2, 1.6, 12), u(0.04, 0.3, 12), u(0.02, 0.22, 12), u(0.3, 1.3, 12)], axis=1),
        horizon=u(0.22, 0.36),
        light_angle=u(-np.pi, np.pi),
        light_contrast=u(0.1, 0.45),
        tint=u(0.72, 1.12) * u(0.92, 1.08, 3),
        gamma=u(0.75, 1.2),
        noise=u(2.0, 7.0),
        sun_patches=np.stack([u(0, 1.33, 3), u(0.2, 1, 3), u(0.04, 0.14, 3)], axis=1)[: rng.integers(4)],
        clutter=frozenset(str(thing) for thing in rng.permutation(CLUTTER)[: rng.integers(2, 7)]),
    )
