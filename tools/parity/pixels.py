"""Pixels of both sides, and how far they are apart."""

from dataclasses import dataclass

import numpy as np
import reference


@dataclass(frozen=True)
class Difference:
    #: Largest difference of a level, of 255.
    largest: int
    #: Share of the pixels that differ in any channel.
    share: float

    @classmethod
    def of(cls, ours, theirs):
        """Of two pictures: rows, columns, channels."""
        if ours.shape != theirs.shape:
            raise SystemExit(f"the sizes differ: {ours.shape}, and {theirs.shape} expected")
        apart = np.abs(ours.astype(np.int16) - theirs.astype(np.int16)).max(axis=2)
        return cls(int(apart.max()), float(np.count_nonzero(apart) / apart.size))


def ours(program, path, settings, folder):
    """This project's pixels: as decoded, and as prepared."""
    decoded, prepared = folder / "decoded", folder / "prepared"
    answer = program.ask(
        "pixels", file=str(path), preprocessor=settings, decoded=str(decoded), prepared=str(prepared)
    )
    height, width = answer["prepared"]
    planes = np.fromfile(prepared, np.uint8).reshape(3, height, width)
    return np.fromfile(decoded, np.uint8).reshape(*answer["decoded"], 3), planes.transpose(1, 2, 0)


def compare(program, case, settings, folder):
    """The differences after decoding, and after resizing and cutting."""
    image = reference.WAYS[case.against](case.path)
    decoded, prepared = ours(program, case.path, settings, folder)
    theirs = reference.prepared(image, settings).transpose(1, 2, 0)
    return Difference.of(decoded, np.asarray(image)), Difference.of(prepared, theirs)
