"""The kinds of objects as solids: animals and vehicles, each a family with ranges of measures.

Materials as in shapes.py. The front looks along +x.
"""

import numpy as np

from geometry import ball, block, chain, disc, drum, rod, rotation, wall
from shapes import DARK, MAIN, PALE, SECOND

# Ranges: body length and radius, leg length and thickness, neck length and slope in degrees,
# head radius and muzzle length, tail length and slope.
FOUR_LEGS = {
    "dog": dict(
        body=(0.9, 1.25),
        girth=(0.2, 0.3),
        leg=(0.4, 0.75),
        limb=(0.06, 0.1),
        neck=(0.2, 0.4),
        rise=(35, 65),
        head=(0.17, 0.24),
        muzzle=(0.16, 0.3),
        tail=(0.3, 0.6),
        lift=(-20, 70),
        ears="any",
    ),
    "cat": dict(
        body=(0.8, 1.0),
        girth=(0.17, 0.24),
        leg=(0.35, 0.5),
        limb=(0.05, 0.075),
        neck=(0.1, 0.2),
        rise=(35, 60),
        head=(0.19, 0.24),
        muzzle=(0.04, 0.08),
        tail=(0.6, 0.9),
        lift=(0, 80),
        ears="pointed",
    ),
    "cow": dict(
        body=(1.2, 1.5),
        girth=(0.34, 0.46),
        leg=(0.45, 0.65),
        limb=(0.08, 0.12),
        neck=(0.25, 0.45),
        rise=(10, 40),
        head=(0.2, 0.25),
        muzzle=(0.25, 0.36),
        tail=(0.5, 0.7),
        lift=(-88, -75),
        ears="side",
        horns=0.7,
        patched=0.5,
    ),
    "horse": dict(
        body=(1.15, 1.4),
        girth=(0.27, 0.36),
        leg=(0.75, 1.05),
        limb=(0.06, 0.09),
        neck=(0.55, 0.8),
        rise=(40, 65),
        head=(0.16, 0.2),
        muzzle=(0.34, 0.48),
        tail=(0.6, 0.9),
        lift=(-85, -55),
        ears="upright",
        mane=0.9,
        brush=0.11,
    ),
    "sheep": dict(
        body=(0.9, 1.1),
        girth=(0.36, 0.46),
        leg=(0.3, 0.45),
        limb=(0.06, 0.08),
        neck=(0.15, 0.25),
        rise=(20, 45),
        head=(0.16, 0.2),
        muzzle=(0.14, 0.2),
        tail=(0.1, 0.15),
        lift=(-60, -30),
        ears="side",
        face=SECOND,
        woolly=1.0,
    ),
    "pig": dict(
        body=(1.0, 1.2),
        girth=(0.36, 0.46),
        leg=(0.2, 0.32),
        limb=(0.08, 0.11),
        neck=(0.08, 0.15),
        rise=(5, 25),
        head=(0.24, 0.3),
        muzzle=(0.14, 0.22),
        tail=(0.12, 0.2),
        lift=(20, 60),
        ears="pointed",
    ),
    "elephant": dict(
        body=(1.1, 1.3),
        girth=(0.48, 0.58),
        leg=(0.5, 0.7),
        limb=(0.14, 0.19),
        neck=(0.2, 0.3),
        rise=(15, 35),
        head=(0.32, 0.4),
        muzzle=(0.02, 0.04),
        tail=(0.4, 0.5),
        lift=(-88, -75),
        ears="sails",
        trunk=1.0,
    ),
    "giraffe": dict(
        body=(0.8, 1.0),
        girth=(0.25, 0.32),
        leg=(1.0, 1.3),
        limb=(0.06, 0.085),
        neck=(1.1, 1.5),
        rise=(60, 78),
        head=(0.14, 0.17),
        muzzle=(0.2, 0.28),
        tail=(0.4, 0.6),
        lift=(-88, -75),
        ears="side",
        patched=1.0,
    ),
    "rabbit": dict(
        body=(0.5, 0.65),
        girth=(0.28, 0.36),
        leg=(0.14, 0.22),
        limb=(0.08, 0.11),
        neck=(0.1, 0.16),
        rise=(40, 60),
        head=(0.2, 0.25),
        muzzle=(0.06, 0.1),
        tail=(0.08, 0.1),
        lift=(10, 30),
        ears="long",
    ),
}


