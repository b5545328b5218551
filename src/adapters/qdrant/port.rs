//! The store as the pipeline's port.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use list_maintenance::Claim;

use super::Catalogue;
use crate::domain::article::{ArticleFacts, ArticleState, Profile};
use crate::ports::{
    self, CandidateQuery, Candidates, Content, FactsMark, FactsWrite, Failed, Glance, ImageWrite, Ranked,
    Standing,
};

#[async_trait]
impl ports::Catalogue for Catalogue {
    async fn article_state(&self, article_id: &str) -> Result<ArticleState, Failed> {
        self.state(article_id).await.map_err(Failed::new)
    }

    async fn write_images(
        &self,
        article_id: &str,
        facts: &ArticleFacts,
        writes: &[ImageWrite],
    ) -> Result<(), Failed> {
        self.put_images(article_id, facts, writes).await.map_err(Failed::new)
    }

    async fn write_filter_fields(&self, article_id: &str, facts: &ArticleFacts) -> Result<(), Failed> {
        self.put_filter_fields(article_id, facts).await.map_err(Failed::new)
    }

    async fn write_facts(&self, write: FactsWrite<'_>) -> Result<(), Failed> {
        self.put_facts(write).await.map_err(Failed::new)
    }

    async fn facts_mark(&self, article_id: &str) -> Result<Option<FactsMark>, Failed> {
        self.mark_of(article_id).await.map_err(Failed::new)
    }

    async fn contents(&self, ids: &[String]) -> Result<BTreeMap<String, Content>, Failed> {
        self.contents_of(ids).await.map_err(Failed::new)
    }

    async fn ranked(&self, article_id: &str) -> Result<Ranked, Failed> {
        self.ranked_of(article_id).await.map_err(Failed::new)
    }

    async fn glance(&self, article_id: &str) -> Result<Glance, Failed> {
        self.glance_of(article_id).await.map_err(Failed::new)
    }

    async fn standings(&self, ids: &[String]) -> Result<Vec<Standing>, Failed> {
        self.standings_of(ids).await.map_err(Failed::new)
    }

    async fn profiles(&self, ids: &[String]) -> Result<HashMap<String, Profile>, Failed> {
        self.profiles_by_id(ids).await.map_err(Failed::new)
    }

    async fn candidates(&self, query: &CandidateQuery<'_>) -> Result<Candidates, Failed> {
        self.search_candidates(query).await.map_err(Failed::new)
    }

    async fn low_bars(
        &self,
        query: &CandidateQuery<'_>,
        ceiling: f64,
        except: &[String],
    ) -> Result<(Vec<String>, bool), Failed> {
        self.search_low_bars(query, ceiling, except).await.map_err(Failed::new)
    }

    async fn holders(&self, article_id: &str) -> Result<Vec<String>, Failed> {
        self.holders_of(article_id).await.map_err(Failed::new)
    }

    async fn claim(&self, article_id: &str, read: &Ranked, claim: &Claim<String>) -> Result<(), Failed> {
        self.write_claim(article_id, read, claim).await.map_err(Failed::new)
    }

    async fn store(&self, article_id: &str, ranked: &Ranked) -> Result<(), Failed> {
        self.write_ranked(article_id, ranked).await.map_err(Failed::new)
    }

    async fn publishing(&self, article_id: &str) -> Result<Ranked, Failed> {
        self.publishing_of(article_id).await.map_err(Failed::new)
    }

    async fn marked(&self, limit: usize) -> Result<Vec<(String, u64)>, Failed> {
        self.marked_articles(limit).await.map_err(Failed::new)
    }

    async fn page(
        &self,
        from: Option<String>,
        limit: usize,
    ) -> Result<(Vec<String>, Option<String>), Failed> {
        self.page_of_articles(from, limit).await.map_err(Failed::new)
    }
}
