//! Pictures drawn into a folder: alike within a family, different between families.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};

/// Side of a picture in pixels.
const SIDE: u32 = 96;

/// Draws `name` in `folder`: one of eight shapes in a colour, both from `family`;
/// `side` moves, turns and shades it a little. Different arguments, different bytes.
pub(crate) fn draw(folder: &Path, name: &str, family: u32, side: u32) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture(family, side).save(&path).unwrap();
    path
}

/// The picture itself.
pub(crate) fn picture(family: u32, side: u32) -> RgbImage {
    let colour = [40 + family * 61 % 200, 30 + family * 97 % 210, 20 + family * 151 % 220];
    let shade = 100 - 4 * (side % 10);
    let colour = colour.map(|channel| u8::try_from(channel * shade / 100).unwrap());
    let (centre_x, centre_y) = (40 + (side * 5) % 17, 42 + (side * 3) % 13);
    let radius = 20 + (side * 7) % 11;
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let (dx, dy) = (x.abs_diff(centre_x), y.abs_diff(centre_y));
        let inside = match family % 8 {
            0 => dx * dx + dy * dy < radius * radius,
            1 => dx < radius && dy < radius / 2,
            2 => dx + dy < radius,
            3 => dx < radius / 3 || dy < radius / 3,
            4 => dx.max(dy) < radius && dx.max(dy) > radius / 2,
            5 => y > centre_y && dx < y - centre_y,
            6 => (x / 6) % 2 == 0 && dy < radius,
            _ => (dx * dx + dy * dy < radius * radius) && (y / 5) % 2 == 0,
        };
        Rgb(if inside { colour } else { [245, 244, 240] })
    })
}

/// `file://` uri of a path.
pub(crate) fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}
