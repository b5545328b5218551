//! Stage gather: the article is marked dirty, and its candidates are read.

use super::RankRole;
use super::decide::Begun;
use crate::adapters::qdrant::{ArticleView, CandidateQuery};
use crate::domain::article::Profile;
use crate::metrics::metrics;
use crate::pipeline::Stop;
use crate::pipeline::dispatch::Batch;
use crate::similarity::compare::Field;

impl RankRole {
    /// Marks the article dirty, then reads it; `None` when it was never stored.
    pub(super) async fn begin(&self, article_id: &str, batch: &Batch) -> Result<Option<Begun>, Stop> {
        let read = || self.catalogue.article_with_list(article_id);
        let ranking = format!("{:016x}", rand::random::<u64>());
        let mut found = self.attempts.run("rank", batch, read).await.map_err(Stop::of("rank"))?;
        while let Some(view) = found {
            if view.rank.ranking.as_ref() == Some(&ranking) {
                let ArticleView { mut profile, rank, .. } = view;
                self.limit_images(&mut profile);
                return Ok(Some(Begun { profile, rank }));
            }
            // Not marked yet, or another owner's mark came first: the next number.
            let sequence = view.rank.sequence + 1;
            let mark = || self.catalogue.mark_dirty(article_id, sequence, &ranking);
            self.attempts.run("rank", batch, mark).await.map_err(Stop::of("rank"))?;
            // Read after the mark: what was written before it must be seen, because its
            // writer may have looked for dirty articles before the mark was there.
            found = self.attempts.run("rank", batch, read).await.map_err(Stop::of("rank"))?;
        }
        Ok(None)
    }

    /// Searches for candidates and reads their sets, texts and bars.
    pub(super) async fn gather(&self, begun: &Begun, batch: &Batch) -> Result<Vec<ArticleView>, Stop> {
        if begun.profile.is_empty() {
            return Ok(Vec::new());
        }
        let timer = metrics().stage.stage_duration.with_label_values(&["gather"]).start_timer();
        let settings = &self.settings;
        let query = CandidateQuery {
            article: &begun.profile,
            threshold: settings.pair_threshold(),
            limit: settings.candidate_limit,
            exact: settings.exact,
            with_text: settings.text_weight > 0.0,
            same_categories: settings.same.contains(&Field::Categories),
            same_group: settings.same.contains(&Field::Group),
            different_categories: settings.different.contains(&Field::Categories),
            different_group: settings.different.contains(&Field::Group),
        };
        let search = || self.catalogue.candidates(&query);
        let found = self.attempts.run("rank", batch, search).await.map_err(Stop::of("rank"))?;
        let truncated = &metrics().list.searches_truncated;
        truncated.with_label_values(&["image"]).inc_by(found.truncated_image_searches);
        truncated.with_label_values(&["text"]).inc_by(found.truncated_text_searches);
        let read = || self.catalogue.articles_by_id(&found.article_ids);
        let views = self.attempts.run("rank", batch, read).await.map_err(Stop::of("rank"))?;
        timer.observe_duration();
        Ok(views
            .into_values()
            .map(|mut view| {
                self.limit_images(&mut view.profile);
                view
            })
            .collect())
    }

    fn limit_images(&self, profile: &mut Profile) {
        metrics().image.images_over_limit.inc_by(profile.limit_images(self.settings.max_images) as u64);
    }
}
