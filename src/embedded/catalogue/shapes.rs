//! Signed distance functions: how far a point is from a solid, negative inside.
//!
//! Guarantee: no function here overstates the distance from outside by much (the ellipsoid and the
//! smooth union are estimates), so a ray that steps nine tenths of it never passes through a wall.
//! Solids are centred on the origin unless they say otherwise; lengths are in scene units, where a
//! product is about one unit high. Formulas after Inigo Quilez, "Distance functions".

use super::vec3::{Vec3, vec3};

#[inline]
pub(super) fn sphere(point: Vec3, radius: f32) -> f32 {
    point.length() - radius
}

/// An estimate, exact on the surface.
#[inline]
pub(super) fn ellipsoid(point: Vec3, radii: Vec3) -> f32 {
    let inverse = vec3(1.0 / radii.x, 1.0 / radii.y, 1.0 / radii.z);
    let scaled = point.times(inverse);
    let outer = scaled.length();
    // The gradient vanishes in the very centre, where any negative depth will do.
    let gradient = scaled.times(inverse).length().max(1e-6);
    outer * (outer - 1.0) / gradient
}

/// A box with half extents `half`, its edges rounded by `rounding`.
#[inline]
pub(super) fn cuboid(point: Vec3, half: Vec3, rounding: f32) -> f32 {
    let q = point.abs() - half + Vec3::splat(rounding);
    q.max(Vec3::splat(0.0)).length() + q.x.max(q.y).max(q.z).min(0.0) - rounding
}

/// A standing cylinder of height `2 * half_height`, its rims rounded by `rounding`.
#[inline]
pub(super) fn cylinder(point: Vec3, radius: f32, half_height: f32, rounding: f32) -> f32 {
    let across = point.radius() - radius + rounding;
    let along = point.y.abs() - half_height + rounding;
    let (outer_x, outer_y) = (across.max(0.0), along.max(0.0));
    across.max(along).min(0.0) + (outer_x * outer_x + outer_y * outer_y).sqrt() - rounding
}

/// A standing cone without its tip: radius `bottom` at `-half_height`, `top` at `half_height`.
#[inline]
pub(super) fn frustum(point: Vec3, half_height: f32, bottom: f32, top: f32) -> f32 {
    let (x, y) = (point.radius(), point.y);
    let slope = (top - bottom, 2.0 * half_height);
    let cap_x = x - x.min(if y < 0.0 { bottom } else { top });
    let cap_y = y.abs() - half_height;
    let along = ((top - x) * slope.0 + (half_height - y) * slope.1) / (slope.0 * slope.0 + slope.1 * slope.1);
    let along = along.clamp(0.0, 1.0);
    let side_x = x - top + slope.0 * along;
    let side_y = y - half_height + slope.1 * along;
    let sign = if side_x < 0.0 && cap_y < 0.0 { -1.0 } else { 1.0 };
    sign * (cap_x * cap_x + cap_y * cap_y).min(side_x * side_x + side_y * side_y).sqrt()
}

/// A rod with round ends from `from` to `to`.
#[inline]
pub(super) fn capsule(point: Vec3, from: Vec3, to: Vec3, radius: f32) -> f32 {
    let (offset, axis) = (point - from, to - from);
    let along = (offset.dot(axis) / axis.dot(axis)).clamp(0.0, 1.0);
    (offset - axis * along).length() - radius
}

/// A ring lying flat: its tube has radius `tube` and runs at `radius` from the vertical axis.
#[inline]
pub(super) fn torus(point: Vec3, radius: f32, tube: f32) -> f32 {
    let across = point.radius() - radius;
    (across * across + point.y * point.y).sqrt() - tube
}

/// A ring standing upright in the plane of x and y, stretched by `stretch` along y.
#[inline]
pub(super) fn upright_torus(point: Vec3, radius: f32, tube: f32, stretch: f32) -> f32 {
    let y = point.y.signum() * (point.y.abs() - stretch).max(0.0);
    torus(vec3(point.x, point.z, y), radius, tube)
}

/// Both solids, joined by a fillet about `fillet` wide.
#[inline]
pub(super) fn smooth_union(left: f32, right: f32, fillet: f32) -> f32 {
    let overlap = (fillet - (left - right).abs()).max(0.0) / fillet;
    left.min(right) - overlap * overlap * fillet * 0.25
}

/// `solid` without `hole`.
#[inline]
pub(super) fn carve(solid: f32, hole: f32) -> f32 {
    solid.max(-hole)
}

/// `point` seen from `centre`, so that a solid can stand elsewhere.
#[inline]
pub(super) fn at(point: Vec3, x: f32, y: f32, z: f32) -> Vec3 {
    vec3(point.x - x, point.y - y, point.z - z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn anywhere() -> impl Strategy<Value = Vec3> {
        (-2.0f32..2.0, -2.0f32..2.0, -2.0f32..2.0).prop_map(|(x, y, z)| vec3(x, y, z))
    }

    #[test]
    fn known_distances() {
        let far = vec3(3.0, 0.0, 0.0);
        let cases = [
            (sphere(far, 1.0), 2.0),
            (ellipsoid(far, vec3(1.0, 0.5, 0.5)), 2.0),
            (cuboid(far, vec3(1.0, 1.0, 1.0), 0.1), 2.0),
            (cylinder(far, 1.0, 0.5, 0.1), 2.0),
            (frustum(far, 0.5, 1.0, 1.0), 2.0),
            (capsule(far, vec3(0.0, -1.0, 0.0), vec3(0.0, 1.0, 0.0), 0.5), 2.5),
            (torus(far, 1.0, 0.25), 1.75),
            (upright_torus(far, 1.0, 0.25, 0.1), 1.75),
        ];
        for (index, (found, expected)) in cases.into_iter().enumerate() {
            assert!((found - expected).abs() < 1e-5, "case {index}: {found} is not {expected}");
        }
    }

    #[test]
    fn carving_and_joining() {
        let inside = vec3(0.0, 0.0, 0.0);
        assert!(carve(sphere(inside, 1.0), sphere(inside, 0.5)) > 0.0);
        assert!(smooth_union(0.3, 0.3, 0.2) < 0.3);
        assert_eq!(smooth_union(0.1, 0.9, 0.2), 0.1);
    }

    proptest! {
        // Exact distances change by no more than the way walked: else a ray could pass a wall.
        #[test]
        fn exact_solids_never_overstate(a in anywhere(), b in anywhere()) {
            let solids: [fn(Vec3) -> f32; 6] = [
                |p| sphere(p, 0.7),
                |p| cuboid(p, vec3(0.5, 0.3, 0.2), 0.05),
                |p| cylinder(p, 0.4, 0.6, 0.05),
                |p| frustum(p, 0.5, 0.3, 0.6),
                |p| capsule(p, vec3(-0.3, 0.0, 0.1), vec3(0.4, 0.5, 0.0), 0.1),
                |p| upright_torus(p, 0.5, 0.1, 0.2),
            ];
            for (index, solid) in solids.iter().enumerate() {
                let change = (solid(a) - solid(b)).abs();
                prop_assert!(change <= (a - b).length() + 1e-4, "solid {}", index);
            }
        }
    }
}
