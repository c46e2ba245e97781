//! `/v1/audit`, `/v1/store`, `/v1/publish`, `/v1/lint`: what is known of entries, what is in force, what is doubtful.

use super::{curator, failed, look, object};
use crate::bank::BankName;
use crate::curation::audit::{Audit, AuditError, AuditRecord};
use crate::curation::entries::EntryName;
use crate::curation::lint::{LintError, LintPlan, lint_from};
use crate::curation::publish::{Publication, PublishOutcome, PublishPlan};
use crate::curation::status::status_from;
use crate::service::caller::Caller;
use crate::service::fault::{Fault, Problem, cut};
use crate::service::jobs::{Came, Step, Told};
use crate::service::settings::Role;
use crate::service::state::{Roles, State};
use crate::service::v1::json;
use axum::Extension;
use axum::extract::{Query, Request, State as Shared};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Most entries that one request asks about.
const MOST_NAMES: usize = 100;

/// What is known of entries.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Audited {
    pub(crate) entries: Vec<AuditRecord>,
}

/// Which entries.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "it stands for the parameters in the document alone"
)]
struct AuditQuery {
    /// An entry's number, or a hash that it has. Again for further ones, 100 at most.
    entry: String,
}

/// How to publish.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PublishRequest {
    /// Write the whole index anew: needs the scope `admin`.
    pub(crate) full: bool,
}

/// What is in force after a publish.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PublishTold {
    /// The generation.
    pub(crate) generation: u64,
    /// Whether it is a new one.
    pub(crate) is_new: bool,
    /// The store's revision that it shows.
    pub(crate) revision: u64,
    /// Its banks.
    pub(crate) banks: usize,
    /// Its distinct hashes.
    pub(crate) hashes: u64,
    /// Its segments.
    pub(crate) segments: usize,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Entries that were added, where what has changed was written alone.
    pub(crate) added: Option<u64>,
    /// Entries that were removed, where what has changed was written alone.
    pub(crate) removed: Option<u64>,
    /// Why all of the store was written, where it was.
    pub(crate) in_full: Option<String>,
}

impl PublishTold {
    fn of(outcome: &PublishOutcome) -> Self {
        let published = outcome.published();
        let (added, removed, in_full) = match &outcome.publication {
            Publication::Unchanged(_) => (None, None, None),
            Publication::Change { added, removed, .. } => (Some(*added), Some(*removed), None),
            Publication::All { why, .. } => (None, None, Some(why.to_string())),
        };
        Self {
            generation: published.generation,
            is_new: outcome.is_new(),
            revision: outcome.revision,
            banks: outcome.banks,
            hashes: published.hashes,
            segments: published.segments,
            bytes: published.bytes,
            added,
            removed,
            in_full,
        }
    }
}

/// What to look at.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LintRequest {
    /// Only these banks; all where none is named.
    pub(crate) banks: Vec<String>,
    /// From how many others within its bank's threshold on an entry is a cluster's, 1 to 10,000; 20 unless told.
    pub(crate) cluster: Option<usize>,
}

/// Tells what is known of entries: where they came from, and since when what holds is in force.
#[utoipa::path(
    get,
    path = "/v1/audit",
    params(AuditQuery),
    responses(
        (status = 200, description = "`entries`, each as `audit --format jsonl` has it", content_type = "application/json"),
        (status = 400, description = "a name that is none", body = Problem),
        (status = 404, description = "there is no such entry", body = Problem)
    )
)]
pub(in crate::service) async fn audit(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
) -> Result<Response, Fault> {
    let read: Result<Query<Vec<(String, String)>>, _> = Query::try_from_uri(&uri);
    let Query(given) = read.map_err(|error| Fault::bad(error.body_text()))?;
    if !(1..=MOST_NAMES).contains(&given.len()) {
        return Err(Fault::bad(format!(
            "`entry` is given 1 to {MOST_NAMES} times"
        )));
    }
    let names = given.iter().map(|(key, text)| {
        if key != "entry" {
            return Err(Fault::bad(format!("there is no parameter `{}`", cut(key))));
        }
        text.parse()
            .map_err(|_| Fault::bad(format!("{:?} is no entry's number and no hash", cut(text))))
    });
    let names: Vec<EntryName> = names.collect::<Result<_, Fault>>()?;
    let entries = look(&state, move |workspace, store| {
        let audit = Audit::on(workspace, Arc::clone(store));
        let mut entries = Vec::new();
        for name in &names {
            entries.extend(audit.of(name).map_err(|error| match error {
                AuditError::NoSuchEntry { .. } => Fault::new(
                    StatusCode::NOT_FOUND,
                    "no-such-entry",
                    cut(&error.to_string()),
                ),
                AuditError::Store(error) => failed(&error),
                AuditError::Ledger(error) => {
                    tracing::warn!("{error}: {}", error.source);
                    Fault::later(
                        "store",
                        "the record of publishes cannot be read: see the node's log",
                    )
                }
            })?);
        }
        Ok(entries)
    });
    let entries = entries.await?;
    json(StatusCode::OK, &Audited { entries })
}

