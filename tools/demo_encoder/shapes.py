"""The kinds of objects as solids: fruit, vessels, furniture and things to wear or play with.

Each kind is a function of a random generator: two objects of a kind differ in
their measures. Materials: 0 the main colour, 1 the second, 2 dark, 3 pale, 4 green.
"""

import numpy as np

from geometry import arc, ball, block, chain, disc, drum, moved, rod, rotation, turned, wall

MAIN, SECOND, DARK, PALE, GREEN = range(5)


def bumpy(rng, solids, amount=0.06):
    """No fruit is a perfect solid of revolution."""
    stretch = np.diag(1 + rng.uniform(-amount, amount, 3)) + rng.uniform(-amount, amount, (3, 3)) * 0.5
    return moved(solids, stretch)


def tipped(rng, solids, degrees):
    return moved(
        solids, rotation(2, rng.uniform(-degrees, degrees)) @ rotation(0, rng.uniform(-degrees, degrees))
    )


def stem(rng, foot, length, material=DARK):
    lean = rng.uniform(-0.4, 0.4, 2) * length
    return rod((0, foot, 0), (lean[0], foot + length, lean[1]), 0.035, 0.03, material)


# --- fruit ----------------------------------------------------------------


def apple(rng):
    tall, shoulder = rng.uniform(0.78, 1.0), rng.uniform(0.1, 0.35)
    angle = np.linspace(-np.pi / 2, np.pi / 2, 12)
    height = np.sin(angle) * tall * (1 - 0.12 * np.cos(angle))
    radius = np.cos(angle) * (1 + shoulder * 0.5 * np.sin(angle)) + 0.12 * np.cos(angle) ** 4
    profile = list(zip(height, radius))
    dip = rng.uniform(0.12, 0.25)
    profile[-1] = (tall * 0.99, 0.26)
    profile += [(tall - dip, 0.06), (tall - dip - 0.03, 0.0)]
    parts = turned(profile)
    if rng.random() < 0.8:
        parts += stem(rng, tall - dip, rng.uniform(0.25, 0.5))
    return tipped(rng, bumpy(rng, parts), 8)


def pear(rng):
    neck, length = rng.uniform(0.28, 0.48), rng.uniform(1.3, 1.75)
    profile = [(-0.8, 0), (-0.76, 0.34), (-0.55, 0.7), (-0.25, 0.85), (0.05, 0.82), (0.35, 0.68)]
    top = -0.8 + length + 0.8 - 0.4
    profile += [
        (0.35 + (top - 0.35) * 0.45, neck * 1.25),
        (0.35 + (top - 0.35) * 0.8, neck),
        (top, neck * 0.6),
    ]
    profile += [(top + 0.08, 0.0)]
    parts = turned(profile)
    if rng.random() < 0.85:
        parts += stem(rng, top, rng.uniform(0.2, 0.45))
    return tipped(rng, bumpy(rng, parts), 12)


def leaf_star(rng, height, leaves=5, reach=0.4, material=GREEN):
    parts, first = [], rng.uniform(0, 360)
    for i in range(leaves):
        turn = rotation(1, first + 360 * i / leaves) @ rotation(2, rng.uniform(-25, 15))
        offset = turn @ np.array([reach / 2, 0, 0]) + [0, height, 0]
        parts.append(ball(offset, (reach / 2, 0.03, 0.09), material, turn))
    return parts


def tomato(rng):
    flat = rng.uniform(0.7, 0.95)
    profile = [(np.sin(a) * flat, np.cos(a)) for a in np.linspace(-np.pi / 2, np.pi / 2 * 0.86, 11)]
    profile += [(flat * 0.93, 0.06), (flat * 0.92, 0.0)]
    parts = turned(profile)
    if rng.random() < 0.6:
        ribs, depth = rng.integers(4, 7), rng.uniform(0.85, 0.95)
        for i in range(ribs):
            a = 2 * np.pi * i / ribs
            centre = (0.3 * np.cos(a), 0, 0.3 * np.sin(a))
            parts.append(ball(centre, (0.74, flat * depth * 1.04, 0.74)))
    parts += leaf_star(rng, flat * 0.95, reach=rng.uniform(0.3, 0.6))
    if rng.random() < 0.7:
        parts += stem(rng, flat * 0.9, rng.uniform(0.1, 0.25), GREEN)
    return tipped(rng, bumpy(rng, parts), 8)


