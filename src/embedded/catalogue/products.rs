//! The eight kinds of product as solids.
//!
//! Guarantee: every product stands on the floor (y = 0), stays inside [`REACH`] and [`HEIGHT`], and its front looks
//! along +z. `Proportions` holds four numbers in 0..1; each product reads them as its own measures
//! and choices, so two models of a kind differ in outline and not only in colour.

use super::shapes::{
    at, capsule, carve, cuboid, cylinder, ellipsoid, frustum, smooth_union, sphere, torus, upright_torus,
};
use super::vec3::{Vec3, sin_cos, vec3};

/// No product reaches further from the vertical axis, along x or z.
pub(super) const REACH: f32 = 1.2;

/// No product is higher.
pub(super) const HEIGHT: f32 = 1.9;

/// Four measures in 0..1 that make one model of a kind differ from the next.
pub(super) type Proportions = [f32; 4];

/// Which material a point of a product has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The colour in the title.
    Main,
    /// The second colour: lid, base, sole, stripes.
    Accent,
    /// What looks the same on every product of the kind: a label, a shoe's lining, a bulb.
    Trim,
}

/// The distance to a product, and the part that is nearest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surface {
    pub(super) distance: f32,
    pub(super) part: Part,
}

impl Surface {
    #[inline]
    fn new(distance: f32, part: Part) -> Surface {
        Surface { distance, part }
    }

    /// Both solids, each with its own material.
    #[inline]
    fn with(self, distance: f32, part: Part) -> Surface {
        if distance < self.distance { Surface { distance, part } } else { self }
    }
}

#[inline]
fn between(from: f32, to: f32, share: f32) -> f32 {
    from + (to - from) * share
}

#[inline]
fn accent_if(condition: bool) -> Part {
    if condition { Part::Accent } else { Part::Main }
}

pub(super) fn mug(point: Vec3, proportions: &Proportions) -> Surface {
    let [tall, wide, taper, pattern] = *proportions;
    let height = between(0.62, 1.1, tall);
    let top = between(0.34, 0.5, wide);
    let bottom = top * between(1.0, 0.68, taper);
    let wall = 0.045;
    let centred = at(point, 0.0, height / 2.0, 0.0);
    let outside = frustum(centred, height / 2.0 - 0.02, bottom - 0.02, top - 0.02) - 0.02;
    let hollow = at(point, 0.0, height / 2.0 + 0.07, 0.0);
    let inside = frustum(hollow, height / 2.0, bottom - wall, top - wall);
    let body = carve(outside, inside);

    let middle = (top + bottom) / 2.0;
    let loop_radius = height * between(0.17, 0.22, wide);
    let grip = at(point, middle + 0.04, height * 0.52, 0.0);
    let handle = upright_torus(grip, loop_radius, 0.055, height * 0.08);
    let handle = handle.max(-(outside + 0.02));

    let lining = inside < 0.006 && point.y < height - 0.025;
    let band = pattern > 0.5 && (point.y / height - 0.3).abs() < 0.1;
    Surface::new(body, accent_if(lining || band)).with(handle, accent_if(pattern < 0.5))
}

pub(super) fn bottle(point: Vec3, proportions: &Proportions) -> Surface {
    let [tall, wide, slim_neck, label_place] = *proportions;
    let height = between(0.75, 1.15, tall);
    let radius = between(0.2, 0.34, wide);
    let neck = radius * between(0.62, 0.32, slim_neck);
    let neck_height = between(0.16, 0.4, slim_neck);
    let body = cylinder(at(point, 0.0, height / 2.0, 0.0), radius, height / 2.0, 0.06);
    let throat = at(point, 0.0, height + neck_height / 2.0 - 0.05, 0.0);
    let throat = cylinder(throat, neck, neck_height / 2.0 + 0.05, 0.01);
    let glass = smooth_union(body, throat, between(0.16, 0.34, slim_neck));
    let lid_height = between(0.06, 0.1, wide);
    let lid = at(point, 0.0, height + neck_height + lid_height - 0.04, 0.0);
    let lid = cylinder(lid, neck + 0.035, lid_height, 0.025);

    let label_middle = height * between(0.38, 0.55, label_place);
    let labelled = (point.y - label_middle).abs() < height * 0.2 && point.z > radius * -0.1;
    let part = if labelled { Part::Trim } else { Part::Main };
    Surface::new(glass, part).with(lid, Part::Accent)
}

