//! The servers that stand for the exchanges, asked by python-threatexchange's own clients: both have the same live hashes,
//! and each difference is one of the clients' known faults, named here.
//!
//! `HASHGATE_PEERS_PYTHON` names a Python that has the package `threatexchange`. Without it the tests say that they are
//! skipped.

mod exchange_support;

use exchange_support::model::{Model, searched};
use exchange_support::stop_ncii::{self, Hash};
use exchange_support::{Hashes, Random, Record, json, ncmec, tat, threatexchange};
use serde_json::{Value, json as object};
use std::io::Write;
use std::process::{Command, Stdio};

/// What the clients answer about these sources, if there is a Python to run them.
fn peers(sources: &Value) -> Option<Value> {
    let Ok(python) = std::env::var("HASHGATE_PEERS_PYTHON") else {
        eprintln!("skipped: HASHGATE_PEERS_PYTHON names no Python with `threatexchange`");
        return None;
    };
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/exchange_support/peers.py"
    );
    let mut child = Command::new(&python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {python}: {error}"));
    let mut input = child.stdin.take().expect("a pipe");
    input
        .write_all(sources.to_string().as_bytes())
        .expect("it is read");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert!(
        output.status.success(),
        "{python} {script}: {}",
        output.status
    );
    Some(json(&output.stdout))
}

/// What one client has, and what stopped it.
fn answer(all: &Value, name: &str) -> (Hashes, Option<String>) {
    let live = all[name]["live"].as_array().expect("a list").iter();
    let live = live.filter_map(|text| text.as_str()?.split_once(' '));
    let live = live.map(|(kind, value)| (kind.to_owned(), value.to_owned()));
    (
        live.collect(),
        all[name]["error"].as_str().map(str::to_owned),
    )
}

/// A script of changes without rubbish: one such record stops these clients.
fn fill<R: Record>(model: &mut Model<R>, seed: u64) {
    model.has_rubbish = false;
    model.steps(&mut Random::new(seed), 300);
}

struct Sources {
    ncmec: ncmec::Fake,
    stop_ncii: stop_ncii::Fake,
    threatexchange: threatexchange::Fake,
    tat: tat::Fake,
}

impl Sources {
    fn start(seed: u64) -> Self {
        let all = Self {
            ncmec: ncmec::Fake::start(7),
            stop_ncii: stop_ncii::Fake::start(7),
            threatexchange: threatexchange::Fake::start(7),
            tat: tat::Fake::start(7),
        };
        fill(&mut all.ncmec.state().model, seed);
        fill(&mut all.stop_ncii.state().model, seed);
        fill(&mut all.threatexchange.state().model, seed);
        fill(&mut all.tat.state().model, seed);
        // It asks for user and password without a mark in them.
        all.ncmec.state().password = "plain".to_owned();
        all.tat.state().has_more_fields = false;
        all
    }

    /// Where they are and what opens them.
    fn told(&self) -> Value {
        object!({
            "ncmec": {"base": self.ncmec.base(), "user": ncmec::USER, "password": "plain"},
            "stop_ncii": {
                "base": self.stop_ncii.base(),
                "subscription": stop_ncii::SUBSCRIPTION,
                "fetch": stop_ncii::FETCH_KEY,
            },
            "threatexchange": {
                "base": self.threatexchange.base(),
                "token": threatexchange::TOKEN,
                "group": threatexchange::GROUP,
            },
            "tat": {"base": self.tat.base(), "user": tat::USER, "password": tat::PASSWORD},
        })
    }
}

/// Whether StopNCII's client drops the record: it has a word that is none of the client's.
fn has_new_words(hash: &Hash) -> bool {
    let mut said = hash.feedback.iter().map(|(_, value, _)| value.as_str());
    hash.status == "Escalated" || said.any(|value| value == "Undefined")
}

#[test]
fn the_clients_that_there_are_have_the_same_live_hashes() {
    let sources = Sources::start(21);
    let Some(all) = peers(&sources.told()) else {
        return;
    };
    let (live, error) = answer(&all, "ncmec");
    assert_eq!((live, error), (sources.ncmec.state().model.live(), None));
    let (live, error) = answer(&all, "threatexchange");
    assert_eq!(
        (live, error),
        (sources.threatexchange.state().model.searched(), None)
    );
    let (live, error) = answer(&all, "tat");
    assert_eq!((live, error), (sources.tat.state().model.live(), None));
    // Fault: a record with a word that the client does not know is dropped whole.
    let state = sources.stop_ncii.state();
    let known = state
        .model
        .live_records()
        .filter(|hash| !has_new_words(hash));
    let (live, error) = answer(&all, "stop_ncii");
    assert_eq!(
        (&live, error),
        (&searched(known.flat_map(Record::hashes).collect()), None)
    );
    let missed = state.model.searched().len() - live.len();
    assert!(missed > 0, "no record has a word of tomorrow");
}

#[test]
fn one_record_that_is_none_and_one_field_more_stop_the_clients() {
    let sources = Sources::start(22);
    sources.ncmec.state().model.put(ncmec::Entry::rubbish("r"));
    sources
        .threatexchange
        .state()
        .model
        .put(threatexchange::Indicator::rubbish(7));
    sources.tat.state().has_more_fields = true;
    let Some(all) = peers(&sources.told()) else {
        return;
    };
    for name in ["ncmec", "threatexchange", "tat"] {
        let (_, error) = answer(&all, name);
        assert!(
            error.is_some(),
            "{name} has learned to go on: drop it from here"
        );
    }
}
