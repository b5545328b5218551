"""Objects with colours and textures, lit and photographed before a background.

An object follows from its random generator, and so does a picture of it.
"""

from dataclasses import dataclass

import numpy as np

import creatures
import shapes
from geometry import Camera, cast

SIZE = 68  # pixels a side that are kept; training cuts 64 out of them
OVERSAMPLING = 2

COLOURS = {
    "red": (200, 30, 35),
    "dark red": (125, 20, 30),
    "orange": (235, 120, 25),
    "yellow": (240, 205, 45),
    "light green": (150, 200, 80),
    "green": (50, 140, 55),
    "dark green": (25, 75, 45),
    "turquoise": (45, 170, 170),
    "light blue": (130, 185, 230),
    "blue": (35, 80, 190),
    "dark blue": (25, 35, 95),
    "purple": (110, 50, 140),
    "pink": (240, 140, 175),
    "light brown": (185, 135, 85),
    "brown": (115, 70, 40),
    "beige": (220, 200, 165),
    "black": (30, 30, 32),
    "grey": (130, 130, 130),
    "silver": (185, 188, 192),
    "white": (238, 236, 230),
}
NAMES = list(COLOURS)

# kind: (names, how a shop would file it, the maker, usual colours, how often one of these)
FUR = ["brown", "light brown", "black", "white", "grey", "beige"]
ANY = NAMES
KINDS = {
    "apple": (
        ["apple"],
        "fruit food",
        shapes.apple,
        ["red", "dark red", "green", "light green", "yellow"],
        0.9,
    ),
    "pear": (["pear"], "fruit food", shapes.pear, ["light green", "green", "yellow", "light brown"], 0.9),
    "tomato": (
        ["tomato"],
        "vegetable food",
        shapes.tomato,
        ["red", "red", "orange", "dark red", "yellow"],
        0.9,
    ),
    "orange": (["orange", "mandarin"], "fruit food", shapes.orange, ["orange"], 0.9),
    "lemon": (["lemon"], "fruit food", shapes.lemon, ["yellow", "light green", "green"], 0.9),
    "banana": (["banana"], "fruit food", shapes.banana, ["yellow", "light green"], 0.9),
    "aubergine": (
        ["aubergine", "eggplant"],
        "vegetable food",
        shapes.aubergine,
        ["purple", "dark blue", "black"],
        0.9,
    ),
    "pumpkin": (
        ["pumpkin", "squash"],
        "vegetable food",
        shapes.pumpkin,
        ["orange", "green", "beige", "yellow"],
        0.9,
    ),
    "strawberry": (["strawberry"], "fruit food", shapes.strawberry, ["red", "pink"], 0.9),
    "carrot": (["carrot"], "vegetable food", shapes.carrot, ["orange", "purple", "yellow"], 0.9),
    "mushroom": (
        ["mushroom", "toadstool"],
        "vegetable food",
        shapes.mushroom,
        ["brown", "beige", "red", "white"],
        0.8,
    ),
    "mug": (["mug", "cup", "coffee cup"], "kitchen", shapes.mug, ANY, 1),
    "bowl": (["bowl"], "kitchen", shapes.bowl, ANY, 1),
    "vase": (["vase"], "home", shapes.vase, ANY, 1),
    "bottle": (["bottle", "flask"], "kitchen", shapes.bottle, ANY, 1),
    "jar": (["jar", "pot"], "kitchen", shapes.jar, ANY, 1),
    "teapot": (["teapot"], "kitchen", shapes.teapot, ANY, 1),
    "glass": (["glass", "tumbler", "goblet"], "kitchen", shapes.glass, ANY, 1),
    "bucket": (["bucket", "pail"], "garden", shapes.bucket, ANY, 1),
    "stool": (["stool"], "home furniture", shapes.stool, ANY, 1),
    "chair": (["chair"], "home furniture", shapes.chair, ANY, 1),
    "table": (["table", "desk"], "home furniture", shapes.table, ANY, 1),
    "sofa": (["sofa", "couch"], "home furniture", shapes.sofa, ANY, 1),
    "lamp": (["lamp", "table lamp"], "home", shapes.lamp, ANY, 1),
    "candle": (["candle"], "home", shapes.candle, ANY, 1),
    "boot": (["boot", "ankle boot"], "fashion", shapes.boot, ANY, 1),
    "shoe": (["shoe", "trainer", "sneaker"], "fashion", shapes.shoe, ANY, 1),
    "bag": (["bag", "handbag", "shopping bag"], "fashion", shapes.bag, ANY, 1),
    "hat": (["hat"], "fashion", shapes.hat, ANY, 1),
    "ball": (["ball", "beach ball"], "beach toys", shapes.toy_ball, ANY, 1),
    "swim ring": (["swim ring", "rubber ring"], "beach toys", shapes.swim_ring, ANY, 1),
    "umbrella": (["umbrella", "parasol"], "fashion beach", shapes.umbrella, ANY, 1),
    "book": (["book", "notebook"], "books", shapes.book, ANY, 1),
    "box": (["box", "parcel"], "office", shapes.box, ANY, 1),
    "hammer": (["hammer", "mallet"], "tools", shapes.hammer, ["light brown", "brown", "red", "yellow"], 0.7),
    "bell": (["bell"], "music", shapes.bell, ["yellow", "silver", "orange"], 0.6),
    "bird": (["bird"], "animals toys", creatures.bird, ANY, 1),
    "fish": (["fish"], "animals toys", creatures.fish, ANY, 1),
    "tortoise": (
        ["tortoise", "turtle"],
        "animals toys",
        creatures.tortoise,
        ["green", "brown", "dark green"],
        0.8,
    ),
    "teddy": (["teddy bear", "teddy"], "toys", creatures.teddy, [*FUR, "pink", "light blue"], 0.9),
    "car": (["car", "toy car"], "vehicles toys", creatures.car, ANY, 1),
    "van": (["van"], "vehicles toys", creatures.van, ANY, 1),
    "bus": (["bus", "coach"], "vehicles toys", creatures.bus, ANY, 1),
    "lorry": (["lorry", "truck"], "vehicles toys", creatures.lorry, ANY, 1),
    "tractor": (["tractor"], "vehicles toys", creatures.tractor, ["green", "red", "blue", "yellow"], 0.8),
    "aeroplane": (["aeroplane", "plane"], "vehicles toys", creatures.aeroplane, ANY, 1),
    "boat": (["boat", "ship"], "vehicles toys", creatures.boat, ANY, 1),
}
COATS = {
    "pig": ["pink", "beige", "black"],
    "elephant": ["grey", "grey", "light brown"],
    "giraffe": ["orange", "light brown"],
    "sheep": ["white", "beige", "black", "grey"],
}
for _name, _spec in creatures.FOUR_LEGS.items():
    KINDS[_name] = (
        [_name],
        "animals toys",
        lambda rng, spec=_spec: creatures.four_legs(spec, rng),
        COATS.get(_name, FUR),
        0.93,
    )

