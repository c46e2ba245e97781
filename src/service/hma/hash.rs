//! `/h/hash`: an upload in, its hashes out, each a text.

use crate::gate::{Extraction, VariantSet, Worker};
use crate::hash::{Quality, SignalType};
use crate::media::Limits;
use crate::service::body::{self, Form};
use crate::service::clients::LowQuality;
use crate::service::hma::lax::Parameters;
use crate::service::hma::signals::{Content, Kind};
use crate::service::hma::{Refusal, answer};
use crate::service::state::State;
use axum::extract::{Request, State as Shared};
use axum::http::Uri;
use axum::response::Response;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What is said of an address to fetch.
const NOT_FETCHED: &str = "Invalid or unsafe URL provided: this service fetches no URL; fetch it yourself and POST the file \
                           as a form to the same path";

/// An address: it is not fetched.
pub(super) async fn by_url(uri: Uri) -> Result<Response, Refusal> {
    Parameters::of(&uri)?.required("url")?;
    Err(not_fetched())
}

pub(super) fn not_fetched() -> Refusal {
    Refusal::bad(NOT_FETCHED)
}

/// A file in a form, whose field says what it is.
pub(super) async fn by_file(
    Shared(state): Shared<Arc<State>>,
    request: Request,
) -> Result<Response, Refusal> {
    let asked = Parameters::of(request.uri())?;
    let hashed = of_form(&state, &asked, request).await?;
    // Only here: what is left out of a lookup would read as "no match".
    let omits = state.settings.hma_low_quality == LowQuality::Omit;
    let hashes = hashed
        .into_iter()
        .filter(|(_, text)| !(omits && text.is_empty()))
        .map(|(kind, text)| (kind.name.to_owned(), text.into()));
    Ok(answer(&Value::Object(hashes.collect::<Map<_, _>>())))
}

/// Each kind that was asked for, and its hash; empty where the picture has too little in it.
pub(super) async fn of_form(
    state: &State,
    asked: &Parameters,
    request: Request,
) -> Result<Vec<(Kind, String)>, Refusal> {
    if !body::is_form(request.headers()) {
        return Err(Refusal::bad("Missing multipart/form-data file upload"));
    }
    // HMA calls each field with a file name a file, and its clients send no others.
    let form = body::form(&state.bodies, request, |_, has_name| has_name).await?;
    of_file(state, asked, form).await
}

/// As [`of_form`], of a form that was read.
pub(super) async fn of_file(
    state: &State,
    asked: &Parameters,
    Form { field, upload, .. }: Form,
) -> Result<Vec<(Kind, String)>, Refusal> {
    let content = Content::named(&field)?;
    let kinds = content.kinds(
        asked.list("types").as_deref(),
        &state.settings.hma_photo_types,
    )?;
    for kind in &kinds {
        if state.switches.ratio(kind.of) <= 0.0 {
            let name = kind.name;
            let said = format!("signal type '{name}' doesn't exist or is disabled");
            return Err(Refusal::bad(said));
        }
    }
    let limits = Limits {
        max_file_bytes: state.settings.max_body,
        ..Limits::default()
    };
    let types: Vec<SignalType> = kinds.iter().map(|kind| kind.of).collect();
    let extraction = state
        .work(state.settings.wait, move |worker: &mut Worker| {
            let extractor = &mut worker.extractor;
            extractor.extract(&upload.bytes, &types, VariantSet::NONE, &limits)
        })
        .await?;
    let mut hashes = Vec::new();
    for kind in kinds {
        hashes.push((kind, text_of(&extraction, kind)?));
    }
    Ok(hashes)
}

fn text_of(extraction: &Extraction, kind: Kind) -> Result<String, Refusal> {
    let mut signals = extraction.signals.iter();
    let Some(signal) = signals.find(|signal| signal.signal_type() == kind.of) else {
        let why = (extraction.problem.as_ref())
            .map_or("no hash of this kind", |problem| &problem.message);
        return Err(Refusal::bad(format!(
            "{} could not be computed: {why}",
            kind.name
        )));
    };
    let is_faint = kind.of == SignalType::Pdq
        && extraction
            .quality
            .is_some_and(|quality| quality < Quality::DEFAULT_MINIMUM);
    Ok(match is_faint {
        true => String::new(),
        false => signal.hex(),
    })
}
