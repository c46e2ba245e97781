//! Lists that are uploaded: received into a file without a name, looked at, brought into a bank.
//!
//! Owned here: how large and how slow a list may be, and how many there may be at one time. A list never stands in memory.
//! How it is read, and how much it may change, is [`curation`](crate::curation)'s.

use crate::curation::bundle::TrustError;
use crate::curation::import::{ImportError, ImportOptions, ImportOutcome, Importer, ListSource};
use crate::service::caller::Caller;
use crate::service::curator::{Curator, outcome, store_failed};
use crate::service::fault::{Fault, cut};
use crate::service::jobs::{Came, Jobs, Step, Watch};
use crate::store::BankStore;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Most lists that wait to be brought in, or are being received: each is a file.
const MOST_LISTS: usize = 4;
/// Bytes that are written together.
const PIECE: usize = 1 << 20;
/// A list must arrive at least so fast, in bytes a second, once `body_timeout` is over.
const LEAST_RATE: u64 = 16 << 10;

/// What takes long on a node that keeps banks, and the places for lists: each takes a file as long as it waits.
pub(super) struct Lists {
    pub(super) jobs: Jobs,
    places: Arc<Semaphore>,
    /// Who has it may open the history of uploads. When what was expired there was deleted last.
    pub(super) history: Arc<tokio::sync::Mutex<Option<std::time::Instant>>>,
}

impl Lists {
    pub(super) fn begin() -> std::io::Result<Self> {
        Ok(Self {
            jobs: Jobs::begin()?,
            places: Arc::new(Semaphore::new(MOST_LISTS)),
            history: Arc::default(),
        })
    }
}

/// A list that was received.
pub(super) struct List {
    file: File,
    name: String,
    options: ImportOptions,
    caller: Caller,
    _place: OwnedSemaphorePermit,
}

/// A file that was received, and its place.
pub(super) struct Received(File, OwnedSemaphorePermit);

/// Receives a body into a file without a name in this folder.
pub(super) async fn receive(
    lists: &Lists,
    (most, patience): (u64, Duration),
    folder: &Path,
    request: Request,
) -> Result<Received, Fault> {
    let too_large = || Fault::too_large(most, "`max_list`");
    let said = request.headers().get(CONTENT_LENGTH);
    let said = said.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|said| said > most) {
        return Err(too_large());
    }
    // What nobody asked for in time lets its place go.
    lists.jobs.forget_old();
    let place = Arc::clone(&lists.places).try_acquire_owned().map_err(|_| {
        Fault::busy("as many lists as may be are here already: bring them in, or delete their jobs")
    })?;
    let kept = |error: std::io::Error| {
        tracing::warn!("a list cannot be kept in the home folder: {error}");
        Fault::later("store", "the list cannot be kept: see the node's log")
    };
    let mut file = tempfile::tempfile_in(folder).map_err(kept)?;
    let mut body = request.into_body();
    let begun = Instant::now();
    let (mut received, mut piece) = (0_u64, Vec::new());
    loop {
        let slow = Duration::from_secs(received / LEAST_RATE);
        let until = begun + patience.saturating_add(slow);
        let Ok(frame) = timeout_at(until, next(&mut body)).await else {
            let detail = "the list did not arrive in time (`body_timeout`, and 16 KiB a second)";
            return Err(Fault::new(StatusCode::REQUEST_TIMEOUT, "slow-body", detail));
        };
        let Some(data) = frame else { break };
        let data = data.map_err(|()| Fault::bad("the body was cut off"))?;
        received = received.saturating_add(data.len() as u64);
        if received > most {
            return Err(too_large());
        }
        piece.extend_from_slice(&data);
        if piece.len() >= PIECE {
            file = written(file, std::mem::take(&mut piece))
                .await
                .map_err(kept)?;
        }
    }
    let file = written(file, piece).await.map_err(kept)?;
    if received == 0 {
        return Err(Fault::bad("the body is empty: send the list"));
    }
    Ok(Received(file, place))
}

/// The next bytes; `None` at the end.
async fn next(body: &mut Body) -> Option<Result<axum::body::Bytes, ()>> {
    loop {
        let frame =
            std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
        match frame {
            Err(_) => return Some(Err(())),
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
        }
    }
}

/// Writes on a thread that may wait for the disk.
async fn written(mut file: File, piece: Vec<u8>) -> std::io::Result<File> {
    let write = tokio::task::spawn_blocking(move || file.write_all(&piece).map(|()| file));
    write
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)))
}

impl List {
    pub(super) fn new(
        Received(file, place): Received,
        name: String,
        options: ImportOptions,
        caller: Caller,
    ) -> Self {
        Self {
            file,
            name,
            options,
            caller,
            _place: place,
        }
    }

