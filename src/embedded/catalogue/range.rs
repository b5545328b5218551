//! The range of products: which articles the catalogue holds and from where each is pictured.
//!
//! Guarantee: [`articles`] depends on nothing but its arguments. Article identifiers and picture
//! names are unique; the first eight articles of a kind have eight different colours; a model in
//! two colours is one `group`.

use super::products::Proportions;
use super::render::View;
use super::scene::{BRASS, BROWN, COLOURS, Colour, GREY, Kind, OAK, Product, WHITE};

/// The sides a product can be pictured from: name, azimuth and elevation of the camera in degrees.
const SIDES: [(&str, f32, f32); 8] = [
    ("front", 0.0, 14.0),
    ("right", 90.0, 16.0),
    ("back", 180.0, 16.0),
    ("left", 270.0, 16.0),
    ("front-right", 40.0, 24.0),
    ("front-left", 320.0, 24.0),
    ("back-right", 140.0, 28.0),
    ("top", 20.0, 62.0),
];

/// How many different sides there are to choose from.
pub(super) const SIDE_COUNT: usize = SIDES.len();

/// The camera is up to this many degrees beside the named side, as a photographer's would be.
const JITTER: f32 = 7.0;

/// Articles of a kind come in rounds of six: two models in two colours each, two in one.
const MODEL_OF_VARIANT: [usize; 6] = [0, 0, 1, 1, 2, 3];
const MODELS_IN_ROUND: usize = 4;

/// One article of the rendered catalogue.
#[derive(Clone, Debug)]
pub(super) struct Article {
    pub(super) article_id: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) categories: Vec<String>,
    /// Set when the same model is there in another colour too.
    pub(super) group: Option<String>,
    pub(super) product: Product,
    pub(super) shots: Vec<Shot>,
}

/// One picture of an article.
#[derive(Clone, Debug)]
pub(super) struct Shot {
    pub(super) side: &'static str,
    pub(super) view: View,
}

