//! `/v1/banks/{bank}/imports` and `/v1/jobs`: lists uploaded, looked at, brought in.
//!
//! The body is the list, as it is. It is looked at first: what it would change is counted, and nothing is changed. Then it
//! is brought in by `commit`, or forgotten. `commit=true` does both at once, within the same guards as
//! `hashgate import`.

use super::{InPath, bank_of, curator, read};
use crate::curation::bundle::{Trust, is_public_key};
use crate::curation::import::ImportOptions;
use crate::hashset::{ColumnMapping, ListFormat};
use crate::service::caller::Caller;
use crate::service::curator::Curator;
use crate::service::fault::{Fault, Problem, cut};
use crate::service::jobs::{Jobs, Step, Told, no_list};
use crate::service::lists::{List, receive};
use crate::service::state::State;
use crate::service::v1::{json, query};
use axum::Extension;
use axum::extract::{Query, Request, State as Shared};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Most characters of a text among the options.
const MOST_TEXT: usize = 256;
/// Most options.
const MOST_OPTIONS: usize = 64;

/// What stands behind the `?`. Each is as the flag of its name of `hashgate import`.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "it stands for the parameters in the document alone"
)]
struct ImportQuery {
    /// What the list is called: `list` unless told.
    name: Option<String>,
    /// Its format; told from its content unless named.
    format: Option<String>,
    /// What a column means, as in `pdq=hash_field`. Again for further ones.
    column: Option<String>,
    /// A label for every entry. Again for further ones.
    label: Option<String>,
    /// What its source is called.
    source: Option<String>,
    /// Its ids are its source's own.
    sync: Option<bool>,
    /// It is all that its source has.
    complete: Option<bool>,
    /// The greatest share of the bank's entries that may leave matching, in per cent.
    max_shrink: Option<u8>,
    /// It may take more out of matching than that.
    accept_shrink: Option<bool>,
    /// Most entries that it may add.
    max_added: Option<u64>,
    /// The key that a bundle must be signed by, as text.
    public_key: Option<String>,
    /// A bundle without a signature is taken.
    unsigned: Option<bool>,
    /// Bring it in at once.
    commit: Option<bool>,
    /// Milliseconds that the caller waits for the job's end.
    wait: Option<u64>,
}

/// What stands behind the `?` of a job.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(in crate::service) struct JobQuery {
    /// Milliseconds that the caller waits for the job's end, never more than the setting `wait`.
    wait: Option<u64>,
}

/// What stands behind the `?` where a list is brought in.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(in crate::service) struct CommitQuery {
    /// It may take more out of matching than `max_shrink` says.
    accept_shrink: bool,
    /// Milliseconds that the caller waits for the job's end.
    wait: Option<u64>,
}

/// All jobs that are known.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::service) struct Known {
    jobs: Vec<Told>,
}

/// What is asked of a list.
struct Asked {
    options: ImportOptions,
    name: String,
    commits: bool,
    wait: Option<u64>,
}

