//! The list of exchanges: what may be in it, what a fetch does, and what becomes of a list or a bank that is not as it
//! was left.

#![cfg(feature = "curation")]

use hashgate::bank::{Action, BankName, Policy};
use hashgate::curation::exchange::{
    Api, Credentials, ExchangeError, Exchanges, FetchOptions, FetchRecord, FetchWatch, NewExchange,
};
use hashgate::curation::{Silent, Workspace};
use hashgate::store::BankStore;
use serde_json::{Map, Value, json};
use std::os::unix::fs::PermissionsExt;

struct Home {
    _folder: tempfile::TempDir,
    workspace: Workspace,
    store: BankStore,
}

fn home() -> Home {
    let folder = tempfile::tempdir().expect("a folder");
    let workspace = Workspace::at(folder.path().join("home")).expect("a workspace");
    workspace.create().expect("a folder");
    let store = BankStore::open(workspace.store()).expect("a store");
    Home {
        _folder: folder,
        workspace,
        store,
    }
}

fn name(text: &str) -> BankName {
    text.parse().expect("a name")
}

fn sample(text: &str) -> NewExchange {
    NewExchange::new(name(text), "sample")
}

impl Home {
    fn exchanges(&self) -> Exchanges {
        Exchanges::of(&self.workspace).expect("a list")
    }

    fn fetch(&self, exchange: &str) -> Result<FetchRecord, ExchangeError> {
        let credentials = Credentials::of(&self.workspace)?;
        let ready = self
            .exchanges()
            .ready(&self.store, &name(exchange), &credentials)?;
        let mut watch = FetchWatch {
            observer: &Silent,
            stopped: &mut || {},
        };
        ready.fetch(&self.store, &FetchOptions::default(), &mut watch)
    }

    fn banks(&self) -> Vec<String> {
        let banks = self.store.banks().expect("banks").into_iter();
        banks.map(|bank| bank.name.to_string()).collect()
    }

    /// The list as it is on disk, changed.
    fn change_list(&self, change: impl FnOnce(&mut Value)) {
        let path = self.workspace.exchanges();
        let mut list =
            serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
        change(&mut list);
        std::fs::write(path, list.to_string()).expect("written");
    }
}

