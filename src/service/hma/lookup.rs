//! `/m/raw_lookup`, `/m/lookup` and `/m/index/status`.

use crate::bank::{Action, Bank, BankId};
use crate::clock;
use crate::guard::catch_unwind;
use crate::hash::{Family, Signal};
use crate::index::{Hit, Index};
use crate::service::caller::Caller;
use crate::service::fault::Fault;
use crate::service::hma::hash::{not_fetched, of_form};
use crate::service::hma::lax::Parameters;
use crate::service::hma::signals::{Kind, PDQ, VIDEO_MD5};
use crate::service::hma::{Refusal, answer, types};
use crate::service::pool::Unanswered;
use crate::service::settings::{Role, Settings};
use crate::service::state::{Roles, State};
use axum::Extension;
use axum::extract::{Request, State as Shared};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::SystemTime;

/// Most entries of one bank in an answer, the nearest ones.
const MOST: usize = 1_000;
/// What an empty hash, and no hash, gets.
const EITHER: &str = "Either url or both signal and signal_type are required";

/// Which banks are asked.
struct Asked<'a> {
    /// By name; `None`: all but those of harmless look-alikes.
    named: Option<Vec<&'a str>>,
    /// Asked whatever their ratio.
    bypass: bool,
    seed: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn of(parameters: &'a Parameters) -> Result<Self, Refusal> {
        Ok(Self {
            named: parameters.list("banks"),
            bypass: parameters.flag("bypass_coinflip")?,
            seed: parameters.get("seed"),
        })
    }

    fn names(&self, bank: &Bank) -> bool {
        match &self.named {
            Some(named) => named.contains(&bank.name.as_str()),
            None => bank.policy.action != Action::Allow,
        }
    }
}

/// For which part of the questions a bank is asked, 0 to 1, as HMA says it.
pub(super) fn ratio(bank: &Bank) -> f64 {
    match bank.policy.enabled {
        true => bank.policy.share.percent() / 100.0,
        false => 0.0,
    }
}

/// A number from 0 to below 1: the same for a seed and a kind, else drawn by chance.
fn flip(seed: Option<&str>, kind: Kind) -> f64 {
    let drawn = match seed {
        Some(seed) => {
            let digest = Sha256::new()
                .chain_update(kind.name)
                .chain_update([0])
                .chain_update(seed)
                .finalize();
            digest
                .first_chunk()
                .map_or(0, |first| u64::from_be_bytes(*first))
        }
        None => RandomState::new().hash_one(0),
    };
    // 53 bits are what a float holds exactly.
    (drawn >> 11) as f64 / (1_u64 << 53) as f64
}

/// Entries by bank: how near each is, and its number; the nearest first.
type Found = BTreeMap<BankId, BTreeSet<(u16, u64)>>;

/// How much time a search may take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Some tenths of a millisecond, on a thread that talks to callers.
    Brief,
    /// As much as it needs, on a thread of the pool.
    Any,
}

/// The entries within the kind's radius, of banks and entries that `keep` says yes to; `None` where that cannot be told at
/// this pace.
fn search(
    index: &Index,
    pace: Pace,
    kind: Kind,
    signal: &Signal,
    keep: impl Fn(&Bank, u64) -> bool,
) -> Option<Found> {
    let mut found = Found::new();
    let take = |hit: Hit| {
        if index
            .bank(hit.bank)
            .is_some_and(|bank| keep(bank, hit.content.0))
        {
            let entries = found.entry(hit.bank).or_default();
            entries.insert((hit.distance.0, hit.content.0));
            if entries.len() > MOST {
                entries.pop_last();
            }
        }
    };
    match pace {
        Pace::Brief => index
            .visit_brief(signal, kind.radius(), take)
            .then_some(())?,
        Pace::Any => index.visit(signal, kind.radius(), take),
    }
    for entries in found.values_mut() {
        // An entry with several hashes counts once, by its nearest.
        let mut seen = BTreeSet::new();
        entries.retain(|(_, content)| seen.insert(*content));
    }
    Some(found)
}

/// Asks at once where that is brief: handing a question of ten microseconds to another thread takes longer than to answer it. All
/// else waits for the pool.
async fn at_some_pace<T: Send + 'static>(
    state: &State,
    ask: impl Fn(Pace) -> Result<Option<T>, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let at_once = catch_unwind(AssertUnwindSafe(|| ask(Pace::Brief)));
    if let Some(told) = at_once.map_err(|_| Fault::from(Unanswered::Defect))?? {
        return Ok(told);
    }
    let told = state
        .work(state.settings.wait, move |_| ask(Pace::Any))
        .await??;
    told.ok_or_else(|| Fault::from(Unanswered::Defect).into())
}

