//! `/c/exchanges…` and `/c/exchange/…`: sources that are fetched again and again, each into a bank of its own.
//!
//! Owns HMA's words and shapes for these. Which exchanges there are, and what a fetch does, is
//! [`curation::exchange`](crate::curation::exchange)'s. Refuses to show what proves to the other side who asks.

use crate::bank::{BankId, BankName, ContentItem};
use crate::curation::exchange::{
    Api, Credentials, Exchange, ExchangeError, Exchanges, Field, FieldKind, NewExchange,
};
use crate::service::caller::Caller;
use crate::service::curator::{Desk, log_and_hide};
use crate::service::hma::asked::{
    Answer, Named, curator, flag, lax_object, must_not_be_named, object, read,
};
use crate::service::hma::{Refusal, answer};
use crate::service::state::State;
use axum::Extension;
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// As HMA's clients read what is wrong. What names files stands in the log.
fn refusal(error: &ExchangeError) -> Refusal {
    match error {
        ExchangeError::NoSuchApi { given } => {
            let known = Api::names();
            Refusal::bad(format!(
                "No such exchange type '{given}': this node has {known}"
            ))
        }
        ExchangeError::NotThere { .. } => Refusal::bad(error.to_string()),
        ExchangeError::Field(problem) => {
            Refusal::bad(format!("Failed to parse `api_json` - {problem}"))
        }
        ExchangeError::Exists { .. } => Refusal::forbidden("Exchange already exists"),
        ExchangeError::BankExists { .. } => Refusal::forbidden("Bank already exists"),
        ExchangeError::NoSuchExchange { name } => not_found(name.as_str()),
        ExchangeError::TooMany { .. } => Refusal::forbidden(error.to_string()),
        error => log_and_hide("exchanges", error).into(),
    }
}

fn not_found(name: &str) -> Refusal {
    Refusal::missing_thing(format!("Exchange '{name}' not found"))
}

/// The exchanges, as they are on disk.
fn exchanges(desk: &Desk) -> Result<Exchanges, Refusal> {
    Exchanges::of(&desk.workspace).map_err(|error| refusal(&error))
}

fn credentials(desk: &Desk) -> Result<Credentials, Refusal> {
    Credentials::of(&desk.workspace).map_err(|error| refusal(&error))
}

/// The name, or 404: no other text can name an exchange.
fn name_of(text: &str) -> Result<BankName, Refusal> {
    text.parse().map_err(|_| not_found(text))
}

/// The kinds that can be fetched.
pub(super) async fn apis(Shared(state): Shared<Arc<State>>) -> Answer {
    curator(&state)?;
    let there = Api::ALL.iter().filter(|api| api.is_there);
    Ok(answer(&there.map(|api| api.name).collect()))
}

fn api_of(name: &str) -> Result<Api, Refusal> {
    let none = || {
        let name: String = name.chars().take(64).collect();
        Refusal::bad(format!("no such Exchange API '{name}'"))
    };
    Api::named(name).ok_or_else(none)
}

fn authentication(api: Api, credentials: &Credentials) -> Value {
    json!({
        "supports_authentification": api.credentials.is_some(),
        "has_set_authentification": credentials.has(api),
    })
}

/// Whether a kind needs what proves who asks, and has it.
pub(super) async fn api(Shared(state): Shared<Arc<State>>, name: Named) -> Answer {
    let api = api_of(&read(name)?)?;
    let told = curator(&state)?.ask(move |desk| Ok(authentication(api, &credentials(desk)?)));
    let told: Result<Value, Refusal> = told.await;
    Ok(answer(&told?))
}

/// Sets what proves who asks, or removes it.
pub(super) async fn set_api(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    name: Named,
    request: Request,
) -> Answer {
    let api = api_of(&read(name)?)?;
    let body = object(&state, request).await?;
    let given = match body.get("credential_json") {
        None | Some(Value::Null) => None,
        Some(Value::Object(given)) => Some(given.clone()),
        Some(_) => return Err(Refusal::bad("Field `credential_json` must be object")),
    };
    let what = ("set credentials", api.name.to_owned());
    let told = curator(&state)?.call(&caller, what, move |desk| {
        let mut kept = credentials(desk)?;
        if let Some(given) = given {
            must_not_name_server(api.credentials.unwrap_or_default(), &given)?;
            if api.credentials.is_none() && !given.is_empty() {
                let said = format!("exchanges of the kind {} take no credentials", api.name);
                return Err(Refusal::bad(said));
            }
            kept.set(api, &given).map_err(|error| match error {
                ExchangeError::Field(problem) => {
                    Refusal::bad(format!("Failed to parse `credential_json` - {problem}"))
                }
                error => refusal(&error),
            })?;
        }
        Ok(authentication(api, &kept))
    });
    Ok(answer(&told.await?))
}