    /// As what this caller asked for.
    fn of(self, caller: Caller) -> Self {
        Self { caller, ..self }
    }

    fn source(&self) -> std::io::Result<ListSource<'static>> {
        Ok(ListSource::opened(
            self.name.as_str(),
            self.file.try_clone()?,
        ))
    }

    /// Counts what it would change, and changes nothing.
    pub(super) fn look(self, curator: Arc<Curator>, watch: &Watch) -> Came {
        let options = self.options.clone().dry_run(true);
        let looked = self
            .run(&curator, options, watch)
            .and_then(|(importer, outcome)| {
                let refused = match importer.guard(&outcome) {
                    Ok(()) => None,
                    Err(ImportError::TooMuchChange(why)) => Some(why.to_string()),
                    Err(error) => return Err(error),
                };
                Ok((outcome, refused))
            });
        match looked {
            Err(error) => Came::failed(why(&error)),
            Ok((outcome, _)) if outcome.interrupted => came(Step::Stopped, &outcome),
            Ok((outcome, _)) if outcome.has_nothing() => Came {
                error: Some(NOTHING.to_owned()),
                ..came(Step::Failed, &outcome)
            },
            Ok((outcome, refused)) => Came {
                refused,
                next: Some(Box::new(move |caller, accepts_shrink, watch| {
                    self.of(caller).bring_in(&curator, accepts_shrink, watch)
                })),
                ..came(Step::Looked, &outcome)
            },
        }
    }

    /// Brings it in. Who asked for that is written down when it is over, whatever came of it.
    pub(super) fn bring_in(self, curator: &Curator, accepts_shrink: bool, watch: &Watch) -> Came {
        let mut options = self.options.clone();
        if accepts_shrink {
            options = options.accept_shrink(true);
        }
        let bank = options.bank().to_string();
        let before = curator.store().revision();
        let done = self.run(curator, options, watch);
        let is_moved = curator.store().revision() != before;
        let (word, came) = match done {
            Err(error) => (outcome(false, is_moved), Came::failed(why(&error))),
            Ok((_, outcome)) if outcome.interrupted => ("stopped", came(Step::Stopped, &outcome)),
            Ok((_, outcome)) if outcome.has_nothing() => {
                let error = Some(NOTHING.to_owned());
                (
                    "refused",
                    Came {
                        error,
                        ..came(Step::Failed, &outcome)
                    },
                )
            }
            Ok((_, outcome)) => ("done", came(Step::Done, &outcome)),
        };
        curator.ended(&self.caller, ("import", bank), word);
        came
    }

    fn run(
        &self,
        curator: &Curator,
        options: ImportOptions,
        watch: &Watch,
    ) -> Result<(Importer, ImportOutcome), ImportError> {
        let store: Arc<BankStore> = Arc::clone(curator.store());
        let mut importer = Importer::on(curator.workspace(), store, options)?;
        let rows = |row: crate::curation::import::LeftOutRow<'_>| watch.note(&row.to_string());
        let outcome = importer.import_telling(self.source()?, watch, &rows)?;
        Ok((importer, outcome))
    }
}

const NOTHING: &str = "no row of it was understood";

fn came(step: Step, outcome: &ImportOutcome) -> Came {
    Came {
        outcome: serde_json::to_value(outcome).ok(),
        ..Came::at(step)
    }
}

/// Why a list was not brought in, for who sent it. What would name a folder stands in the log.
fn why(error: &ImportError) -> String {
    match error {
        ImportError::Store(error) if !is_of_caller(error) => store_failed(error).detail,
        ImportError::Partly { source } => {
            store_failed(source);
            error.to_string()
        }
        ImportError::Io(source) => {
            tracing::warn!("a list cannot be read again: {source}");
            "the list cannot be read: see the node's log".to_owned()
        }
        ImportError::Trust(
            source @ (TrustError::File { .. } | TrustError::InFile { .. } | TrustError::Io(_)),
        ) => {
            tracing::warn!("a bundle cannot be taken: {source}");
            "the bundle, or the note of those that were taken, cannot be read or written: see the node's log".to_owned()
        }
        error => {
            let causes =
                std::iter::successors(std::error::Error::source(error), |cause| cause.source());
            let said = causes.fold(error.to_string(), |said, cause| {
                let cause = cause.to_string();
                if said.ends_with(&cause) {
                    said
                } else {
                    format!("{said}: {cause}")
                }
            });
            cut(&said)
        }
    }
}

fn is_of_caller(error: &crate::store::StoreError) -> bool {
    matches!(error, crate::store::StoreError::NoSuchBank { .. })
}
