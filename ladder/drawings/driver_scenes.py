"""Pictures of drivers at the wheel in ten classes, drawn by formula: a stand-in for the State Farm photos.

As in those photos, the frames of one clip are near-duplicates and every driver brings a look, a car and a
camera of their own: whoever splits frames at random measures memory, whoever holds out drivers measures
recognition. The class lies in where hands, head and held object are, never in a colour or a fixed place.
"""

from dataclasses import replace

import numpy as np
from PIL import Image

from ladder.drawings.driver_body import LEFT, RIGHT, SIDE, Pose, draw_driver
from ladder.drawings.driver_canvas import SUPERSAMPLING, Canvas
from ladder.drawings.driver_car import draw_cabin, draw_foreground, draw_outside, rim_point
from ladder.drawings.driver_looks import RADIO, Look, any_colour, make_look
from ladder.files.streams import stream


def make_pose(rng: np.random.Generator, look: Look, class_index: int) -> Pose:
    """Draw the posture of one clip of a class."""
    u = rng.uniform
    pose = Pose(
        trunk=np.array([u(-0.08, 0.08), u(-0.12, 0.06), u(-0.07, 0.07)]),
        head=np.array([u(-0.35, 0.15), u(-0.08, 0.15), u(-0.08, 0.08)]),
        hands=[rim_point(look, u(1.7, 3.5)), rim_point(look, u(-0.35, 1.35))],
        mouth_open=u(0, 0.8),
        colour=any_colour(rng),
        length=u(0.13, 0.17),
        spin=u(-0.3, 0.3, 3),
    )
    if class_index and rng.random() < 0.2:  # the hand that has nothing to do may rest on the thigh
        pose.hands[RIGHT] = np.array([u(0.2, 0.35), u(-0.2, -0.12), u(0.12, 0.16)])
    busy = {1: RIGHT, 2: RIGHT, 3: LEFT, 4: LEFT}.get(class_index, RIGHT if rng.random() < 0.75 else LEFT)
    side = SIDE[busy]
    match class_index:
        case 1 | 3:  # texting
            pose.hands[busy] = np.array([u(0.22, 0.38), side * u(0.06, 0.24), u(0.18, 0.42)])
            if busy == LEFT:  # held higher, with the other hand low, else the right arm would hide it
                pose.hands = [rim_point(look, u(2.6, 3.9)), pose.hands[LEFT] + (0.0, 0.0, 0.07)]
            pose.head = np.array([side * u(0.0, 0.35), u(0.2, 0.55), u(-0.1, 0.1)])
            pose.held[busy] = "phone"
        case 2 | 4:  # on the phone
            pose.hands[busy] = np.array([u(0.03, 0.07), side * u(0.10, 0.13), u(-0.12, -0.06)])
            pose.on_head[busy] = True
            pose.head = np.array([u(-0.6, 0.0), u(-0.05, 0.2), -side * u(0.0, 0.2)])
            pose.mouth_open = u(0, 1)
            pose.held[busy] = "phone"
        case 5:  # the radio
            pose.hands[RIGHT] = RADIO + u(-0.06, 0.06, 3)
            pose.trunk += (u(-0.1, 0.15), u(0.08, 0.25), u(0.0, 0.12))
            pose.head = np.array([u(-0.6, -0.1), u(0.0, 0.4), u(-0.1, 0.1)])
        case 6:  # drinking
            pose.hands[busy] = np.array([u(0.16, 0.20), side * u(0.02, 0.06), u(-0.10, -0.05)])
            pose.on_head[busy] = True
            pose.head[1] = u(-0.35, 0.0)
            pose.mouth_open = 0.0
            pose.held[busy] = str(rng.choice(["cup", "bottle"]))
        case 7:  # reaching behind
            pose.hands[RIGHT] = np.array([u(-0.55, -0.3), u(-0.45, -0.25), u(0.05, 0.4)])
            pose.trunk += (u(-0.8, -0.35), u(-0.05, 0.15), u(0.05, 0.3))
            pose.head = np.array([u(-2.2, -1.1), u(-0.1, 0.4), u(-0.1, 0.2)])
        case 8:  # hair and make-up
            for hand in (RIGHT, LEFT) if rng.random() < 0.25 else (busy,):
                bearing = u(-0.2, 2.2)  # from the face over the crown to the back of the head
                across = SIDE[hand] * u(0.04, 0.09)
                pose.hands[hand] = np.array([0.13 * np.cos(bearing), across, 0.02 + 0.12 * np.sin(bearing)])
                pose.on_head[hand] = True
            if rng.random() < 0.6:
                pose.held[busy] = "brush"
            pose.head[1] = u(-0.25, 0.2)
        case 9:  # talking to the passenger
            pose.head = np.array([u(-1.5, -0.8), u(-0.15, 0.15), u(-0.15, 0.2)])
            pose.trunk[0] -= u(0.0, 0.3)
            pose.mouth_open = u(0.5, 1.0)
            if rng.random() < 0.35:  # some speak with the hand
                pose.hands[RIGHT] = np.array([u(0.25, 0.4), u(-0.35, -0.2), u(0.25, 0.45)])
    return pose