def ears(shape, centre, size, material):
    parts = []
    for side in (-1, 1):
        if shape == "upright":
            parts += rod(
                centre + [0, size * 0.7, side * size * 0.45],
                centre + [0, size * 1.7, side * size * 0.6],
                0.05,
                0.015,
                material,
            )
        elif shape == "pointed":
            foot = centre + [-0.1 * size, size * 0.6, side * size * 0.6]
            parts.append(wall(foot, foot + [0, size * 0.9, side * size * 0.15], size * 0.38, 0.01, material))
        elif shape == "long":
            turn = rotation(0, side * 12)
            parts.append(
                ball(centre + [-0.1, size * 1.8, side * size * 0.5], (0.06, size * 1.1, 0.1), material, turn)
            )
        elif shape == "sails":
            parts.append(
                ball(centre + [-0.12, 0, side * size * 1.25], (0.08, size * 1.1, size * 0.75), material)
            )
        elif shape == "side":
            parts.append(
                ball(centre + [-0.04, size * 0.5, side * size * 1.2], (0.06, 0.08, size * 0.55), material)
            )
        else:  # hanging
            parts.append(
                ball(centre + [-0.05, -size * 0.05, side * size * 0.95], (0.1, size * 0.75, 0.05), material)
            )
    return parts


def four_legs(spec, rng):
    """One animal of the family."""

    def draw(name):
        return rng.uniform(*spec[name])

    def has(name):
        return rng.random() < spec.get(name, 0)

    body, girth, leg, limb = draw("body"), draw("girth"), draw("leg"), draw("limb")
    deep = rng.uniform(0.8, 0.95)  # an animal is narrower than high
    level = leg + girth * 0.8
    chest = np.array([body / 2 - girth * 0.6, level, 0])
    rump = np.array([-body / 2 + girth * 0.6, level + rng.uniform(-0.04, 0.04), 0])
    thin = rng.uniform(0.82, 1.02)
    parts = [ball((chest + rump) / 2, (body / 2, girth * thin, girth * deep * thin))]
    parts += [
        ball(chest, (girth * 1.05, girth * 1.05, girth * deep)),
        ball(rump, (girth * 1.05, girth, girth * deep)),
    ]
    if has("woolly"):
        for _ in range(14):
            turn = rng.normal(size=3)
            turn /= np.linalg.norm(turn)
            parts.append(
                ball((chest + rump) / 2 + turn * [body * 0.45, girth * 0.85, girth * 0.8], girth * 0.38)
            )
    stocking = MAIN if rng.random() < 0.65 else rng.choice([SECOND, DARK])
    for end, knee in ((chest, 0.05), (rump, -0.07)):
        for side in (-1, 1):
            hip = end + [0, -girth * 0.35, side * girth * deep * 0.55]
            step = rng.uniform(-0.12, 0.12) * leg
            bend = np.array([hip[0] + step + knee * leg, leg * 0.48, hip[2]])
            foot = np.array([hip[0] + step * 1.5, limb * 0.6, hip[2]])
            parts.append(wall(hip, bend, limb * 2.0, limb * 1.05))
            parts += rod(bend, foot, limb * 0.95, limb * 0.75, stocking)
            parts.append(ball(foot + [limb * 0.4, 0, 0], (limb * 1.3, limb * 0.6, limb), stocking))
    return parts + front(spec, rng, draw, has, chest, girth) + behind(spec, rng, draw, rump, girth)


