"""Solids, and what a camera sees of them.

A picture is cast with one ray a pixel against ellipsoids, cones without tip,
discs and convex blocks, each in closed form. Lengths are in scene units: an
object is 1 to 3 long. y points up, the front of an object along +x.
"""

from dataclasses import dataclass, replace

import numpy as np

FAR = np.float32(1e9)


@dataclass(frozen=True)
class Solid:
    """In its own coordinates q, with p = centre + axes @ q, a solid is

    - `ellipsoid`: |q| <= 1;
    - `frustum`: the wall x² + z² = r(y)² for y in -1..1, r from radii[0] to radii[1], open at both ends;
    - `disc`: y = 0, x² + z² <= 1;
    - `block`: planes[:, :3] @ q <= planes[:, 3], the first plane being its top; within radii along x and z.
    """

    kind: str
    centre: np.ndarray
    axes: np.ndarray
    material: int = 0
    radii: tuple = (1.0, 1.0)
    # Slope of the normals at both ends, so that stacked walls look smooth; None: that of the wall.
    slopes: tuple | None = None
    planes: np.ndarray | None = None

    def corners(self):
        """[8, 3]: a box around the solid."""
        x = y = z = 1.0
        if self.kind == "frustum":
            x = z = max(self.radii)
        elif self.kind == "disc":
            y = 0.0
        elif self.kind == "block":
            x, z = self.radii
            y = self.planes[0, 3]
        box = np.array([(i, j, k) for i in (-x, x) for j in (-y, y) for k in (-z, z)])
        return self.centre + box @ self.axes.T


def moved(solids, turn=None, offset=(0, 0, 0)):
    """All of them turned about the origin by the matrix, then shifted."""
    turn = np.eye(3) if turn is None else turn
    return [replace(s, centre=turn @ s.centre + np.asarray(offset), axes=turn @ s.axes) for s in solids]


def rotation(axis, degrees):
    """About x, y or z (0, 1, 2)."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = cosine
    matrix[i, j], matrix[j, i] = -sine, sine
    return matrix


def along(direction):
    """A rotation that takes y to the direction."""
    y = np.asarray(direction, float) / np.linalg.norm(direction)
    other = np.array([1.0, 0, 0]) if abs(y[0]) < 0.8 else np.array([0, 0, 1.0])
    z = np.cross(other, y)
    z /= np.linalg.norm(z)
    return np.stack([np.cross(y, z), y, z], axis=1)


# --- building -------------------------------------------------------------


def ball(centre, radii, material=0, turn=None):
    radii = np.broadcast_to(radii, 3)
    turn = np.eye(3) if turn is None else turn
    return Solid("ellipsoid", np.asarray(centre, float), turn * radii, material)


def wall(start, end, first, last, material=0, oval=1.0):
    """An open cone from start to end, with the radii `first` and `last`; `oval` stretches it across."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    half = (end - start) / 2
    axes = along(half) * np.array([1.0, np.linalg.norm(half), oval])
    return Solid("frustum", (start + end) / 2, axes, material, (first, last))


def disc(centre, normal, radius, material=0):
    return Solid("disc", np.asarray(centre, float), along(normal) * [radius, 1.0, radius], material)


def rod(start, end, first, last=None, material=0):
    """With round ends."""
    last = first if last is None else last
    return [wall(start, end, first, last, material), ball(start, first, material), ball(end, last, material)]


def drum(start, end, first, last=None, material=0):
    """With flat ends."""
    last = first if last is None else last
    axis = np.subtract(end, start)
    ends = [disc(start, axis, first, material), disc(end, axis, last, material)]
    return [wall(start, end, first, last, material), *ends]


def chain(points, radii, material=0):
    """Rods from point to point."""
    radii = np.broadcast_to(radii, len(points))
    parts = [ball(points[0], radii[0], material)]
    for i in range(len(points) - 1):
        parts.append(wall(points[i], points[i + 1], radii[i], radii[i + 1], material))
        parts.append(ball(points[i + 1], radii[i + 1], material))
    return parts


def arc(centre, radii, tube, span=(0, 360, 12), material=0, turn=None):
    """A bent tube in the plane of x and y, with one radius or one for each, turned by the matrix. The
    span is its first and last angle in degrees and the number of rods."""
    first, last, steps = span
    angles = np.radians(np.linspace(first, last, steps + 1))
    x, y = np.broadcast_to(radii, 2)
    flat = np.stack([np.cos(angles) * x, np.sin(angles) * y, 0 * angles], 1)
    turn = np.eye(3) if turn is None else turn
    return chain(np.asarray(centre) + flat @ turn.T, tube, material)


