"""The baseline: a colour histogram, and histograms of oriented gradients after Dalal and Triggs (2005)."""

import numpy as np

BINS, CELL, BLOCK, CLIP = 9, 8, 2, 0.2  # as in the article


def colour_histogram(picture, bins=4):
    """Root of the shares of bins x bins x bins RGB colours."""
    place = (picture.reshape(-1, 3).astype(int) * bins // 256) @ [bins * bins, bins, 1]
    return np.sqrt(np.bincount(place, minlength=bins**3) / len(place))


def hog(picture):
    """Gradients of the channel where they are largest; 9 unsigned directions, cells of 8x8 pixels,
    overlapping blocks of 2x2 cells, L2-Hys."""
    pixels = picture.astype(float) / 255
    down, across = np.zeros_like(pixels), np.zeros_like(pixels)
    down[1:-1] = pixels[2:] - pixels[:-2]
    across[:, 1:-1] = pixels[:, 2:] - pixels[:, :-2]
    strength = np.hypot(down, across)
    channel = strength.argmax(2)[..., None]
    down, across, strength = (np.take_along_axis(x, channel, 2)[..., 0] for x in (down, across, strength))
    # Shared between the two nearest directions.
    place = (np.degrees(np.arctan2(down, across)) % 180) * BINS / 180 - 0.5
    low = np.floor(place).astype(int)
    share = place - low
    rows, columns = (side // CELL for side in strength.shape)
    cells = np.zeros((rows, columns, BINS))
    y, x = (np.arange(side) // CELL for side in strength.shape)
    y, x = np.broadcast_arrays(y[:, None], x[None])
    np.add.at(cells, (y, x, low % BINS), strength * (1 - share))
    np.add.at(cells, (y, x, (low + 1) % BINS), strength * share)
    blocks = []
    for row in range(rows - BLOCK + 1):
        for column in range(columns - BLOCK + 1):
            block = cells[row : row + BLOCK, column : column + BLOCK].ravel()
            block = np.minimum(block / np.sqrt(block @ block + 1e-4), CLIP)
            blocks.append(block / np.sqrt(block @ block + 1e-4))
    return np.concatenate(blocks)
