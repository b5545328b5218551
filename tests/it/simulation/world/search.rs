//! What the catalogue's searches find, exactly, and articles as they are compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use list_maintenance::{List, Mark};
use lookalike::domain::article::{ArticleFacts, Member, Profile};
use lookalike::domain::embedding::Embedding;
use lookalike::domain::list::{RankState, Why};
use lookalike::ports::{CandidateQuery, Candidates, Restriction, Truncated};

use super::store::{ArticlePoint, Store};

/// Room for rounding, as the adapter leaves it.
const MARGIN: f64 = 1e-4;

type Articles = BTreeMap<String, (ArticleFacts, Option<Embedding>)>;
type Sets = BTreeMap<String, Vec<Member>>;

/// Facts and texts of articles.
pub(super) fn articles(ids: &[String]) -> impl Fn(&Store) -> Articles + Send + 'static {
    let ids = ids.to_vec();
    move |store| {
        let found = ids.iter().filter_map(|id| Some((id.clone(), store.articles.get(id)?)));
        found.map(|(id, article)| (id, (article.facts.clone(), article.text.clone()))).collect()
    }
}

/// Live images of articles, ordered by image id.
pub(super) fn sets(ids: &[String]) -> impl Fn(&Store) -> Sets + Send + 'static {
    let ids = ids.to_vec();
    move |store| {
        let set = |id: &String| {
            let live = store.images_of(id).filter(|point| !point.image.deleted);
            let members = live.filter_map(|point| {
                Some(Member {
                    image_id: point.image.image_id.clone(),
                    view: point.image.view.clone(),
                    position: point.image.position,
                    version: point.image.version,
                    embedding: point.embedding.clone()?,
                })
            });
            members.collect()
        };
        ids.iter().map(|id| (id.clone(), set(id))).collect()
    }
}

pub(super) fn profiles(articles: Articles, mut sets: Sets) -> HashMap<String, Profile> {
    let profile = |(article_id, (facts, text)): (String, (ArticleFacts, Option<Embedding>))| {
        let images = sets.remove(&article_id).unwrap_or_default();
        let newest = images.iter().map(|image| image.version).max();
        let version = newest.max(facts.text_version).max(facts.deleted_version).unwrap_or(0);
        let ArticleFacts { fields, .. } = facts;
        let profile = Profile {
            article_id: article_id.clone(),
            categories: fields.categories,
            group: fields.group,
            version,
            images,
            text,
        };
        (article_id, profile)
    };
    articles.into_iter().map(profile).collect()
}

/// A [`CandidateQuery`] that can travel.
pub(super) struct Query {
    pub(super) article: Profile,
    threshold: Option<f64>,
    limit: usize,
    pub(super) with_text: bool,
    restriction: Restriction,
}

impl Query {
    /// `None` when nobody can be eligible.
    pub(super) fn of(query: &CandidateQuery<'_>) -> Option<Self> {
        let CandidateQuery { article, threshold, limit, with_text, restriction, .. } = query;
        let none = restriction.same_categories && article.categories.is_empty()
            || restriction.same_group && article.group.is_none();
        (!none).then(|| Self {
            article: (*article).clone(),
            threshold: *threshold,
            limit: *limit,
            with_text: *with_text,
            restriction: *restriction,
        })
    }

    fn eligible(&self, categories: &[String], group: Option<&String>) -> bool {
        let overlap = self.article.categories.iter().any(|one| categories.contains(one));
        let same_group = self.article.group.is_some() && self.article.group.as_ref() == group;
        let restriction = self.restriction;
        (!restriction.same_categories || overlap)
            && (!restriction.same_group || same_group)
            && !(restriction.different_categories && overlap)
            && !(restriction.different_group && same_group)
    }

    pub(super) fn near_images(&self, store: &Store) -> Candidates {
        let lowest = self.threshold.map_or(f64::NEG_INFINITY, |threshold| threshold - MARGIN);
        let (mut ids, mut truncated) = (BTreeSet::new(), None);
        for own in self.article.images.iter().flat_map(|image| image.embedding.all()) {
            let eligible = store.images.iter().filter(|((id, _), point)| {
                *id != self.article.article_id && self.eligible(&point.categories, point.group.as_ref())
            });
            let scored = eligible.filter_map(|((id, _), point)| {
                let all = point.embedding.as_ref()?.all().map(|stored| own.cosine(stored));
                Some((all.fold(f64::NEG_INFINITY, f64::max), id)).filter(|(cosine, _)| *cosine >= lowest)
            });
            self.take(scored.collect(), &mut ids, &mut truncated);
        }
        Candidates {
            article_ids: ids.into_iter().collect(),
            truncated_images: truncated,
            truncated_text: None,
        }
    }

    pub(super) fn near_text(&self, store: &Store) -> Candidates {
        let (mut ids, mut truncated) = (BTreeSet::new(), None);
        if let Some(own) = &self.article.text {
            let eligible = store.articles.iter().filter(|(id, article)| {
                **id != self.article.article_id
                    && self.eligible_article(article)
                    && (self.article.images.is_empty() || article.facts.image_count == 0)
            });
            let scored = eligible.filter_map(|(id, article)| Some((own.cosine(article.text.as_ref()?), id)));
            self.take(scored.collect(), &mut ids, &mut truncated);
        }
        Candidates {
            article_ids: ids.into_iter().collect(),
            truncated_images: None,
            truncated_text: truncated,
        }
    }

    fn take(
        &self,
        mut hits: Vec<(f64, &String)>,
        ids: &mut BTreeSet<String>,
        truncated: &mut Option<Truncated>,
    ) {
        hits.sort_by(|a, b| b.0.total_cmp(&a.0));
        hits.truncate(self.limit);
        if let Some((cosine, _)) = hits.last().filter(|_| hits.len() >= self.limit) {
            let before = truncated.unwrap_or(Truncated { searches: 0, ceiling: f64::NEG_INFINITY });
            let ceiling = before.ceiling.max(cosine + MARGIN);
            *truncated = Some(Truncated { searches: before.searches + 1, ceiling });
        }
        ids.extend(hits.into_iter().map(|(_, id)| id.clone()));
    }

    fn eligible_article(&self, article: &ArticlePoint) -> bool {
        let fields = &article.facts.fields;
        self.eligible(&fields.categories, fields.group.as_ref())
    }

    /// Lists know no fields: who may be a neighbour shows when they are compared.
    pub(super) fn low_bars(&self, store: &Store, ceiling: f64, except: &[String]) -> (Vec<String>, bool) {
        let low = |state: &RankState| {
            let is_low = |list: &List<String, Why>| {
                list.entries.horizon().is_none_or(|place| place.score.0 <= ceiling)
            };
            state.mark == Mark::Searching || state.list.as_ref().is_some_and(is_low)
        };
        let mut found = store.lists.iter().filter(|(id, ranked)| {
            **id != self.article.article_id && !except.contains(id) && low(&ranked.state)
        });
        let page = found.by_ref().take(self.limit).map(|(id, _)| id.clone()).collect();
        (page, found.next().is_some())
    }
}
