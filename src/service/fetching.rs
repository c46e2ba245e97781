//! Fetching from exchanges, where this node keeps banks: each that is enabled, soon after it is made or changed, and then
//! again and again.
//!
//! Owns when that is. What a fetch does is [`curation::exchange`](crate::curation::exchange)'s, on the thread that holds
//! the store.

use crate::bank::BankName;
use crate::clock;
use crate::curation::exchange::{Exchange, ExchangeError, Exchanges};
use crate::service::curator::{Curator, log_and_hide};
use crate::service::fault::Fault;
use crate::service::state::State;
use std::sync::Arc;
use std::time::Duration;

/// Seconds between two fetches of an exchange, as in HMA.
const EVERY: u64 = 240;
/// How long after a round the next begins, where nobody wakes it.
const ROUND: Duration = Duration::from_secs(10);

fn is_due(exchange: &Exchange, now: u64) -> bool {
    let ended = exchange.fetch.ended_at;
    // A clock that was put back must not stop it.
    exchange.enabled && ended.is_none_or(|ended| now < ended || now - ended >= EVERY)
}

fn failed(error: &ExchangeError) -> Fault {
    log_and_hide("exchanges", error)
}

async fn due(curator: &Curator) -> Result<Vec<BankName>, Fault> {
    let due = curator.ask(|desk| {
        let known = Exchanges::of(&desk.workspace).map_err(|error| failed(&error))?;
        let now = clock::now();
        let due = known.all().iter().filter(|one| is_due(one, now));
        Ok(due.map(|one| one.name.clone()).collect())
    });
    due.await
}

async fn fetch(curator: &Curator, name: BankName) -> Result<(), Fault> {
    let what = ("fetch exchange", name.to_string());
    let fetched = curator.tend(what, move |desk| {
        let mut known = Exchanges::of(&desk.workspace).map_err(|error| failed(&error))?;
        // It may have been deleted meanwhile.
        if known.get(&name).is_some() {
            let fetched = known.fetch(&desk.store, &name);
            let fetched = fetched.map_err(|error| failed(&error))?;
            tracing::info!(
                exchange = name.as_str(),
                added = fetched.added,
                taken_back = fetched.taken_back,
                "fetched"
            );
        }
        Ok(())
    });
    fetched.await
}

/// Fetches until the node ends.
pub(super) async fn keep(state: Arc<State>) {
    let Some(curator) = &state.curator else {
        return;
    };
    loop {
        // What fails was logged, and is tried again.
        for name in due(curator).await.unwrap_or_default() {
            let _ = fetch(curator, name).await;
        }
        let _ = tokio::time::timeout(ROUND, curator.asked_to_fetch()).await;
    }
}
