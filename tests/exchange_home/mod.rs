//! A home whose exchange is one of the servers that behave as the exchanges do.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of it"
)]

#[cfg(feature = "full")]
pub mod ear;

use crate::exchange_support::model::{self, Hashes, Random, Record};
use crate::exchange_support::{Server, ncmec, stop_ncii, tat, threatexchange};
use hashgate::bank::{BankName, ContentItem, ContentState, SourceStatus};
use hashgate::clock::Clock;
use hashgate::curation::exchange::{
    Api, Credentials, ExchangeError, Exchanges, FetchOptions, FetchRecord, FetchState, FetchWatch,
    NewExchange,
};
use hashgate::curation::{Notice, Observer, Progress, Workspace};
use hashgate::store::BankStore;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

/// A source of any kind.
pub trait Side {
    fn api(&self) -> &'static str;
    fn config(&self) -> Value;
    fn credentials(&self) -> Value;
    fn server(&self) -> &Server;
    fn steps(&self, random: &mut Random, count: usize);
    fn steps_with_rubbish(&self, random: &mut Random, count: usize);
    /// The name of a record that is live.
    fn any_live(&self, random: &mut Random) -> String;
    /// What the source has whose description holds this.
    fn told(&self, part: &str) -> String;
    fn live(&self) -> Hashes;
    fn expired(&self) -> Hashes;
    fn asked_until(&self, at: u64);
    fn forget_pages(&self);
    fn secret(&self) -> &'static str;
    /// All that must be shown nowhere.
    fn secrets(&self) -> Vec<&'static str>;
}

macro_rules! side {
    ($fake:ty, $api:literal, $secret:expr, [$($more:expr),*], $forget:ident, |$me:ident| $config:expr, $credentials:expr) => {
        impl Side for $fake {
            fn api(&self) -> &'static str {
                $api
            }
            fn config(&self) -> Value {
                let $me = self;
                $config
            }
            fn credentials(&self) -> Value {
                $credentials
            }
            fn server(&self) -> &Server {
                &self.server
            }
            fn steps(&self, random: &mut Random, count: usize) {
                let model = &mut self.state().model;
                model.has_rubbish = false;
                model.steps(random, count);
            }
            fn steps_with_rubbish(&self, random: &mut Random, count: usize) {
                let model = &mut self.state().model;
                model.has_rubbish = true;
                model.steps(random, count);
            }
            fn any_live(&self, random: &mut Random) -> String {
                let state = self.state();
                let live: Vec<_> = state.model.live_records().collect();
                live[random.below(live.len())].name()
            }
            fn told(&self, part: &str) -> String {
                let state = self.state();
                let all = state.model.all().map(|kept| format!("{kept:?}"));
                all.filter(|text| text.contains(part))
                    .collect::<Vec<_>>()
                    .join("\n")
            }
            fn live(&self) -> Hashes {
                self.state().model.searched()
            }
            fn expired(&self) -> Hashes {
                model::searched(self.state().model.expired())
            }
            fn asked_until(&self, at: u64) {
                self.state().model.asked_until(at);
            }
            fn forget_pages(&self) {
                self.state().$forget();
            }
            fn secret(&self) -> &'static str {
                $secret
            }
            fn secrets(&self) -> Vec<&'static str> {
                vec![$secret, $($more),*]
            }
        }
    };
}

side!(
    ncmec::Fake,
    "ncmec",
    ncmec::PASSWORD,
    [],
    expire_paging,
    |me| json!({ "environment": "https://exttest.cybertip.org/hashsharing", "base_url": me.base() }),
    json!({ "user": ncmec::USER, "password": ncmec::PASSWORD })
);
side!(
    stop_ncii::Fake,
    "stop_ncii",
    stop_ncii::FETCH_KEY,
    [stop_ncii::FEEDBACK_KEY, stop_ncii::SUBSCRIPTION],
    expire_tokens,
    |me| json!({ "base_url": me.base() }),
    json!({ "fetch_function_key": stop_ncii::FETCH_KEY, "subscription_key": stop_ncii::SUBSCRIPTION,
        "feedback_function_key": stop_ncii::FEEDBACK_KEY })
);
side!(
    threatexchange::Fake,
    "fb_threatexchange",
    threatexchange::TOKEN,
    ["synthetic-secret_0123456789"],
    expire_cursors,
    |me| json!({ "privacy_group": threatexchange::GROUP, "base_url": me.base() }),
    json!({ "api_token": threatexchange::TOKEN })
);
side!(
    tat::Fake,
    "tat",
    tat::PASSWORD,
    [],
    expire_tokens,
    |me| json!({ "base_url": me.base() }),
    json!({ "username": tat::USER, "password": tat::PASSWORD })
);

/// Stops a fetch after it has been asked so often whether it shall; hears what is said.
#[derive(Default)]
pub struct Watch {
    pub left: Option<AtomicI64>,
    pub heard: Mutex<Vec<String>>,
}

impl Observer for Watch {
    fn progress(&self, _progress: Progress<'_>) {
        if let Some(left) = &self.left {
            left.fetch_sub(1, Ordering::Relaxed);
        }
    }
    fn notice(&self, notice: Notice<'_>) {
        self.heard.lock().unwrap().push(notice.to_string());
    }
    fn is_stopped(&self) -> bool {
        let left = self.left.as_ref();
        left.is_some_and(|left| left.load(Ordering::Relaxed) <= 0)
    }
}

