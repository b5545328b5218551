//! Any pixel format to RGB8.

use image::{DynamicImage, RgbImage, RgbaImage};

/// Converts to RGB8: grey is copied to three channels, 16 bits are rounded to
/// 8, transparency is laid over white.
pub(super) fn to_rgb8(picture: DynamicImage) -> RgbImage {
    if picture.color().has_alpha() { over_white(&picture.into_rgba8()) } else { picture.into_rgb8() }
}

fn over_white(picture: &RgbaImage) -> RgbImage {
    let mut flat = RgbImage::new(picture.width(), picture.height());
    for (to, from) in flat.pixels_mut().zip(picture.pixels()) {
        let [red, green, blue, alpha] = from.0;
        to.0 = [red, green, blue].map(|channel| blend(channel, alpha));
    }
    flat
}

/// `channel` at opacity `alpha` over white, rounded to nearest.
fn blend(channel: u8, alpha: u8) -> u8 {
    let (channel, alpha) = (u32::from(channel), u32::from(alpha));
    let sum = channel * alpha + 255 * (255 - alpha);
    // At most 255 * 255, so the quotient fits in a byte.
    ((sum + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blends_over_white() {
        assert_eq!(blend(0, 255), 0);
        assert_eq!(blend(0, 0), 255);
        assert_eq!(blend(200, 255), 200);
        assert_eq!(blend(0, 128), 127);
        assert_eq!(blend(255, 7), 255);
    }
}
