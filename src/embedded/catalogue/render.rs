//! A small sphere tracer: one product on a light studio background.
//!
//! Guarantee: [`render`] is a pure function of its arguments, its work is bounded by
//! [`MARCH_STEPS`] and [`SHADOW_STEPS`] a ray, and the whole product is in the picture: the frame
//! is fitted to the product's outline. Light and camera belong to the studio and the product turns
//! before them, as on a photographer's turntable.

use super::products::Part;
use super::scene::{Outline, Product};
use super::vec3::{Vec3, sin_cos, smoothstep, vec3};

/// Enough for the most grazing ray on the most curved product; a ray that runs out missed.
const MARCH_STEPS: usize = 96;
const SHADOW_STEPS: usize = 28;

/// Share of a distance a ray dares to step: some solids only estimate theirs.
const STEP: f32 = 0.9;

/// Closer than this, in scene units, is a hit: a tenth of a pixel.
const NEAR: f32 = 0.001;

/// Distance of the camera from the product's middle, in scene units: a mild perspective.
const CAMERA_DISTANCE: f32 = 5.0;

/// Share of the picture's width or height that the product's outline takes.
const FILL: f32 = 0.8;

/// Neighbouring pixels that differ more than this (0..1) get four more samples.
const EDGE_CONTRAST: f32 = 0.035;

/// Soft shadows reach this far around the product's box, in scene units.
const PENUMBRA: f32 = 0.3;

/// Where the camera stands, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct View {
    /// 0 looks at the front, 90 at the product's right side (+x).
    pub(super) azimuth: f32,
    /// 0 is level with the product, 90 straight above it.
    pub(super) elevation: f32,
}

/// Renders a square picture of `size` pixels a side: RGB8, row by row from the top.
pub(super) fn render(product: &Product, outline: &Outline, view: View, size: u32) -> Vec<u8> {
    let studio = Studio::new(product, outline, view);
    let scale = 2.0 / size as f32;
    let sample = |column: f32, row: f32| studio.trace(column * scale - 1.0, 1.0 - row * scale);

    let size = size as usize;
    let mut pixels = Vec::with_capacity(size * size);
    for row in 0..size {
        for column in 0..size {
            pixels.push(sample(column as f32 + 0.5, row as f32 + 0.5));
        }
    }
    let mut bytes = Vec::with_capacity(3 * size * size);
    for row in 0..size {
        for column in 0..size {
            let mut colour = pixels[row * size + column];
            if on_an_edge(&pixels, size, row, column) {
                let (x, y) = (column as f32, row as f32);
                // A rotated grid: four samples on four different rows and columns.
                let sum = sample(x + 0.375, y + 0.125)
                    + sample(x + 0.875, y + 0.375)
                    + sample(x + 0.125, y + 0.625)
                    + sample(x + 0.625, y + 0.875);
                colour = sum * 0.25;
            }
            for channel in [colour.x, colour.y, colour.z] {
                bytes.push((channel.clamp(0.0, 1.0) * 255.0 + 0.5) as u8);
            }
        }
    }
    bytes
}

fn on_an_edge(pixels: &[Vec3], size: usize, row: usize, column: usize) -> bool {
    let here = pixels[row * size + column];
    let differs = |other: usize| {
        let change = (pixels[other] - here).abs();
        change.x.max(change.y).max(change.z) > EDGE_CONTRAST
    };
    (column > 0 && differs(row * size + column - 1))
        || (column + 1 < size && differs(row * size + column + 1))
        || (row > 0 && differs((row - 1) * size + column))
        || (row + 1 < size && differs((row + 1) * size + column))
}

/// The background at height `v` of the picture, from -1 (bottom) to 1 (top), as displayed.
pub(super) fn background(v: f32) -> Vec3 {
    vec3(0.955, 0.953, 0.948).lerp(vec3(0.85, 0.858, 0.87), smoothstep(-0.9, 1.3, v))
}

