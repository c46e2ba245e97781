//! `bank create`, `list`, `show`, `set`, `delete`, `withdraw` and `reinstate`, through a node.

use crate::bank::{BankName, Setting};
use crate::cli::remote::node::said;
use crate::curation::banks::{BankRecord, EntryRecord};
use crate::curation::withdraw::{Turn, Turned};
use crate::service::asking::{Asking, escaped};
use crate::service::told::{Deleted, Entries, Page, TurnedEntries};
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Most entries of a page.
const PAGE: usize = 500;

fn path_of(name: &BankName) -> String {
    format!("/v1/banks/{}", escaped(name.as_str()))
}

/// Settings by their names.
fn object(settings: &[Setting]) -> anyhow::Result<Map<String, Value>> {
    let mut object = Map::new();
    for setting in settings {
        if let Value::Object(one) = serde_json::to_value(setting)? {
            object.extend(one);
        }
    }
    Ok(object)
}

pub(crate) fn create(
    node: &Asking,
    name: &BankName,
    settings: &[Setting],
) -> anyhow::Result<BankRecord> {
    let mut asked = object(settings)?;
    asked.insert("name".to_owned(), name.as_str().into());
    node.send((Method::POST, "/v1/banks"), &asked).map_err(said)
}

pub(crate) fn set(
    node: &Asking,
    name: &BankName,
    settings: &[Setting],
) -> anyhow::Result<BankRecord> {
    let asked = object(settings)?;
    node.send((Method::PATCH, &path_of(name)), &asked)
        .map_err(said)
}

pub(crate) fn list(node: &Asking) -> anyhow::Result<Vec<BankRecord>> {
    #[derive(Deserialize)]
    struct Banks {
        banks: Vec<BankRecord>,
    }
    let Banks { banks } = node.get((Method::GET, "/v1/banks")).map_err(said)?;
    Ok(banks)
}

/// A bank, and its first entries.
pub(crate) fn show(
    node: &Asking,
    name: &BankName,
    most: usize,
) -> anyhow::Result<(BankRecord, Vec<EntryRecord>)> {
    let path = path_of(name);
    let bank: BankRecord = node.get((Method::GET, &path)).map_err(said)?;
    let mut entries = Vec::new();
    let mut after = Some(0);
    while let Some(first) = after
        && entries.len() < most
    {
        let limit = PAGE.min(most - entries.len());
        let page = format!("{path}/items?limit={limit}&after={first}");
        let Page { items, next } = node.get((Method::GET, &page)).map_err(said)?;
        entries.extend(items);
        after = next;
    }
    Ok((bank, entries))
}

pub(crate) fn delete(node: &Asking, name: &BankName, with_entries: bool) -> anyhow::Result<u64> {
    let path = format!("{}?with_entries={with_entries}", path_of(name));
    let Deleted { entries } = node.get((Method::DELETE, &path)).map_err(said)?;
    Ok(entries)
}

/// Withdraws entries, pauses them, or brings them back.
pub(crate) fn turn(
    node: &Asking,
    name: &BankName,
    entries: &[String],
    how: Turn,
) -> anyhow::Result<Vec<Turned>> {
    let (word, until) = match how {
        Turn::Withdraw => ("withdraw", None),
        Turn::PauseUntil(until) => ("withdraw", Some(until)),
        Turn::Reinstate => ("reinstate", None),
    };
    let path = format!("{}/{word}", path_of(name));
    let asked = Entries {
        entries: entries.to_vec(),
        until,
    };
    let TurnedEntries { entries } = node.send((Method::POST, &path), &asked).map_err(said)?;
    Ok(entries)
}