pub struct Home {
    pub folder: tempfile::TempDir,
    pub workspace: Workspace,
    pub store: BankStore,
    pub now: u64,
}

pub fn name() -> BankName {
    "SIDE".parse().unwrap()
}

impl Home {
    pub fn of(side: &dyn Side) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path().join("home")).unwrap();
        workspace.create().unwrap();
        let store = BankStore::open(workspace.store()).unwrap();
        let mut new = NewExchange::new(name(), side.api());
        new.config = side.config().as_object().unwrap().clone();
        Exchanges::of(&workspace).unwrap().add(&store, new).unwrap();
        let api = Api::named(side.api()).unwrap();
        let mut kept = Credentials::of(&workspace).unwrap();
        kept.set(api, side.credentials().as_object().unwrap())
            .unwrap();
        Self {
            folder,
            workspace,
            store,
            now: 1_790_000_000,
        }
    }

    pub fn fetch_so(
        &mut self,
        side: &dyn Side,
        options: FetchOptions,
        watch: &Watch,
    ) -> Result<FetchRecord, ExchangeError> {
        self.now += 600;
        side.asked_until(self.now - 5);
        fetch_at(&self.workspace, &self.store, self.now, options, watch)
    }

    pub fn fetch(&mut self, side: &dyn Side) -> Result<FetchRecord, ExchangeError> {
        self.fetch_so(side, FetchOptions::default(), &Watch::default())
    }

    pub fn anew(&mut self, side: &dyn Side) -> Result<FetchRecord, ExchangeError> {
        let mut options = FetchOptions::default();
        (options.anew, options.accept_shrink) = (true, true);
        self.fetch_so(side, options, &Watch::default())
    }

    pub fn state(&self) -> FetchState {
        Exchanges::of(&self.workspace)
            .unwrap()
            .state(&self.store, &name())
            .unwrap()
    }

    /// The hashes of entries that a source stands by.
    pub fn hashes(&self) -> Hashes {
        hashes(&self.store)
    }

    /// See [`check`].
    pub fn check(&self, side: &dyn Side, seed: u64) {
        check(&self.store, side, seed);
    }
}

/// The hashes of entries that a source stands by.
pub fn hashes(store: &BankStore) -> Hashes {
    let bank = store.bank(&name()).unwrap().id;
    let items = store.items(bank).map(Result::unwrap);
    let standing = items.filter(|item| item.state != ContentState::Withdrawn);
    let of = |item: ContentItem| -> Vec<(String, String)> {
        let signals = item.signals.iter().map(|one| &one.signal);
        signals
            .map(|signal| (signal.signal_type().name().to_owned(), signal.hex()))
            .collect()
    };
    standing.flat_map(of).collect()
}

/// The bank has all that the source has, and beyond that only what no longer appears there.
pub fn check(store: &BankStore, side: &dyn Side, seed: u64) {
    let (has, live, expired) = (hashes(store), side.live(), side.expired());
    let lost: Vec<_> = live.difference(&has).collect();
    assert!(lost.is_empty(), "{} {seed}: lost {lost:?}", side.api());
    let more: Vec<_> = has
        .difference(&live)
        .filter(|hash| !expired.contains(*hash))
        .collect();
    let bank = store.bank(&name()).unwrap().id;
    let items: Vec<_> = store.items(bank).map(Result::unwrap).collect();
    for hash in more {
        let has = |item: &&ContentItem| item.signals.iter().any(|one| one.signal.hex() == hash.1);
        for item in items.iter().filter(has) {
            // One that was renewed, and then no longer appeared, is known by what it said before.
            let standing = item
                .sources()
                .filter(|from| from.status == SourceStatus::Active);
            for record in standing.filter_map(|from| from.record.as_deref()) {
                let part = match record.split_once('/') {
                    Some((member, id)) => format!("member: {member}, id: {id:?}"),
                    None => record.rsplit(':').next().unwrap_or_default().to_owned(),
                };
                let there = side.told(&part);
                assert!(
                    there.is_empty(),
                    "{} {seed}: {item:?}\nthere: {there}",
                    side.api()
                );
            }
        }
    }
    store.verify().unwrap();
}

pub fn sides(page: usize) -> Vec<Box<dyn Side>> {
    vec![
        Box::new(ncmec::Fake::start(page)),
        Box::new(stop_ncii::Fake::start(page)),
        Box::new(threatexchange::Fake::start(page)),
        Box::new(tat::Fake::start(page)),
    ]
}

/// A fetch at a time.
pub fn fetch_at(
    workspace: &Workspace,
    store: &BankStore,
    now: u64,
    mut options: FetchOptions,
    watch: &Watch,
) -> Result<FetchRecord, ExchangeError> {
    options.clock = Clock::fixed(now);
    let credentials = Credentials::of(workspace)?;
    let ready = Exchanges::of(workspace)?.ready(store, &name(), &credentials)?;
    let mut watch = FetchWatch {
        observer: watch,
        stopped: &mut || {},
    };
    ready.fetch(store, &options, &mut watch)
}

/// The workspace in a folder of [`Home::of`].
pub fn workspace_in(folder: &Path) -> Workspace {
    Workspace::at(folder.join("home")).unwrap()
}