#[test]
fn a_fetch_that_is_done_again_changes_nothing_and_leaves_what_people_withdrew() {
    let home = home();
    let mut all = home.exchanges();
    all.add(&home.store, sample("S")).expect("made");
    assert_eq!(all.items(&home.store, &name("S")).expect("counted"), 0);
    assert_eq!(home.fetch("S").expect("fetched").added, 18);
    let bank = home.store.bank(&name("S")).expect("a bank");
    let first = home
        .store
        .items(bank.id)
        .next()
        .expect("an entry")
        .expect("read")
        .id;
    home.store.withdraw(first, 7).expect("withdrawn");
    let before = home.store.revision();
    let again = home.fetch("S").expect("fetched");
    assert_eq!((again.added, again.unchanged), (0, 18), "{again:?}");
    assert_eq!(home.store.revision(), before);
    assert_eq!(
        home.exchanges()
            .items(&home.store, &name("S"))
            .expect("counted"),
        17
    );
    // Two that bring the same hashes keep them apart.
    all.add(&home.store, sample("T")).expect("made");
    assert_eq!(home.fetch("T").expect("fetched").added, 18);
    assert!(all.remove(&home.store, &name("S")).expect("removed"));
    assert!(!all.remove(&home.store, &name("S")).expect("it is gone"));
    assert_eq!(home.banks(), ["T"]);
    assert_eq!(all.items(&home.store, &name("T")).expect("counted"), 18);
    let mode = std::fs::metadata(home.workspace.exchanges())
        .expect("facts")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_cannot_be_made_leaves_neither_an_exchange_nor_a_bank() {
    let home = home();
    let mut all = home.exchanges();
    let taken = home
        .store
        .create_bank(&name("TAKEN"), Policy::new(Action::Block));
    taken.expect("a bank");
    let refused = all.add(&home.store, sample("TAKEN"));
    assert!(
        matches!(refused, Err(ExchangeError::BankExists { .. })),
        "{refused:?}"
    );
    let refused = all.add(&home.store, NewExchange::new(name("A"), "nothing"));
    assert!(
        refused
            .expect_err("no kind")
            .to_string()
            .contains("there are sample")
    );
    for api in Api::ALL.iter().filter(|api| !api.is_there) {
        let refused = all.add(&home.store, NewExchange::new(name("A"), api.name));
        assert!(
            matches!(refused, Err(ExchangeError::NotThere { .. })),
            "{refused:?}"
        );
    }
    assert!(all.all().is_empty() && home.exchanges().all().is_empty());
    assert_eq!(home.banks(), ["TAKEN"]);
    for count in 0..Exchanges::MAX {
        // Without a bank each, which costs a sync.
        home.change_or_begin(count);
    }
    let mut all = home.exchanges();
    let refused = all.add(&home.store, sample("ONE_MORE"));
    assert!(
        matches!(refused, Err(ExchangeError::TooMany { .. })),
        "{refused:?}"
    );
}

impl Home {
    /// Writes one more exchange into the list by hand.
    fn change_or_begin(&self, count: usize) {
        let path = self.workspace.exchanges();
        if !path.exists() {
            std::fs::write(&path, r#"{"version":1,"exchanges":[]}"#).expect("written");
        }
        self.change_list(|list| {
            let one = json!({
                "name": format!("E{count:05}"), "api": "sample", "enabled": false, "config": {},
                "bank": null, "fetch": {},
            });
            list["exchanges"].as_array_mut().expect("a list").push(one);
        });
    }
}

#[test]
fn a_bank_that_was_deleted_is_not_made_again_and_a_half_made_one_is() {
    let home = home();
    let mut all = home.exchanges();
    all.add(&home.store, sample("GONE")).expect("made");
    home.store.delete_bank(&name("GONE")).expect("deleted");
    let refused = home.fetch("GONE");
    assert!(
        matches!(refused, Err(ExchangeError::NoBank { .. })),
        "{refused:?}"
    );
    assert!(home.banks().is_empty(), "somebody wanted it gone");
    let state = home
        .exchanges()
        .state(&home.store, &name("GONE"))
        .expect("told");
    assert_eq!((state.succeeded, state.is_up_to_date), (Some(false), false));
    assert!(state.problem.is_some_and(|why| why.contains("deleted")));
    assert!(all.remove(&home.store, &name("GONE")).expect("removed"));
    // The program ended between the list and the bank.
    all.add(&home.store, sample("HALF")).expect("made");
    home.store.delete_bank(&name("HALF")).expect("deleted");
    home.change_list(|list| list["exchanges"][0]["bank"] = Value::Null);
    let mut all = home.exchanges();
    assert_eq!(all.items(&home.store, &name("HALF")).expect("counted"), 0);
    all.add(&home.store, sample("HALF"))
        .expect("making it again ends it");
    assert_eq!(home.banks(), ["HALF"]);
    assert!(matches!(
        all.add(&home.store, sample("HALF")),
        Err(ExchangeError::Exists { .. })
    ));
}

#[test]
fn a_list_that_this_program_did_not_write_is_refused_and_kept() {
    let home = home();
    let mut all = home.exchanges();
    all.add(&home.store, sample("A")).expect("made");
    let good = std::fs::read(home.workspace.exchanges()).expect("a file");
    let refused = |change: &dyn Fn(&mut Value), said: &str| {
        std::fs::write(home.workspace.exchanges(), &good).expect("written");
        home.change_list(|list| change(list));
        let error = Exchanges::of(&home.workspace).expect_err(said);
        assert!(matches!(error, ExchangeError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
    };
    refused(&|list| list["version"] = json!(2), "version 2");
    refused(&|list| list["more"] = json!(1), "not as it is written here");
    refused(
        &|list| list["exchanges"][0]["name"] = json!("../a"),
        "not as it is written here",
    );
    let twice = |list: &mut Value| {
        let one = list["exchanges"][0].clone();
        list["exchanges"].as_array_mut().expect("a list").push(one);
    };
    refused(&twice, "not in order");
}

#[test]
fn secrets_are_told_to_nobody_but_who_fetches() {
    let home = home();
    let ncmec = Api::named("ncmec").expect("it is known");
    let secret = |user: &str| {
        let given = json!({ "user": user, "password": "hidden-word" });
        given.as_object().cloned().expect("an object")
    };
    let mut kept = Credentials::of(&home.workspace).expect("none");
    assert!(!kept.has(ncmec) && kept.get(ncmec).is_none());
    kept.set(ncmec, &secret("desk")).expect("kept");
    let kept = Credentials::of(&home.workspace).expect("some");
    assert_eq!(kept.get(ncmec), Some(&secret("desk")));
    assert!(!format!("{kept:?}").contains("hidden-word"), "{kept:?}");
    let path = home.workspace.exchange_credentials();
    // A damaged file is told of without its words.
    std::fs::write(
        &path,
        r#"{"version": 1, "credentials": {"ncmec": "hidden-word"}}"#,
    )
    .expect("written");
    let said = Credentials::of(&home.workspace)
        .expect_err("damaged")
        .to_string();
    assert!(
        said.contains("line 1") && !said.contains("hidden-word"),
        "{said}"
    );
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).expect("permissions");
    let open = Credentials::of(&home.workspace);
    assert!(
        matches!(open, Err(ExchangeError::Open { mode: 0o640, .. })),
        "{open:?}"
    );
    std::fs::remove_file(&path).expect("removed");
    let mut kept = Credentials::of(&home.workspace).expect("none");
    let sample = Api::named("sample").expect("it is known");
    assert!(
        kept.set(sample, &secret("desk")).is_err(),
        "it has no fields"
    );
    kept.set(ncmec, &Map::new()).expect("nothing is removed");
    assert!(!kept.has(ncmec));
}
