"""Geometry of jointed bodies: how they are turned and how an arm bends."""

import numpy as np


def rotation(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """Matrix [3, 3] that turns left by yaw, nods down by pitch and leans to the right by roll (radians)."""
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (np.cos, np.sin))
    turn = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    nod = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    lean = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    return turn @ nod @ lean


def bend_arm(
    shoulder: np.ndarray, hand: np.ndarray, sag: np.ndarray, upper: float, lower: float
) -> tuple[np.ndarray, np.ndarray]:
    """Elbow [3], bent towards sag [3], and hand [3] of an arm; a hand out of reach is pulled nearer."""
    span = hand - shoulder
    reach = np.linalg.norm(span)
    along = span / reach
    reach = min(reach, 0.99 * (upper + lower))
    fore = (reach**2 + upper**2 - lower**2) / (2 * reach)
    sag = sag - (sag @ along) * along
    bend = np.sqrt(max(upper**2 - fore**2, 0.0)) * sag / np.linalg.norm(sag)
    return shoulder + fore * along + bend, shoulder + reach * along
