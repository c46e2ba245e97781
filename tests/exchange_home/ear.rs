//! A server that hears opinions, and a home whose exchange was fetched from it.

use super::{Home, Side, name, workspace_in};
use crate::exchange_support::model::Random;
use crate::exchange_support::{Server, ncmec, stop_ncii, threatexchange};
use hashgate::bank::{ContentItem, SourceStatus};
use hashgate::curation::Workspace;
use hashgate::curation::exchange::{
    Credentials, ExchangeError, Exchanges, Feedback, NewFeedback, about,
};
use hashgate::exchange::Opinion;
use hashgate::store::BankStore;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// One of the servers that hear opinions.
pub enum Fake {
    Ncmec(ncmec::Fake),
    StopNcii(stop_ncii::Fake),
    ThreatExchange(threatexchange::Fake),
}

impl Fake {
    pub fn all() -> [Self; 3] {
        [
            Self::Ncmec(ncmec::Fake::start(7)),
            Self::StopNcii(stop_ncii::Fake::start(7)),
            Self::ThreatExchange(threatexchange::Fake::start(7)),
        ]
    }

    pub fn side(&self) -> &dyn Side {
        match self {
            Self::Ncmec(fake) => fake,
            Self::StopNcii(fake) => fake,
            Self::ThreatExchange(fake) => fake,
        }
    }

    pub fn server(&self) -> &Server {
        self.side().server()
    }

    /// Whether the same may be told twice.
    pub fn may_repeat(&self) -> bool {
        !matches!(self, Self::StopNcii(_))
    }

    /// The opinions that were taken, in their order, in words of this test.
    pub fn taken(&self) -> Vec<String> {
        match self {
            Self::Ncmec(fake) => {
                let state = fake.state();
                let each = state.feedback.iter().map(|one| {
                    let said = match &one.reasons {
                        None => "true".to_owned(),
                        Some(guids) => format!("false {}", guids.join(",")),
                    };
                    format!("{}/{} {} {said}", one.member, one.entry, one.kind)
                });
                each.collect()
            }
            Self::StopNcii(fake) => {
                let state = fake.state();
                let each = state
                    .feedback
                    .iter()
                    .map(|one| format!("{} {} {}", one.value, one.said, one.tags.join(",")));
                each.map(|text| text.trim_end().to_owned()).collect()
            }
            Self::ThreatExchange(fake) => {
                let state = fake.state();
                let each = state.reactions.iter().map(|one| {
                    let sign = if one.is_removed { "-" } else { "" };
                    format!("{} {sign}{}", one.descriptor, one.reaction)
                });
                each.collect()
            }
        }
    }