/// Refuses where a caller would say which server is asked: what proves who asks would go there. The command on the node may.
fn must_not_name_server(fields: &[Field], given: &Map<String, Value>) -> Result<(), Refusal> {
    let names_one = |field: &&Field| matches!(field.kind, FieldKind::Address | FieldKind::Proxy);
    let named = fields.iter().filter(names_one);
    let named = named.map(|field| field.name).find(|name| {
        let value = given.get(*name);
        value.is_some_and(|value| !value.is_null())
    });
    match named {
        None => Ok(()),
        Some(name) => {
            let said = format!("Field `{name}` is set by `hashgate exchange set` on the node only");
            Err(Refusal::bad(said))
        }
    }
}

fn fields(fields: &[Field]) -> Value {
    let told = fields.iter().map(|field| {
        let choices = match field.kind {
            FieldKind::Choice(choices) => json!(choices),
            _ => Value::Null,
        };
        json!({
            "name": field.name,
            "type": field.kind.name(),
            "required": field.is_required,
            "default": field.default(),
            "help": field.help,
            "choices": choices,
        })
    });
    json!({ "fields": told.collect::<Vec<_>>() })
}

/// What an exchange of a kind is told, and what proves who asks: for forms.
pub(super) async fn schema(Shared(state): Shared<Arc<State>>, name: Named) -> Answer {
    curator(&state)?;
    let name = read(name)?;
    let Some(api) = Api::named(&name) else {
        let name: String = name.chars().take(64).collect();
        return Err(Refusal::missing_thing(format!(
            "Exchange API '{name}' not found"
        )));
    };
    Ok(answer(&json!({
        "config_schema": fields(api.config),
        "credentials_schema": api.credentials.map(fields),
    })))
}

/// The names of all exchanges.
pub(super) async fn all(Shared(state): Shared<Arc<State>>) -> Answer {
    let names = curator(&state)?.ask(|desk| {
        let known = exchanges(desk)?;
        let names = known.all().iter().map(|one| json!(one.name.as_str()));
        Ok::<Value, Refusal>(names.collect())
    });
    Ok(answer(&names.await?))
}

/// Makes an exchange with its bank. It is fetched soon after.
pub(super) async fn create(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Answer {
    let body = object(&state, request).await?;
    let Some(name) = body.get("bank").filter(|name| !name.is_null()) else {
        return Err(Refusal::bad("bank is required"));
    };
    let name = name.as_str().unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let name: Option<BankName> = name.parse().ok().filter(|_| name.chars().all(is_plain));
    let Some(name) = name else {
        let most = BankName::MAX_LEN;
        let said =
            format!("Field `bank` must match /^[A-Z0-9_]+$/, with {most} characters at most");
        return Err(Refusal::bad(said));
    };
    let config = match body.get("api_json") {
        None => Map::new(),
        Some(Value::Object(config)) => config.clone(),
        Some(_) => return Err(Refusal::bad("Field `api_json` must be object")),
    };
    let api = match body.get("api") {
        None | Some(Value::Null) => return Err(Refusal::bad("Field `api_type` is required")),
        Some(Value::String(api)) => api.clone(),
        Some(other) => other.to_string(),
    };
    if let Some(api) = Api::named(&api) {
        must_not_name_server(api.config, &config)?;
    }
    let enabled = config.get("enabled").filter(|enabled| !enabled.is_null());
    let enabled = enabled.map_or(Ok(true), flag)?;
    let mut new = NewExchange::new(name, api);
    (new.config, new.enabled) = (config, enabled);
    let what = ("create exchange", new.name.to_string());
    let made = curator(&state)?.call(&caller, what, move |desk| {
        let mut known = exchanges(desk)?;
        known
            .add(&desk.store, new)
            .map_err(|error| refusal(&error))?;
        Ok::<_, Refusal>(())
    });
    made.await?;
    curator(&state)?.fetch_soon();
    let mut response = answer(&json!({ "message": "Created successfully" }));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

fn shown(exchange: &Exchange) -> Value {
    let mut told = exchange.config.clone();
    told.insert("name".to_owned(), exchange.name.as_str().into());
    told.insert("api".to_owned(), exchange.api.clone().into());
    told.insert("enabled".to_owned(), exchange.enabled.into());
    Value::Object(told)
}

fn one_of<'a>(known: &'a Exchanges, name: &BankName) -> Result<&'a Exchange, Refusal> {
    known.get(name).ok_or_else(|| not_found(name.as_str()))
}

