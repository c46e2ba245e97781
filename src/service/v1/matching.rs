//! `/v1/match`: hashes that were computed elsewhere, looked up by the banks' policies.
//!
//! One hash by `GET ?signal=`, up to a thousand by `POST`. A hash is written as [`scan`](crate::scan) reads it:
//! `TYPE:HEX`, bare hex of a PDQ, MD5 or SHA-1, or a line of `hashgate hash`, with its quality where it has one.

use crate::decisions::{Decision, Input};
use crate::hash::Distance;
use crate::scan::{Answer, Question};
use crate::service::body;
use crate::service::door::{ACTION, UNJUDGED};
use crate::service::fault::{Fault, Problem, cut};
use crate::service::ids::RequestId;
use crate::service::state::State;
use crate::service::v1::{json, query};
use crate::{bank::Action, gate::Gate};
use axum::Extension;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// Most hashes of one request.
pub(in crate::service) const MOST_SIGNALS: usize = 1_000;
/// Most matches of one hash, unless fewer are asked for.
const MOST_MATCHES: usize = 100;

/// Hashes to look up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct MatchRequest {
    /// The hashes, 1 to 1,000.
    signals: Vec<String>,
    /// Everything within so many bits in enabled banks, 0 to 256; without it the banks' policies decide.
    within: Option<u16>,
    /// Most matches of each hash, 1 to 100.
    most: Option<usize>,
    /// Milliseconds that the caller waits at most.
    wait: Option<u64>,
}

/// What stands behind the `?` where one hash is asked about.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct MatchQuery {
    /// The hash.
    signal: String,
    /// As in [`MatchRequest`].
    within: Option<u16>,
    /// As in [`MatchRequest`].
    most: Option<usize>,
    /// As in [`MatchRequest`].
    wait: Option<u64>,
}

/// The answers, in the order of the hashes.
#[derive(Debug, Serialize)]
struct Answers {
    /// The generation of the index that answered.
    generation: u64,
    /// One for each hash.
    answers: Vec<Answer>,
}

/// What is asked of all hashes of a request.
struct Asked {
    texts: Vec<String>,
    within: Option<u16>,
    most: usize,
}

impl Asked {
    fn new(texts: Vec<String>, within: Option<u16>, most: Option<usize>) -> Result<Self, Fault> {
        if !(1..=MOST_SIGNALS).contains(&texts.len()) {
            let given = texts.len();
            let detail = format!("`signals` has {given} hashes, and may have 1 to {MOST_SIGNALS}");
            return Err(Fault::bad(detail));
        }
        if within.is_some_and(|within| within > 256) {
            return Err(Fault::bad("`within` is 0 to 256 bits"));
        }
        let most = most.unwrap_or(MOST_MATCHES);
        if !(1..=MOST_MATCHES).contains(&most) {
            return Err(Fault::bad(format!("`most` is 1 to {MOST_MATCHES}")));
        }
        Ok(Self {
            texts,
            within,
            most,
        })
    }

    /// The answers, and what is recorded of them in the name of `id`, where that is asked for.
    fn answer(self, gate: &Gate, id: Option<&RequestId>) -> (Answers, Vec<Decision>) {
        let mut question = Question::new(gate);
        question.within = self.within.map(Distance);
        question.most = self.most;
        let generation = gate.index().generation();
        let mut decisions = Vec::new();
        let Ok(mut answers) = question.ask(&self.texts, |judged| {
            if let Some(RequestId(id)) = id {
                let input = || Input {
                    name: Some(id.to_string()),
                    ..Input::default()
                };
                let judged = judged.iter();
                decisions.extend(judged.filter_map(|verdict| Decision::of(verdict, input())));
            }
            Ok::<_, Infallible>(())
        });
        for answer in &mut answers {
            answer.query = cut(&answer.query);
            answer.error = answer.error.as_deref().map(cut);
        }
        let answers = Answers {
            generation,
            answers,
        };
        (answers, decisions)
    }
}