/// Tells what is in the store and in the index, and whether the one shows all of the other.
#[utoipa::path(
    get,
    path = "/v1/store",
    responses((status = 200, description = "as `hashgate status --format jsonl` has it", content_type = "application/json"))
)]
pub(in crate::service) async fn store(
    Shared(state): Shared<Arc<State>>,
) -> Result<Response, Fault> {
    let status = look(&state, |workspace, store| {
        status_from(workspace, store).map_err(|error| {
            tracing::warn!("{error}");
            Fault::later(
                "store",
                "the store or the index cannot be read: see the node's log",
            )
        })
    });
    let mut status = serde_json::to_value(status.await?).unwrap_or_default();
    if let Some(told) = status.as_object_mut() {
        // Which folder it is, is nobody's business over HTTP.
        told.remove("home");
    }
    json(StatusCode::OK, &status)
}

/// Publishes now what the store holds.
#[utoipa::path(
    post,
    path = "/v1/publish",
    request_body = PublishRequest,
    responses(
        (status = 200, description = "what is in force", body = PublishTold),
        (status = 403, description = "`full` needs the scope `admin`", body = Problem),
        (status = 503, description = "nothing was published", body = Problem)
    )
)]
pub(in crate::service) async fn publish(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Extension(roles): Extension<Roles>,
    request: Request,
) -> Result<Response, Fault> {
    let PublishRequest { full } = object(&state, request).await?;
    let may = [&caller.scopes[..], &roles.0]
        .iter()
        .all(|held| held.contains(&Role::Admin));
    if full && !may {
        let detail =
            "an index that is written anew needs the scope `admin`, at a listener that serves it";
        return Err(Fault::new(StatusCode::FORBIDDEN, "scope", detail));
    }
    let published = curator(&state)?.call(&caller, ("publish", String::new()), move |desk| {
        let outcome = desk.publish_by(&PublishPlan::default().in_full(full));
        let outcome = outcome.map_err(|why| {
            tracing::warn!("not published: {why}");
            Fault::later("not-published", "nothing was published: see the node's log")
        })?;
        Ok::<_, Fault>(PublishTold::of(&outcome))
    });
    json(StatusCode::OK, &published.await?)
}

/// Looks for what is doubtful in banks: a job, as it takes long.
#[utoipa::path(
    post,
    path = "/v1/lint",
    request_body = LintRequest,
    responses(
        (status = 202, description = "ask for the job: its `report` is as `hashset lint --format json` has it", body = Told),
        (status = 400, description = "a bank or a number that cannot be", body = Problem)
    )
)]
pub(in crate::service) async fn lint(
    Shared(state): Shared<Arc<State>>,
    request: Request,
) -> Result<Response, Fault> {
    let LintRequest { banks, cluster } = object(&state, request).await?;
    let banks = banks
        .iter()
        .map(|name| name.parse().map_err(|_| super::no_bank(name)));
    let banks: Vec<BankName> = banks.collect::<Result<_, Fault>>()?;
    let cluster = cluster.unwrap_or(LintPlan::CLUSTER);
    if !(1..=LintPlan::MAX_CLUSTER).contains(&cluster) {
        let most = LintPlan::MAX_CLUSTER;
        return Err(Fault::bad(format!("`cluster` is 1 to {most}")));
    }
    let plan = LintPlan::default().banks(banks).cluster(cluster);
    let curator = Arc::clone(curator(&state)?);
    let job = state.lists.jobs.start(("lint", None), move |watch| {
        match lint_from(curator.workspace(), curator.store(), &plan, watch) {
            Ok(report) => Came {
                report: serde_json::to_value(report).ok(),
                ..Came::at(Step::Done)
            },
            Err(LintError::Stopped) => Came::at(Step::Stopped),
            Err(LintError::Store(error)) => Came::failed(failed(&error).detail),
            Err(error) => {
                tracing::warn!("{error}");
                Came::failed("the published index cannot be read: see the node's log")
            }
        }
    })?;
    let told = state
        .lists
        .jobs
        .told(&job, std::time::Duration::ZERO)
        .await?;
    json(StatusCode::ACCEPTED, &told)
}