def turned(profile, material=0):
    """A solid of revolution about y through the (height, radius) of the profile; closed where its ends
    have radius 0."""
    profile = np.asarray(profile, float)
    heights, radii = profile[:, 0], profile[:, 1]
    rise = np.gradient(radii, np.arange(len(radii)))
    run = np.gradient(heights, np.arange(len(heights)))
    parts = []
    for i in range(len(profile) - 1):
        start, end = heights[i], heights[i + 1]
        if abs(end - start) < 1e-4:
            parts.append(disc((0, start, 0), (0, 1, 0), max(radii[i], radii[i + 1]), material))
            continue
        half = (end - start) / 2
        slopes = tuple(rise[j] * half / (run[j] if abs(run[j]) > 1e-3 else 1e-3) for j in (i, i + 1))
        axes = np.diag([1.0, half, 1.0])
        parts.append(
            Solid("frustum", np.array([0, start + half, 0]), axes, material, (radii[i], radii[i + 1]), slopes)
        )
    return parts


def block(centre, half, material=0, taper=(0, 0, 0), bevel=0.0, turn=None):
    """A box; its top is shorter by the shares in `taper`: in front, behind, and on both sides."""
    x, y, z = half
    front, back, side = taper
    top_front, top_back, top_side = x * (1 - 2 * front), x * (1 - 2 * back), z * (1 - side)
    planes = [[0, 1.0, 0, y], [0, -1.0, 0, y]]

    def slanted(axis, sign, bottom, top):
        normal = np.zeros(3)
        normal[axis], normal[1] = sign * 2 * y, bottom - top
        normal /= np.linalg.norm(normal)
        planes.append([*normal, bottom * abs(normal[axis]) - y * normal[1]])

    slanted(0, 1, x, top_front)
    slanted(0, -1, x, top_back)
    slanted(2, 1, z, top_side)
    slanted(2, -1, z, top_side)
    if bevel:
        root = np.sqrt(0.5)
        for sign, reach in ((1, top_front), (-1, top_back)):
            planes.append([sign * root, root, 0, (reach + y) * root - bevel])
        for sign in (1, -1):
            planes.append([0, root, sign * root, (top_side + y) * root - bevel])
            for other in (1, -1):
                planes.append([sign * root, 0, other * root, (x + z) * root - bevel])
    turn = np.eye(3) if turn is None else turn
    reach = (max(x, top_front, top_back), max(z, top_side))
    return Solid("block", np.asarray(centre, float), turn, material, reach, planes=np.array(planes))


# --- casting --------------------------------------------------------------


class Camera:
    """Looks at the solids from a direction; they fill a share of its square picture."""

    def __init__(self, solids, size, direction, distance, fill, shift):
        """The direction is azimuth, elevation and roll in degrees; the distance is in radii of the
        object, the shift in shares of the free space."""
        azimuth, elevation, roll = direction
        corners = np.concatenate([s.centre + (s.corners() - s.centre) * 0.88 for s in solids])
        middle = (corners.min(0) + corners.max(0)) / 2
        radius = np.linalg.norm(corners - middle, axis=1).max()
        sine, cosine = np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))
        up, flat = np.sin(np.radians(elevation)), np.cos(np.radians(elevation))
        away = np.array([flat * cosine, up, flat * sine])
        right = np.array([sine, 0, -cosine])
        top = np.cross(away, right)
        turn = rotation(2, roll)[:2, :2]
        self.right, self.top = turn @ np.stack([right, top])
        self.forward = -away
        self.place = middle + away * radius * distance
        x, y = self.project(corners)
        half = max(np.ptp(x), np.ptp(y)) / 2 / fill
        free = half * (1 - fill)
        centre_x = (x.min() + x.max()) / 2 + shift[0] * free
        centre_y = (y.min() + y.max()) / 2 + shift[1] * free
        ticks = (np.arange(size) + 0.5) / size * 2 - 1
        self.size = size
        self.x = (centre_x + half * ticks).astype(np.float32)
        self.y = (centre_y - half * ticks).astype(np.float32)

    def project(self, points):
        seen = points - self.place
        depth = seen @ self.forward
        return seen @ self.right / depth, seen @ self.top / depth

    def window(self, solid):
        """The rows and columns that the solid can touch."""
        x, y = self.project(solid.corners())
        left, right = np.searchsorted(self.x, [x.min(), x.max()])
        top, bottom = np.searchsorted(-self.y, [-y.max(), -y.min()])
        return slice(top, bottom), slice(left, right)

    def rays(self, rows, columns, matrix):
        """Origin [3] and directions (three arrays) as the matrix sees them, about the solid's centre."""
        forward, right, top = (matrix @ v for v in (self.forward, self.right, self.top))
        x, y = self.x[None, columns], self.y[rows, None]
        return [np.float32(forward[i]) + np.float32(right[i]) * x + np.float32(top[i]) * y for i in range(3)]