/// What a kind is called, where it is sold, and what its second colour may be.
struct Wares {
    kind: Kind,
    name: &'static str,
    department: &'static str,
    /// What is said when the first measure is small or large.
    sizes: [&'static str; 2],
    accents: [Colour; 3],
    /// Completes "… with a <colour>".
    accent_part: &'static str,
    /// From 0 (matt) to 1 (glossy).
    shine: [f32; 2],
}

/// Everything the catalogue sells. Kinds take turns in this order.
const WARES: [Wares; 8] = [
    Wares {
        kind: Kind::Mug,
        name: "mug",
        department: "kitchen",
        sizes: ["low", "tall"],
        accents: [WHITE, GREY, WHITE],
        accent_part: "inside",
        shine: [0.3, 1.0],
    },
    Wares {
        kind: Kind::Bottle,
        name: "bottle",
        department: "kitchen",
        sizes: ["short", "tall"],
        accents: [GREY, WHITE, BROWN],
        accent_part: "cap",
        shine: [0.3, 1.0],
    },
    Wares {
        kind: Kind::Stool,
        name: "stool",
        department: "home",
        sizes: ["low", "high"],
        accents: [OAK, GREY, BROWN],
        accent_part: "frame",
        shine: [0.0, 0.5],
    },
    Wares {
        kind: Kind::Lamp,
        name: "lamp",
        department: "home",
        sizes: ["low", "tall"],
        accents: [BRASS, WHITE, GREY],
        accent_part: "base",
        shine: [0.1, 0.6],
    },
    Wares {
        kind: Kind::Ball,
        name: "ball",
        department: "beach",
        sizes: ["small", "large"],
        accents: [WHITE, WHITE, GREY],
        accent_part: "pattern",
        shine: [0.3, 1.0],
    },
    Wares {
        kind: Kind::Boot,
        name: "boot",
        department: "fashion",
        sizes: ["ankle-high", "knee-high"],
        accents: [BROWN, WHITE, GREY],
        accent_part: "sole",
        shine: [0.0, 0.8],
    },
    Wares {
        kind: Kind::Bag,
        name: "bag",
        department: "fashion",
        sizes: ["flat", "deep"],
        accents: [BROWN, OAK, GREY],
        accent_part: "strap",
        shine: [0.0, 0.6],
    },
    Wares {
        kind: Kind::SwimRing,
        name: "swim ring",
        department: "beach",
        sizes: ["small", "large"],
        accents: [WHITE, WHITE, BRASS],
        accent_part: "stripe",
        shine: [0.5, 1.0],
    },
];

/// The first `count` articles of the range. Kinds take turns, so a small catalogue has them all.
/// Each is pictured from `fewest` to `most` sides; `most` is at most [`SIDE_COUNT`].
pub(super) fn articles(seed: u64, count: usize, fewest: usize, most: usize) -> Vec<Article> {
    (0..count)
        .map(|number| {
            let kinds = WARES.len();
            article(seed, number % kinds, number / kinds, count, (fewest, most))
        })
        .collect()
}

fn article(seed: u64, kind_at: usize, variant: usize, count: usize, views: (usize, usize)) -> Article {
    let wares = &WARES[kind_at];
    let model = variant / MODEL_OF_VARIANT.len() * MODELS_IN_ROUND
        + MODEL_OF_VARIANT[variant % MODEL_OF_VARIANT.len()];
    let draw = Draw { seed, kind: kind_at as u64 };
    let proportions = draw.proportions(model);

    // Three is coprime to eight: eight articles in a row have eight colours.
    let main = COLOURS[(draw.first_colour() + 3 * variant) % COLOURS.len()];
    let accent = wares.accents[model % wares.accents.len()];
    // Black beside grey, like orange beside oak, would be one colour from afar.
    let too_close = [("black", "grey"), ("orange", "oak"), ("yellow", "brass"), ("yellow", "oak")];
    let accent = if too_close.contains(&(main.name, accent.name)) { WHITE } else { accent };
    let glossy = draw.unit(3, model) > 0.4;

    let slug = wares.name.replace(' ', "-");
    let article_id = format!("{slug}-{:02}", variant + 1);
    // Pairs are (0, 1) and (2, 3) of each round of six.
    let partner = variant ^ 1;
    let in_catalogue = partner * WARES.len() + kind_at < count;
    let group =
        (variant % MODEL_OF_VARIANT.len() < 4 && in_catalogue).then(|| format!("{slug}-model-{}", model + 1));
    Article {
        title: format!("{} {}", main.name, wares.name),
        description: describe(wares, main, accent, proportions[0], glossy),
        categories: vec![wares.name.to_owned(), wares.department.to_owned()],
        group,
        product: Product {
            kind: wares.kind,
            proportions,
            main,
            accent,
            shine: wares.shine[usize::from(glossy)],
        },
        shots: draw.shots(variant, views),
        article_id,
    }
}

fn describe(wares: &Wares, main: Colour, accent: Colour, size: f32, glossy: bool) -> String {
    let size = match size {
        small if small < 0.35 => format!("{} ", wares.sizes[0]),
        large if large > 0.65 => format!("{} ", wares.sizes[1]),
        _ => String::new(),
    };
    let finish = if glossy { "glossy" } else { "matt" };
    let phrase = format!("{size}{} {}", main.name, wares.name);
    let article = if phrase.starts_with(['a', 'e', 'i', 'o']) { "An" } else { "A" };
    let accent_article = if accent.name.starts_with('o') { "an" } else { "a" };
    format!(
        "{article} {phrase} with {accent_article} {} {} and a {finish} finish.",
        accent.name, wares.accent_part
    )
}

/// The numbers an article draws: a hash of the seed, the kind and what they are for.
struct Draw {
    seed: u64,
    kind: u64,
}

impl Draw {
    /// A number in 0..1, even over purposes and indices.
    fn unit(&self, purpose: u64, index: usize) -> f32 {
        let mut state = self.seed;
        for word in [self.kind, purpose, index as u64] {
            state = splitmix(state ^ word);
        }
        // 24 bits fill a float's mantissa exactly.
        (state >> 40) as f32 / (1u64 << 24) as f32
    }