def front(spec, rng, draw, has, chest, girth):
    """Neck, head and what grows on it."""
    length, rise, size, muzzle = draw("neck"), np.radians(draw("rise")), draw("head"), draw("muzzle")
    foot = chest + [girth * 0.35, girth * 0.4, 0]
    head = foot + (length + size * 0.6) * np.array([np.cos(rise), np.sin(rise), 0])
    parts = [wall(foot - [0.1, 0.1, 0], head, girth * 0.62, size * 0.72)]
    face = spec.get("face", MAIN) if rng.random() < 0.85 else SECOND
    parts.append(ball(head, (size * 1.1, size, size * 0.85), face))
    droop = np.radians(rng.uniform(10, 45))
    nose = head + (muzzle + size * 0.7) * np.array([np.cos(droop), -np.sin(droop), 0])
    parts += rod(head, nose, size * 0.75, size * 0.52, face)
    parts.append(
        ball(
            nose + [size * 0.35, 0.02, 0],
            (size * 0.2, size * 0.3, size * 0.38),
            rng.choice([DARK, face, PALE]),
        )
    )
    for side in (-1, 1):
        parts.append(ball(head + [size * 0.75, size * 0.4, side * size * 0.55], size * 0.16, DARK))
    shape = spec["ears"] if spec["ears"] != "any" else rng.choice(["hanging", "pointed"])
    parts += ears(shape, head, size, rng.choice([face, SECOND]))
    if has("horns"):
        for side in (-1, 1):
            root = head + [0, size * 0.7, side * size * 0.5]
            parts += rod(root, root + [0.05, size * 0.7, side * size * 0.8], 0.045, 0.015, PALE)
    if has("mane"):
        for share in np.linspace(0.1, 1, 6):
            place = foot + (head - foot) * share + [-size * 0.75 - (1 - share) * 0.12, size * 0.35, 0]
            parts.append(ball(place, (0.09, 0.13, 0.05), SECOND))
    if has("trunk"):
        reach = rng.uniform(0.6, 0.9)
        points = [
            head + [size * 0.7, -0.1, 0],
            head + [size + 0.15, -reach * 0.5, 0],
            head + [size + 0.2, -reach, 0],
        ]
        parts += chain([*points, head + [size + 0.4, -reach - 0.05, 0]], (size * 0.45, 0.14, 0.1, 0.07))
        for side in (-1, 1):
            root = head + [size * 0.7, -size * 0.5, side * size * 0.5]
            parts += rod(root, root + [0.35, -0.1, 0], 0.05, 0.02, PALE)
    return parts


def behind(spec, rng, draw, rump, girth):
    """The tail."""
    length, lift = draw("tail"), np.radians(draw("lift"))
    root = rump + [-girth * 0.9, girth * 0.45, 0]
    end = root + length * np.array([-np.cos(lift), np.sin(lift), 0])
    thick = spec.get("brush", 0.045)
    return rod(root, end, thick * 0.8, thick, SECOND if "brush" in spec else MAIN)


def bird(rng):
    size = rng.uniform(0.38, 0.5)
    lean = rotation(2, rng.uniform(10, 40))
    parts = [ball((0, 0, 0), (0.7, size, size), MAIN, lean)]
    head = np.array([0.6, 0.45 + rng.uniform(0, 0.2), 0])
    parts += [wall((0.35, 0.15, 0), head, size * 0.6, 0.22), ball(head, 0.26)]
    parts.append(
        wall(head + [0.2, 0, 0], head + [0.2 + rng.uniform(0.15, 0.35), -0.05, 0], 0.09, 0.01, SECOND)
    )
    parts.append(ball((-0.8, -0.25, 0), (0.4, 0.06, 0.16), SECOND, lean))
    for side in (-1, 1):
        parts.append(ball((-0.1, 0.02, side * size * 0.9), (0.5, 0.22, 0.08), SECOND, lean))
        parts += rod((0.05, -size, side * 0.15), (0.1, -size - 0.35, side * 0.15), 0.035, material=DARK)
        parts.append(ball(head + [0.16, 0.08, side * 0.17], 0.045, DARK))
    return parts


def fish(rng):
    tall, wide = rng.uniform(0.3, 0.55), rng.uniform(0.14, 0.25)
    parts = [ball((0, 0, 0), (0.95, tall, wide))]
    for sign in (-1, 1):
        turn = rotation(2, sign * rng.uniform(25, 45))
        parts.append(ball((-1.1, sign * 0.2, 0), (0.34, 0.12, 0.04), SECOND, turn))
        parts.append(ball((0.65, tall * 0.25, sign * wide * 0.75), 0.07, DARK))
        parts.append(ball((0.1, -0.1, sign * wide), (0.25, 0.1, 0.04), SECOND))
    return [*parts, ball((-0.1, tall, 0), (0.4, 0.17, 0.04), SECOND)]


def tortoise(rng):
    dome = rng.uniform(0.4, 0.65)
    parts = [ball((0, 0.15, 0), (0.9, dome, 0.75)), disc((0, 0.15, 0), (0, 1, 0), 0.85, SECOND)]
    parts += rod((0.7, 0.15, 0), (1.05, 0.35, 0), 0.15, 0.17, SECOND)
    for x in (-0.55, 0.55):
        for side in (-1, 1):
            parts += rod((x, 0.1, side * 0.5), (x * 1.3, -0.2, side * 0.65), 0.15, 0.14, SECOND)
    return parts


