//! `/v1/banks/{bank}/items`: entries listed by pages, added, shown, withdrawn, deleted.
//!
//! An entry is told as `hashgate bank show --format jsonl` tells it.

use super::{InPath, bank_of, curator, failed, look, no_item, object, read};
use crate::bank::{Bank, ContentId, ContentItem, ContentSignal, Policy, Provenance};
use crate::clock;
use crate::curation::banks::EntryRecord;
use crate::curation::entries::EntryName;
use crate::curation::withdraw::{Turn, TurnError, Turned, turn_in};
use crate::hash::{Form, Quality, Signal};
use crate::service::caller::Caller;
use crate::service::curator::Desk;
use crate::service::fault::{Fault, Problem, cut};
use crate::service::state::State;
use crate::service::v1::{json, query};
use crate::store::{BankStore, NewItem};
use axum::Extension;
use axum::extract::{Request, State as Shared};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Most entries of a page.
const MOST_ON_PAGE: usize = 500;
/// Entries of a page unless more are asked for.
const ON_PAGE: usize = 100;
/// Most entries that are added, or withdrawn, by one request.
pub(crate) const MOST_AT_ONCE: usize = 1_000;
/// Most characters of what an entry's source is called, and of the source's own id of it.
const MOST_NAME: usize = 1_024;
/// Most characters of what else its source says of it.
const MOST_METADATA: usize = 4_096;

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(in crate::service) struct PageQuery {
    /// Only entries with a greater number: `next` of the page before.
    after: Option<u64>,
    /// Most entries, 1 to 500; 100 unless told.
    limit: Option<usize>,
}

/// A page of entries.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Page {
    /// The entries, by their numbers.
    pub(crate) items: Vec<EntryRecord>,
    /// `after` of the next page; null where there is none.
    pub(crate) next: Option<u64>,
}

/// Entries to add.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewItems {
    /// The entries, 1 to 1,000.
    pub(crate) items: Vec<New>,
}

/// An entry to add.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct New {
    /// Its hashes, at least one.
    pub(crate) signals: Vec<NewSignal>,
    /// What it is called.
    pub(crate) labels: Vec<String>,
    /// Where it came from; `http` unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// What its source calls it; the request's id unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<String>,
    /// What else its source says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<String>,
}

/// A hash of an entry.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum NewSignal {
    /// `TYPE:HEX`.
    Plain(String),
    /// A hash with what is known of it.
    #[serde(rename_all = "snake_case")]
    Known {
        /// `TYPE:HEX`.
        signal: String,
        /// The PDQ quality, 0 to 100.
        #[serde(default)]
        quality: Option<u8>,
        /// Of which form of the entry it is.
        #[serde(default)]
        form: Option<String>,
    },
}

/// What became of entries that were to be added.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct AddedItems {
    /// New ones.
    pub(crate) added: u64,
    /// Those that were there and got something that they did not have.
    pub(crate) updated: u64,
    /// Those that were there and had all of it.
    pub(crate) already_there: u64,
    /// Of those that were there: withdrawn by hand, and still so.
    pub(crate) withdrawn: u64,
    /// The number of each, in their order; null where it was refused.
    pub(crate) ids: Vec<Option<u64>>,
    /// Those that would hold more than one entry may.
    pub(crate) refused: Vec<RefusedItem>,
}

/// An entry that was not added.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct RefusedItem {
    /// Which one, from 0.
    pub(crate) position: usize,
    /// Why.
    pub(crate) reason: String,
}

/// Entries to withdraw, or to bring back.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Entries {
    /// Their numbers, or hashes that they have (`TYPE:HEX`), 1 to 1,000.
    pub(crate) entries: Vec<String>,
    /// Only until then: seconds since 1970-01-01 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<u64>,
}

/// What became of the entries, in the order of their names.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TurnedEntries {
    pub(crate) entries: Vec<Turned>,
}

/// Whether an entry is withdrawn by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct Change {
    /// Whether it is.
    withdrawn: bool,
    /// Only until then: seconds since 1970-01-01 UTC.
    until: Option<u64>,
}

fn entry_of(store: &BankStore, name: &str, id: &str) -> Result<(Bank, ContentItem), Fault> {
    let bank = bank_of(store, name)?;
    let number = id.parse().map(ContentId).map_err(|_| no_item(id))?;
    let item = store.item(number).map_err(|error| failed(&error))?;
    let item = item.filter(|item| item.bank == bank.id);
    Ok((bank, item.ok_or_else(|| no_item(id))?))
}