    fn first_colour(&self) -> usize {
        (self.unit(0, 0) * COLOURS.len() as f32) as usize
    }

    /// Models spread evenly over each measure, by the additive recurrence of the square roots of
    /// primes: random draws would make twins.
    fn proportions(&self, model: usize) -> Proportions {
        let steps = [0.618_034, 0.414_214, 0.732_051, 0.236_068];
        std::array::from_fn(|measure| {
            let value = self.unit(1, measure) + steps[measure] * model as f32;
            value - value.floor()
        })
    }

    fn shots(&self, variant: usize, (fewest, most): (usize, usize)) -> Vec<Shot> {
        let spread = (most - fewest + 1) as f32;
        let count = fewest + ((self.unit(4, variant) * spread) as usize).min(most - fewest);
        // A shuffle of the sides, drawn afresh for each article.
        let mut order: Vec<usize> = (0..SIDE_COUNT).collect();
        let place = |side: usize| self.unit(5, variant * SIDE_COUNT + side);
        order.sort_by(|a, b| place(*a).total_cmp(&place(*b)));
        order.truncate(count);
        order.sort_unstable();
        order
            .into_iter()
            .map(|side| {
                let (name, azimuth, elevation) = SIDES[side];
                let jitter = |purpose| JITTER * (2.0 * self.unit(purpose, variant * SIDE_COUNT + side) - 1.0);
                let view = View { azimuth: azimuth + jitter(6), elevation: elevation + jitter(7) };
                Shot { side: name, view }
            })
            .collect()
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
fn splitmix(state: u64) -> u64 {
    let mut word = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn eight_variants_of_a_kind_have_eight_colours() {
        for kind in Kind::ALL {
            let titles: BTreeSet<String> = articles(7, 64, 3, 6)
                .into_iter()
                .filter(|article| article.product.kind == kind)
                .map(|article| article.title)
                .collect();
            assert_eq!(titles.len(), 8, "{kind:?}: {titles:?}");
        }
    }

    #[test]
    fn a_description_reads_as_a_sentence() {
        let wares = WARES.iter().find(|wares| wares.kind == Kind::Boot).unwrap();
        let found = describe(wares, COLOURS[2], OAK, 0.1, false);
        assert_eq!(found, "An ankle-high orange boot with an oak sole and a matt finish.");
        let found = describe(wares, COLOURS[0], WHITE, 0.5, true);
        assert_eq!(found, "A red boot with a white sole and a glossy finish.");
    }

    proptest! {
        #[test]
        fn ranges_are_well_formed(seed: u64, count in 1usize..120, fewest in 1usize..=8, more in 0usize..=7) {
            let most = (fewest + more).min(SIDE_COUNT);
            let range = articles(seed, count, fewest, most);
            prop_assert_eq!(range.len(), count);
            let ids: BTreeSet<&str> = range.iter().map(|article| article.article_id.as_str()).collect();
            prop_assert_eq!(ids.len(), count);
            let mut groups: BTreeMap<&str, Vec<&Article>> = BTreeMap::new();
            for article in &range {
                prop_assert!((fewest..=most).contains(&article.shots.len()));
                let sides: BTreeSet<&str> = article.shots.iter().map(|shot| shot.side).collect();
                prop_assert_eq!(sides.len(), article.shots.len());
                prop_assert!(article.product.proportions.iter().all(|p| (0.0..=1.0).contains(p)));
                if let Some(group) = &article.group {
                    groups.entry(group).or_default().push(article);
                }
            }
            for (group, members) in groups {
                prop_assert_eq!(members.len(), 2, "{}", group);
                prop_assert_eq!(members[0].product.proportions, members[1].product.proportions);
                prop_assert_ne!(&members[0].title, &members[1].title);
            }
        }
    }
}
