"""Small PNG pictures from two numbers: a kind of thing and one view of it.

Pictures of one kind share colours and shape, so that articles made of them form
groups of near neighbours. The same numbers always give the same bytes.
"""

import random
import struct
import zlib

SIDE = 48
BYTES_A_PIXEL = 3


def picture(kind, view):
    """The bytes of a PNG: a shape on a plain ground."""
    dice = random.Random(f"kind {kind}")
    ground, ink = colour(dice), colour(dice)
    outline = OUTLINES[kind % len(OUTLINES)]
    dice = random.Random(f"kind {kind} view {view}")
    ground, ink = shifted(ground, dice), shifted(ink, dice)
    radius = dice.randint(SIDE // 5, SIDE // 2 - 2)
    middle = dice.randint(radius, SIDE - radius)
    rows = [row(outline(y - SIDE // 2, radius), middle, ground, ink) for y in range(SIDE)]
    return png(b"".join(b"\x00" + line for line in rows))


def row(half_width, middle, ground, ink):
    left, right = max(0, middle - half_width), min(SIDE, middle + half_width)
    return ground * left + ink * (right - left) + ground * (SIDE - right)


def square(y, radius):
    return radius if abs(y) <= radius else 0


def disc(y, radius):
    return int((radius * radius - y * y) ** 0.5) if abs(y) <= radius else 0


def triangle(y, radius):
    return (y + radius) // 2 if abs(y) <= radius else 0


def beam(y, radius):
    return radius if abs(y) <= radius // 3 else 0


OUTLINES = (square, disc, triangle, beam)


def colour(dice):
    return bytes(dice.randrange(256) for _ in range(BYTES_A_PIXEL))


def shifted(pixel, dice):
    return bytes(min(255, max(0, value + dice.randint(-20, 20))) for value in pixel)


def png(raw):
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, body) for name, body in parts)


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
