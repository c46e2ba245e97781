//! The servers that stand for the exchanges, asked by python-threatexchange's own clients: both have the same live hashes,
//! and each difference is one of the clients' known faults, named here.
//!
//! `HASHGATE_PEERS_PYTHON` names a Python that has the package `threatexchange`. Without it the tests say that they are
//! skipped.

#[cfg(feature = "exchange")]
mod exchange_home;
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
            "stop_ncii_exchange": {
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

/// What hashgate has of a source after a fetch of all that there is.
#[cfg(feature = "exchange")]
fn own(side: &dyn exchange_home::Side) -> Hashes {
    let mut home = exchange_home::Home::of(side);
    let fetched = home
        .fetch(side)
        .unwrap_or_else(|error| panic!("{}: {error}", side.api()));
    assert!(fetched.left_out.is_empty(), "{}: {fetched:?}", side.api());
    home.hashes()
}

/// The hashes of hashgate and of a client, which have the same ones but for these: those that only hashgate has, and those that
/// only the client has. Each is a known fault of the client's.
#[cfg(feature = "exchange")]
#[track_caller]
fn differ_by(own: &Hashes, theirs: Hashes, only_own: &Hashes, only_theirs: &Hashes) {
    let theirs = searched(theirs);
    let minus = |a: &Hashes, b: &Hashes| a.difference(b).cloned().collect::<Hashes>();
    assert_eq!(&minus(own, &theirs), only_own);
    assert_eq!(&minus(&theirs, own), only_theirs);
}

#[cfg(feature = "exchange")]
#[test]
fn hashgate_and_the_clients_end_with_the_same_live_hashes_but_for_the_clients_faults() {
    let none = Hashes::new();
    for seed in [31, 32, 33] {
        let sources = Sources::start(seed);
        let answers = peers(&sources.told());
        // What hashgate is told of the password is another one.
        ncmec::PASSWORD.clone_into(&mut sources.ncmec.state().password);
        let all: [(&str, &dyn exchange_home::Side); 4] = [
            ("ncmec", &sources.ncmec),
            ("threatexchange", &sources.threatexchange),
            ("tat", &sources.tat),
            ("stop_ncii", &sources.stop_ncii),
        ];
        for (name, side) in all {
            let own = own(side);
            assert_eq!(own, side.live(), "{name}");
            let Some(answers) = &answers else { continue };
            let (theirs, error) = answer(answers, name);
            assert_eq!(error, None, "{name}");
            if name != "stop_ncii" {
                differ_by(&own, theirs, &none, &none);
                continue;
            }
            // Fault 1: a record with a word that the client does not know is dropped whole.
            let state = sources.stop_ncii.state();
            let of = |wanted: &dyn Fn(&Hash) -> bool| -> Hashes {
                let all = state.model.all().map(|kept| &kept.record);
                searched(
                    all.filter(|hash| wanted(hash))
                        .flat_map(Hash::hashes)
                        .collect(),
                )
            };
            let dropped = of(&|hash| hash.is_live() && has_new_words(hash));
            assert!(!dropped.is_empty());
            differ_by(&own, theirs, &dropped, &none);
            // Fault 2: the exchange above the client compares the hash, not its status, with `Withdrawn`. So what was
            // taken back stays.
            let (theirs, error) = answer(answers, "stop_ncii_exchange");
            assert_eq!(error, None);
            let withdrawn = of(&|hash| !hash.is_live() && !has_new_words(hash));
            assert!(!withdrawn.is_empty());
            differ_by(&own, theirs, &dropped, &withdrawn);
        }
    }
}

#[cfg(feature = "exchange")]
#[test]
fn hashgate_goes_on_where_one_record_stops_the_clients() {
    let sources = Sources::start(34);
    ncmec::PASSWORD.clone_into(&mut sources.ncmec.state().password);
    sources.ncmec.state().model.put(ncmec::Entry::rubbish("r"));
    let rubbish = threatexchange::Indicator::rubbish(7);
    sources.threatexchange.state().model.put(rubbish);
    sources.tat.state().has_more_fields = true;
    sources.tat.state().model.put(tat::Digest::rubbish(7));
    sources.stop_ncii.state().model.put(Hash::rubbish("r"));
    let all: [&dyn exchange_home::Side; 4] = [
        &sources.ncmec,
        &sources.threatexchange,
        &sources.tat,
        &sources.stop_ncii,
    ];
    for side in all {
        assert_eq!(own(side), side.live(), "{}", side.api());
    }
}
