//! `/c` where this node keeps the banks: banks made, changed and deleted, entries added, shown, disabled and deleted.
//!
//! Owns HMA's words and shapes for these. What is done is [`curation`](crate::curation)'s and the store's, on the thread
//! that keeps them. Refuses to fetch what an address names: 400.

use crate::bank::{Action, Bank, BankName, ContentId, ContentItem, ContentSignal, ContentState};
use crate::bank::{Policy, Provenance, Setting, Share};
use crate::clock;
use crate::curation::policy;
use crate::curation::withdraw::{Turn, TurnError, turn_in};
use crate::hash::SignalType;
use crate::service::body;
use crate::service::caller::Caller;
use crate::service::clients::HmaMetadata;
use crate::service::curator::Desk;
use crate::service::fault::Fault;
use crate::service::hma::asked::{
    Answer, Named, Numbered, bank_of, curator, failed, flag, lax_object, must_not_be_named,
    not_found, object, parameter, read,
};
use crate::service::hma::banks::shown;
use crate::service::hma::hash::{not_fetched, of_file};
use crate::service::hma::lax::Parameters;
use crate::service::hma::lookup::ratio;
use crate::service::hma::signals::{Kind, VIDEO_MD5};
use crate::service::hma::{Refusal, answer, exchanges, remarks};
use crate::service::state::State;
use crate::store::{NewItem, Remarks, StoreError};
use axum::Extension;
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// How far ahead an entry may be disabled: HMA's five years.
const MOST_AHEAD: u64 = 5 * 365 * 86_400;

/// A name by HMA's rule, as far as banks here can have it.
fn new_name(given: &str) -> Result<BankName, Refusal> {
    let is_plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let is_hmas = given.chars().all(is_plain)
        && given.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
    if !is_hmas {
        return Err(Refusal::bad("Bank names must be UPPER_WITH_UNDERSCORE"));
    }
    given.parse().map_err(|_| {
        let most = BankName::MAX_LEN;
        Refusal::bad(format!(
            "Bank names must be UPPER_WITH_UNDERSCORE, and have {most} characters at most"
        ))
    })
}

