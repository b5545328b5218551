//! Thousands of events at one article among those of others, through both roles and a
//! real encoder.
//!
//! Guarantee: no two pictures are the same, so every embedding that is made was needed;
//! an event of another article costs exactly one, so what was embedded beyond those was
//! embedded for the hot article.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use image::{Rgb, RgbImage};
use lookalike::ports::Outgoing;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Failure;
use crate::churn::{channel, idle, percentiles};
use crate::shop::id;
use crate::watch::{Progress, Watch};
use crate::world::{Choice, PARTITIONS, PATIENCE, World};

/// How much of it.
#[derive(Debug, Deserialize)]
pub(crate) struct HotLoad {
    /// Other articles, of [`IMAGES`] pictures each.
    articles: usize,
    /// At the hot article, as fast as they can be produced.
    events: usize,
    /// Events of others a second.
    rate: f64,
    /// With and without the hot article, each.
    seconds: f64,
    seed: u64,
}

const IMAGES: usize = 3;
/// Side of a picture in pixels; the encoder takes 64.
const SIDE: u32 = 64;
/// The hot article; the others follow.
const HOT: usize = 0;
const AT_ONCE: usize = 256;

struct Hot<'c> {
    world: World,
    watch: Watch,
    load: &'c HotLoad,
    random: StdRng,
    pictures: std::path::PathBuf,
    drawn: u64,
    version: u64,
}

/// One event, ready to be produced.
struct Event {
    article: usize,
    version: u64,
    key: String,
    value: Value,
}

pub(crate) async fn run(choice: Choice<'_>, load: &HotLoad) -> Result<Value, Failure> {
    let pictures = std::path::absolute(choice.folder.join("pictures"))?;
    std::fs::create_dir_all(&pictures)?;
    let settings = json!({
        "role": "all",
        "encoder": {"directory": concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo-encoder")},
        "objects": {"stores": [{"uri": format!("file://{}/", pictures.display())}]},
        "ranking": {"candidate_limit": 1000},
    });
    let mut world = World::start(Choice { settings: &settings, ..choice }).await?;
    let (sender, finished) = channel();
    drop(finished);
    let kafka = &world.config.kafka;
    let watch = Watch::start(&kafka.bootstrap_servers, &kafka.topics.similar, PARTITIONS, sender)?;
    world.start_worker()?;
    let random = StdRng::seed_from_u64(load.seed);
    let mut hot = Hot { world, watch, load, random, pictures, drawn: 0, version: 0 };
    hot.fill().await?;
    let quiet = hot.traffic(0).await?;
    let busy = hot.traffic(load.events).await?;
    let Hot { world, watch, .. } = hot;
    drop(watch);
    world.stop().await?;
    Ok(
        json!({"articles": load.articles, "events": load.events, "rate": load.rate, "quiet": quiet, "busy": busy}),
    )
}

impl Hot<'_> {
    /// The catalogue, and its first lists.
    async fn fill(&mut self) -> Result<(), Failure> {
        for article in 0..=self.load.articles {
            for number in 0..IMAGES {
                let event = self.event(article, number)?;
                self.produce(&event).await?;
            }
        }
        idle(&self.world).await
    }

    /// Events of others at their rate, and `hot` of the hot article at once.
    async fn traffic(&mut self, hot: usize) -> Result<Value, Failure> {
        let others = (self.load.rate * self.load.seconds) as usize;
        let page = self.world.page()?;
        self.watch.with(|seen| seen.events.clear());
        let mut burst = Vec::with_capacity(hot);
        for at in 0..hot {
            burst.push(self.event(HOT, at % IMAGES)?);
        }
        // In turns, so that each article has at most one event under way.
        let mut prepared = Vec::with_capacity(others);
        for at in 0..others {
            let number = self.random.random_range(0..IMAGES);
            prepared.push(self.event(1 + at % self.load.articles, number)?);
        }
        let begun = Instant::now();
        let bursting = async {
            let sending = stream::iter(burst.iter().map(|event| self.produce(event)));
            // One after the other would wait for each acknowledgement; the key keeps the order.
            sending.buffered(AT_ONCE).try_collect::<()>().await?;
            Ok::<_, Failure>(begun.elapsed())
        };
        let steady = async {
            let mut next = tokio::time::interval(Duration::from_secs_f64(1.0 / self.load.rate));
            for event in &prepared {
                let due = next.tick().await.into_std();
                self.watch.with(|seen| seen.begin(event.article, event.version, false, due));
                self.produce(event).await?;
            }
            Ok::<_, Failure>(())
        };
        let (burst_time, ()) = tokio::try_join!(bursting, steady)?;
        self.settle().await?;
        let counted = self.world.page()?.since(&page);
        let embedded = counted["images_embedded"].as_f64().unwrap_or_default();
        let events: Vec<Progress> = self.watch.with(|seen| seen.events.values().cloned().collect());
        Ok(json!({
            "others": others,
            "hot_embeddings": embedded - others as f64,
            "burst_seconds": burst_time.as_secs_f64(),
            "own_list": percentiles(events.iter().filter_map(|one| Some(one.own? - one.begun))),
            "worker": counted,
        }))
    }

    async fn settle(&self) -> Result<(), Failure> {
        let begun = Instant::now();
        while self.watch.with(|seen| seen.waiting()) > 0 {
            if begun.elapsed() > PATIENCE {
                return Err("events wait for their own list, and nothing comes".into());
            }
            // Polling with a bound.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        idle(&self.world).await
    }

    /// A new picture for an image.
    fn event(&mut self, article: usize, number: usize) -> Result<Event, Failure> {
        self.version += 1;
        let path = self.draw(article)?;
        let key = id(article);
        let value = json!({
            "type": "image.upserted",
            "article_id": key,
            "image_id": format!("image-{number}"),
            "uri": format!("file://{}", path.display()),
            "version": self.version,
        });
        Ok(Event { article, version: self.version, key, value })
    }

    /// A picture like no other: the colours of the article's family, and stripes of its own.
    fn draw(&mut self, article: usize) -> Result<std::path::PathBuf, Failure> {
        self.drawn += 1;
        let path: &Path = &self.pictures;
        let path = path.join(format!("{}.png", self.drawn));
        let family = (article % 32) as u8;
        let noise: [u8; SIDE as usize] = std::array::from_fn(|_| self.random.random_range(0..32));
        let picture = RgbImage::from_fn(SIDE, SIDE, |x, y| {
            let stripe = if (x / (4 + u32::from(family) % 8)) % 2 == 0 { 160 } else { 40 };
            Rgb([stripe + noise[x as usize], 6 * family + noise[y as usize], stripe])
        });
        picture.save(&path)?;
        Ok(path)
    }

    async fn produce(&self, event: &Event) -> Result<(), Failure> {
        let value = event.value.to_string();
        let topic = &self.world.config.kafka.topics.events;
        let key = Some(event.key.as_bytes());
        let outgoing = Outgoing { topic, key, value: Some(value.as_bytes()), headers: &[] };
        Ok(self.world.producer.send(&outgoing).await.map(drop)?)
    }
}
