//! An article that is in every list is deleted, while others change as before.
//!
//! Guarantee: it counts as converged when no stored list holds it any more; the others'
//! freshness is that of events that began between the deletion and the last list that
//! was published without it.

use std::time::{Duration, Instant};

use lookalike::ports::Catalogue as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Failure;
use crate::churn::{Churn, Pace, UnderWay, percentiles};
use crate::shop::{Kind, id};
use crate::watch::Progress;
use crate::world::PATIENCE;

/// Others change for so long before, and for so long from the deletion on.
pub(crate) async fn run(churn: &mut Churn<'_>, rate: f64, seconds: f64) -> Result<Value, Failure> {
    churn.mix = Kind::update;
    let (events, pace) = ((rate * seconds) as usize, Pace::Open(rate));
    let quiet = churn.run(events, pace).await?;
    let hub = churn.shop.hub().ok_or("this catalogue has no hub")?;
    let holders = churn.world.catalogue.holders(&id(hub)).await?.len();
    let before = churn.before()?;
    let change = churn.shop.change_of(hub, Kind::Deleted);
    let (version, begun) = (change.version, Instant::now());
    let (mut under_way, mut writes) = (UnderWay::default(), JoinSet::new());
    under_way.begin(&change);
    churn.begin(change, begun, &mut writes);
    churn.drive(events, pace, &mut under_way).await?;
    while let Some(written) = writes.join_next().await {
        written??;
    }
    let mut left = churn.world.catalogue.holders(&id(hub)).await?.len();
    while left > 0 && begun.elapsed() < 2 * PATIENCE {
        // Polling with a bound; reading all holders is work for the server, too.
        tokio::time::sleep(Duration::from_secs(1)).await;
        left = churn.world.catalogue.holders(&id(hub)).await?.len();
    }
    churn.settle(&mut under_way).await?;
    let report = churn.report(&before, events + 1)?;
    let (deleted, others): (Vec<Progress>, Vec<Progress>) = churn.watch.with(|seen| {
        let all = seen.events.iter().map(|(number, one)| (*number == version, one.clone()));
        let (deleted, others): (Vec<_>, Vec<_>) = all.partition(|(is_hub, _)| *is_hub);
        let plain = |list: Vec<(bool, Progress)>| list.into_iter().map(|(_, one)| one).collect();
        (plain(deleted), plain(others))
    });
    let deleted = deleted.into_iter().next().ok_or("the deletion was not seen")?;
    let converged = deleted.last.ok_or("no list was published without the hub")?;
    let meanwhile: Vec<Progress> = others.into_iter().filter(|one| one.begun <= converged).collect();
    Ok(json!({
        "holders": holders,
        "holders_left": left,
        "lists_without": deleted.lists,
        "converged_seconds": (converged - begun).as_secs_f64(),
        "rate": rate,
        "before": quiet,
        "own_list": percentiles(meanwhile.iter().filter_map(|one| Some(one.own? - one.begun))),
        "last_list": percentiles(meanwhile.iter().filter_map(|one| Some(one.last? - one.begun))),
        "meanwhile": report,
    }))
}