PATTERNS = ["plain", "striped", "spotted", "checked", "patched", "marbled", "shaded"]
# How often which pattern: food and animals are seldom striped.
USUAL = {"food": (0.45, 0.03, 0.05, 0, 0.05, 0.17, 0.25), "animals": (0.55, 0.04, 0.08, 0, 0.13, 0.05, 0.15)}
GOODS = (0.5, 0.13, 0.1, 0.07, 0.06, 0.06, 0.08)


@dataclass
class Item:
    """One object, and the words that are true of it."""

    kind: str
    names: list
    categories: str
    colour: str
    second: str
    pattern: str
    solids: list
    materials: list  # for each material: colour, second colour, pattern and its numbers, gloss


def item(kind, rng):
    names, categories, make, usual, share = KINDS[kind]
    colour = str(rng.choice(usual if rng.random() < share else NAMES))
    chances = next((USUAL[word] for word in categories.split() if word in USUAL), GOODS)
    pattern = str(rng.choice(PATTERNS, p=chances))
    if creatures.FOUR_LEGS.get(kind, {}).get("patched", 0) > rng.random():
        pattern = "patched"
    near_colour = pattern in ("marbled", "shaded") or ("food" in categories and pattern == "patched")
    second = str(rng.choice(FUR if "animals" in categories and rng.random() < 0.8 else NAMES))
    while second == colour:
        second = str(rng.choice(NAMES))
    materials = []
    for name in (colour, second, "black", "white", "green"):
        base = shade(name, rng)
        other = shade(second, rng) if name == colour else base
        if name != colour or near_colour:
            other = np.clip(base * rng.uniform(0.55, 1.35) + rng.uniform(-0.08, 0.08, 3), 0, 1)
        used = (
            pattern
            if name == colour
            else str(rng.choice(PATTERNS, p=(0.8, 0.05, 0.03, 0.02, 0.02, 0.03, 0.05)))
        )
        materials.append((base, other, used, texture_numbers(rng), rng.uniform(0, 0.8) ** 2))
    solids = make(rng)
    return Item(kind, names, categories, colour, second, pattern, solids, materials)