def cast(solids, camera):
    """What the camera sees: `index` of the solid [S, S] (-1: none), and for the pixels that see one
    (in the order of np.nonzero) their points [n, 3] and normals [n, 3]."""
    size = camera.size
    depth = np.full((size, size), FAR, np.float32)
    index = np.full((size, size), -1, np.int16)
    inverses = [np.linalg.inv(s.axes) for s in solids]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for number, (solid, matrix) in enumerate(zip(solids, inverses)):
            rows, columns = camera.window(solid)
            if rows.start >= rows.stop or columns.start >= columns.stop:
                continue
            origin = (matrix @ (camera.place - solid.centre)).astype(np.float32)
            found = HITS[solid.kind](solid, origin, camera.rays(rows, columns, matrix))
            nearer = found < depth[rows, columns]
            depth[rows, columns][nearer] = found[nearer]
            index[rows, columns][nearer] = number
    seen = np.nonzero(index >= 0)
    direction = camera.forward + camera.x[seen[1], None] * camera.right + camera.y[seen[0], None] * camera.top
    points = camera.place + depth[seen][:, None] * direction
    normals = np.zeros_like(points)
    owners = index[seen]
    for number in np.unique(owners):
        own = owners == number
        local = (points[own] - solids[number].centre) @ inverses[number].T
        normals[own] = NORMALS[solids[number].kind](solids[number], local) @ inverses[number]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    normals *= -np.sign((normals * direction).sum(1, keepdims=True))
    return index, points, normals


def hit_ellipsoid(_, o, d):
    a = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
    b = o[0] * d[0] + o[1] * d[1] + o[2] * d[2]
    root = b * b - a * (o @ o - 1)
    return np.where(root > 0, (-b - np.sqrt(root)) / a, FAR)


def hit_frustum(solid, o, d):
    slope, middle = (solid.radii[1] - solid.radii[0]) / 2, sum(solid.radii) / 2
    radius = middle + slope * o[1]
    a = d[0] * d[0] + d[2] * d[2] - slope * slope * d[1] * d[1]
    b = o[0] * d[0] + o[2] * d[2] - slope * radius * d[1]
    root = np.sqrt(b * b - a * (o[0] * o[0] + o[2] * o[2] - radius * radius))
    best = np.full_like(a, FAR)
    for t in ((-b - root) / a, (-b + root) / a):
        y = o[1] + t * d[1]
        best = np.where((abs(y) <= 1) & (t > 0) & (t < best), t, best)
    return best


def hit_disc(_, o, d):
    t = -o[1] / d[1]
    x, z = o[0] + t * d[0], o[2] + t * d[2]
    return np.where((x * x + z * z <= 1) & (t > 0), t, FAR)


def hit_block(solid, o, d):
    enter, leave = np.float32(0), FAR
    for *normal, height in solid.planes.astype(np.float32):
        slant = normal[0] * d[0] + normal[1] * d[1] + normal[2] * d[2]
        t = (height - normal[0] * o[0] - normal[1] * o[1] - normal[2] * o[2]) / slant
        enter = np.maximum(enter, np.where(slant < 0, t, 0))
        leave = np.minimum(leave, np.where(slant > 0, t, FAR))
    return np.where((enter < leave) & (enter > 0), enter, FAR)


def normal_frustum(solid, q):
    first, last = solid.slopes or [(solid.radii[1] - solid.radii[0]) / 2] * 2
    share = (q[:, 1] + 1) / 2
    slope = first * (1 - share) + last * share
    radius = np.hypot(q[:, 0], q[:, 2])
    return np.stack([q[:, 0], -slope * radius, q[:, 2]], axis=1)


def normal_block(solid, q):
    nearest = (q @ solid.planes[:, :3].T - solid.planes[:, 3]).argmax(1)
    # A little of the way to a ball's normals: edges of real things are not sharp.
    return solid.planes[nearest, :3] + 0.15 * q / (np.linalg.norm(q, axis=1, keepdims=True) + 1e-6)


HITS = {"ellipsoid": hit_ellipsoid, "frustum": hit_frustum, "disc": hit_disc, "block": hit_block}
NORMALS = {
    "ellipsoid": lambda _, q: q,
    "frustum": normal_frustum,
    "disc": lambda _, q: np.broadcast_to([0.0, 1.0, 0.0], q.shape),
    "block": normal_block,
}