/// What a bank is set to: its share, or off. `None`: nothing is said.
fn asked_ratio(body: &Map<String, Value>) -> Result<Option<f64>, Refusal> {
    let said = |name| body.get(name).filter(|value| !value.is_null());
    let Some(given) = said("enabled_ratio") else {
        let enabled = said("enabled").map(flag).transpose()?;
        return Ok(enabled.map(|enabled| if enabled { 1.0 } else { 0.0 }));
    };
    let number = match given {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    match number {
        Some(number) if (0.0..=1.0).contains(&number) => Ok(Some(number)),
        Some(_) => Err(Refusal::bad("enabled_ratio is 0 to 1")),
        None => Err(parameter(
            "enabled_ratio",
            "float_parsing",
            "Input should be a valid number",
        )),
    }
}

fn settings(ratio: f64) -> Result<[Setting; 2], Refusal> {
    let share = Share::from_percent((ratio * 10_000.0).round() / 100.0);
    let share = share.ok_or_else(|| Refusal::bad("enabled_ratio is 0 to 1"))?;
    Ok(match share == Share::NONE {
        true => [Setting::Enabled(false), Setting::Share(Share::ALL)],
        false => [Setting::Enabled(true), Setting::Share(share)],
    })
}

/// All banks.
pub(super) async fn all(Shared(state): Shared<Arc<State>>) -> Answer {
    let banks = curator(&state)?.ask(|desk| desk.store.banks().map_err(|error| failed(&error)));
    Ok(answer(&banks.await?.iter().map(shown).collect()))
}

/// One bank.
pub(super) async fn one(Shared(state): Shared<Arc<State>>, name: Named) -> Answer {
    let name = read(name)?;
    let bank = curator(&state)?.ask(move |desk| bank_of(desk, &name, &not_found(&name)));
    Ok(answer(&shown(&bank.await?)))
}

/// Makes a bank. What a match does is what it does in a bank that the command makes: review.
pub(super) async fn create(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Answer {
    let mut body = lax_object(&state, request).await?;
    let Some(given) = body.get("name").and_then(Value::as_str).map(str::to_owned) else {
        return Err(Refusal::missing("name"));
    };
    let name = new_name(&given)?;
    // As in HMA, `enabled` counts where the ratio is said to be null.
    body.entry("enabled_ratio").or_insert(json!(1.0));
    let mut policy = Policy::new(Action::Review);
    for setting in settings(asked_ratio(&body)?.unwrap_or(1.0))? {
        policy.set(setting);
    }
    let made = curator(&state)?
        .call(&caller, ("create bank", given), move |desk| {
            desk.store
                .create_bank(&name, policy)
                .map_err(|error| match error {
                    StoreError::BankExists { .. } => Refusal::forbidden("Bank already exists"),
                    error => failed(&error),
                })
        })
        .await?;
    let mut response = answer(&shown(&made));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Changes a bank's name, or for which part of the uploads it is asked.
pub(super) async fn change(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    name: Named,
    request: Request,
) -> Answer {
    let name = read(name)?;
    let body = lax_object(&state, request).await?;
    let new = body.get("name").filter(|name| !name.is_null());
    let new = new.map(|name| new_name(name.as_str().unwrap_or_default()));
    let new = new.transpose()?;
    let wanted = asked_ratio(&body)?.map(settings).transpose()?;
    let changed = curator(&state)?
        .call(&caller, ("change bank", name.clone()), move |desk| {
            let mut bank = bank_of(desk, &name, "Bank not found")?;
            let before = ratio(&bank);
            let new = new.filter(|new| *new != bank.name);
            if new.is_some() {
                must_not_be_named(desk, &bank)?;
            }
            // All is checked before anything is changed.
            if let Some(wanted) = wanted {
                let names = wanted.map(|setting| setting.name());
                policy::must_not_set(&desk.workspace, &bank, &names).map_err(|_| {
                    Refusal::bad(
                        "the policy file of this node sets this for the bank, and outweighs it",
                    )
                })?;
            }
            if let Some(new) = new {
                bank = (desk.store.rename_bank(&bank.name, &new)).map_err(|error| match error {
                    StoreError::BankExists { .. } => Refusal::forbidden("Bank name already exists"),
                    error => failed(&error),
                })?;
            }
            if let Some(wanted) = wanted {
                let mut policy = bank.policy.clone();
                wanted.into_iter().for_each(|setting| policy.set(setting));
                bank =
                    (desk.store.set_policy(&bank.name, policy)).map_err(|error| failed(&error))?;
            }
            let now = ratio(&bank);
            if now < before {
                desk.publish_now()?;
            } else if now <= before {
                // It may have been lowered by a call before, and not be published.
                desk.publish_what_is_left()?;
            }
            Ok::<_, Refusal>(bank)
        })
        .await?;
    Ok(answer(&shown(&changed)))
}

/// Deletes a bank with all that is in it. One that is not there is deleted too.
pub(super) async fn remove(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    name: Named,
) -> Answer {
    let name = read(name)?;
    let removed = curator(&state)?.call(&caller, ("delete bank", name.clone()), move |desk| {
        let bank = match bank_of(desk, &name, "") {
            Ok(bank) => bank,
            Err(Refusal::Message(fault)) if fault.status == StatusCode::NOT_FOUND => {
                // It may have been deleted by a call before, and still match.
                return Ok(desk.publish_what_is_left()?);
            }
            Err(error) => return Err(error),
        };
        must_not_be_named(desk, &bank)?;
        // An exchange would fill it again.
        if exchanges::remove_of_bank(desk, bank.id)? {
            return Ok(());
        }
        (desk.store.delete_bank(&bank.name)).map_err(|error| failed(&error))?;
        Ok(desk.publish_now()?)
    });
    removed.await?;
    Ok(answer(&json!({ "message": "Done" })))
}

/// What a client calls a kind of hash.
fn name_of(kind: SignalType) -> &'static str {
    match kind == VIDEO_MD5.of {
        true => VIDEO_MD5.name,
        false => kind.name(),
    }
}

/// Hashes by the names of their kinds.
type Hashes = Vec<(Kind, String)>;

/// Reads hashes, each of which must be one.
fn signals_of(hashes: &Hashes) -> Result<Vec<ContentSignal>, Refusal> {
    let read = hashes.iter().map(|(kind, text)| {
        let what = match kind.of {
            SignalType::Pdq => "PDQ hash".to_owned(),
            _ => format!("{} hash", kind.name),
        };
        let bad = || Refusal::bad(format!("Invalid {} signal: invalid {what}", kind.name));
        kind.read(text)
            .map(|signal| ContentSignal::new(signal, None))
            .ok_or_else(bad)
    });
    read.collect()
}

/// Adds an entry with these hashes; one with the same hashes is the same entry, of which then holds what is said now.
async fn add(
    state: &State,
    caller: &Caller,
    name: String,
    (hashes, said): (Hashes, Remarks),
) -> Answer {
    let item = NewItem {
        signals: signals_of(&hashes)?,
        provenance: Provenance {
            source: "http".to_owned(),
            record: Some(caller.request.to_string()),
            added_at: clock::now(),
            ..Provenance::default()
        },
        ..NewItem::default()
    };
    let id = curator(state)?.call(caller, ("add entry", name.clone()), move |desk| {
        let bank = bank_of(desk, &name, &not_found(&name))?;
        let added = desk.store.add(bank.id, std::slice::from_ref(&item));
        added.map_err(|error| failed(&error))?;
        let id = desk.store.same_as(bank.id, &item);
        let id = id.map_err(|error| failed(&error))?;
        desk.entry = id.map(|id| id.0);
        let id = id.ok_or_else(|| Fault::busy("the entry was deleted meanwhile"))?;
        if said != Remarks::default() {
            let before = desk.store.remarks(id).map_err(|error| failed(&error))?;
            remark(desk, id, &remarks::over(before, said))?;
        }
        Ok::<_, Refusal>(id)
    });
    let id: ContentId = id.await?;
    let told = hashes
        .into_iter()
        .map(|(kind, text)| (kind.name.to_owned(), Value::from(text)));
    let told: Map<String, Value> = told.collect();
    Ok(answer(&json!({ "id": id.0, "signals": told })))
}

/// Writes down what is said of an entry.
fn remark(desk: &Desk, id: ContentId, said: &Remarks) -> Result<(), Refusal> {
    match desk.store.set_remarks(id, said) {
        Ok(_) => Ok(()),
        Err(error @ StoreError::TooLong { .. }) => Err(Refusal::bad(error.to_string())),
        Err(error) => Err(failed(&error)),
    }
}

/// Adds the hashes of a file in a form.
pub(super) async fn add_file(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    name: Named,
    request: Request,
) -> Answer {
    let name = read(name)?;
    let asked = Parameters::of(request.uri())?;
    let known = name.clone();
    (curator(&state)?.ask(move |desk| bank_of(desk, &known, &not_found(&known)))).await?;
    let lenient = state.settings.hma_metadata == HmaMetadata::Any;
    if asked.get("url").is_some() {
        // What can be told is wrong comes first, as there.
        remarks::of_object(&lax_object(&state, request).await?, lenient)?;
        return Err(not_fetched());
    }
    if !body::is_form(request.headers()) {
        return Err(Refusal::bad(
            "Neither `url` nor multipart file upload was received",
        ));
    }
    let form = body::form(&state.bodies, request, |_, has_name| has_name).await?;
    let said = remarks::of_form(&form, lenient)?;
    let hashes = of_file(&state, &asked, form).await?;
    add(&state, &caller, name, (hashes, said)).await
}

/// Adds an entry with these hashes.
pub(super) async fn add_signals(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    name: Named,
    request: Request,
) -> Answer {
    let name = read(name)?;
    let mut body = object(&state, request).await?;
    let said = Remarks {
        note: remarks::note(&body.remove("note").unwrap_or_default())?,
        ..Remarks::default()
    };
    let mut hashes = Vec::new();
    for (kind, value) in &body {
        let known = Kind::named(kind);
        let known = known.ok_or_else(|| Refusal::bad(format!("No such signal type {kind}")))?;
        hashes.push((known, value.as_str().unwrap_or_default().to_owned()));
    }
    match hashes.is_empty() {
        true => Err(Refusal::bad("No signals given")),
        false => add(&state, &caller, name, (hashes, said)).await,
    }
}

/// The bank, and its entry of this number.
fn entry_of(desk: &Desk, name: &str, id: &str) -> Result<(Bank, ContentItem), Refusal> {
    let bank = bank_of(desk, name, &not_found(name))?;
    let none = || Refusal::missing_thing(format!("content {id} not found in bank '{name}'"));
    let id = id.parse().map(ContentId).map_err(|_| none())?;
    let item = desk.store.item(id).map_err(|error| failed(&error))?;
    let item = item.filter(|item| item.bank == bank.id).ok_or_else(none)?;
    Ok((bank, item))
}

/// An entry with its bank and what is written about it.
struct Whole {
    bank: Bank,
    item: ContentItem,
    remarks: Remarks,
    /// By which names an exchange knows it, or null.
    collab: Value,
}

fn whole_of(desk: &Desk, name: &str, id: &str) -> Result<Whole, Refusal> {
    let (bank, item) = entry_of(desk, name, id)?;
    let remarks = desk.store.remarks(item.id);
    Ok(Whole {
        remarks: remarks.map_err(|error| failed(&error))?,
        collab: exchanges::collab(desk, &item),
        bank,
        item,
    })
}

impl Whole {
    /// From when on it matches: the time from which it does again, 0 for never, else the time in the past that was said
    /// last, or 1.
    fn enabled_from(&self) -> u64 {
        let Self {
            bank,
            item,
            remarks,
            ..
        } = self;
        let now = clock::now();
        match item.state {
            // A time to come is true only of an entry that is out until then.
            ContentState::Active => bank
                .policy
                .paused_until(item.id, now)
                .or(remarks.enabled_from.filter(|&from| from <= now))
                .unwrap_or(1),
            _ => 0,
        }
    }
}

/// An entry.
pub(super) async fn entry(
    Shared(state): Shared<Arc<State>>,
    path: Numbered,
    request: Request,
) -> Answer {
    let (name, id) = read(path)?;
    let asked = Parameters::of(request.uri())?;
    let shows_hashes = asked.flag("include_signals")?;
    let shows_metadata =
        asked.get("include_metadata").is_none() || asked.flag("include_metadata")?;
    let found = curator(&state)?.ask(move |desk| whole_of(desk, &name, &id));
    let whole = found.await?;
    let Whole {
        bank,
        item,
        remarks,
        collab,
    } = &whole;
    let mut told = json!({
        "bank": shown(bank),
        "disable_until_ts": whole.enabled_from(),
        "id": item.id.0,
        "original_media_uri": null,
    });
    if let Some(note) = &remarks.note {
        told["note"] = json!(note);
    }
    if shows_metadata && let Some(metadata) = remarks::shown(remarks, collab.clone()) {
        told["metadata"] = metadata;
    }
    if shows_hashes {
        let mut hashes = Map::new();
        for entry in &item.signals {
            let name = name_of(entry.signal.signal_type());
            hashes
                .entry(name)
                .or_insert_with(|| entry.signal.hex().into());
        }
        told["signals"] = Value::Object(hashes);
    }
    Ok(answer(&told))
}

/// What `disable_until_ts` asks for, and as which number. `None`: nothing is said.
fn asked_turn(body: &Map<String, Value>) -> Result<Option<(Turn, u64)>, Refusal> {
    let Some(given) = body
        .get("disable_until_ts")
        .filter(|given| !given.is_null())
    else {
        return Ok(None);
    };
    let number = match given {
        Value::String(text) => text.trim().parse::<i64>().ok(),
        other => other.as_i64(),
    };
    let number = number.and_then(|number| u64::try_from(number).ok());
    let now = clock::now();
    match number {
        None => Err(Refusal::bad(
            "disable_until_ts must be a non-negative integer",
        )),
        Some(0) => Ok(Some((Turn::Withdraw, 0))),
        Some(until) if until > now.saturating_add(MOST_AHEAD) => Err(Refusal::bad(
            "disable_until_ts must be less than 5 years in the future",
        )),
        Some(until) if until <= now => Ok(Some((Turn::Reinstate, until))),
        Some(until) => Ok(Some((Turn::PauseUntil(until), until))),
    }
}

/// Disables an entry, for good or until a time, or enables it; sets its note, or clears it.
pub(super) async fn change_entry(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    path: Numbered,
    request: Request,
) -> Answer {
    let (name, id) = read(path)?;
    let body = object(&state, request).await?;
    let note = body.get("note").map(remarks::note).transpose()?;
    let wanted = asked_turn(&body)?;
    let changed = curator(&state)?.call(&caller, ("change entry", name.clone()), move |desk| {
        let Whole {
            bank,
            item,
            remarks,
            ..
        } = whole_of(desk, &name, &id)?;
        desk.entry = Some(item.id.0);
        let said = Remarks {
            note: note.unwrap_or(remarks.note.clone()),
            // Of 1 and of what is disabled for good there is nothing to be remembered.
            enabled_from: match wanted {
                Some((_, from)) => Some(from).filter(|&from| from > 1),
                None => remarks.enabled_from,
            },
            ..remarks
        };
        let Some((wanted, _)) = wanted else {
            remark(desk, item.id, &said)?;
            return whole_of(desk, &name, &id);
        };
        let fits = said.check();
        fits.map_err(|error| Refusal::bad(error.to_string()))?;
        let turned = turn_in(&desk.store, &bank.name, &[item.id.into()], wanted);
        match turned {
            Ok(_) => {}
            Err(TurnError::Partly { source, .. }) => {
                // It may be out of matching, and what failed came after.
                desk.publish_what_is_left()?;
                return Err(failed(&source));
            }
            Err(TurnError::Store(error)) => return Err(failed(&error)),
            Err(error) => return Err(Refusal::bad(error.to_string())),
        }
        // A time says more than for good, and takes its place: once it is kept, and not before, or the entry would match
        // where it cannot be kept.
        if matches!(wanted, Turn::PauseUntil(_)) && item.by_hand {
            let reinstated = desk.store.reinstate(item.id, clock::now());
            reinstated.map_err(|error| failed(&error))?;
        }
        if wanted != Turn::Reinstate {
            desk.publish_now()?;
        }
        // Last: what is written about an entry must not say what was not done.
        remark(desk, item.id, &said)?;
        whole_of(desk, &name, &id)
    });
    let whole = changed.await?;
    Ok(answer(&json!({
        "bank": shown(&whole.bank),
        "collab_metadata": match whole.collab.is_null() {
            true => json!({}),
            false => whole.collab.clone(),
        },
        "disable_until_ts": whole.enabled_from(),
        "id": whole.item.id.0,
        "note": whole.remarks.note,
        "original_media_uri": null,
        "user_metadata": remarks::user(&whole.remarks),
    })))
}

/// Deletes an entry; says how many that were.
pub(super) async fn remove_entry(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    path: Numbered,
) -> Answer {
    let (name, id) = read(path)?;
    let deleted = curator(&state)?.call(&caller, ("delete entry", name.clone()), move |desk| {
        bank_of(desk, &name, &not_found(&name))?;
        let item = match entry_of(desk, &name, &id) {
            Ok((_, item)) => item,
            Err(Refusal::Message(fault)) if fault.status == StatusCode::NOT_FOUND => {
                // It may have been deleted by a call before, and still match.
                desk.publish_what_is_left()?;
                return Ok(0);
            }
            Err(error) => return Err(error),
        };
        desk.entry = Some(item.id.0);
        (desk.store.delete_item(item.id)).map_err(|error| failed(&error))?;
        desk.publish_now()?;
        Ok(1)
    });
    let deleted: u64 = deleted.await?;
    Ok(answer(&json!({ "deleted": deleted })))
}
