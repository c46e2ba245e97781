//! What a request brings: its body, counted as it comes, against the limit on one and the limit on all.
//!
//! Nothing is kept of a body that is too large, and no more is read of it. Owned here: what a multipart form may have (one
//! file, or several where that is asked for, and a few short fields). A form's file names and types are ignored: what an upload is says its content. Refuses
//! to write anything to a disk.

use crate::service::fault::Fault;
use crate::service::span::part;
use axum::RequestExt;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, Multipart, Request};
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument;

/// Bytes that are counted together.
const UNIT: u64 = 1 << 10;
/// Most parts of a form.
const MOST_PARTS: usize = 16;
/// Most bytes of a form's field that is no file.
const MOST_FIELD: usize = 16 << 10;
/// What a vector is made for at most before bytes have come.
const TRUSTED: u64 = 1 << 20;
/// Most bytes of a body that is JSON. It is read by the threads that talk to callers, and grows as it is read.
const MOST_JSON: u64 = 1 << 20;

/// Limits on bodies, and what of the memory for all of them is free.
#[derive(Clone)]
pub(super) struct Budget {
    free: Arc<Semaphore>,
    all: usize,
    most: u64,
    /// Where `most` comes from.
    limit: &'static str,
    timeout: Duration,
}

impl Budget {
    /// At most `most` bytes a body, `all` bytes of all bodies, each within `timeout`.
    pub(super) fn new(most: u64, all: u64, timeout: Duration) -> Self {
        let units = usize::try_from(all.div_ceil(UNIT)).unwrap_or(usize::MAX);
        let all = units.min(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(all)),
            all,
            most,
            limit: "`max_body`",
            timeout,
        }
    }
}

impl Budget {
    /// Bytes that bodies take now.
    pub(super) fn taken(&self) -> u64 {
        let taken = self.all.saturating_sub(self.free.available_permits());
        UNIT.saturating_mul(taken as u64)
    }
}

/// What was received, and its part of the memory, which is free again when this is dropped.
pub(super) struct Upload {
    pub(super) bytes: Vec<u8>,
    _held: Held,
}

/// A file of a form, with the name of its field, and the other fields.
pub(super) struct Form {
    pub(super) field: String,
    pub(super) upload: Upload,
    /// The fields that are no file: the name of each, and its bytes.
    #[cfg_attr(
        not(feature = "curation"),
        expect(dead_code, reason = "who keeps banks alone reads it")
    )]
    pub(super) others: Vec<(String, Vec<u8>)>,
}

/// The memory that a body has taken, and why it was cut off.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    bytes: u64,
    units: u64,
    permits: Option<OwnedSemaphorePermit>,
    fault: Option<Fault>,
}