impl Asked {
    fn new(bank: &str, uri: &Uri) -> Result<Self, Fault> {
        let read: Result<Query<Vec<(String, String)>>, _> = Query::try_from_uri(uri);
        let Query(given) = read.map_err(|error| Fault::bad(error.body_text()))?;
        if given.len() > MOST_OPTIONS {
            return Err(Fault::bad(format!("more than {MOST_OPTIONS} parameters")));
        }
        let bank = bank.parse().map_err(|_| super::no_bank(bank))?;
        let mut asked = Self {
            options: ImportOptions::new(bank),
            name: "list".to_owned(),
            commits: false,
            wait: None,
        };
        let (mut columns, mut labels) = (Vec::new(), Vec::new());
        let (mut signed_by, mut unsigned) = (None, false);
        let mut once = std::collections::BTreeSet::new();
        for (key, value) in &given {
            let is_repeated = matches!(key.as_str(), "column" | "label");
            if !is_repeated && !once.insert(key.as_str()) {
                return Err(Fault::bad(format!("`{}` is given twice", cut(key))));
            }
            let options = asked.options.clone();
            asked.options = match key.as_str() {
                "name" => {
                    asked.name = text(key, value)?;
                    options
                }
                "format" => options.format(parsed::<ListFormat>(key, value)?),
                "column" => {
                    columns.push(parsed::<ColumnMapping>(key, value)?);
                    options
                }
                "label" => {
                    labels.push(text(key, value)?);
                    options
                }
                "source" => options.source(text(key, value)?),
                "sync" => options.sync(parsed(key, value)?),
                "complete" => options.complete(parsed(key, value)?),
                "max_shrink" => match parsed(key, value)? {
                    percent @ 0..=100 => options.max_shrink(percent),
                    _ => return Err(Fault::bad("`max_shrink` is 0 to 100 per cent")),
                },
                "accept_shrink" => options.accept_shrink(parsed(key, value)?),
                "max_added" => options.max_added(parsed::<u64>(key, value)?),
                "public_key" => {
                    // Never a file's name: it would be read here.
                    if !is_public_key(value) {
                        return Err(Fault::bad(
                            "`public_key` is a public key of minisign, as text",
                        ));
                    }
                    signed_by = Some(value.clone());
                    options
                }
                "unsigned" => {
                    unsigned = parsed(key, value)?;
                    options
                }
                "commit" => {
                    asked.commits = parsed(key, value)?;
                    options
                }
                "wait" => {
                    asked.wait = Some(parsed(key, value)?);
                    options
                }
                other => {
                    return Err(Fault::bad(format!(
                        "there is no parameter `{}`",
                        cut(other)
                    )));
                }
            };
        }
        let trust = match (signed_by, unsigned) {
            (Some(_), true) => {
                return Err(Fault::bad("`unsigned` and `public_key` exclude each other"));
            }
            (Some(key), false) => Trust::SignedBy(key),
            (None, true) => Trust::Unsigned,
            (None, false) => Trust::None,
        };
        asked.options = asked.options.columns(columns).labels(labels).trust(trust);
        Ok(asked)
    }
}

fn text(key: &str, value: &str) -> Result<String, Fault> {
    match value.chars().nth(MOST_TEXT) {
        Some(_) => Err(Fault::bad(format!(
            "`{key}` has at most {MOST_TEXT} characters"
        ))),
        None => Ok(value.to_owned()),
    }
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(key: &str, value: &str) -> Result<T, Fault> {
    (value.parse()).map_err(|error| Fault::bad(format!("`{key}`: {error}")))
}

/// The jobs of a node that keeps banks.
fn jobs(state: &State) -> Result<&Jobs, Fault> {
    curator(state)?;
    Ok(&state.lists.jobs)
}

/// The job's state: 200 where it is over, else 202.
async fn answer(state: &State, job: &str, wait: Option<u64>) -> Result<Response, Fault> {
    let told = jobs(state)?.told(job, state.wait(wait)).await?;
    let status = match told.step.is_over() {
        true => StatusCode::OK,
        false => StatusCode::ACCEPTED,
    };
    json(status, &told)
}

/// Uploads a list into a bank: looked at, or brought in at once.
#[utoipa::path(
    post,
    path = "/v1/banks/{bank}/imports",
    params(("bank" = String, Path, description = "its name"), ImportQuery),
    request_body(content_type = "application/octet-stream", description = "the list, compressed with gzip or zstd or not"),
    responses(
        (status = 200, description = "it was looked at, or brought in, or it failed: `step` says which", body = Told),
        (status = 202, description = "it is not done yet: ask for the job", body = Told),
        (status = 400, description = "an option that cannot be", body = Problem),
        (status = 404, description = "there is no such bank", body = Problem),
        (status = 413, description = "the list has more than `max_list` bytes", body = Problem),
        (status = 503, description = "as many lists as may be are here already", body = Problem)
    )
)]
pub(in crate::service) async fn begin(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    name: InPath<String>,
    request: Request,
) -> Result<Response, Fault> {
    let name = read(name)?;
    let asked = Asked::new(&name, request.uri())?;
    let curator = Arc::clone(curator(&state)?);
    let known = name.clone();
    (curator.ask(move |desk| bank_of(&desk.store, &known).map(|_| ()))).await?;
    let limits = (state.settings.max_list, state.settings.body_timeout);
    let folder = curator.workspace().folder();
    let received = receive(&state.lists, limits, folder, request).await?;
    if asked.commits {
        note_begun(&curator, &caller, name.clone()).await?;
    }
    let options = asked.options.max_unpacked(state.settings.max_list);
    let list = List::new(received, asked.name, options, caller);
    let jobs = jobs(&state)?;
    let job = match asked.commits {
        true => jobs.start(("import", Some(name)), move |watch| {
            list.bring_in(&curator, false, watch)
        }),
        false => jobs.start(("import", Some(name)), move |watch| {
            list.look(curator, watch)
        }),
    };
    answer(&state, &job?, asked.wait).await
}