pub(super) fn stool(point: Vec3, proportions: &Proportions) -> Surface {
    let [tall, wide, square, legs] = *proportions;
    let height = between(0.55, 1.2, tall);
    let seat_radius = between(0.34, 0.5, wide);
    let thickness = between(0.045, 0.09, square);
    let above = at(point, 0.0, height, 0.0);
    let seat = if square > 0.5 {
        cuboid(above, vec3(seat_radius, thickness, seat_radius * 0.82), 0.035)
    } else {
        cylinder(above, seat_radius, thickness, 0.04)
    };
    let four = square > 0.5 || legs > 0.5;
    let inner = seat_radius * 0.68;
    let outer = seat_radius * 1.08;
    // Legs come in mirror images, so the nearest one is found by folding space.
    let folded = if four { vec3(point.x.abs(), point.y, point.z.abs()) } else { fold_in_three(point) };
    let (sine, cosine) = if four { (0.707, 0.707) } else { (0.0, 1.0) };
    let foot = vec3(outer * cosine, 0.035, outer * sine);
    let joint = vec3(inner * cosine, height, inner * sine);
    let leg = capsule(folded, foot, joint, 0.035);
    let rung_height = height * between(0.28, 0.45, legs);
    let rung = between(outer, inner, rung_height / height);
    let ring = torus(at(point, 0.0, rung_height, 0.0), rung, 0.02);
    Surface::new(seat, Part::Main).with(leg.min(ring), Part::Accent)
}

/// The point as seen by the nearest of three legs at 0°, 120° and 240°.
fn fold_in_three(point: Vec3) -> Vec3 {
    let mut best = point;
    for (sine, cosine) in [(0.866_025_4, -0.5), (-0.866_025_4, -0.5)] {
        let turned = vec3(point.x * cosine + point.z * sine, point.y, point.z * cosine - point.x * sine);
        if turned.x > best.x {
            best = turned;
        }
    }
    best
}

pub(super) fn lamp(point: Vec3, proportions: &Proportions) -> Surface {
    let [tall, wide, flare, arm] = *proportions;
    let height = between(0.85, 1.45, tall);
    let shade_bottom = between(0.32, 0.46, wide);
    let shade_top = shade_bottom * between(0.85, 0.4, flare);
    let shade_height = between(0.2, 0.3, wide);
    // A desk lamp carries its shade on an arm, a table lamp above its foot.
    let reach = if arm > 0.5 { between(0.3, 0.4, arm) } else { 0.0 };
    let foot = cylinder(at(point, -reach, 0.04, 0.0), between(0.22, 0.32, wide), 0.04, 0.02);
    let pole = if arm > 0.5 {
        let elbow = vec3(-reach, height * 0.72, 0.0);
        let upright = capsule(point, vec3(-reach, 0.06, 0.0), elbow, 0.028);
        upright.min(capsule(point, elbow, vec3(reach, height, 0.0), 0.028))
    } else {
        let belly = at(point, 0.0, height * 0.28, 0.0);
        let vase =
            ellipsoid(belly, vec3(between(0.08, 0.2, flare), height * 0.26, between(0.08, 0.2, flare)));
        smooth_union(vase, capsule(point, vec3(0.0, 0.06, 0.0), vec3(0.0, height, 0.0), 0.028), 0.06)
    };
    let hung = at(point, reach, height - shade_height * 0.5, 0.0);
    let cone = frustum(hung, shade_height, shade_bottom, shade_top);
    // Open below and above, so that the bulb shows.
    let hollow = frustum(hung, shade_height + 0.02, shade_bottom - 0.025, shade_top - 0.025);
    let shade = carve(cone, hollow);
    let bulb = sphere(at(hung, 0.0, -shade_height * 0.35, 0.0), 0.11);
    let rim = (hung.y + shade_height).abs() < 0.035;
    Surface::new(shade, accent_if(rim)).with(foot.min(pole), Part::Accent).with(bulb, Part::Trim)
}