/// A distance as HMA writes it: a text, and of digests a word.
fn distance(kind: Kind, distance: u16, settings: &Settings) -> Value {
    match kind.of.family() {
        Family::Digest => settings.hma_exact_distance.text().into(),
        Family::Pdq | Family::Hash64 => distance.to_string().into(),
    }
}

fn entry(kind: Kind, (bits, content): (u16, u64), settings: &Settings) -> Value {
    json!({ "bank_content_id": content, "distance": distance(kind, bits, settings) })
}

/// The name of a kind, as it stands in a question.
fn kind_of(name: &str) -> Result<Kind, Refusal> {
    Kind::named(name).ok_or_else(|| Refusal::bad(format!("No such SignalType '{name}'")))
}

/// Numbers of entries, whatever their banks say.
pub(super) async fn raw(Shared(state): Shared<Arc<State>>, uri: Uri) -> Result<Response, Refusal> {
    let parameters = Parameters::of(&uri)?;
    let text = parameters.required("signal")?;
    let kind = types::on(&state, kind_of(parameters.required("signal_type")?)?)?;
    let signal = kind.read_or_refuse(text)?;
    let with_distance = parameters.flag("include_distance")?;
    let gate = index_of(&state)?;
    let named = parameters.list("banks");
    let named: Option<Vec<String>> =
        named.map(|names| names.into_iter().map(str::to_owned).collect());
    let found = at_some_pace(&state, move |pace| {
        let asked = Asked {
            named: named
                .as_ref()
                .map(|names| names.iter().map(|name| &**name).collect()),
            bypass: true,
            seed: None,
        };
        Ok(search(&gate.index(), pace, kind, &signal, |bank, _| {
            asked.names(bank)
        }))
    })
    .await?;
    let all: BTreeSet<(u16, u64)> = found.into_values().flatten().collect();
    let matches = all.into_iter().map(|one| match with_distance {
        true => entry(kind, one, &state.settings),
        false => one.1.into(),
    });
    Ok(answer(
        &json!({ "matches": matches.collect::<Vec<Value>>() }),
    ))
}

/// The gate, or HMA's words for it not being there.
fn index_of(state: &State) -> Result<Arc<crate::gate::Gate>, Refusal> {
    state.gate().map_err(|fault| {
        let detail = format!("index not yet ready: {}", fault.detail);
        Refusal::Message(Fault { detail, ..fault })
    })
}

/// What matches a hash, by bank; `None` where that cannot be told at this pace.
fn by_bank(
    index: &Index,
    pace: Pace,
    kind: Kind,
    signal: &Signal,
    asked: &Asked<'_>,
    state: &State,
) -> Option<Value> {
    let flip = flip(asked.seed, kind);
    if !asked.bypass && state.switches.ratio(kind.of) <= flip {
        return Some(json!({}));
    }
    let now = clock::now();
    let keep = |bank: &Bank, content: u64| {
        let content = crate::bank::ContentId(content);
        asked.names(bank)
            && (asked.bypass || ratio(bank) > flip)
            && bank.policy.paused_until(content, now).is_none()
    };
    let mut banks = Map::new();
    for (bank, entries) in search(index, pace, kind, signal, keep)? {
        if let Some(bank) = index.bank(bank) {
            let entries = entries.into_iter();
            let entries = entries.map(|one| entry(kind, one, &state.settings));
            banks.insert(bank.name.as_str().to_owned(), entries.collect());
        }
    }
    Some(Value::Object(banks))
}

/// What matches these hashes, each by its kind and by bank.
async fn look_up(
    state: &Arc<State>,
    hashes: Vec<(Kind, Signal)>,
    uri: Uri,
) -> Result<Vec<(Kind, Value)>, Refusal> {
    let gate = index_of(state)?;
    let shared = Arc::clone(state);
    at_some_pace(state, move |pace| {
        let parameters = Parameters::of(&uri)?;
        let asked = Asked::of(&parameters)?;
        let index = gate.index();
        let hashes = hashes.iter().map(|(kind, signal)| {
            let banks = by_bank(&index, pace, *kind, signal, &asked, &shared)?;
            Some((*kind, banks))
        });
        Ok(hashes.collect())
    })
    .await
}

/// By a hash.
pub(super) async fn by_signal(
    Shared(state): Shared<Arc<State>>,
    Extension(roles): Extension<Roles>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let parameters = Parameters::of(&uri)?;
    Asked::of(&parameters)?;
    if parameters.get("url").is_some_and(|url| !url.is_empty()) {
        may_hash(&roles)?;
        return Err(not_fetched());
    }
    let given = |name| parameters.get(name).filter(|text: &&str| !text.is_empty());
    let (Some(text), Some(kind)) = (given("signal"), given("signal_type")) else {
        return Err(Refusal::bad(EITHER));
    };
    let kind = types::on(&state, kind_of(kind)?)?;
    let signal = kind.read_or_refuse(text)?;
    let found = look_up(&state, vec![(kind, signal)], uri).await?;
    let found = found.into_iter().next().map(|(_, banks)| banks);
    Ok(answer(&found.unwrap_or_else(|| json!({}))))
}