/// Lists a bank's entries by pages, the withdrawn ones too.
#[utoipa::path(
    get,
    path = "/v1/banks/{bank}/items",
    params(("bank" = String, Path, description = "its name"), PageQuery),
    responses(
        (status = 200, description = "`items`, and `next`", content_type = "application/json"),
        (status = 404, description = "there is no such bank", body = Problem)
    )
)]
pub(in crate::service) async fn list(
    Shared(state): Shared<Arc<State>>,
    name: InPath<String>,
    uri: Uri,
) -> Result<Response, Fault> {
    let name = read(name)?;
    let PageQuery { after, limit } = query(&uri)?;
    let limit = limit.unwrap_or(ON_PAGE);
    if !(1..=MOST_ON_PAGE).contains(&limit) {
        return Err(Fault::bad(format!("`limit` is 1 to {MOST_ON_PAGE}")));
    }
    let page = look(&state, move |_, store| {
        let bank = bank_of(store, &name)?;
        let first = ContentId(after.map_or(0, |after| after.saturating_add(1)));
        let items = store.items_from(bank.id, first, limit + 1);
        let mut items = items.map_err(|error| failed(&error))?;
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().map(|last| last.id.0).filter(|_| has_more);
        let items = items.into_iter().map(EntryRecord::from).collect();
        Ok(Page { items, next })
    });
    json(StatusCode::OK, &page.await?)
}

/// Shows an entry.
#[utoipa::path(
    get,
    path = "/v1/banks/{bank}/items/{id}",
    params(("bank" = String, Path, description = "its bank's name"), ("id" = u64, Path, description = "its number")),
    responses(
        (status = 200, description = "the entry", content_type = "application/json"),
        (status = 404, description = "there is no such bank or entry", body = Problem)
    )
)]
pub(in crate::service) async fn show(
    Shared(state): Shared<Arc<State>>,
    path: InPath<(String, String)>,
) -> Result<Response, Fault> {
    let (name, id) = read(path)?;
    let found = look(&state, move |_, store| Ok(entry_of(store, &name, &id)?.1));
    json(StatusCode::OK, &EntryRecord::from(found.await?))
}

fn within(what: &str, text: &str, most: usize) -> Result<(), Fault> {
    match text.chars().nth(most) {
        Some(_) => Err(Fault::bad(format!(
            "`{what}` has at most {most} characters"
        ))),
        None => Ok(()),
    }
}

impl NewSignal {
    fn read(&self) -> Result<ContentSignal, Fault> {
        let (text, quality, form) = match self {
            Self::Plain(text) => (text, None, None),
            Self::Known {
                signal,
                quality,
                form,
            } => (signal, *quality, form.as_deref()),
        };
        let signal: Signal = (text.parse()).map_err(|error: crate::hash::SignalError| {
            Fault::bad(format!("{:?} is no hash: {error}", cut(text)))
        })?;
        let quality = quality
            .map(|number| Quality::new(number).ok_or_else(|| Fault::bad("`quality` is 0 to 100")));
        let form = form.map(|text| {
            let bad = |_| Fault::bad(format!("`form`: {:?} is none", cut(text)));
            text.parse::<Form>().map_err(bad)
        });
        let mut read = ContentSignal::new(signal, quality.transpose()?);
        read.form = form.transpose()?;
        Ok(read)
    }
}

impl New {
    fn read(self, caller: &Caller) -> Result<NewItem, Fault> {
        if self.signals.is_empty() {
            return Err(Fault::bad("an entry has at least one hash in `signals`"));
        }
        for label in &self.labels {
            within("labels", label, Policy::MAX_LABEL)?;
        }
        let source = self.source.unwrap_or_else(|| "http".to_owned());
        let record = self.record.unwrap_or_else(|| caller.request.to_string());
        within("source", &source, MOST_NAME)?;
        within("record", &record, MOST_NAME)?;
        within(
            "metadata",
            self.metadata.as_deref().unwrap_or_default(),
            MOST_METADATA,
        )?;
        Ok(NewItem {
            signals: self
                .signals
                .iter()
                .map(NewSignal::read)
                .collect::<Result<_, _>>()?,
            labels: self.labels,
            provenance: Provenance {
                source,
                record: Some(record),
                metadata: self.metadata,
                added_at: clock::now(),
                ..Provenance::default()
            },
            ..NewItem::default()
        })
    }
}

