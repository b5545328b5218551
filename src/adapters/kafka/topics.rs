//! The worker's topics: what each must be like, created where it is missing.
//!
//! Guarantee: a topic that exists is compared and never altered; created is only what is
//! missing. Doing it twice is doing it once.

use std::collections::BTreeMap;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;

use super::admin::ANSWER_TIMEOUT;
use super::error::KafkaError;
use super::settings::{KafkaSettings, Topics};

/// Partitions of a new topic where nothing else is asked for: room for as many workers.
const PARTITIONS: i32 = 12;
/// Of the dead letters, which nobody reads at a rate.
const DEAD_LETTER_PARTITIONS: i32 = 1;
/// Milliseconds that a dead letter is kept at least: 30 days, time to find and mend it.
const DEAD_LETTER_RETENTION_MS: i64 = 30 * 24 * 3600 * 1000;
/// As many copies as the cluster gives by itself.
const BROKER_DEFAULT: i32 = -1;

/// Sizes that were asked for; where none was, any size of an existing topic is right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Of all topics but the dead letters'.
    pub partitions: Option<i32>,
    pub replication_factor: Option<i32>,
}

/// What a setting of a topic must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Is(&'static str),
    /// Or −1, for ever.
    AtLeast(i64),
}

/// What a topic must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    name: String,
    partitions: i32,
    /// What an existing topic must have as well.
    asked: Sizes,
    settings: &'static [(&'static str, Rule)],
}

/// A topic as the cluster has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Existing {
    partitions: i32,
    /// Lowest number of copies of its partitions.
    replication_factor: i32,
    settings: BTreeMap<String, String>,
}

/// How it stands with one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub topic: String,
    pub state: State,
    /// What it has, or gets.
    pub about: String,
}

/// What was found, or done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It exists and is right.
    Right,
    /// It exists and differs: each difference with what is to be done.
    Differs(Vec<String>),
    Missing,
    Created,
}

const DELETE: (&str, Rule) = ("cleanup.policy", Rule::Is("delete"));
const COMPACT: (&str, Rule) = ("cleanup.policy", Rule::Is("compact"));

fn wanted(topics: &Topics, sizes: Sizes) -> Vec<Wanted> {
    let work: &[(&str, Rule)] = &[DELETE];
    // Readers find the last list of every article, however old.
    let lists: &[(&str, Rule)] = &[COMPACT];
    let dead: &[(&str, Rule)] = &[DELETE, ("retention.ms", Rule::AtLeast(DEAD_LETTER_RETENTION_MS))];
    let topic = |name: &String, asked: Sizes, default, settings| Wanted {
        name: name.clone(),
        partitions: asked.partitions.unwrap_or(default),
        asked,
        settings,
    };
    vec![
        topic(&topics.events, sizes, PARTITIONS, work),
        topic(&topics.rank, sizes, PARTITIONS, work),
        topic(&topics.similar, sizes, PARTITIONS, lists),
        topic(&topics.dead_letters, Sizes { partitions: None, ..sizes }, DEAD_LETTER_PARTITIONS, dead),
    ]
}

impl Rule {
    /// The value that a new topic gets.
    fn value(self) -> String {
        match self {
            Self::Is(value) => value.to_owned(),
            Self::AtLeast(least) => least.to_string(),
        }
    }

    fn holds(self, value: &str) -> bool {
        match self {
            Self::Is(wanted) => value == wanted,
            Self::AtLeast(least) => value.parse().is_ok_and(|value: i64| value == -1 || value >= least),
        }
    }
}

impl Wanted {
    /// What is wrong with an existing topic, in words.
    fn differences(&self, existing: &Existing) -> Vec<String> {
        let sizes = [
            ("partitions", self.asked.partitions, existing.partitions),
            ("replication factor", self.asked.replication_factor, existing.replication_factor),
        ];
        let sizes = sizes.into_iter().filter_map(|(name, asked, found)| {
            let asked = asked.filter(|asked| *asked != found)?;
            Some(format!("{name}: {found}, asked for {asked}"))
        });
        let settings = self.settings.iter().filter_map(|(name, rule)| {
            let found = existing.settings.get(*name).map_or("not told", String::as_str);
            let least = if matches!(rule, Rule::AtLeast(_)) { "at least " } else { "" };
            (!rule.holds(found)).then(|| format!("{name}: {found}, needed {least}{}", rule.value()))
        });
        sizes.chain(settings).collect()
    }

