//! Vectors in space, and the sine the camera needs.
//!
//! Guarantee: everything here is built from `+ - * /` and the square root, which IEEE 754 rounds
//! exactly. The C library's sine or power may differ in the last bit from machine to machine;
//! these functions do not, so a picture has the same bytes everywhere.

use std::ops::{Add, Mul, Neg, Sub};

/// A point, a direction or a linear RGB colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vec3 {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) z: f32,
}

pub(super) const fn vec3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

impl Vec3 {
    pub(super) const UP: Vec3 = vec3(0.0, 1.0, 0.0);

    #[inline]
    pub(super) const fn splat(value: f32) -> Vec3 {
        vec3(value, value, value)
    }

    #[inline]
    pub(super) fn dot(self, other: Vec3) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    #[inline]
    pub(super) fn cross(self, other: Vec3) -> Vec3 {
        vec3(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    #[inline]
    pub(super) fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The direction with length one. Undefined (not a number) for the zero vector.
    #[inline]
    pub(super) fn normalised(self) -> Vec3 {
        self * (1.0 / self.length())
    }

    #[inline]
    pub(super) fn abs(self) -> Vec3 {
        vec3(self.x.abs(), self.y.abs(), self.z.abs())
    }

    #[inline]
    pub(super) fn min(self, other: Vec3) -> Vec3 {
        vec3(self.x.min(other.x), self.y.min(other.y), self.z.min(other.z))
    }

    #[inline]
    pub(super) fn max(self, other: Vec3) -> Vec3 {
        vec3(self.x.max(other.x), self.y.max(other.y), self.z.max(other.z))
    }

    /// Component by component, as a light filters a colour.
    #[inline]
    pub(super) fn times(self, other: Vec3) -> Vec3 {
        vec3(self.x * other.x, self.y * other.y, self.z * other.z)
    }

    /// `self` at 0, `other` at 1.
    #[inline]
    pub(super) fn lerp(self, other: Vec3, share: f32) -> Vec3 {
        self + (other - self) * share
    }

    /// Distance from the vertical axis.
    #[inline]
    pub(super) fn radius(self) -> f32 {
        (self.x * self.x + self.z * self.z).sqrt()
    }
}

impl Add for Vec3 {
    type Output = Vec3;
    #[inline]
    fn add(self, other: Vec3) -> Vec3 {
        vec3(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl Sub for Vec3 {
    type Output = Vec3;
    #[inline]
    fn sub(self, other: Vec3) -> Vec3 {
        vec3(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Vec3;
    #[inline]
    fn mul(self, scale: f32) -> Vec3 {
        vec3(self.x * scale, self.y * scale, self.z * scale)
    }
}

impl Neg for Vec3 {
    type Output = Vec3;
    #[inline]
    fn neg(self) -> Vec3 {
        self * -1.0
    }
}

/// Sine and cosine of an angle in degrees, within 1e-6.
pub(super) fn sin_cos(degrees: f32) -> (f32, f32) {
    let quarter = (f64::from(degrees) / 90.0).round();
    let angle = (f64::from(degrees) - quarter * 90.0) * (std::f64::consts::PI / 180.0);
    let square = angle * angle;
    // Taylor series on [-45°, 45°]: the first omitted term is below 1e-8.
    let sine =
        angle * (1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0 * (1.0 - square / 72.0))));
    let cosine = 1.0 - square / 2.0 * (1.0 - square / 12.0 * (1.0 - square / 30.0 * (1.0 - square / 56.0)));
    let (sine, cosine) = match quarter.rem_euclid(4.0) as u8 {
        0 => (sine, cosine),
        1 => (cosine, -sine),
        2 => (-sine, -cosine),
        _ => (-cosine, sine),
    };
    (sine as f32, cosine as f32)
}

/// 0 below `from`, 1 above `to`, smooth between.
#[inline]
pub(super) fn smoothstep(from: f32, to: f32, value: f32) -> f32 {
    let share = ((value - from) / (to - from)).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_and_cosine_agree_with_the_standard_library_all_round() {
        for tenth in -7200..7200 {
            let degrees = tenth as f32 / 10.0;
            let (sine, cosine) = sin_cos(degrees);
            let radians = f64::from(degrees).to_radians();
            assert!((f64::from(sine) - radians.sin()).abs() < 1e-6, "sine of {degrees}");
            assert!((f64::from(cosine) - radians.cos()).abs() < 1e-6, "cosine of {degrees}");
        }
    }

    #[test]
    fn cross_is_perpendicular_and_right_handed() {
        let product = vec3(1.0, 0.0, 0.0).cross(vec3(0.0, 1.0, 0.0));
        assert_eq!(product, vec3(0.0, 0.0, 1.0));
    }

    #[test]
    fn smoothstep_is_clamped_and_half_in_the_middle() {
        assert_eq!(smoothstep(1.0, 3.0, 0.0), 0.0);
        assert_eq!(smoothstep(1.0, 3.0, 2.0), 0.5);
        assert_eq!(smoothstep(1.0, 3.0, 9.0), 1.0);
    }
}