fn may_hash(roles: &Roles) -> Result<(), Refusal> {
    match roles.0.contains(&Role::Hash) {
        true => Ok(()),
        false => Err(Refusal::forbidden("Hashing is disabled, missing role")),
    }
}

/// Whether a caller sent a key; one that is not good has been refused before.
fn brings_key(headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let kind = given.and_then(|given| given.split(|&byte| byte == b' ').next());
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(b"bearer"))
}

/// By a file in a form.
pub(super) async fn by_file(
    Shared(state): Shared<Arc<State>>,
    Extension(roles): Extension<Roles>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Refusal> {
    may_hash(&roles)?;
    if !caller.scopes.contains(&Role::Hash) {
        if !brings_key(request.headers()) {
            let said = "Authentication required: send `Authorization: Bearer KEY`; without a key there is no hashing here";
            return Err(Fault::new(StatusCode::UNAUTHORIZED, "no-key", said).into());
        }
        return Err(Refusal::forbidden(
            "Hashing is disabled, missing role: this key needs the scope hash too",
        ));
    }
    index_of(&state)?;
    let uri = request.uri().clone();
    let parameters = Parameters::of(&uri)?;
    Asked::of(&parameters)?;
    let hashed = of_form(&state, &parameters, request).await?;
    // What is too faint to be hashed cannot be looked up: an error, never "no match".
    let read = hashed.into_iter();
    let read = read.map(|(kind, text)| Ok((kind, kind.read_or_refuse(&text)?)));
    let hashes = read.collect::<Result<Vec<_>, Refusal>>()?;
    let found = look_up(&state, hashes, uri).await?;
    let found = found
        .into_iter()
        .map(|(kind, banks)| (kind.name.to_owned(), banks));
    Ok(answer(&Value::Object(found.collect())))
}

/// Seconds since 1970-01-01 UTC.
pub(super) fn seconds(at: Option<SystemTime>) -> Option<u64> {
    let since = at?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}

/// The kinds that an index is told of: HMA's two, and what else it holds.
pub(super) fn kinds_of(index: Option<&Index>) -> Vec<(Kind, u64)> {
    let held = index.map(Index::signal_types).unwrap_or_default();
    let size = |kind: Kind| {
        let mut held = held.iter();
        held.find(|held| held.signal_type == kind.of)
            .map_or(0, |held| held.hashes)
    };
    let mut kinds = vec![(PDQ, size(PDQ)), (VIDEO_MD5, size(VIDEO_MD5))];
    for held in &held {
        let kind = Kind::named(held.signal_type.name());
        if let Some(kind) = kind.filter(|kind| kind.of != PDQ.of && kind.of != VIDEO_MD5.of) {
            kinds.push((kind, held.hashes));
        }
    }
    kinds
}

/// What is known of the index, by kind.
pub(super) async fn index_status(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let parameters = Parameters::of(&uri)?;
    let index = state.follower.gate().map(|gate| gate.index());
    let built = seconds(state.follower.published());
    let mut told = Map::new();
    for (kind, size) in asked_kinds(&parameters, index.as_deref())? {
        let status = match (&index, built) {
            (Some(_), built) => {
                json!({ "present": true, "built_to": built.unwrap_or(0), "size": size })
            }
            (None, _) => json!({ "present": false, "built_to": -1, "size": 0 }),
        };
        told.insert(kind.name.to_owned(), status);
    }
    Ok(answer(&Value::Object(told)))
}

/// All kinds, or the one that `signal_type` names.
pub(super) fn asked_kinds(
    parameters: &Parameters,
    index: Option<&Index>,
) -> Result<Vec<(Kind, u64)>, Refusal> {
    let all = kinds_of(index);
    let Some(name) = parameters.get("signal_type") else {
        return Ok(all);
    };
    let kind =
        Kind::named(name).ok_or_else(|| Refusal::bad(format!("No such signal type '{name}'")))?;
    let size = all.iter().find(|(known, _)| known.of == kind.of);
    Ok(vec![(kind, size.map_or(0, |(_, size)| *size))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_number_again_and_all_lie_between_zero_and_one() {
        let some: BTreeSet<u64> = (0..200)
            .map(|seed| {
                let seed = seed.to_string();
                let drawn = flip(Some(&seed), PDQ);
                assert_eq!(drawn.to_bits(), flip(Some(&seed), PDQ).to_bits());
                assert!((0.0..1.0).contains(&drawn) && (0.0..1.0).contains(&flip(None, PDQ)));
                drawn.to_bits()
            })
            .collect();
        assert_eq!(some.len(), 200);
        assert_ne!(
            flip(Some("1"), PDQ).to_bits(),
            flip(Some("1"), VIDEO_MD5).to_bits()
        );
    }
}