/// Adds entries. One with the same hashes as one that is there is that one.
#[utoipa::path(
    post,
    path = "/v1/banks/{bank}/items",
    params(("bank" = String, Path, description = "its name")),
    request_body = NewItems,
    responses(
        (status = 200, description = "what became of them; it is on the disk", body = AddedItems),
        (status = 400, description = "nothing is added: what cannot be read", body = Problem),
        (status = 404, description = "there is no such bank", body = Problem)
    )
)]
pub(in crate::service) async fn add(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    name: InPath<String>,
    request: Request,
) -> Result<Response, Fault> {
    let name = read(name)?;
    let NewItems { items } = object(&state, request).await?;
    if !(1..=MOST_AT_ONCE).contains(&items.len()) {
        return Err(Fault::bad(format!(
            "`items` has 1 to {MOST_AT_ONCE} entries"
        )));
    }
    let items: Result<Vec<NewItem>, Fault> =
        items.into_iter().map(|item| item.read(&caller)).collect();
    let items = items?;
    let added = curator(&state)?.call(&caller, ("add entries", name.clone()), move |desk| {
        let bank = bank_of(&desk.store, &name)?;
        let done = desk
            .store
            .add(bank.id, &items)
            .map_err(|error| failed(&error))?;
        let refused = done.refused.iter().map(|(position, reason)| RefusedItem {
            position: *position,
            reason: reason.to_string(),
        });
        let refused: Vec<RefusedItem> = refused.collect();
        let mut ids = Vec::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            let is_refused = refused.iter().any(|one| one.position == position);
            let same = match is_refused {
                true => None,
                false => (desk.store.same_as(bank.id, item)).map_err(|error| failed(&error))?,
            };
            ids.push(same.map(|id| id.0));
        }
        if let [Some(id)] = ids.as_slice() {
            desk.entry = Some(*id);
        }
        Ok::<_, Fault>(AddedItems {
            added: done.added,
            updated: done.updated,
            already_there: done.already_there,
            withdrawn: done.withdrawn,
            ids,
            refused,
        })
    });
    json(StatusCode::OK, &added.await?)
}

/// Turns entries, and publishes what takes them out of matching.
fn turn(
    desk: &mut Desk,
    bank: &Bank,
    names: &[EntryName],
    how: Turn,
) -> Result<Vec<Turned>, Fault> {
    let done = match turn_in(&desk.store, &bank.name, names, how) {
        Ok(done) => done,
        Err(TurnError::Store(error)) => return Err(failed(&error)),
        Err(TurnError::Partly { done, source }) => {
            // What is out of matching must be so, though others are not.
            desk.publish_what_is_left()?;
            let mut fault = failed(&source);
            fault.detail = format!(
                "{}: {} of the entries were changed",
                fault.detail,
                done.len()
            );
            return Err(fault);
        }
        Err(error @ TurnError::NoSuchEntry { .. }) => {
            let detail = cut(&error.to_string());
            return Err(Fault::new(StatusCode::NOT_FOUND, "no-such-entry", detail));
        }
        Err(error) => return Err(Fault::bad(error.to_string())),
    };
    if let [one] = done.as_slice() {
        desk.entry = Some(one.id.0);
    }
    if how != Turn::Reinstate {
        desk.publish_now()?;
    }
    Ok(done)
}

