//! What stands in the studio: a kind of product, its measures and its colours.
//!
//! Guarantee: a [`Product`] answers for every point how far it is from the product and, on the
//! surface, what it is made of. Its outline for the camera is measured from the distances
//! themselves, so it cannot disagree with what is drawn.

use super::products::{self, HEIGHT, Part, Proportions, REACH, Surface};
use super::vec3::{Vec3, vec3};

/// The kinds of product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Mug,
    Bottle,
    Stool,
    Lamp,
    Ball,
    Boot,
    Bag,
    SwimRing,
}

#[cfg(test)]
impl Kind {
    pub(super) const ALL: [Kind; 8] =
        [Kind::Mug, Kind::Bottle, Kind::Stool, Kind::Lamp, Kind::Ball, Kind::Boot, Kind::Bag, Kind::SwimRing];
}

/// A named colour, linear RGB in 0..1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Colour {
    pub(super) name: &'static str,
    pub(super) rgb: Vec3,
}

const fn colour(name: &'static str, r: f32, g: f32, b: f32) -> Colour {
    Colour { name, rgb: vec3(r, g, b) }
}

/// The colours in titles. White is missing: it would vanish before the background.
pub(super) const COLOURS: [Colour; 8] = [
    colour("red", 0.62, 0.03, 0.03),
    colour("green", 0.05, 0.33, 0.08),
    colour("orange", 0.88, 0.25, 0.02),
    colour("blue", 0.03, 0.12, 0.56),
    colour("pink", 0.88, 0.26, 0.42),
    colour("yellow", 0.9, 0.62, 0.03),
    colour("black", 0.025, 0.025, 0.03),
    colour("purple", 0.24, 0.05, 0.42),
];

pub(super) const WHITE: Colour = colour("white", 0.8, 0.79, 0.76);
pub(super) const GREY: Colour = colour("grey", 0.2, 0.21, 0.22);
pub(super) const BROWN: Colour = colour("brown", 0.2, 0.085, 0.035);
pub(super) const OAK: Colour = colour("oak", 0.52, 0.3, 0.13);
pub(super) const BRASS: Colour = colour("brass", 0.58, 0.38, 0.1);

/// How the surface takes the light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Material {
    /// Linear RGB in 0..1.
    pub(super) albedo: Vec3,
    /// Strength of the highlight, 0 (matt) to 1 (glossy).
    pub(super) shine: f32,
    /// Light the surface gives off by itself, 0 for all but a lit bulb.
    pub(super) glow: f32,
}

/// One product, ready to be rendered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    pub(super) kind: Kind,
    pub(super) proportions: Proportions,
    pub(super) main: Colour,
    pub(super) accent: Colour,
    /// 0 (matt) to 1 (glossy).
    pub(super) shine: f32,
}

impl Product {
    /// Distance to the product and its nearest part. y = 0 is the floor, +z the front.
    #[inline]
    pub(super) fn surface(&self, point: Vec3) -> Surface {
        let proportions = &self.proportions;
        match self.kind {
            Kind::Mug => products::mug(point, proportions),
            Kind::Bottle => products::bottle(point, proportions),
            Kind::Stool => products::stool(point, proportions),
            Kind::Lamp => products::lamp(point, proportions),
            Kind::Ball => products::ball(point, proportions),
            Kind::Boot => products::boot(point, proportions),
            Kind::Bag => products::bag(point, proportions),
            Kind::SwimRing => products::swim_ring(point, proportions),
        }
    }

    pub(super) fn material(&self, part: Part) -> Material {
        let (albedo, shine, glow) = match part {
            Part::Main => (self.main.rgb, self.shine, 0.0),
            Part::Accent => (self.accent.rgb, self.shine, 0.0),
            Part::Trim => self.trim(),
        };
        Material { albedo, shine, glow }
    }

    fn trim(&self) -> (Vec3, f32, f32) {
        match self.kind {
            Kind::Lamp => (vec3(0.9, 0.8, 0.6), 0.2, 0.5),
            Kind::Boot => (vec3(0.35, 0.27, 0.18), 0.0, 0.0),
            Kind::Bag => (BRASS.rgb, 0.9, 0.0),
            Kind::SwimRing => (vec3(0.03, 0.03, 0.03), 0.8, 0.0),
            Kind::Mug | Kind::Bottle | Kind::Stool | Kind::Ball => (WHITE.rgb, self.shine, 0.0),
        }
    }

    /// Measures the product: see [`Outline`].
    pub(super) fn outline(&self) -> Outline {
        let cell = 2.0 * REACH / CELLS as f32;
        // Half the diagonal of a cell: any surface inside the cell is at most this far from its middle.
        let near = cell * 0.867;
        let mut points = Vec::new();
        let layers = (HEIGHT / cell) as usize;
        for layer in 0..layers {
            for row in 0..CELLS {
                for column in 0..CELLS {
                    let point = vec3(
                        (column as f32 + 0.5) * cell - REACH,
                        (layer as f32 + 0.5) * cell,
                        (row as f32 + 0.5) * cell - REACH,
                    );
                    if self.surface(point).distance.abs() <= near {
                        points.push(point);
                    }
                }
            }
        }
        let reach = Vec3::splat(cell / 2.0);
        let (mut low, mut high) = (Vec3::splat(f32::MAX), Vec3::splat(f32::MIN));
        for point in &points {
            low = low.min(*point - reach);
            high = high.max(*point + reach);
        }
        Outline { points, low, high }
    }
}

/// Cells along x and z when a product is measured: a cell is 0.046 units wide.
const CELLS: usize = 52;

/// Where a product is: points within a cell of its surface, and the box around them.
#[derive(Clone, Debug)]
pub(super) struct Outline {
    pub(super) points: Vec<Vec3>,
    pub(super) low: Vec3,
    pub(super) high: Vec3,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_model() -> impl Iterator<Item = Product> {
        let corners = 0..16u8;
        Kind::ALL.into_iter().flat_map(move |kind| {
            corners.clone().map(move |bits| Product {
                kind,
                proportions: std::array::from_fn(|at| f32::from(bits >> at & 1)),
                main: COLOURS[0],
                accent: WHITE,
                shine: 0.5,
            })
        })
    }

    #[test]
    fn every_model_stands_on_the_floor_and_stays_in_reach() {
        for product in every_model() {
            let outline = product.outline();
            assert!(outline.points.len() > 200, "{product:?} is hardly there");
            assert!(outline.low.y < 0.05, "{product:?} floats at {}", outline.low.y);
            let cell = 2.0 * REACH / CELLS as f32;
            let limit = REACH - cell;
            assert!(outline.low.x > -limit && outline.high.x < limit, "{product:?} too wide");
            assert!(outline.low.z > -limit && outline.high.z < limit, "{product:?} too deep");
            assert!(outline.high.y < HEIGHT - cell, "{product:?} too high");
        }
    }

    #[test]
    fn every_model_shows_its_main_and_accent_colour() {
        for product in every_model() {
            let outline = product.outline();
            for part in [Part::Main, Part::Accent] {
                let share = outline.points.iter().filter(|p| product.surface(**p).part == part).count();
                assert!(share * 50 > outline.points.len(), "{product:?} hardly shows {part:?}");
            }
        }
    }
}