/// Camera, lights and product of one picture.
struct Studio<'a> {
    product: &'a Product,
    low: Vec3,
    high: Vec3,
    eye: Vec3,
    forward: Vec3,
    right: Vec3,
    up: Vec3,
    /// The picture's middle and half its width in the plane one unit before the eye.
    middle: (f32, f32),
    half_width: f32,
    key: Vec3,
    fill: Vec3,
}

impl<'a> Studio<'a> {
    fn new(product: &'a Product, outline: &Outline, view: View) -> Studio<'a> {
        let (sine, cosine) = sin_cos(view.azimuth);
        let (rise, level) = sin_cos(view.elevation);
        let outward = vec3(sine * level, rise, cosine * level);
        let target = (outline.low + outline.high) * 0.5;
        let eye = target + outward * CAMERA_DISTANCE;
        let forward = -outward;
        let right = vec3(cosine, 0.0, -sine);
        let up = right.cross(forward);
        let toward = vec3(sine, 0.0, cosine);

        let (mut left, mut bottom) = (f32::MAX, f32::MAX);
        let (mut far_right, mut top) = (f32::MIN, f32::MIN);
        for point in &outline.points {
            let offset = *point - eye;
            let depth = offset.dot(forward);
            let (x, y) = (offset.dot(right) / depth, offset.dot(up) / depth);
            (left, far_right) = (left.min(x), far_right.max(x));
            (bottom, top) = (bottom.min(y), top.max(y));
        }
        let half_width = (far_right - left).max(top - bottom) * 0.5 / FILL;
        Studio {
            product,
            low: outline.low,
            high: outline.high,
            eye,
            forward,
            right,
            up,
            middle: ((left + far_right) * 0.5, (bottom + top) * 0.5),
            half_width,
            key: (Vec3::UP * 1.15 + toward * 0.75 - right * 0.65).normalised(),
            fill: (right + toward * 0.7 + Vec3::UP * 0.25).normalised(),
        }
    }

    /// The displayed colour at (u, v), both from -1 to 1, v growing upwards.
    fn trace(&self, u: f32, v: f32) -> Vec3 {
        let x = self.middle.0 + u * self.half_width;
        let y = self.middle.1 + v * self.half_width;
        let direction = (self.forward + self.right * x + self.up * y).normalised();
        match self.march(direction) {
            Some((point, part)) => self.shade(point, direction, part, v),
            None => self.floor(direction, v),
        }
    }

    fn march(&self, direction: Vec3) -> Option<(Vec3, Part)> {
        let (mut way, end) = crossing(self.eye, direction, self.low, self.high)?;
        for _ in 0..MARCH_STEPS {
            let point = self.eye + direction * way;
            let surface = self.product.surface(point);
            if surface.distance < NEAR {
                return Some((point, surface.part));
            }
            way += surface.distance * STEP;
            if way > end {
                return None;
            }
        }
        None
    }

    /// How much of the key light arrives, 0 (shadow) to 1; `softness` 4 is soft, 16 is hard.
    fn lit(&self, point: Vec3, softness: f32) -> f32 {
        let margin = Vec3::splat(PENUMBRA);
        let Some((start, end)) = crossing(point, self.key, self.low - margin, self.high + margin) else {
            return 1.0;
        };
        let mut way = start.max(0.02);
        let mut light = 1.0f32;
        for _ in 0..SHADOW_STEPS {
            let distance = self.product.surface(point + self.key * way).distance;
            light = light.min(softness * distance / way);
            if light < 0.005 || way > end {
                break;
            }
            way += distance.clamp(0.02, 0.2);
        }
        smoothstep(0.0, 1.0, light)
    }

    /// How open the space above a point is, 0 (a crevice) to 1 (open).
    fn openness(&self, point: Vec3, normal: Vec3) -> f32 {
        let mut closed = 0.0;
        let mut weight = 1.0;
        for height in [0.04, 0.11, 0.22] {
            let free = self.product.surface(point + normal * height).distance;
            // The floor closes space too.
            let free = free.min((point.y + normal.y * height).max(0.0) + 0.02);
            closed += (height - free).max(0.0) * weight * 2.4;
            weight *= 0.6;
        }
        (1.0 - closed).clamp(0.0, 1.0)
    }

    fn normal(&self, point: Vec3) -> Vec3 {
        let mut sum = Vec3::splat(0.0);
        // Four corners of a tetrahedron: the cheapest gradient.
        for corner in [vec3(1.0, -1.0, -1.0), vec3(-1.0, -1.0, 1.0), vec3(-1.0, 1.0, -1.0), Vec3::splat(1.0)]
        {
            sum = sum + corner * self.product.surface(point + corner * 0.0012).distance;
        }
        // A gradient of zero (the middle of a thin wall) faces the camera.
        if sum.dot(sum) > 0.0 { sum.normalised() } else { -self.forward }
    }

    fn shade(&self, point: Vec3, direction: Vec3, part: Part, v: f32) -> Vec3 {
        let material = self.product.material(part);
        let normal = self.normal(point);
        let open = self.openness(point, normal);
        let facing = normal.dot(self.key).max(0.0);
        let lit = if facing > 0.0 { self.lit(point + normal * 0.01, 10.0) } else { 0.0 };

        let key = vec3(1.02, 1.0, 0.95) * (0.82 * facing * lit);
        let fill = vec3(0.92, 0.96, 1.0) * (0.2 * normal.dot(self.fill).max(0.0) * open);
        let sky = vec3(0.95, 0.98, 1.0) * ((0.27 + 0.13 * normal.y) * open);
        let bounce = Vec3::splat(0.1 * (0.5 - 0.5 * normal.y) * open);
        let diffuse = material.albedo.times(key + fill + sky + bounce);

        let halfway = (self.key - direction).normalised();
        let highlight = sixty_fourth_power(normal.dot(halfway).max(0.0));
        let grazing = 1.0 - normal.dot(-direction).clamp(0.0, 1.0);
        let rim = grazing * grazing * grazing * grazing;
        let glint = material.shine * (0.55 * highlight * lit + 0.22 * rim * open);
        let light = diffuse + Vec3::splat(glint) + material.albedo * material.glow;
        // Gamma 2: the square root is the same on every machine, the sRGB power is not.
        let shown = vec3(light.x.min(1.0).sqrt(), light.y.min(1.0).sqrt(), light.z.min(1.0).sqrt());
        shown.lerp(background(v), 0.02)
    }

    /// The studio floor, with the product's shadow; it has no horizon.
    fn floor(&self, direction: Vec3, v: f32) -> Vec3 {
        let paper = background(v);
        if direction.y >= -1e-4 {
            return paper;
        }
        let point = self.eye + direction * (self.eye.y / -direction.y);
        let shadow = 1.0 - self.lit(vec3(point.x, 0.002, point.z), 4.0);
        let contact = 1.0 - smoothstep(0.0, 0.28, self.product.surface(vec3(point.x, 0.0, point.z)).distance);
        let dark = 0.3 * shadow + 0.22 * contact * contact;
        paper.lerp(vec3(0.22, 0.22, 0.25), dark)
    }
}

/// Where a ray enters and leaves a box, as ways along it that are not negative.
fn crossing(from: Vec3, direction: Vec3, low: Vec3, high: Vec3) -> Option<(f32, f32)> {
    let (mut start, mut end) = (0.0f32, f32::MAX);
    let axes = [
        (from.x, direction.x, low.x, high.x),
        (from.y, direction.y, low.y, high.y),
        (from.z, direction.z, low.z, high.z),
    ];
    for (origin, slope, low, high) in axes {
        if slope.abs() < 1e-9 {
            if origin < low || origin > high {
                return None;
            }
            continue;
        }
        let (one, other) = ((low - origin) / slope, (high - origin) / slope);
        start = start.max(one.min(other));
        end = end.min(one.max(other));
    }
    (start <= end).then_some((start, end))
}

fn sixty_fourth_power(value: f32) -> f32 {
    let mut power = value;
    for _ in 0..6 {
        power *= power;
    }
    power
}