def shade(name, rng):
    base = np.array(COLOURS[name]) / 255
    return np.clip(base * rng.uniform(0.85, 1.15) + rng.normal(0, 0.025, 3), 0, 1)


def texture_numbers(rng):
    directions = rng.normal(size=(4, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    if rng.random() < 0.5:
        directions[:3] = np.eye(3)[rng.permutation(3)]
    return dict(
        directions=directions,
        frequency=rng.uniform(6, 14),
        phases=rng.uniform(0, 2 * np.pi, 6),
        waves=rng.normal(0, 2.6, (6, 3)),
        level=rng.uniform(-0.3, 0.5),
        grain=rng.uniform(0, 0.05),
    )


def texture(points, material):
    """Colours [n, 3] of surface points in an object about 2 across."""
    base, other, pattern, numbers, _ = material
    if pattern == "plain":
        return np.broadcast_to(base, points.shape)
    along = points @ numbers["directions"].T * numbers["frequency"] + numbers["phases"][:4]
    if pattern in ("patched", "marbled"):
        clouds = np.sin(points @ numbers["waves"].T + numbers["phases"]).sum(1)
    if pattern == "striped":
        share = 0.5 + 3 * (np.sin(along[:, 0]) - numbers["level"])
    elif pattern == "spotted":
        share = 0.5 + 3 * (np.sin(along[:, :3]).sum(1) - 1.1 - numbers["level"])
    elif pattern == "checked":
        share = 0.5 + 6 * np.sin(along[:, :3] * 0.7).prod(1)
    elif pattern == "patched":
        share = 0.5 + 3 * (clouds - 2 * numbers["level"])
    elif pattern == "marbled":
        share = 0.5 + 0.5 * np.sin(along[:, 3] + 1.5 * clouds)
    else:  # shaded
        share = 0.5 + along[:, 0] / numbers["frequency"] * 0.6
    share = np.clip(share, 0, 1)[:, None]
    return base * (1 - share) + other * share


def background(rng, size):
    """[size, size, 3] in 0..1, without anything in it."""
    first = shade(str(rng.choice(NAMES)), rng)
    if rng.random() < 0.35:
        first = rng.uniform(0.75, 1.0) * np.ones(3)  # a shop's white and grey
    second = np.clip(first * rng.uniform(0.6, 1.25) + rng.normal(0, 0.05, 3), 0, 1)
    y, x = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
    style = rng.choice(
        ["plain", "slope", "clouds", "floor", "cloth", "clutter"], p=(0.34, 0.22, 0.14, 0.14, 0.06, 0.1)
    )
    if style == "plain":
        share = np.zeros_like(x)
    elif style == "slope":
        angle = rng.uniform(0, 2 * np.pi)
        share = 0.5 + 0.5 * (x * np.cos(angle) + y * np.sin(angle))
    elif style in ("clouds", "clutter"):
        if style == "clutter":
            second = shade(str(rng.choice(NAMES)), rng)
        waves, phases = rng.normal(0, 3.5, (7, 2)), rng.uniform(0, 6.3, 7)
        share = 0.5 + 0.3 * np.sin(x[..., None] * waves[:, 0] + y[..., None] * waves[:, 1] + phases).sum(2)
    elif style == "floor":
        share = np.clip(0.5 + (y - rng.uniform(-0.3, 0.5)) * rng.uniform(4, 40), 0, 1)
    else:
        angle, wave = rng.uniform(0, np.pi), rng.uniform(10, 60)
        share = 0.5 + 0.5 * np.sin(wave * (x * np.cos(angle) + y * np.sin(angle)))
    share = np.clip(share, 0, 1)[..., None]
    return first * (1 - share) + second * share


def view(rng):
    """Direction of the camera in degrees: mostly from the side and a little above."""
    chance = rng.random()
    if chance < 0.12:
        elevation = rng.uniform(65, 90)
    elif chance < 0.5:
        elevation = rng.uniform(-3, 15)
    else:
        elevation = rng.uniform(10, 60)
    return rng.uniform(0, 360), elevation


def picture(thing, rng):
    """u8 [SIZE, SIZE, 3]."""
    size = SIZE * OVERSAMPLING
    azimuth, elevation = view(rng)
    camera = Camera(
        thing.solids,
        size,
        (azimuth, elevation, rng.normal(0, 4)),
        distance=rng.uniform(2.5, 7),
        fill=rng.uniform(0.55, 0.95),
        shift=rng.uniform(-0.7, 0.7, 2),
    )
    index, points, normals = cast(thing.solids, camera)
    image = background(rng, SIZE).repeat(OVERSAMPLING, 0).repeat(OVERSAMPLING, 1)
    seen = np.nonzero(index >= 0)
    if elevation < 60:
        shadow(image, seen, rng)
    image[seen] = lit(thing, index[seen], points, normals, camera, rng)
    tint = 1 + rng.normal(0, 0.025, 3)
    image = image.reshape(SIZE, OVERSAMPLING, SIZE, OVERSAMPLING, 3).mean((1, 3)) * tint
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


def shadow(image, seen, rng):
    """A soft dark ellipse where the object meets the floor."""
    size, strength = len(image), rng.uniform(-0.25, 0.45)
    if strength <= 0 or len(seen[0]) == 0:
        return
    bottom, left, right = seen[0].max(), seen[1].min(), seen[1].max()
    wide = (right - left) / 2 * rng.uniform(0.8, 1.15) + 1
    y, x = np.ogrid[:size, :size]
    reach = ((x - (left + right) / 2) / wide) ** 2 + ((y - bottom + wide * 0.1) / (wide * 0.25)) ** 2
    image *= 1 - strength * np.exp(-reach)[..., None]


def lit(thing, owners, points, normals, camera, rng):
    """Colours [n, 3] of the seen points under one lamp, the sky and the floor."""
    corners = np.concatenate([s.corners() for s in thing.solids])
    middle, scale = (corners.max(0) + corners.min(0)) / 2, np.ptp(corners, axis=0).max() / 2
    placed = ((points - middle) / scale).astype(np.float32)
    material = np.array([s.material for s in thing.solids])[owners]
    albedo, gloss = np.zeros_like(points), np.zeros(len(points))
    for number in np.unique(material):
        own = material == number
        albedo[own] = texture(placed[own], thing.materials[number])
        gloss[own] = thing.materials[number][4]
        grain = thing.materials[number][3]["grain"]
        albedo[own] *= 1 + grain * rng.normal(size=(int(own.sum()), 1))
    lamp = -camera.forward + camera.right * rng.uniform(-1, 1) + camera.top * rng.uniform(-0.1, 1.2)
    lamp /= np.linalg.norm(lamp)
    ambient, key = rng.uniform(0.4, 0.7), rng.uniform(0.35, 0.75)
    diffuse = np.clip((normals @ lamp + 0.2) / 1.2, 0, 1)
    sky = 0.85 + 0.15 * normals[:, 1]
    half = lamp - camera.forward
    half /= np.linalg.norm(half)
    shine = np.clip(normals @ half, 0, 1) ** rng.uniform(15, 60)
    light = ambient * sky + key * diffuse
    return albedo * light[:, None] + (gloss * shine * rng.uniform(0.3, 0.9))[:, None]