def develop(image: Image.Image, look: Look, brightness: float, rng: np.random.Generator) -> np.ndarray:
    """What light, lens and sensor make of a drawing: pixels uint8 [height, width, 3]."""
    pixels = np.asarray(image.reduce(SUPERSAMPLING), dtype=np.float32)
    height, width = pixels.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / height
    along = (x - 0.67) * np.cos(look.light_angle) + (y - 0.5) * np.sin(look.light_angle)
    light = 1.0 + look.light_contrast * along
    for centre_x, centre_y, radius in look.sun_patches:
        light += 0.5 * np.exp(-((((x - centre_x) / radius) ** 2 + ((y - centre_y) / radius) ** 2) ** 2))
    pixels = np.clip(pixels * light[..., None] * (look.tint * brightness).astype(np.float32), 0, 255)
    pixels = 255.0 * (pixels / 255.0) ** np.float32(look.gamma)
    pixels += look.noise * rng.standard_normal(pixels.shape, dtype=np.float32)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def draw_clip(seed: int, driver: int, class_index: int, frames: int, height: int) -> list[np.ndarray]:
    """Draw consecutive frames of one short clip.

    Parameters
    ----------
    seed, driver : the driver's look depends on these two alone
    class_index : 0 to 9, as in c0 to c9; the posture depends on all three
    frames : number of frames; frame i is the same however many are asked for
    height : of a frame, in pixels

    Returns
    -------
    `frames` images, uint8 [height, height * 4 // 3, 3], RGB
    """
    look = make_look(stream(seed, "drawn-driver/look", driver))
    rng = stream(seed, "drawn-driver/clip", driver, class_index)
    pose = make_pose(rng, look, class_index)
    eye, target = look.eye + rng.uniform(-0.02, 0.02, 3), look.target + rng.uniform(-0.015, 0.015, 3)
    brightness, travel = rng.uniform(0.92, 1.08), rng.uniform(0, 1.9)
    phases, amplitude = rng.uniform(0, 2 * np.pi, 4), rng.uniform(0.003, 0.012)
    images = []
    for frame in range(frames):
        rng = stream(seed, "drawn-driver/frame", driver, class_index, frame)
        sway = np.sin(phases + 0.9 * frame)  # slow motion, the same for everybody who watches this clip
        drifts = amplitude * sway[2:]
        moment = replace(
            pose,
            trunk=pose.trunk + 0.01 * sway[0],
            head=pose.head + 0.03 * sway[1] + rng.normal(0, 0.01, 3),
            hands=[pose.hands[hand] + drifts[hand] + rng.normal(0, 0.003, 3) for hand in (RIGHT, LEFT)],
        )
        shake = rng.normal(0, 0.004, 3)
        canvas = Canvas(look, eye, target + shake, look.camera_roll + rng.normal(0, 0.003), height)
        draw_outside(canvas, look, travel + 0.02 * frame)
        draw_cabin(canvas, look)
        draw_driver(canvas, look, moment)
        draw_foreground(canvas, look)
        images.append(develop(canvas.image, look, brightness * rng.uniform(0.98, 1.02), rng))
    return images
