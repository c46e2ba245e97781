//! `/v1/banks`: banks listed, made, shown, changed, deleted.
//!
//! A bank is told as `hashgate bank list --format jsonl` tells it, and its settings have the names and values that they
//! have there.

use super::{InPath, bank_of, curator, failed, look, object, read};
use crate::bank::{Action, Bank, BankName, Policy, Setting};
use crate::curation::banks::BankRecord;
use crate::curation::exchange::Exchanges;
use crate::curation::policy;
use crate::service::caller::Caller;
use crate::service::curator::{Desk, log_and_hide};
use crate::service::fault::{Fault, Problem};
use crate::service::state::State;
use crate::service::v1::{json, query};
use crate::store::BankStore;
use axum::Extension;
use axum::extract::{Request, State as Shared};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// What is asked of a bank that is deleted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(in crate::service) struct DeleteQuery {
    /// Delete it although it has entries.
    with_entries: bool,
}

/// All banks.
#[derive(Debug, Serialize)]
struct Banks {
    banks: Vec<BankRecord>,
}

/// What was deleted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Deleted {
    /// How many entries.
    pub(crate) entries: u64,
}

fn record(store: &BankStore, bank: &Bank) -> Result<BankRecord, Fault> {
    let counts = store.counts(bank.id).map_err(|error| failed(&error))?;
    Ok(BankRecord::of(bank, &counts))
}

/// Settings by their names, each checked. What no setting is called is refused.
fn settings(given: Map<String, Value>) -> Result<Vec<Setting>, Fault> {
    let read = |(name, value): (String, Value)| {
        if !Setting::NAMES.contains(&name.as_str()) {
            let known = Setting::NAMES.join(", ");
            return Err(Fault::bad(format!("`{name}` is no setting: name, {known}")));
        }
        let said = Value::Object(Map::from_iter([(name.clone(), value)]));
        let setting: Setting = serde_json::from_value(said)
            .map_err(|error| Fault::bad(format!("`{name}`: {error}")))?;
        (setting.check()).map_err(|error| Fault::bad(format!("`{name}`: {error}")))?;
        Ok(setting)
    };
    given.into_iter().map(read).collect()
}

fn take_name(given: &mut Map<String, Value>) -> Result<Option<BankName>, Fault> {
    let Some(name) = given.remove("name") else {
        return Ok(None);
    };
    let name = name
        .as_str()
        .ok_or_else(|| Fault::bad("`name` is a text"))?;
    let name = name.parse();
    name.map(Some)
        .map_err(|error: crate::bank::BankNameError| Fault::bad(error.to_string()))
}

/// Lists all banks.
#[utoipa::path(
    get,
    path = "/v1/banks",
    responses((status = 200, description = "`banks`, each as `bank list --format jsonl` has it", content_type = "application/json"))
)]
pub(in crate::service) async fn all(Shared(state): Shared<Arc<State>>) -> Result<Response, Fault> {
    let banks = look(&state, |_, store| {
        let banks = store.banks().map_err(|error| failed(&error))?;
        banks.iter().map(|bank| record(store, bank)).collect()
    });
    json(
        StatusCode::OK,
        &Banks {
            banks: banks.await?,
        },
    )
}

/// Shows a bank.
#[utoipa::path(
    get,
    path = "/v1/banks/{bank}",
    params(("bank" = String, Path, description = "its name")),
    responses(
        (status = 200, description = "the bank", content_type = "application/json"),
        (status = 404, description = "there is none of this name", body = Problem)
    )
)]
pub(in crate::service) async fn show(
    Shared(state): Shared<Arc<State>>,
    name: InPath<String>,
) -> Result<Response, Fault> {
    let name = read(name)?;
    let shown = look(&state, move |_, store| {
        record(store, &bank_of(store, &name)?)
    });
    json(StatusCode::OK, &shown.await?)
}