pub(super) fn ball(point: Vec3, proportions: &Proportions) -> Surface {
    let [size, tilt, pattern, panels] = *proportions;
    let radius = between(0.4, 0.5, size);
    let centred = at(point, 0.0, radius, 0.0);
    let (sine, cosine) = sin_cos(between(-35.0, 35.0, tilt));
    let turned =
        vec3(centred.x * cosine - centred.y * sine, centred.x * sine + centred.y * cosine, centred.z);
    let part = if pattern < 0.45 {
        gore(turned, if panels > 0.5 { 3 } else { 2 }, radius)
    } else if pattern < 0.75 {
        let bands = turned.y / radius * between(1.8, 2.8, panels);
        accent_if(bands - bands.floor() < 0.4)
    } else {
        accent_if(dotted(turned * (1.0 / radius), between(0.95, 0.9, panels)))
    };
    Surface::new(sphere(centred, radius), part)
}

/// The slices of a beach ball: `planes` planes through the axis cut it, colours alternate.
fn gore(point: Vec3, planes: u8, radius: f32) -> Part {
    if point.y.abs() > radius * 0.965 {
        return Part::Trim;
    }
    let mut even = true;
    for plane in 0..planes {
        let (sine, cosine) = sin_cos(180.0 * f32::from(plane) / f32::from(planes));
        even ^= point.x * cosine + point.z * sine > 0.0;
    }
    accent_if(even)
}

/// Whether a direction is near one of the twelve corners of an icosahedron, where the dots are.
fn dotted(direction: Vec3, cosine: f32) -> bool {
    // (0, 1, golden ratio) brought to length one, and its two rotations, in all eight octants.
    let (short, long) = (0.525_731_1, 0.850_650_8);
    let d = direction.abs();
    let nearest = (d.y * short + d.z * long).max(d.x * short + d.y * long).max(d.z * short + d.x * long);
    nearest > cosine
}

pub(super) fn boot(point: Vec3, proportions: &Proportions) -> Surface {
    let [tall, slim, toe, heel] = *proportions;
    let shaft_top = between(0.42, 1.15, tall);
    let width = between(0.19, 0.15, slim);
    let sole_height = between(0.03, 0.05, heel);
    let heel_height = between(0.0, 0.12, heel);
    let lift = sole_height * 2.0 + heel_height * 0.4;
    let upper = at(point, 0.0, lift, 0.0);
    let toe_cap =
        ellipsoid(at(upper, 0.0, 0.1, 0.3), vec3(width, between(0.13, 0.2, toe), between(0.3, 0.24, toe)));
    let foot =
        smooth_union(toe_cap, ellipsoid(at(upper, 0.0, 0.14, -0.05), vec3(width * 0.95, 0.22, 0.32)), 0.12);
    let half_shaft = (shaft_top - 0.1) / 2.0;
    let ankle = at(upper, 0.0, 0.1 + half_shaft, -0.16);
    // An oval shaft: space is squeezed along z, the distance scaled back to stay a lower bound.
    let oval = vec3(ankle.x, ankle.y, ankle.z * 0.8);
    let shaft = frustum(oval, half_shaft, width * 0.8, width * between(0.85, 1.05, slim));
    let opening = frustum(at(oval, 0.0, 0.2, 0.0), half_shaft, width * 0.7, width * 0.9);
    let body = smooth_union(foot, shaft, 0.14).max(-upper.y);
    let leather = carve(body, opening);

    let outline = vec3(point.x, 0.0, point.z);
    let front = ellipsoid(vec3(outline.x, 0.0, outline.z - 0.25), vec3(width + 0.02, 1.0, 0.31));
    let back = ellipsoid(vec3(outline.x, 0.0, outline.z + 0.1), vec3(width + 0.015, 1.0, 0.3));
    let outline = smooth_union(front, back, 0.1);
    let slab = outline.max((point.y - lift + sole_height).abs() - sole_height);
    let stack = back.max(cuboid(at(point, 0.0, lift / 2.0, -0.25), vec3(0.4, lift / 2.0, 0.16), 0.01));
    let platform = outline.max((point.y - sole_height).abs() - sole_height);
    let sole =
        if heel > 0.4 { slab.min(stack).min(platform.max(0.12 - point.z)) } else { slab.min(platform) };

    let cuff = upper.y > shaft_top - 0.07;
    let lining = opening < 0.012;
    let part = if lining { Part::Trim } else { accent_if(cuff && tall > 0.3) };
    Surface::new(leather, part).with(sole, Part::Accent)
}