/// Writes down that a list is going to be brought in, and by whom; what came of it, when it is over.
async fn note_begun(curator: &Curator, caller: &Caller, bank: String) -> Result<(), Fault> {
    let begun = curator.call(caller, ("begin import", bank.clone()), move |desk| {
        bank_of(&desk.store, &bank).map(|_| ())
    });
    begun.await
}

/// Brings in a list that was looked at.
#[utoipa::path(
    post,
    path = "/v1/jobs/{job}/commit",
    params(("job" = String, Path, description = "the job's name"), CommitQuery),
    responses(
        (status = 200, description = "it is over: `step` says how", body = Told),
        (status = 202, description = "it is not done yet: ask for the job", body = Told),
        (status = 404, description = "no such job is known", body = Problem),
        (status = 409, description = "there is no list in it that was looked at", body = Problem)
    )
)]
pub(in crate::service) async fn commit(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    job: InPath<String>,
    uri: Uri,
) -> Result<Response, Fault> {
    let job = read(job)?;
    let CommitQuery {
        accept_shrink,
        wait,
    } = query(&uri)?;
    let curator = Arc::clone(curator(&state)?);
    let told = jobs(&state)?.told(&job, std::time::Duration::ZERO).await?;
    if told.step != Step::Looked {
        return Err(no_list());
    }
    note_begun(&curator, &caller, told.bank.unwrap_or_default()).await?;
    jobs(&state)?.go_on(&job, (caller, accept_shrink))?;
    answer(&state, &job, wait).await
}

/// How a job stands.
#[utoipa::path(
    get,
    path = "/v1/jobs/{job}",
    params(("job" = String, Path, description = "the job's name"), JobQuery),
    responses(
        (status = 200, description = "it is over: `step` says how", body = Told),
        (status = 202, description = "it is not done yet", body = Told),
        (status = 404, description = "no such job is known", body = Problem)
    )
)]
pub(in crate::service) async fn job(
    Shared(state): Shared<Arc<State>>,
    job: InPath<String>,
    uri: Uri,
) -> Result<Response, Fault> {
    let job = read(job)?;
    let JobQuery { wait } = query(&uri)?;
    answer(&state, &job, Some(wait.unwrap_or(0))).await
}

/// The jobs that are known: those under way, and those that were over in the last 15 minutes.
#[utoipa::path(
    get,
    path = "/v1/jobs",
    responses((status = 200, description = "the jobs", body = Known))
)]
pub(in crate::service) async fn all(Shared(state): Shared<Arc<State>>) -> Result<Response, Fault> {
    let jobs = jobs(&state)?.all();
    json(StatusCode::OK, &Known { jobs })
}

/// Stops a job that is under way, and forgets one that is not.
#[utoipa::path(
    delete,
    path = "/v1/jobs/{job}",
    params(("job" = String, Path, description = "the job's name")),
    responses(
        (status = 200, description = "the job, as it was", body = Told),
        (status = 404, description = "no such job is known", body = Problem)
    )
)]
pub(in crate::service) async fn stop(
    Shared(state): Shared<Arc<State>>,
    job: InPath<String>,
) -> Result<Response, Fault> {
    let job = read(job)?;
    json(StatusCode::OK, &jobs(&state)?.stop(&job)?)
}