def orange(rng):
    parts = [ball((0, 0, 0), (1, rng.uniform(0.92, 1.0), 1))]
    parts.append(disc((0, 0.985, 0), (0, 1, 0), 0.07, GREEN))
    return tipped(rng, bumpy(rng, parts, 0.03), 60)


def lemon(rng):
    tip = rng.uniform(0.15, 0.3)
    parts = [ball((0, 0, 0), (1.0, 0.7, 0.7))]
    for sign in (-1, 1):
        parts.append(wall((sign * 0.78, 0, 0), (sign * (1 + tip), 0, 0), 0.42, 0.05))
    return moved(bumpy(rng, parts), rotation(2, rng.uniform(-10, 10)))


def banana(rng):
    bend, angles = rng.uniform(1.0, 1.6), np.radians(np.linspace(205, 335, 9))
    points = [(bend * np.cos(a), bend * np.sin(a) * rng.uniform(0.98, 1.0), 0) for a in angles]
    thick = rng.uniform(0.18, 0.26) * np.array([0.4, 0.75, 0.95, 1, 1, 1, 0.95, 0.7, 0.35])
    parts = chain(points, thick)
    end = np.array(points[-1])
    parts += rod(end, end + [0.06, 0.22, 0], 0.06, 0.06, SECOND)
    parts.append(ball(points[0], 0.08, DARK))
    return moved(parts, rotation(0, rng.choice([0, 80, 90]) + rng.uniform(-10, 10)))


def aubergine(rng):
    length = rng.uniform(1.4, 2.0)
    profile = [(-1, 0), (-0.95, 0.25), (-0.7, 0.5), (-0.35, 0.56), (length - 1.4, 0.36), (length - 1, 0.22)]
    parts = turned(profile) + leaf_star(rng, length - 1.02, 5, 0.35) + stem(rng, length - 1.05, 0.3, GREEN)
    return moved(bumpy(rng, parts), rotation(2, rng.choice([0, 80]) + rng.uniform(-8, 8)))


def pumpkin(rng):
    ribs, flat = rng.integers(7, 11), rng.uniform(0.62, 0.85)
    parts = []
    for i in range(ribs):
        turn = rotation(1, 360 * i / ribs)
        parts.append(ball(turn @ np.array([0.5, 0, 0]), (0.52, flat, 0.34), MAIN, turn))
    parts += stem(rng, flat * 0.85, rng.uniform(0.2, 0.35), GREEN)
    return bumpy(rng, parts, 0.04)


def strawberry(rng):
    length = rng.uniform(1.2, 1.6)
    profile = [(-length / 2, 0), (-length * 0.45, 0.2), (-0.1, 0.55), (0.25, 0.72), (0.45, 0.6), (0.58, 0.0)]
    parts = turned(profile) + leaf_star(rng, 0.55, 7, 0.5)
    return tipped(rng, bumpy(rng, parts), 30)


def carrot(rng):
    length, thick = rng.uniform(1.8, 2.4), rng.uniform(0.28, 0.38)
    parts = turned([(0, 0), (0.1, 0.05), (length * 0.5, thick * 0.7), (length * 0.92, thick), (length, 0.0)])
    for _ in range(rng.integers(3, 6)):
        lean = rng.uniform(-0.35, 0.35, 2)
        parts += rod((0, length, 0), (lean[0], length + rng.uniform(0.4, 0.7), lean[1]), 0.05, 0.08, GREEN)
    return moved(parts, rotation(2, rng.choice([0, 90]) + rng.uniform(-10, 10)))


def mushroom(rng):
    cap, stalk = rng.uniform(0.6, 0.85), rng.uniform(0.5, 0.8)
    parts = turned([(0, 0.3), (stalk, rng.uniform(0.18, 0.26))], PALE)
    dome = rng.uniform(0.35, 0.65)
    angles = np.linspace(0, np.pi / 2, 6)
    parts += turned([(stalk + np.sin(a) * dome, np.cos(a) * cap) for a in angles])
    parts.append(disc((0, stalk, 0), (0, 1, 0), cap, PALE))
    return tipped(rng, parts, 6)