    fn report(&self, existing: Option<&Existing>) -> Report {
        let told: Vec<String> = self
            .settings
            .iter()
            .map(|(name, rule)| {
                let found = existing.and_then(|existing| existing.settings.get(*name)).cloned();
                format!("{name}={}", found.unwrap_or_else(|| rule.value()))
            })
            .collect();
        let partitions = existing.map_or(self.partitions, |existing| existing.partitions);
        let state = match existing.map(|existing| self.differences(existing)) {
            None => State::Missing,
            Some(differences) if differences.is_empty() => State::Right,
            Some(differences) => State::Differs(differences),
        };
        Report {
            topic: self.name.clone(),
            state,
            about: format!("{partitions} partitions, {}", told.join(", ")),
        }
    }
}

/// Creates the topics that are missing, unless `dry_run`; answers how it stands with
/// each, in the order events, rank requests, lists, dead letters.
///
/// # Errors
///
/// When the cluster does not answer or refuses a topic; topics before that one exist.
///
/// # Panics
///
/// In a runtime of one thread: a part of it blocks.
pub async fn create(
    settings: &KafkaSettings,
    sizes: Sizes,
    dry_run: bool,
) -> Result<Vec<Report>, KafkaError> {
    let client: AdminClient<DefaultClientContext> =
        settings.admin()?.create().map_err(KafkaError::Settings)?;
    let wanted = wanted(&settings.topics, sizes);
    let existing = existing(&client, settings, &wanted).await?;
    let mut reports = Vec::with_capacity(wanted.len());
    for topic in &wanted {
        let mut report = topic.report(existing.get(&topic.name));
        if report.state == State::Missing && !dry_run {
            create_one(&client, topic).await?;
            report.state = State::Created;
        }
        reports.push(report);
    }
    Ok(reports)
}

async fn create_one(client: &AdminClient<DefaultClientContext>, topic: &Wanted) -> Result<(), KafkaError> {
    let settings: Vec<(&str, String)> =
        topic.settings.iter().map(|(name, rule)| (*name, rule.value())).collect();
    let copies = TopicReplication::Fixed(topic.asked.replication_factor.unwrap_or(BROKER_DEFAULT));
    let new = NewTopic::new(&topic.name, topic.partitions, copies);
    let new = settings.iter().fold(new, |new, (name, value)| new.set(name, value));
    let options = AdminOptions::new().operation_timeout(Some(ANSWER_TIMEOUT));
    let refused = |code| KafkaError::Create { topic: topic.name.clone(), code };
    let created = client.create_topics([&new], &options).await;
    let created = created.map_err(|source| KafkaError::Admin { source })?;
    match created.into_iter().next() {
        // Somebody else was first, with the same command as like as not.
        Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
        Some(Err((_, code))) => Err(refused(code)),
        None => Err(refused(RDKafkaErrorCode::Unknown)),
    }
}

/// Those of the topics that exist, as they are.
async fn existing(
    client: &AdminClient<DefaultClientContext>,
    settings: &KafkaSettings,
    wanted: &[Wanted],
) -> Result<BTreeMap<String, Existing>, KafkaError> {
    let unreachable =
        |source| KafkaError::Unreachable { servers: settings.bootstrap_servers.clone(), source };
    let ask = || client.inner().fetch_metadata(None, ANSWER_TIMEOUT);
    let metadata = tokio::task::block_in_place(ask).map_err(unreachable)?;
    let mut found = BTreeMap::new();
    for topic in metadata.topics().iter().filter(|topic| !topic.partitions().is_empty()) {
        if wanted.iter().any(|wanted| wanted.name == topic.name()) {
            let copies = topic.partitions().iter().map(|partition| partition.replicas().len()).min();
            let existing = Existing {
                partitions: topic.partitions().len() as i32,
                replication_factor: copies.unwrap_or_default() as i32,
                settings: BTreeMap::new(),
            };
            found.insert(topic.name().to_owned(), existing);
        }
    }
    if found.is_empty() {
        return Ok(found);
    }
    let names: Vec<String> = found.keys().cloned().collect();
    let asked: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let options = AdminOptions::new().request_timeout(Some(ANSWER_TIMEOUT));
    let described = client.describe_configs(&asked, &options).await;
    let described = described.map_err(|source| KafkaError::Admin { source })?;
    for (topic, told) in found.values_mut().zip(described) {
        let told =
            told.map_err(|code| KafkaError::Admin { source: rdkafka::error::KafkaError::AdminOp(code) })?;
        let entries = told.entries.into_iter();
        topic.settings = entries.filter_map(|entry| Some((entry.name, entry.value?))).collect();
    }
    Ok(found)
}

#[cfg(test)]
#[path = "topics_tests.rs"]
mod tests;