def teddy(rng):
    belly, head = rng.uniform(0.45, 0.6), rng.uniform(0.36, 0.46)
    top = np.array([0.05, belly + head * 0.8, 0])
    parts = [ball((0, 0, 0), (belly * 0.9, belly, belly)), ball(top, head)]
    parts += [
        ball(top + [head * 0.8, -0.08, 0], head * 0.4, PALE),
        ball(top + [head * 1.15, 0, 0], 0.07, DARK),
    ]
    for side in (-1, 1):
        parts.append(ball(top + [0, head * 0.8, side * head * 0.75], head * 0.38))
        parts.append(ball(top + [head * 0.82, head * 0.3, side * head * 0.4], 0.05, DARK))
        parts += rod((0.1, belly * 0.5, side * belly * 0.8), (0.35, 0.05, side * (belly + 0.3)), 0.18)
        parts += rod((0.2, -belly * 0.7, side * 0.3), (0.75, -belly * 0.8, side * 0.45), 0.22)
    return parts


# --- vehicles -------------------------------------------------------------


def wheels(places, radius, half_width, thick=0.1):
    parts = []
    for x in places:
        for side in (-1, 1):
            near, far = side * (half_width - thick), side * (half_width + 0.02)
            parts += drum((x, radius, near), (x, radius, far), radius, material=DARK)
            parts.append(disc((x, radius, far * 1.01), (0, 0, side), radius * 0.55, PALE))
    return parts


def car(rng):
    long, wide, wheel = rng.uniform(0.95, 1.2), rng.uniform(0.4, 0.55), rng.uniform(0.17, 0.25)
    low, cabin = rng.uniform(0.15, 0.24), rng.uniform(0.14, 0.24)
    middle = wheel * 0.9 + low
    parts = [block((0, middle, 0), (long, low, wide), taper=(rng.uniform(0.02, 0.1), 0, 0.06), bevel=0.05)]
    if rng.random() < 0.5:  # rounded ends
        for sign in (-1, 1):
            parts.append(ball((sign * long * 0.55, middle, 0), (long * 0.55, low * 1.02, wide * 0.97)))
    place, share = rng.uniform(-0.3, -0.02) * long, rng.uniform(0.42, 0.62)
    window = rng.choice([DARK, DARK, PALE])
    front, back = rng.uniform(0.12, 0.3), rng.uniform(0.04, 0.25)
    high = middle + low + cabin
    parts.append(block((place, high, 0), (long * share, cabin, wide * 0.9), window, (front, back, 0.2)))
    if rng.random() < 0.9:
        centre = place + long * share * (back - front)
        roof = long * share * (1 - front - back) * 1.04
        parts.append(block((centre, high + cabin, 0), (roof, 0.035, wide * 0.75), bevel=0.02))
        for x in (centre - roof * 0.95, centre, centre + roof * 0.95)[: rng.integers(1, 4)]:
            for side in (-1, 1):
                foot = (x + (x - centre) * 0.3, high - cabin, side * wide * 0.9)
                parts.append(wall(foot, (x, high + cabin, side * wide * 0.74), 0.035, 0.035))
    for side in (-1, 1):
        parts.append(ball((long * 0.97, middle + low * 0.2, side * wide * 0.65), (0.06, 0.07, 0.09), PALE))
        parts.append(ball((-long * 0.97, middle + low * 0.2, side * wide * 0.7), (0.05, 0.06, 0.08), SECOND))
    return parts + wheels((-long * 0.6, long * 0.62), wheel, wide)


def van(rng):
    long, wide, tall, wheel = (
        rng.uniform(0.9, 1.1),
        rng.uniform(0.42, 0.52),
        rng.uniform(0.38, 0.5),
        rng.uniform(0.16, 0.21),
    )
    middle = wheel * 0.8 + tall
    parts = [block((0, middle, 0), (long, tall, wide), taper=(rng.uniform(0.05, 0.15), 0, 0.08), bevel=0.05)]
    parts.append(
        block(
            (long * 0.45, middle + tall * 0.4, 0), (long * 0.4, tall * 0.32, wide * 0.99), DARK, (0.1, 0, 0)
        )
    )
    if rng.random() < 0.5:
        parts.append(block((0, middle - tall * 0.5, 0), (long * 1.01, tall * 0.2, wide * 1.01), SECOND))
    return parts + wheels((-long * 0.6, long * 0.6), wheel, wide)