impl Held {
    fn with<T>(&self, call: impl FnOnce(&mut Taken) -> T) -> T {
        call(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes memory for more bytes.
    fn take(&self, budget: &Budget, bytes: usize) -> Result<(), Fault> {
        self.with(|taken| {
            taken.bytes = taken.bytes.saturating_add(bytes as u64);
            if taken.bytes > budget.most {
                return Err(Fault::too_large(budget.most, budget.limit));
            }
            let units = taken.bytes.div_ceil(UNIT);
            let more = u32::try_from(units - taken.units).unwrap_or(u32::MAX);
            if more == 0 {
                return Ok(());
            }
            let permits = Arc::clone(&budget.free).try_acquire_many_owned(more);
            let permits = permits
                .map_err(|_| Fault::busy("the memory for uploads is full (`body_memory`)"))?;
            taken.units = units;
            match &mut taken.permits {
                Some(held) => held.merge(permits),
                held => *held = Some(permits),
            }
            Ok(())
        })
    }

    fn fault(&self) -> Option<Fault> {
        self.with(|taken| taken.fault.take())
    }
}

/// A body that was cut off: why stands in its [`Held`].
#[derive(Debug, thiserror::Error)]
#[error("the body was not read to its end")]
struct CutOff;

/// A body that is counted as it comes.
struct Counted {
    inner: Body,
    budget: Budget,
    held: Held,
}

impl Counted {
    fn fail(&self, fault: Fault) -> CutOff {
        self.held
            .with(|taken| taken.fault.get_or_insert(fault).clone());
        CutOff
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(|_| self.fail(Fault::bad("the body was cut off")))?;
            if let Some(data) = frame.data_ref() {
                let taken = self.held.take(&self.budget, data.len());
                taken.map_err(|fault| self.fail(fault))?;
            }
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What the header says that the body has; `None` where it says nothing.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether the body is a form.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    let form = b"multipart/form-data";
    kind.and_then(|kind| kind.get(..form.len()))
        .is_some_and(|kind| kind.eq_ignore_ascii_case(form))
}

/// Refuses by its header a body that is too large, before any of it is read.
fn admit(budget: &Budget, headers: &HeaderMap) -> Result<u64, Fault> {
    match length(headers) {
        Some(length) if length > budget.most => Err(Fault::too_large(budget.most, budget.limit)),
        length => Ok(length.unwrap_or(0)),
    }
}

async fn in_time<T>(
    budget: &Budget,
    read: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::time::timeout(budget.timeout, read)
        .instrument(part!("body"))
        .await
        .unwrap_or_else(|_| {
            let detail = "the body did not arrive in time (`body_timeout`)";
            Err(Fault::new(StatusCode::REQUEST_TIMEOUT, "slow-body", detail))
        })
}

/// The body, of whatever kind it is said to be.
pub(super) async fn raw(budget: &Budget, request: Request) -> Result<Upload, Fault> {
    let length = admit(budget, request.headers())?;
    let held = Held::default();
    let mut counted = Counted {
        inner: request.into_body(),
        budget: budget.clone(),
        held: held.clone(),
    };
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(TRUSTED)).unwrap_or(0));
    in_time(budget, async {
        while let Some(frame) =
            std::future::poll_fn(|context| Pin::new(&mut counted).poll_frame(context)).await
        {
            let frame = frame.map_err(|_| cut_off(&held))?;
            if let Some(data) = frame.data_ref() {
                bytes.extend_from_slice(data);
            }
        }
        Ok(())
    })
    .await?;
    Ok(Upload { bytes, _held: held })
}

/// The body, which is JSON: it has a limit of its own.
pub(super) async fn json(budget: &Budget, request: Request) -> Result<Upload, Fault> {
    let own = Budget {
        most: MOST_JSON,
        limit: "the limit on JSON",
        ..budget.clone()
    };
    let tighter = if budget.most > MOST_JSON {
        &own
    } else {
        budget
    };
    raw(tighter, request).await
}

fn cut_off(held: &Held) -> Fault {
    held.fault()
        .unwrap_or_else(|| Fault::bad("the body was cut off"))
}

/// The files of a form with more than one: each part that has a file name, in order.
pub(super) async fn files(budget: &Budget, request: Request) -> Result<Vec<Upload>, Fault> {
    let Parts { files, held, .. } =
        parts(budget, request, MOST_PARTS, |_, has_name| has_name).await?;
    let uploads = files.into_iter().map(|(_, bytes)| Upload {
        bytes,
        _held: held.clone(),
    });
    Ok(uploads.collect())
}

/// The one file of a form. `is_file` says, by the field's name and whether it brings a file name, which field is one.
pub(super) async fn form(
    budget: &Budget,
    request: Request,
    is_file: impl Fn(&str, bool) -> bool,
) -> Result<Form, Fault> {
    let Parts {
        files,
        others,
        held,
    } = parts(budget, request, 1, is_file).await?;
    let (field, bytes) = (files.into_iter().next())
        .ok_or_else(|| Fault::bad("Missing multipart/form-data file upload"))?;
    Ok(Form {
        field,
        others,
        upload: Upload { bytes, _held: held },
    })
}

/// Whether a part's header names a file in any spelling: who stores the upload may read more of them than we do.
fn speaks_of_a_file(headers: &HeaderMap) -> bool {
    let said = headers.get(CONTENT_DISPOSITION);
    let mut words = said.map_or(&b""[..], |said| said.as_bytes()).windows(8);
    words.any(|word| word.eq_ignore_ascii_case(b"filename"))
}

/// What a form brought.
struct Parts {
    /// The name of its field, and its bytes.
    files: Vec<(String, Vec<u8>)>,
    /// Fields that are no files.
    others: Vec<(String, Vec<u8>)>,
    /// The memory that the files hold.
    held: Held,
}

/// The parts of a form, with so many files at most.
async fn parts(
    budget: &Budget,
    request: Request,
    most_files: usize,
    is_file: impl Fn(&str, bool) -> bool,
) -> Result<Parts, Fault> {
    admit(budget, request.headers())?;
    let held = Held::default();
    let counted = held.clone();
    let of_body = budget.clone();
    let mut request = request.map(|inner| {
        Body::new(Counted {
            inner,
            budget: of_body,
            held: counted,
        })
    });
    DefaultBodyLimit::disable().apply(&mut request);
    let bad = |detail: String| held.fault().unwrap_or_else(|| Fault::bad(detail));
    let (files, others) = in_time(budget, async {
        let read: Result<Multipart, _> = request.extract().await;
        let mut parts = read.map_err(|error| bad(error.body_text()))?;
        let mut files = Vec::new();
        let mut others = Vec::new();
        let mut count = 0;
        while let Some(mut part) =
            (parts.next_field().await).map_err(|error| bad(error.body_text()))?
        {
            count += 1;
            if count > MOST_PARTS {
                return Err(Fault::bad(format!(
                    "the form has more than {MOST_PARTS} parts"
                )));
            }
            let name: String = part.name().unwrap_or_default().chars().take(256).collect();
            let has_name = part.file_name().is_some() || speaks_of_a_file(part.headers());
            let keeps = is_file(&name, has_name);
            if keeps && files.len() >= most_files {
                return Err(Fault::bad("Only one file allowed per request"));
            }
            let mut bytes = Vec::new();
            while let Some(chunk) = (part.chunk().await).map_err(|error| bad(error.body_text()))? {
                if !keeps && bytes.len().saturating_add(chunk.len()) > MOST_FIELD {
                    let most = format!("a field that is no file has at most {MOST_FIELD} bytes");
                    return Err(Fault::bad(most));
                }
                bytes.extend_from_slice(&chunk);
            }
            if keeps {
                files.push((name, bytes));
            } else {
                others.push((name, bytes));
            }
        }
        Ok((files, others))
    })
    .await?;
    Ok(Parts {
        files,
        others,
        held,
    })
}

/// An upload in either form: the body itself, or the file of a form.
pub(super) async fn upload(budget: &Budget, request: Request) -> Result<Upload, Fault> {
    let upload = match is_form(request.headers()) {
        true => form(budget, request, |_, has_name| has_name).await?.upload,
        false => raw(budget, request).await?,
    };
    match upload.bytes.is_empty() {
        true => Err(Fault::bad(
            "the body is empty: send the upload's bytes, or a form with a file",
        )),
        false => Ok(upload),
    }
}