# --- vessels --------------------------------------------------------------


def hollow(outer, thick=0.05, lining=MAIN, floor=0.08):
    """The outer wall of the profile, its rim, and inside it a second wall and a floor."""
    (bottom, first), (top, last) = outer[0], outer[-1]
    within = np.interp(bottom + floor, *np.transpose(outer))
    inner = [(bottom + floor, within), *(one for one in outer if one[0] > bottom + floor)]
    inner = [(h, max(r - thick, 0.02)) for h, r in inner]
    parts = turned(outer) + turned(inner[::-1], lining)
    parts += [
        disc((0, bottom, 0), (0, 1, 0), first),
        disc((0, inner[0][0], 0), (0, 1, 0), inner[0][1], lining),
    ]
    return parts + turned([(top, last), (top + 0.012, last - thick / 2), (top, last - thick)])


def smooth_profile(points, steps=9):
    """The profile through the points, in more steps, without corners."""
    points = np.asarray(points, float)
    place = np.linspace(0, len(points) - 1, steps)
    low = np.minimum(place.astype(int), len(points) - 2)
    share = place - low
    heights = points[low, 0] * (1 - share) + points[low + 1, 0] * share
    radii = np.interp(place, np.arange(len(points)), points[:, 1])
    eased = np.convolve(np.pad(radii, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    eased[[0, -1]] = radii[[0, -1]]
    return list(zip(heights, eased))


def mug(rng):
    height, top = rng.uniform(0.8, 1.5), rng.uniform(0.45, 0.72)
    bottom = top * rng.uniform(0.6, 1.0)
    belly = (top + bottom) / 2 * rng.uniform(0.96, 1.15)
    lining = rng.choice([MAIN, MAIN, PALE, SECOND])
    parts = hollow(smooth_profile([(0, bottom), (height / 2, belly), (height, top)], 6), 0.06, lining)
    size, thick = height * rng.uniform(0.24, 0.36), rng.uniform(0.05, 0.09)
    centre = (belly * 0.97, height * rng.uniform(0.48, 0.58), 0)
    handle = MAIN if rng.random() < 0.7 else SECOND
    return parts + arc(centre, (size, size * rng.uniform(0.85, 1.1)), thick, (-88, 88, 7), handle)


def bowl(rng):
    height, top = rng.uniform(0.35, 0.7), rng.uniform(0.8, 1.1)
    foot = rng.uniform(0.3, 0.5)
    points = [
        (0, foot),
        (height * 0.25, foot + (top - foot) * 0.55),
        (height * 0.6, top * 0.92),
        (height, top),
    ]
    return hollow(smooth_profile(points, 7), 0.05, rng.choice([MAIN, PALE, SECOND]))


def vase(rng):
    height, foot, belly = rng.uniform(1.4, 2.2), rng.uniform(0.25, 0.45), rng.uniform(0.45, 0.75)
    neck, lip = rng.uniform(0.15, 0.35), rng.uniform(0.25, 0.5)
    at = rng.uniform(0.3, 0.55)
    points = [(0, foot), (height * at, belly), (height * 0.82, neck), (height, lip)]
    return hollow(smooth_profile(points, 11), 0.04, DARK)


def bottle(rng):
    height, radius = rng.uniform(1.1, 1.7), rng.uniform(0.26, 0.42)
    neck, reach = radius * rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.7)
    shoulder = rng.uniform(0.12, 0.35)
    profile = [(0, radius * 0.95), (0.06, radius), (height, radius), (height + shoulder * 0.5, radius * 0.8)]
    profile += [(height + shoulder, neck), (height + shoulder + reach, neck)]
    end = profile[-1][0]
    parts = turned(profile) + [disc((0, 0, 0), (0, 1, 0), radius)]
    parts += drum((0, end - 0.1, 0), (0, end + 0.12, 0), neck * 1.2, material=SECOND)
    if rng.random() < 0.5:
        low = height * rng.uniform(0.15, 0.35)
        parts.append(wall((0, low, 0), (0, low + height * 0.4, 0), radius * 1.01, radius * 1.01, PALE))
    return parts


def jar(rng):
    height, radius = rng.uniform(0.8, 1.3), rng.uniform(0.45, 0.65)
    profile = [(0, radius * 0.9), (0.08, radius), (height, radius), (height + 0.15, radius * 0.8)]
    lid = radius * rng.uniform(0.82, 0.95)
    parts = turned(profile) + [disc((0, 0, 0), (0, 1, 0), radius)]
    parts += drum((0, height + 0.13, 0), (0, height + rng.uniform(0.28, 0.4), 0), lid, material=SECOND)
    if rng.random() < 0.5:
        parts.append(ball((0, height + 0.42, 0), 0.12, SECOND))
    return parts


def teapot(rng):
    flat = rng.uniform(0.65, 0.9)
    parts = [ball((0, 0, 0), (0.9, flat, 0.9)), disc((0, -flat * 0.97, 0), (0, 1, 0), 0.4)]
    parts.append(ball((0, flat * 0.85, 0), (0.45, 0.2, 0.45), rng.choice([MAIN, SECOND])))
    parts.append(ball((0, flat + 0.18, 0), 0.11, SECOND))
    parts += chain([(-0.75, -0.15, 0), (-1.15, 0.15, 0), (-1.35, 0.6, 0)], (0.22, 0.13, 0.09))
    return parts + arc((0.85, 0.05, 0), (0.45, 0.45 * rng.uniform(0.9, 1.2)), 0.07, (-100, 100, 8))


def glass(rng):
    height, top = rng.uniform(1.0, 1.6), rng.uniform(0.4, 0.55)
    if rng.random() < 0.5:
        return hollow([(0, top * rng.uniform(0.65, 1.0)), (height, top)], 0.04)
    stalk = rng.uniform(0.5, 0.8)
    cup = smooth_profile([(stalk, 0.08), (stalk + 0.3, 0.5), (stalk + 0.9, rng.uniform(0.36, 0.5))], 8)
    return turned([(0, 0.42), (0.06, 0.1), (stalk, 0.06)]) + hollow(cup, 0.03)


def bucket(rng):
    height, top = rng.uniform(0.9, 1.2), rng.uniform(0.55, 0.7)
    parts = hollow([(0, top * rng.uniform(0.65, 0.8)), (height, top)], 0.04)
    lift = rng.choice([rotation(0, 0), rotation(0, 70)])
    return parts + arc((0, height - 0.05, 0), top, 0.03, (0, 180, 10), SECOND, lift)


# --- furniture ------------------------------------------------------------


def legs(spread, deep, height, thick, material, splay=0.0):
    parts = []
    for x in (-spread, spread):
        for z in (-deep, deep):
            parts += rod((x * (1 + splay), 0, z * (1 + splay)), (x, height, z), thick, thick, material)
    return parts


def stool(rng):
    height, seat = rng.uniform(0.8, 1.7), rng.uniform(0.45, 0.65)
    parts = legs(seat * 0.62, seat * 0.62, height, rng.uniform(0.035, 0.07), SECOND, rng.uniform(0, 0.4))
    if rng.random() < 0.5:
        return parts + drum((0, height, 0), (0, height + rng.uniform(0.08, 0.18), 0), seat)
    return [*parts, block((0, height + 0.07, 0), (seat, 0.08, seat * 0.85), bevel=0.03)]


def chair(rng):
    height, width, back = rng.uniform(0.8, 1.0), rng.uniform(0.42, 0.55), rng.uniform(0.7, 1.1)
    parts = legs(width * 0.85, width * 0.85, height, rng.uniform(0.04, 0.07), SECOND, rng.uniform(0, 0.15))
    parts.append(block((0, height + 0.05, 0), (width, 0.06, width), bevel=0.02))
    lean = rotation(2, rng.uniform(4, 14))
    parts.append(block((-width * 1.05, height + back * 0.65, 0), (0.05, back * 0.4, width), turn=lean))
    for z in (-width * 0.8, width * 0.8):
        parts += rod((-width * 0.9, height, z), (-width * 1.1, height + back, z), 0.045, 0.045, SECOND)
    return parts


def table(rng):
    height, long, deep = rng.uniform(0.7, 1.0), rng.uniform(0.8, 1.3), rng.uniform(0.5, 0.8)
    if rng.random() < 0.3:
        parts = rod((0, 0.05, 0), (0, height, 0), 0.09, 0.09, SECOND)
        parts += drum((0, 0, 0), (0, 0.08, 0), 0.45, material=SECOND)
        return parts + drum((0, height, 0), (0, height + 0.1, 0), long * 0.85)
    parts = legs(long * 0.88, deep * 0.85, height, rng.uniform(0.05, 0.09), SECOND)
    return [*parts, block((0, height + 0.05, 0), (long, 0.06, deep))]


def sofa(rng):
    long, back = rng.uniform(1.0, 1.5), rng.uniform(0.45, 0.7)
    parts = [block((0.1, 0.3, 0), (0.55, 0.3, long), bevel=0.06)]
    parts.append(block((-0.45, 0.3 + back / 2, 0), (0.2, 0.3 + back / 2, long), bevel=0.08))
    for z in (-long, long):
        parts.append(block((0.0, 0.42, z), (0.62, 0.42, 0.16), bevel=0.08))
    return [*parts, block((0.15, 0.66, 0), (0.48, 0.09, long * 0.93), SECOND, bevel=0.05)]


def lamp(rng):
    height, shade = rng.uniform(1.2, 2.0), rng.uniform(0.45, 0.65)
    top = shade * rng.uniform(0.4, 0.85)
    parts = drum((0, 0, 0), (0, 0.08, 0), rng.uniform(0.3, 0.45), material=SECOND)
    parts += rod((0, 0.05, 0), (0, height, 0), 0.05, 0.05, SECOND)
    if rng.random() < 0.6:
        belly = rng.uniform(0.12, 0.32)
        parts.append(ball((0, height * 0.35, 0), (belly, height * 0.3, belly), SECOND))
    low = height - 0.15
    parts.append(wall((0, low, 0), (0, low + rng.uniform(0.4, 0.6), 0), shade, top))
    return [*parts, ball((0, low + 0.15, 0), 0.14, PALE)]


def candle(rng):
    height, thick = rng.uniform(0.7, 1.6), rng.uniform(0.18, 0.35)
    parts = drum((0, 0.1, 0), (0, height, 0), thick) + drum(
        (0, 0, 0), (0, 0.1, 0), thick * 1.8, material=SECOND
    )
    return parts + rod((0, height, 0), (0, height + 0.12, 0), 0.02, 0.02, DARK)


# --- to wear, to carry, to play with ---------------------------------------


def boot(rng):
    shaft, width = rng.uniform(0.7, 1.5), rng.uniform(0.26, 0.34)
    parts = [ball((0.45, 0.2, 0), (0.55, 0.24, width)), ball((-0.05, 0.28, 0), (0.45, 0.32, width))]
    flare = rng.uniform(0.9, 1.2)
    parts.append(wall((-0.12, 0.25, 0), (-0.15, 0.25 + shaft, 0), width, width * flare, oval=1.15))
    parts.append(disc((-0.15, 0.2 + shaft, 0), (0, 1, 0), width * flare, DARK))
    heel = rng.uniform(0.06, 0.25)
    parts.append(block((0.2, -0.04, 0), (0.78, 0.06, width * 0.95), SECOND, bevel=0.03))
    return [*parts, block((-0.3, -0.08 - heel / 2, 0), (0.24, heel / 2 + 0.04, width * 0.85), SECOND)]


def shoe(rng):
    width = rng.uniform(0.26, 0.34)
    parts = [ball((0.5, 0.16, 0), (0.5, 0.2, width)), ball((-0.25, 0.25, 0), (0.5, 0.3, width))]
    parts.append(ball((-0.3, 0.5, 0), (0.28, 0.1, width * 0.7), DARK))
    parts.append(block((0.1, -0.03, 0), (0.88, rng.uniform(0.05, 0.1), width * 0.95), SECOND, bevel=0.03))
    for x in np.linspace(0.1, 0.4, 4):
        parts += rod(
            (x, 0.4 - 0.25 * (x - 0.1), -0.1), (x, 0.4 - 0.25 * (x - 0.1), 0.1), 0.025, material=PALE
        )
    return parts


def bag(rng):
    half, wide, deep = rng.uniform(0.4, 0.65), rng.uniform(0.5, 0.8), rng.uniform(0.18, 0.3)
    parts = [block((0, half, 0), (deep, half, wide), taper=(0, 0, rng.uniform(0, 0.3)), bevel=0.06)]
    upright = rotation(1, 90)
    size = wide * rng.uniform(0.45, 0.65)
    for x in (-deep * 0.5, deep * 0.5):
        radii = (size, size * rng.uniform(0.8, 1.6))
        parts += arc((x, 2 * half - 0.05, 0), radii, 0.04, (0, 180, 9), SECOND, upright)
    if rng.random() < 0.5:
        parts.append(block((deep, half * 0.7, 0), (0.08, half * 0.4, wide * 0.6), rng.choice([MAIN, SECOND])))
    return parts


def hat(rng):
    crown, brim, tall = rng.uniform(0.45, 0.6), rng.uniform(0.8, 1.15), rng.uniform(0.35, 0.75)
    top = crown * rng.uniform(0.7, 1.0)
    profile = [
        (0, brim),
        (0.05, brim * 0.75),
        (0.08, crown),
        (tall, top),
        (tall + 0.08, top * 0.6),
        (tall + 0.1, 0),
    ]
    return [*turned(profile), wall((0, 0.1, 0), (0, 0.25, 0), crown * 1.02, crown * 1.0, SECOND)]


def toy_ball(rng):
    return [ball((0, 0, 0), 1.0)]


def swim_ring(rng):
    thick = rng.uniform(0.22, 0.36)
    return arc((0, 0, 0), 1 - thick, thick, (0, 360, 20), turn=rotation(0, 90))


def umbrella(rng):
    flat = rng.uniform(0.35, 0.6)
    parts = turned([(np.sin(a) * flat, np.cos(a)) for a in np.linspace(0, np.pi / 2, 7)])
    parts += rod((0, -1.1, 0), (0, flat + 0.1, 0), 0.03, material=DARK)
    return parts + arc((0.14, -1.1, 0), 0.14, 0.04, (180, 360, 5), SECOND)


def book(rng):
    thick, tall, wide = rng.uniform(0.08, 0.25), rng.uniform(0.8, 1.0), rng.uniform(0.55, 0.75)
    parts = [block((0, 0, 0), (wide * 0.97, thick, tall * 0.97), PALE)]
    for y in (-thick, thick):
        parts.append(block((0, y, 0), (wide, 0.03, tall)))
    parts.append(block((-wide, 0, 0), (0.04, thick + 0.03, tall)))
    return moved(parts, rotation(0, 90) if rng.random() < 0.5 else None)


def box(rng):
    half = rng.uniform(0.4, 1.0, 3)
    parts = [block((0, 0, 0), half)]
    if rng.random() < 0.6:
        parts.append(block((0, half[1], 0), (half[0] * 1.03, half[1] * 0.2, half[2] * 1.03), SECOND))
    return parts


def hammer(rng):
    long, head = rng.uniform(1.3, 1.8), rng.uniform(0.35, 0.5)
    parts = rod((0, 0, 0), (0, long, 0), 0.07, 0.06) + drum(
        (-head, long, 0), (head, long, 0), 0.16, material=SECOND
    )
    return moved(parts, rotation(2, rng.uniform(-60, 90)))


def bell(rng):
    profile = [(0, 0.75), (0.1, 0.6), (0.5, 0.45), (0.85, 0.36), (1.0, 0.2), (1.05, 0)]
    parts = turned(smooth_profile(profile, 10)) + [ball((0, 0.02, 0), 0.16, SECOND)]
    return parts + arc((0, 1.12, 0), 0.13, 0.04, (0, 360, 8), SECOND)