    /// What must arrive for an opinion about a record of an entry, from what the source itself has; nothing where the
    /// interface cannot be told this.
    pub fn wants(&self, item: &ContentItem, opinion: Opinion, reasons: &[String]) -> Vec<String> {
        let records = item
            .sources()
            .filter(|from| from.status == SourceStatus::Active);
        let records = records.filter_map(|from| from.record.as_deref());
        let mut all = Vec::new();
        for record in records {
            match self {
                Self::Ncmec(fake) => {
                    let (member, id) = record.split_once('/').unwrap();
                    let key = (member.parse().unwrap(), id.to_owned());
                    let state = fake.state();
                    let kept = state.model.get(&key).unwrap();
                    let has = |kind: &&str| {
                        let mut own = kept.record.fingerprints.iter();
                        own.any(|(own, _)| own == kind)
                    };
                    let kind = ["pdq", "md5", "sha1", "pdna"]
                        .into_iter()
                        .find(|kind| has(kind));
                    let kind = kind.unwrap().to_uppercase();
                    let guid = |reason: &String| {
                        let known = ncmec::reasons(&kind);
                        let named = known.iter().find(|(_, own)| own == reason);
                        named.map_or(reason.clone(), |(guid, _)| guid.clone())
                    };
                    let guids: Vec<String> = reasons.iter().map(guid).collect();
                    all.extend(match opinion {
                        Opinion::True => Some(format!("{record} {kind} true")),
                        Opinion::False => {
                            Some(format!("{record} {kind} false {}", guids.join(",")))
                        }
                        _ => None,
                    });
                }
                Self::StopNcii(fake) => {
                    let (kind, value) = record.split_once(':').unwrap();
                    let state = fake.state();
                    let mut keys = state.model.all().map(|kept| &kept.record);
                    let is = |own: &&stop_ncii::Hash| {
                        own.signal_type == kind && own.value.eq_ignore_ascii_case(value)
                    };
                    let value = &keys.find(is).unwrap().value;
                    let said = match opinion {
                        Opinion::Seen => "PendingReview",
                        Opinion::True => "Blocked",
                        _ => "NotBlocked",
                    };
                    let said = format!("{value} {said} {}", reasons.join(","));
                    all.push(said.trim_end().to_owned());
                }
                Self::ThreatExchange(fake) => {
                    let state = fake.state();
                    let mut live = state.model.live_records();
                    let own = live.find(|own| own.id.to_string() == record).unwrap();
                    let said = match opinion {
                        Opinion::Seen => "SAW_THIS_TOO",
                        Opinion::True => "HELPFUL",
                        _ => "DISAGREE_WITH_TAGS",
                    };
                    let owned = own.descriptors.iter().flatten();
                    let owned = owned.filter(|one| one.owner.is_some());
                    all.extend(owned.map(|one| format!("{} {said}", one.id)));
                }
            }
        }
        all
    }
}

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs the program on a home, with this on its standard input.
pub fn run_with(home: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hashgate"))
        .args(arguments)
        .env("HASHGATE_HOME", home)
        .env("USER", "desk-of-the-test")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read it closes it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A home whose exchange was fetched, with nobody who holds its store.
pub struct Fetched {
    pub fake: Fake,
    pub folder: tempfile::TempDir,
    pub workspace: Workspace,
}

impl Fetched {
    pub fn from(fake: Fake, seed: u64) -> Self {
        let side = fake.side();
        side.steps(&mut Random::new(seed), 120);
        let mut home = Home::of(side);
        home.fetch(side).unwrap();
        side.server().forget();
        let Home {
            folder, workspace, ..
        } = home;
        Self {
            fake,
            folder,
            workspace,
        }
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        run_with(&self.folder.path().join("home"), arguments, "")
    }

    #[track_caller]
    pub fn expect(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:#?}");
        ran
    }

    pub fn lets_feedback(&self) {
        let mut known = Exchanges::of(&self.workspace).unwrap();
        known.set_feedback(&name(), true).unwrap();
    }

    pub fn store(&self) -> BankStore {
        BankStore::open_existing(self.workspace.store()).unwrap()
    }

    /// The entries that the source stands by and that one record makes.
    pub fn items(&self, store: &BankStore) -> Vec<ContentItem> {
        let bank = store.bank(&name()).unwrap().id;
        let items = store.items(bank).map(Result::unwrap);
        let stands = |item: &ContentItem| {
            item.sources().count() == 1 && item.provenance.status == SourceStatus::Active
        };
        items.filter(stands).collect()
    }

    pub fn opinions(&self, store: &BankStore) -> Vec<Feedback> {
        Feedback::all(store, store.bank(&name()).unwrap().id).unwrap()
    }

    /// Says something about an entry; the number of what is said.
    pub fn say(&self, store: &BankStore, item: &ContentItem, new: &NewFeedback) -> u64 {
        let known = Exchanges::of(&self.workspace).unwrap();
        let said = about(known.get(&name()).unwrap(), item, new).unwrap();
        let said = said.into_iter().map(|said| (item.id, said)).collect();
        let queued = Feedback::queue(store, item.bank, said, &new.by).unwrap();
        queued[0].number
    }

    pub fn send(&self, store: &BankStore, at_once: bool) -> Result<Vec<Feedback>, ExchangeError> {
        send(&self.workspace, store, at_once)
    }
}

/// Sends what waits.
pub fn send(
    workspace: &Workspace,
    store: &BankStore,
    at_once: bool,
) -> Result<Vec<Feedback>, ExchangeError> {
    let credentials = Credentials::of(workspace).unwrap();
    let mut known = Exchanges::of(workspace).unwrap();
    let ready = known.ready(store, &name(), &credentials)?;
    ready.send_feedback(store, &hashgate::curation::Silent, at_once)
}

/// The workspace of a home in a folder.
pub fn at(folder: &Path) -> Workspace {
    workspace_in(folder)
}