/// How an exchange is set.
pub(super) async fn one(Shared(state): Shared<Arc<State>>, name: Named) -> Answer {
    let name = name_of(&read(name)?)?;
    let told = curator(&state)?.ask(move |desk| Ok(shown(one_of(&exchanges(desk)?, &name)?)));
    let told: Result<Value, Refusal> = told.await;
    Ok(answer(&told?))
}

/// What the fetches of an exchange did.
pub(super) async fn status(Shared(state): Shared<Arc<State>>, name: Named) -> Answer {
    let name = name_of(&read(name)?)?;
    let told = curator(&state)?.ask(move |desk| {
        let known = exchanges(desk)?;
        one_of(&known, &name)?;
        let fetch = known.state(&desk.store, &name);
        let fetch = fetch.map_err(|error| refusal(&error))?;
        let items = known.items(&desk.store, &name);
        let items = items.map_err(|error| refusal(&error))?;
        Ok(json!({
            "checkpoint_ts": fetch.checkpoint_at,
            "fetched_items": items,
            "last_fetch_complete_ts": fetch.ended_at,
            "last_fetch_succeeded": fetch.succeeded,
            "running_fetch_start_ts": fetch.running_since(),
            "up_to_date": fetch.is_up_to_date,
        }))
    });
    let told: Result<Value, Refusal> = told.await;
    Ok(answer(&told?))
}

/// Says whether an exchange is fetched.
pub(super) async fn change(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    name: Named,
    request: Request,
) -> Answer {
    let given = read(name)?;
    let body = lax_object(&state, request).await?;
    let enabled = body.get("enabled").filter(|enabled| !enabled.is_null());
    let enabled = enabled.map(flag).transpose()?;
    let name = name_of(&given)?;
    let told = curator(&state)?.call(&caller, ("change exchange", given), move |desk| {
        let mut known = exchanges(desk)?;
        if let Some(enabled) = enabled {
            let set = known.set_enabled(&desk.store, &name, enabled);
            set.map_err(|error| refusal(&error))?;
        }
        Ok::<_, Refusal>(shown(one_of(&known, &name)?))
    });
    let told = told.await?;
    curator(&state)?.fetch_soon();
    Ok(answer(&told))
}

/// Deletes an exchange, and its bank with all that is in it. One that is not there is deleted too.
pub(super) async fn remove(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    name: Named,
) -> Answer {
    let given = read(name)?;
    let name = given.parse::<BankName>().ok();
    let removed = curator(&state)?.call(&caller, ("delete exchange", given), move |desk| {
        let mut known = exchanges(desk)?;
        match name.filter(|name| known.get(name).is_some()) {
            Some(name) => remove_in(desk, &mut known, &name),
            // It may have been deleted by a call before, and its bank still match.
            None => Ok(desk.publish_what_is_left()?),
        }
    });
    removed.await?;
    Ok(answer(&json!({ "message": "Exchange deleted" })))
}

/// Deletes an exchange with its bank, and publishes that.
fn remove_in(desk: &mut Desk, known: &mut Exchanges, name: &BankName) -> Result<(), Refusal> {
    let bank = known.get(name).and_then(|one| one.bank);
    if let Some(bank) = bank.and_then(|bank| desk.store.bank_by_id(bank).ok()) {
        must_not_be_named(desk, &bank)?;
    }
    let removed = known.remove(&desk.store, name);
    removed.map_err(|error| refusal(&error))?;
    Ok(desk.publish_now()?)
}

/// Deletes the exchange that fills this bank, and the bank; false where none does. Where nobody can tell, nothing is fetched either,
/// and the bank may be deleted by itself.
pub(super) fn remove_of_bank(desk: &mut Desk, bank: BankId) -> Result<bool, Refusal> {
    let Some(mut known) = readable(desk) else {
        return Ok(false);
    };
    let Some(name) = known.of_bank(bank).map(|one| one.name.clone()) else {
        return Ok(false);
    };
    remove_in(desk, &mut known, &name)?;
    Ok(true)
}

/// The exchanges, if they can be read: what is done to entries must not hang on it.
fn readable(desk: &Desk) -> Option<Exchanges> {
    exchanges(desk).ok()
}

/// By which names the exchange that fills an entry's bank knows it: null where none does.
pub(super) fn collab(desk: &Desk, item: &ContentItem) -> Value {
    let known = readable(desk);
    let records = known.as_ref().and_then(|known| known.records_of(item));
    records.map_or(
        Value::Null,
        |(exchange, records)| json!({ exchange.name.as_str(): records }),
    )
}
