//! Any pixel format to RGB8.

use image::{DynamicImage, ImageBuffer, Luma, LumaA, Pixel, Rgb, RgbImage, Rgba, RgbaImage};

/// Converts to RGB8: grey is copied to three channels, of 16 bits the higher
/// eight are taken, transparency is laid over white.
pub(super) fn to_rgb8(picture: DynamicImage) -> RgbImage {
    let picture = eight_bits(picture);
    if picture.color().has_alpha() { over_white(&picture.into_rgba8()) } else { picture.into_rgb8() }
}

/// Drops the lower eight of 16 bits, as Pillow does where it reads such files
/// right. Rounding would differ from it by one level in every other pixel.
fn eight_bits(picture: DynamicImage) -> DynamicImage {
    let size = (picture.width(), picture.height());
    match picture {
        DynamicImage::ImageLuma16(deep) => high_bytes::<Luma<u8>>(size, deep.into_raw()),
        DynamicImage::ImageLumaA16(deep) => high_bytes::<LumaA<u8>>(size, deep.into_raw()),
        DynamicImage::ImageRgb16(deep) => high_bytes::<Rgb<u8>>(size, deep.into_raw()),
        DynamicImage::ImageRgba16(deep) => high_bytes::<Rgba<u8>>(size, deep.into_raw()),
        shallow => shallow,
    }
}

fn high_bytes<P>((width, height): (u32, u32), levels: Vec<u16>) -> DynamicImage
where
    P: Pixel<Subpixel = u8>,
    DynamicImage: From<ImageBuffer<P, Vec<u8>>>,
{
    let bytes = levels.into_iter().map(|level| (level >> 8) as u8).collect();
    ImageBuffer::from_raw(width, height, bytes).expect("as many levels as before").into()
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

    #[test]
    fn of_16_bits_the_higher_eight_are_taken() {
        let grey = ImageBuffer::<Luma<u16>, Vec<u16>>::from_raw(3, 1, vec![0x00FF, 0x0100, 0xFFFF]).unwrap();
        assert_eq!(to_rgb8(grey.into()).into_raw(), [0, 0, 0, 1, 1, 1, 255, 255, 255]);
        let half =
            ImageBuffer::<Rgba<u16>, Vec<u16>>::from_raw(1, 1, vec![0, 0x64FF, 0xFFFF, 0x80AA]).unwrap();
        assert_eq!(to_rgb8(half.into()).into_raw(), [127, 177, 255]);
    }
}