/// Makes a bank: `name`, and any of its settings. A match is `review` unless `action` says otherwise.
#[utoipa::path(
    post,
    path = "/v1/banks",
    request_body(content_type = "application/json", description = "`name`, and settings"),
    responses(
        (status = 201, description = "the bank", content_type = "application/json"),
        (status = 400, description = "a name or a setting that cannot be", body = Problem),
        (status = 409, description = "the name is taken", body = Problem)
    )
)]
pub(in crate::service) async fn create(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Fault> {
    let mut given: Map<String, Value> = object(&state, request).await?;
    let name = take_name(&mut given)?.ok_or_else(|| Fault::bad("`name` is missing"))?;
    let mut policy = Policy::new(Action::Review);
    settings(given)?
        .into_iter()
        .for_each(|setting| policy.set(setting));
    let made = curator(&state)?.call(&caller, ("create bank", name.to_string()), move |desk| {
        let made = desk.store.create_bank(&name, policy);
        record(&desk.store, &made.map_err(|error| failed(&error))?)
    });
    json(StatusCode::CREATED, &made.await?)
}

/// The policy file speaks of a bank by its name: under another one, or without it, nothing could be published.
fn must_not_be_named(desk: &Desk, bank: &Bank) -> Result<(), Fault> {
    let file = policy::load(&desk.workspace);
    match file.is_ok_and(|file| policy::speaks_of(&file, bank)) {
        true => Err(Fault::new(
            StatusCode::CONFLICT,
            "policy-file",
            "the policy file of this node speaks of this bank: it is renamed and deleted where that file is",
        )),
        false => Ok(()),
    }
}

/// Changes a bank: any of its settings, and its `name`. It is published before the answer.
#[utoipa::path(
    patch,
    path = "/v1/banks/{bank}",
    params(("bank" = String, Path, description = "its name")),
    request_body(content_type = "application/json", description = "settings, and `name`"),
    responses(
        (status = 200, description = "the bank", content_type = "application/json"),
        (status = 400, description = "a name or a setting that cannot be", body = Problem),
        (status = 404, description = "there is none of this name", body = Problem),
        (status = 409, description = "the name is taken, or the policy file outweighs the change", body = Problem)
    )
)]
pub(in crate::service) async fn change(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    name: InPath<String>,
    request: Request,
) -> Result<Response, Fault> {
    let name = read(name)?;
    let mut given: Map<String, Value> = object(&state, request).await?;
    let new = take_name(&mut given)?;
    let wanted = settings(given)?;
    let changed = curator(&state)?.call(&caller, ("change bank", name.clone()), move |desk| {
        let mut bank = bank_of(&desk.store, &name)?;
        let before = bank.clone();
        let new = new.filter(|new| *new != bank.name);
        // All is checked before anything is changed.
        if new.is_some() {
            must_not_be_named(desk, &bank)?;
        }
        let names: Vec<&'static str> = wanted.iter().map(|setting| setting.name()).collect();
        policy::must_not_set(&desk.workspace, &bank, &names).map_err(|_| {
            let detail = "the policy file of this node sets this for the bank, and outweighs it";
            Fault::new(StatusCode::CONFLICT, "policy-file", detail)
        })?;
        if let Some(new) = new {
            let renamed = desk.store.rename_bank(&bank.name, &new);
            bank = renamed.map_err(|error| failed(&error))?;
        }
        let mut policy = bank.policy.clone();
        wanted.into_iter().for_each(|setting| policy.set(setting));
        if policy != bank.policy {
            let set = desk.store.set_policy(&bank.name, policy);
            bank = set.map_err(|error| failed(&error))?;
        }
        match bank == before {
            // It may have been changed by a call before, and not be published.
            true => desk.publish_what_is_left()?,
            false => desk.publish_now()?,
        }
        record(&desk.store, &bank)
    });
    json(StatusCode::OK, &changed.await?)
}

/// Deletes the exchange that fills this bank, and the bank: it would fill it again. False where none does. Where nobody can
/// tell, nothing is fetched either.
fn delete_exchange(desk: &mut Desk, bank: &Bank) -> Result<bool, Fault> {
    let Ok(mut known) = Exchanges::of(&desk.workspace) else {
        return Ok(false);
    };
    let Some(name) = known.of_bank(bank.id).map(|one| one.name.clone()) else {
        return Ok(false);
    };
    let removed = known.remove(&desk.store, &name);
    removed.map_err(|error| log_and_hide("exchanges", &error))
}

/// Deletes a bank, and the exchange that fills it. It is published before the answer.
#[utoipa::path(
    delete,
    path = "/v1/banks/{bank}",
    params(("bank" = String, Path, description = "its name"), DeleteQuery),
    responses(
        (status = 200, description = "it is deleted", body = Deleted),
        (status = 404, description = "there is none of this name", body = Problem),
        (status = 409, description = "it has entries, or the policy file speaks of it", body = Problem)
    )
)]
pub(in crate::service) async fn remove(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    name: InPath<String>,
    uri: Uri,
) -> Result<Response, Fault> {
    let name = read(name)?;
    let DeleteQuery { with_entries } = query(&uri)?;
    let deleted = curator(&state)?.call(&caller, ("delete bank", name.clone()), move |desk| {
        let bank = match bank_of(&desk.store, &name) {
            Ok(bank) => bank,
            Err(fault) => {
                // It may have been deleted by a call before, and still match.
                desk.publish_what_is_left()?;
                return Err(fault);
            }
        };
        let entries = record(&desk.store, &bank)?.items;
        if entries > 0 && !with_entries {
            let detail = format!(
                "bank {} has entries ({entries}): say `with_entries=true` to delete them too",
                bank.name
            );
            return Err(Fault::new(StatusCode::CONFLICT, "has-entries", detail));
        }
        must_not_be_named(desk, &bank)?;
        if !delete_exchange(desk, &bank)? {
            let deleted = desk.store.delete_bank(&bank.name);
            deleted.map_err(|error| failed(&error))?;
        }
        desk.publish_now()?;
        Ok::<_, Fault>(Deleted { entries })
    });
    json(StatusCode::OK, &deleted.await?)
}
