//! Fetching from exchanges, where this node keeps banks: each that is enabled, soon after it is made or changed, and then
//! again and again.
//!
//! Owns when that is. What a fetch does is [`curation::exchange`](crate::curation::exchange)'s. It runs on a thread of its
//! own: whoever else changes banks goes on meanwhile, between two batches.

use crate::bank::BankName;
use crate::clock;
use crate::curation::Observer;
#[cfg(feature = "exchange")]
use crate::curation::exchange::FeedbackState;
use crate::curation::exchange::{
    Credentials, ExchangeError, Exchanges, FetchOptions, FetchRecord, FetchWatch, Ready,
};
use crate::curation::{Notice, Progress};
use crate::service::curator::{Desk, log_and_hide, outcome};
use crate::service::fault::Fault;
use crate::service::metrics::ExchangeNow;
use crate::service::state::State;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Seconds between two fetches of an exchange without a network, as in HMA.
const EVERY: u64 = 240;
/// Seconds between two fetches of a server: NCMEC asks for ten minutes at least.
const EVERY_REMOTE: u64 = 900;
/// How often the pause is doubled where fetches fail.
const MOST_DOUBLED: u64 = 4;
/// How long after a round the next begins, where nobody wakes it.
const ROUND: Duration = Duration::from_secs(10);
/// The longest that one fetch may take before others have their turn.
const LONGEST: Duration = Duration::from_secs(1_800);

fn failed(error: &ExchangeError) -> Fault {
    log_and_hide("exchanges", error)
}

/// Which exchanges are to be fetched now, and how all stand.
fn due(desk: &Desk) -> Result<(Vec<BankName>, Vec<ExchangeNow>), Fault> {
    let known = Exchanges::of(&desk.workspace).map_err(|error| failed(&error))?;
    let now = clock::now();
    let (mut due, mut all) = (Vec::new(), Vec::new());
    for one in known.all() {
        let state = known.state(&desk.store, &one.name);
        let state = state.map_err(|error| failed(&error))?;
        all.push(ExchangeNow {
            name: one.name.to_string(),
            succeeded_at: state.succeeded_at.unwrap_or_default(),
            alarms: state.alarms.len(),
        });
        let every = if one.api == "sample" {
            EVERY
        } else {
            EVERY_REMOTE
        };
        let pause = every << state.failures.min(MOST_DOUBLED);
        // A clock that was put back must not stop it.
        let is_due = |ended| now < ended || now - ended >= pause;
        // One whose bank is gone would fail each time.
        let has_bank = state.problem.is_none() || state.ended_at.is_some();
        if one.enabled
            && has_bank
            && state.ended_at.is_none_or(is_due)
            && state.waits_until(now).is_none()
        {
            due.push(one.name.clone());
        }
    }
    Ok((due, all))
}

/// What is needed to fetch an exchange; `None` where it was deleted meanwhile.
fn ready(desk: &Desk, name: &BankName) -> Result<Option<Ready>, Fault> {
    let mut known = Exchanges::of(&desk.workspace).map_err(|error| failed(&error))?;
    if known.get(name).is_none() {
        return Ok(None);
    }
    let credentials = Credentials::of(&desk.workspace).map_err(|error| failed(&error))?;
    let ready = known.ready(&desk.store, name, &credentials);
    ready.map(Some).map_err(|error| failed(&error))
}

/// Stops fetches when it is dropped: the node ends.
#[derive(Default)]
struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Hears what a fetch says, for the log.
struct Logged(Arc<AtomicBool>);

impl Observer for Logged {
    fn progress(&self, _progress: Progress<'_>) {}

    fn notice(&self, notice: Notice<'_>) {
        if matches!(notice, Notice::LeftOut(_)) {
            tracing::debug!("{notice}");
        }
    }

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Fetches on this thread.
fn fetch(
    state: &State,
    ready: &Ready,
    ends: Arc<AtomicBool>,
) -> Result<FetchRecord, ExchangeError> {
    let Some(curator) = &state.curator else {
        return Ok(FetchRecord::default());
    };
    let name = ready.exchange().name.clone();
    let before = curator.store().revision();
    let options = FetchOptions {
        time: LONGEST,
        ..FetchOptions::default()
    };
    let mut watch = FetchWatch {
        observer: &Logged(ends),
        stopped: &mut || curator.publish_soon(),
    };
    let fetched = ready.fetch(curator.store(), &options, &mut watch);
    #[cfg(feature = "exchange")]
    if ready.exchange().feedback {
        let exchange = name.as_str();
        match ready.send_feedback(curator.store(), watch.observer, false) {
            Ok(told) => {
                let open = told.iter().filter(|one| one.state != FeedbackState::Sent);
                for one in open {
                    let (number, state) = (one.number, one.state.name());
                    tracing::warn!(exchange, number, state, "opinion not sent");
                }
            }
            Err(error) => tracing::warn!(exchange, "opinions not sent: {error}"),
        }
    }
    if curator.store().revision() != before {
        let done = outcome(fetched.is_ok(), true);
        curator.ended_by_itself(("fetch exchange", name.to_string()), done);
    }
    let exchange = name.as_str();
    let counted = FetchRecord::last(curator.store(), ready.bank()).unwrap_or_default();
    let outcome = match &fetched {
        Ok(_) => "well",
        Err(ExchangeError::Stopped { .. } | ExchangeError::More { .. }) => "stopped",
        Err(_) => "failed",
    };
    let brought = [
        ("added", counted.added),
        ("updated", counted.updated),
        ("taken_back", counted.taken_back),
        ("rejected", counted.rejected),
    ];
    state.metrics.fetched(exchange, outcome, &brought);
    match &fetched {
        Ok(record) => tracing::info!(
            exchange,
            added = record.added,
            updated = record.updated,
            taken_back = record.taken_back,
            "fetched"
        ),
        Err(ExchangeError::Stopped { .. }) => {}
        Err(error @ ExchangeError::More { .. }) => tracing::info!(exchange, "{error}"),
        Err(error) => tracing::warn!(exchange, "not fetched: {error}"),
    }
    fetched
}

/// Fetches until the node ends.
pub(super) async fn keep(state: Arc<State>) {
    let Some(curator) = &state.curator else {
        return;
    };
    let ends = Ends::default();
    loop {
        // What fails was logged, and is tried again.
        let (due, all) = curator.ask(due).await.unwrap_or_default();
        state.metrics.exchanges(&all);
        for name in due {
            let Ok(Some(ready)) = curator.ask(move |desk| ready(desk, &name)).await else {
                continue;
            };
            let (state, ends) = (Arc::clone(&state), Arc::clone(&ends.0));
            let done = tokio::task::spawn_blocking(move || fetch(&state, &ready, ends));
            // A panic in it was told when it happened.
            let _ = done.await;
        }
        if let Ok((_, all)) = curator.ask(self::due).await {
            state.metrics.exchanges(&all);
        }
        let _ = tokio::time::timeout(ROUND, curator.asked_to_fetch()).await;
    }
}