def bus(rng):
    long, wide, tall, wheel = rng.uniform(1.3, 1.7), rng.uniform(0.36, 0.44), rng.uniform(0.4, 0.6), 0.17
    middle = wheel * 0.8 + tall
    parts = [block((0, middle, 0), (long, tall, wide), bevel=0.04)]
    for level in (0.35,) if tall < 0.52 else (-0.1, 0.55):
        parts.append(block((0, middle + tall * level, 0), (long * 1.004, tall * 0.2, wide * 1.01), DARK))
    for x in np.linspace(-0.75, 0.75, 5) * long:
        parts.append(block((x, middle + tall * 0.2, 0), (0.03, tall * 0.6, wide * 1.02)))
    return parts + wheels((-long * 0.65, long * 0.6), wheel, wide)


def lorry(rng):
    wide, wheel, cab = rng.uniform(0.4, 0.48), rng.uniform(0.18, 0.24), rng.uniform(0.3, 0.45)
    load, tall = rng.uniform(0.8, 1.1), rng.uniform(0.35, 0.6)
    base = wheel * 1.3
    parts = [block((1.0, base + cab, 0), (0.32, cab, wide), taper=(0.1, 0, 0), bevel=0.04)]
    parts.append(block((1.08, base + cab * 1.4, 0), (0.27, cab * 0.3, wide * 1.01), DARK, (0.05, 0, 0)))
    parts.append(block((0.65 - load, base + tall, 0), (load, tall, wide * 1.03), SECOND))
    parts.append(block((0.2, base, 0), (1.1, 0.06, wide * 0.8), DARK))
    return parts + wheels((1.0, 0.4 - load, 0.0 - load), wheel, wide)


def tractor(rng):
    big, small = rng.uniform(0.42, 0.55), rng.uniform(0.2, 0.28)
    parts = [
        block((0.4, 0.6, 0), (0.6, 0.22, 0.25), bevel=0.04),
        block((-0.35, 1.05, 0), (0.32, 0.35, 0.34), DARK),
    ]
    parts.append(block((-0.35, 1.42, 0), (0.38, 0.05, 0.38)))
    parts += rod((0.6, 0.8, 0.1), (0.6, 1.25, 0.1), 0.04, material=DARK)
    for x, radius in ((-0.4, big), (0.75, small)):
        for side in (-1, 1):
            parts += drum((x, radius, side * 0.3), (x, radius, side * 0.52), radius, material=DARK)
            parts.append(disc((x, radius, side * 0.53), (0, 0, side), radius * 0.6, SECOND))
    return parts


def aeroplane(rng):
    thick, span = rng.uniform(0.14, 0.2), rng.uniform(0.9, 1.3)
    parts = [ball((0, 0, 0), (1.2, thick, thick))]
    parts.append(block((0.05, rng.choice([-0.05, 0.12]), 0), (0.2, 0.03, span), SECOND))
    parts.append(block((-1.0, 0.05, 0), (0.12, 0.02, 0.4), SECOND))
    parts.append(block((-1.02, 0.2, 0), (0.14, 0.22, 0.025), taper=(0.3, -0.1, 0)))
    for side in (-1, 1):
        parts.append(ball((0.2, -0.06, side * span * 0.45), (0.2, 0.08, 0.08), DARK))
    return [*parts, ball((0.85, 0.1, 0), (0.2, 0.08, 0.1), DARK)]


def boat(rng):
    long, wide = rng.uniform(0.9, 1.2), rng.uniform(0.3, 0.45)
    parts = [block((0, 0, 0), (long, 0.2, wide), taper=(-0.12, -0.05, -0.2))]
    parts.append(ball((long * 0.75, 0.02, 0), (long * 0.45, 0.2, wide * 0.95)))
    if rng.random() < 0.5:
        tall = rng.uniform(1.1, 1.5)
        parts += rod((0.1, 0, 0), (0.1, tall, 0), 0.035, material=DARK)
        return [*parts, block((-0.3, tall * 0.55, 0), (0.38, tall * 0.4, 0.02), SECOND, (0.02, 0.48, 0))]
    parts.append(block((-0.2, 0.38, 0), (0.4, 0.2, wide * 0.6), SECOND))
    return parts + drum((-0.2, 0.5, 0), (-0.2, 0.95, 0), 0.13, material=MAIN)