async fn turn_all(
    (state, caller): (&State, &Caller),
    (what, name): (&'static str, String),
    (entries, how): (Vec<String>, Turn),
) -> Result<Response, Fault> {
    if !(1..=MOST_AT_ONCE).contains(&entries.len()) {
        return Err(Fault::bad(format!(
            "`entries` has 1 to {MOST_AT_ONCE} names"
        )));
    }
    let names = entries.iter().map(|text| {
        text.parse()
            .map_err(|_| Fault::bad(format!("{:?} is no entry's number and no hash", cut(text))))
    });
    let names: Vec<EntryName> = names.collect::<Result<_, Fault>>()?;
    let done = curator(state)?.call(caller, (what, name.clone()), move |desk| {
        let bank = bank_of(&desk.store, &name)?;
        turn(desk, &bank, &names, how)
    });
    let entries = done.await?;
    json(StatusCode::OK, &TurnedEntries { entries })
}

/// Takes entries out of matching, for good or until a time. It is published before the answer.
#[utoipa::path(
    post,
    path = "/v1/banks/{bank}/withdraw",
    params(("bank" = String, Path, description = "its name")),
    request_body = Entries,
    responses(
        (status = 200, description = "`entries`: what became of each", content_type = "application/json"),
        (status = 400, description = "a name that is none, or a time that is over", body = Problem),
        (status = 404, description = "there is no such bank or entry: nothing is changed", body = Problem)
    )
)]
pub(in crate::service) async fn withdraw(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    name: InPath<String>,
    request: Request,
) -> Result<Response, Fault> {
    let name = read(name)?;
    let Entries { entries, until } = object(&state, request).await?;
    let how = until.map_or(Turn::Withdraw, Turn::PauseUntil);
    turn_all((&state, &caller), ("withdraw", name), (entries, how)).await
}

/// Undoes withdrawals by hand, and pauses.
#[utoipa::path(
    post,
    path = "/v1/banks/{bank}/reinstate",
    params(("bank" = String, Path, description = "its name")),
    request_body = Entries,
    responses(
        (status = 200, description = "`entries`: what became of each", content_type = "application/json"),
        (status = 404, description = "there is no such bank or entry: nothing is changed", body = Problem)
    )
)]
pub(in crate::service) async fn reinstate(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    name: InPath<String>,
    request: Request,
) -> Result<Response, Fault> {
    let name = read(name)?;
    let Entries { entries, until } = object(&state, request).await?;
    if until.is_some() {
        return Err(Fault::bad("`until` is for `withdraw`"));
    }
    turn_all(
        (&state, &caller),
        ("reinstate", name),
        (entries, Turn::Reinstate),
    )
    .await
}

/// Changes an entry: withdrawn by hand or not.
#[utoipa::path(
    patch,
    path = "/v1/banks/{bank}/items/{id}",
    params(("bank" = String, Path, description = "its bank's name"), ("id" = u64, Path, description = "its number")),
    request_body = Change,
    responses(
        (status = 200, description = "the entry", content_type = "application/json"),
        (status = 404, description = "there is no such bank or entry", body = Problem)
    )
)]
pub(in crate::service) async fn change(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    path: InPath<(String, String)>,
    request: Request,
) -> Result<Response, Fault> {
    let (name, id) = read(path)?;
    let how = match object(&state, request).await? {
        Change {
            withdrawn: true,
            until,
        } => until.map_or(Turn::Withdraw, Turn::PauseUntil),
        Change { until: None, .. } => Turn::Reinstate,
        Change { .. } => return Err(Fault::bad("`until` is for an entry that is withdrawn")),
    };
    let changed = curator(&state)?.call(&caller, ("change entry", name.clone()), move |desk| {
        let (bank, item) = entry_of(&desk.store, &name, &id)?;
        turn(desk, &bank, &[item.id.into()], how)?;
        Ok::<_, Fault>(entry_of(&desk.store, &name, &id)?.1)
    });
    json(StatusCode::OK, &EntryRecord::from(changed.await?))
}

/// Deletes an entry. It is published before the answer.
#[utoipa::path(
    delete,
    path = "/v1/banks/{bank}/items/{id}",
    params(("bank" = String, Path, description = "its bank's name"), ("id" = u64, Path, description = "its number")),
    responses(
        (status = 200, description = "the entry, as it was", content_type = "application/json"),
        (status = 404, description = "there is no such bank or entry", body = Problem)
    )
)]
pub(in crate::service) async fn remove(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    path: InPath<(String, String)>,
) -> Result<Response, Fault> {
    let (name, id) = read(path)?;
    let deleted = curator(&state)?.call(&caller, ("delete entry", name.clone()), move |desk| {
        let item = match entry_of(&desk.store, &name, &id) {
            Ok((_, item)) => item,
            Err(fault) => {
                // It may have been deleted by a call before, and still match.
                desk.publish_what_is_left()?;
                return Err(fault);
            }
        };
        desk.entry = Some(item.id.0);
        let deleted = desk.store.delete_item(item.id);
        let deleted = deleted.map_err(|error| failed(&error))?;
        desk.publish_now()?;
        Ok::<_, Fault>(deleted)
    });
    json(StatusCode::OK, &EntryRecord::from(deleted.await?))
}