/// The action of one hash in a word, and how much it weighs.
fn action_of(answer: &Answer) -> (u8, &'static str) {
    let judged = answer.outcome.is_some_and(|outcome| outcome.is_judged());
    let action = answer.action;
    match action {
        _ if action == Action::Block.name() => (5, Action::Block.name()),
        _ if action == Action::Review.name() => (4, Action::Review.name()),
        _ if !judged => (3, UNJUDGED),
        _ if action == Action::Report.name() => (2, Action::Report.name()),
        _ if action == Action::Allow.name() => (1, Action::Allow.name()),
        _ => (0, "none"),
    }
}

async fn ask(state: &State, asked: Asked, id: RequestId, wait: Duration) -> Result<Answers, Fault> {
    let gate = state.gate()?;
    let id = state.decided.is_some().then_some(id);
    let work = state.work(wait, move |_| asked.answer(&gate, id.as_ref()));
    let (answers, decisions) = work.await?;
    state.record(decisions, wait).await?;
    Ok(answers)
}

fn with_action(mut response: Response, answers: &[Answer]) -> Response {
    let strictest = answers.iter().map(action_of).max();
    let (_, action) = strictest.unwrap_or((3, UNJUDGED));
    let headers = response.headers_mut();
    headers.insert(ACTION, HeaderValue::from_static(action));
    response
}

/// Looks up one hash.
#[utoipa::path(
    get,
    path = "/v1/match",
    params(MatchQuery),
    responses(
        (status = 200, description = "the answer; Hashgate-Action says what to do", content_type = "application/json"),
        (status = 400, description = "it is not one hash", body = Problem),
        (status = 422, description = "it could not be judged: the answer"),
        (status = 503, description = "no index, no room or no answer in time", body = Problem)
    )
)]
pub(in crate::service) async fn one(
    Shared(state): Shared<Arc<State>>,
    Extension(id): Extension<RequestId>,
    uri: Uri,
) -> Result<Response, Fault> {
    let asked: MatchQuery = query(&uri)?;
    let wait = state.wait(asked.wait);
    let asked = Asked::new(vec![asked.signal], asked.within, asked.most)?;
    let Answers { answers, .. } = ask(&state, asked, id, wait).await?;
    let Some(answer) = answers.first() else {
        return Err(Fault::bad("there is no hash in it"));
    };
    let status = match answer.outcome {
        None => {
            let why = answer.error.as_deref().unwrap_or("it is no hash");
            return Err(Fault::bad(format!("`signal`: {why}")));
        }
        Some(_) if action_of(answer).1 == UNJUDGED => StatusCode::UNPROCESSABLE_ENTITY,
        Some(_) => StatusCode::OK,
    };
    Ok(with_action(json(status, answer)?, &answers))
}

/// Looks up many hashes.
#[utoipa::path(
    post,
    path = "/v1/match",
    request_body = MatchRequest,
    responses(
        (status = 200, description = "the answers; Hashgate-Action is that of the strictest", content_type = "application/json"),
        (status = 400, description = "the request is not one", body = Problem),
        (status = 413, description = "the body has more than 1 MiB", body = Problem),
        (status = 503, description = "no index, no room or no answer in time", body = Problem)
    )
)]
pub(in crate::service) async fn many(
    Shared(state): Shared<Arc<State>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Fault> {
    state.gate()?;
    let upload = body::json(&state.bodies, request).await?;
    let asked: MatchRequest =
        serde_json::from_slice(&upload.bytes).map_err(|error| Fault::bad(error.to_string()))?;
    let wait = state.wait(asked.wait);
    let asked = Asked::new(asked.signals, asked.within, asked.most)?;
    let answers = ask(&state, asked, id, wait).await?;
    Ok(with_action(
        json(StatusCode::OK, &answers)?,
        &answers.answers,
    ))
}