pub(super) fn bag(point: Vec3, proportions: &Proportions) -> Surface {
    let [tall, wide, taper, strap_length] = *proportions;
    let half_height = between(0.24, 0.42, tall);
    let half_width = between(0.34, 0.55, wide);
    let depth = between(0.13, 0.2, taper);
    // A bag narrows towards its top: space widens with height.
    let narrowing = 1.0 + between(-0.08, 0.45, taper) * (point.y / (2.0 * half_height)).clamp(0.0, 1.2);
    let shaped = vec3(point.x * narrowing, point.y - half_height, point.z * narrowing);
    let body = cuboid(shaped, vec3(half_width, half_height, depth), 0.07) * 0.75;
    let seam = (shaped.y - half_height * 0.62).abs() < 0.012;

    let strap_radius = half_width * between(0.42, 0.6, wide);
    let strap = at(point, 0.0, 2.0 * half_height, 0.0);
    let strap = upright_torus(strap, strap_radius, 0.03, between(0.05, 0.3, strap_length));
    let strap = strap.max(2.0 * half_height - 0.04 - point.y);

    let pocket = vec3(half_width * 0.62, half_height * 0.42, 0.05);
    let front = depth / narrowing;
    let pocket = cuboid(at(point, 0.0, half_height * 0.72, front), pocket, 0.04);
    let buckle = cuboid(at(point, 0.0, half_height * 1.08, front + 0.045), vec3(0.05, 0.035, 0.025), 0.015);
    let bottom = point.y < half_height * 0.3 && strap_length > 0.5;
    Surface::new(body, accent_if(seam || bottom))
        .with(pocket, accent_if(strap_length < 0.5))
        .with(strap, Part::Accent)
        .with(buckle, Part::Trim)
}

pub(super) fn swim_ring(point: Vec3, proportions: &Proportions) -> Surface {
    let [size, thick, stripes, animal] = *proportions;
    let tube = between(0.14, 0.22, thick);
    let radius = between(0.42, 0.55, size);
    let lying = at(point, 0.0, tube, 0.0);
    let ring = torus(lying, radius, tube);
    let mut even = true;
    for plane in 0..if stripes > 0.5 { 4u8 } else { 3 } {
        let (sine, cosine) = sin_cos(22.5 + 180.0 * f32::from(plane) / if stripes > 0.5 { 4.0 } else { 3.0 });
        even ^= point.x * cosine + point.z * sine > 0.0;
    }
    let surface = Surface::new(ring, accent_if(even));
    if animal < 0.5 {
        let valve = cylinder(at(lying, radius, tube, 0.0), 0.04, 0.05, 0.01);
        return surface.with(valve, Part::Trim);
    }
    // A duck's neck, head and beak, looking forward.
    let neck_foot = vec3(0.0, tube, radius);
    let head = vec3(0.0, tube + between(0.42, 0.6, animal), radius + 0.06);
    let neck = capsule(lying, neck_foot, head, tube * 0.55);
    let skull = sphere(lying - head, tube * 0.95);
    let beak = ellipsoid(lying - head - vec3(0.0, -0.03, tube * 1.1), vec3(0.09, 0.045, 0.15));
    let eyes = vec3(lying.x.abs(), lying.y, lying.z) - head - vec3(tube * 0.6, tube * 0.35, tube * 0.62);
    let eyes = sphere(eyes, 0.038);
    surface.with(smooth_union(neck, skull, 0.08), Part::Main).with(beak, Part::Accent).with(eyes, Part::Trim)
}
