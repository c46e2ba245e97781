//! `/v1/uploads`: hashes of uploads that other nodes have judged, kept in the home folder's history, so that `retro` finds those
//! that an entry of tomorrow matches.
//!
//! Refuses to begin a history: that is `hashgate history on`, where it is said for how long hashes are kept.

use super::{curator, object};
use crate::bank::Action;
use crate::clock;
use crate::hash::{Quality, Signal, Variant};
use crate::service::fault::{Fault, Problem, cut};
use crate::service::state::State;
use crate::service::uploads::{Handed, HandedHash, HandedUpload, MOST_HASHES, MOST_UPLOADS};
use crate::service::v1::json;
use crate::store::{History, HistoryBase, HistoryError, Upload, UploadHash};
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use utoipa::ToSchema;

/// What is expired is deleted from the disk so often, where uploads are kept. It is not read from the second on at which it
/// expires.
const PURGE: Duration = Duration::from_secs(60 * 60);
/// Most characters of an upload's name, and of what became of it.
const MOST_NAME: usize = 256;

/// What was kept.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::service) struct KeptUploads {
    /// How many uploads.
    kept: usize,
}

fn hash_of(given: &HandedHash) -> Result<UploadHash, Fault> {
    let bad = |what: &str, text: &str| Fault::bad(format!("{:?} is no {what}", cut(text)));
    let signal: Signal = (given.signal.parse()).map_err(|_| bad("hash", &given.signal))?;
    let quality = given
        .quality
        .map(|number| Quality::new(number).ok_or_else(|| Fault::bad("`quality` is 0 to 100")));
    let variant = match &given.variant {
        Some(text) => text.parse().map_err(|_| bad("form of a picture", text))?,
        None => Variant::ORIGINAL,
    };
    if given.flatness.is_some_and(|hundredths| hundredths > 100) {
        return Err(Fault::bad("`flatness` is 0 to 100"));
    }
    Ok(UploadHash {
        signal,
        quality: quality.transpose()?,
        variant,
        flatness: given.flatness,
        is_small: given.is_small,
        is_minor: given.is_minor,
        is_guess: given.is_guess,
        inverted: given.inverted,
    })
}

fn upload_of(given: HandedUpload, now: u64) -> Result<Upload, Fault> {
    if !(1..=MOST_HASHES).contains(&given.hashes.len()) {
        return Err(Fault::bad(format!(
            "`hashes` has 1 to {MOST_HASHES} hashes"
        )));
    }
    let texts = [given.name.as_deref().unwrap_or_default(), &given.outcome];
    if texts
        .iter()
        .any(|text| text.chars().nth(MOST_NAME).is_some())
    {
        return Err(Fault::bad(format!(
            "a text has more than {MOST_NAME} characters"
        )));
    }
    let action = given.action.as_deref().map(|name| {
        name.parse::<Action>()
            .map_err(|_| Fault::bad(format!("{:?} is no action", cut(name))))
    });
    Ok(Upload {
        // A clock that runs ahead must not keep a hash for longer.
        at: given.at.min(now),
        number: 0,
        name: given.name,
        name_hex: None,
        bytes: given.bytes,
        generation: given.generation,
        revision: given.revision,
        outcome: given.outcome,
        action: action.transpose()?,
        hashes: given.hashes.iter().map(hash_of).collect::<Result<_, _>>()?,
        left_out: 0,
    })
}

fn failed(error: &HistoryError) -> Fault {
    match error {
        HistoryError::Off { .. } => {
            let detail =
                "no hashes of uploads are kept here: `hashgate history on --days N` begins that";
            Fault::new(StatusCode::CONFLICT, "history-off", detail)
        }
        HistoryError::Locked { .. } => {
            Fault::later("history-busy", "another program uses the history now")
        }
        error => {
            tracing::warn!("the history cannot be used: {error}");
            Fault::later("history", "the history cannot be used: see the node's log")
        }
    }
}

/// Keeps hashes of uploads that other nodes have judged.
#[utoipa::path(
    post,
    path = "/v1/uploads",
    request_body = Handed,
    responses(
        (status = 200, description = "they are on the disk", body = KeptUploads),
        (status = 400, description = "nothing is kept: what cannot be read", body = Problem),
        (status = 409, description = "no hashes of uploads are kept here", body = Problem),
        (status = 503, description = "other requests or another program use the history, or its disk failed", body = Problem)
    )
)]
pub(in crate::service) async fn keep(
    Shared(state): Shared<Arc<State>>,
    request: Request,
) -> Result<Response, Fault> {
    let curator = Arc::clone(curator(&state)?);
    // One request at a time has the history: it is open as long as that takes, and `retro` can have it between. The turn comes
    // before the body, so that nothing of those who wait for theirs stands in memory.
    let turn = Arc::clone(&state.lists.history).lock_owned();
    let turn = timeout(state.wait(None), turn).await;
    let mut turn = turn.map_err(|_| Fault::busy("other requests use the history of uploads"))?;
    let Handed { uploads } = object(&state, request).await?;
    if !(1..=MOST_UPLOADS).contains(&uploads.len()) {
        return Err(Fault::bad(format!(
            "`uploads` has 1 to {MOST_UPLOADS} uploads"
        )));
    }
    let now = clock::now();
    let kept = uploads.len();
    // By the state of the store that judged them.
    let mut groups: BTreeMap<(u64, Option<u64>), Vec<Upload>> = BTreeMap::new();
    for upload in uploads {
        let judged_by = (upload.revision, upload.mark);
        groups
            .entry(judged_by)
            .or_default()
            .push(upload_of(upload, now)?);
    }
    // The turn goes along: the work may last longer than its caller waits.
    let work = state.work(state.wait(None), move |_| {
        let is_due = turn.is_none_or(|last| last.elapsed() >= PURGE);
        // At no time nothing is expired yet.
        let purged_at = if is_due { now } else { 0 };
        let history = History::open(curator.workspace().history(), purged_at)?;
        if is_due {
            *turn = Some(Instant::now());
        }
        for ((revision, mark), uploads) in &groups {
            let (revision, mark) = (*revision, *mark);
            history.remember(HistoryBase { revision, mark }, uploads)?;
        }
        Ok(())
    });
    let done: Result<(), HistoryError> = work.await?;
    done.map_err(|error| failed(&error))?;
    json(StatusCode::OK, &KeptUploads { kept })
}
