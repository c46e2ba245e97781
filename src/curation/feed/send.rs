//! Publishing a feed: its files, then its head, then what nobody needs any more is removed.
//!
//! Whatever is stopped, and wherever, the head that is there names files that are there whole; publishing again mends the rest.

use crate::bank::{Bank, BankName, ContentItem, ContentState};
use crate::clock::{Clock, DAY};
use crate::curation::bundle::sign_file;
use crate::curation::export::exported;
use crate::curation::feed::FeedError;
use crate::curation::feed::digest::digest;
use crate::curation::feed::head::{FeedDelta, FeedFile, FeedHead, MOST_RETIRED, RetiredFile};
use crate::curation::feed::note::{Sent, read_notes, write_notes};
use crate::curation::feed::rows::Published;
use crate::curation::feed::shelf::{Shelf, ShelfError};
use crate::curation::{Observer, Progress, Workspace};
use crate::files::Lock;
use crate::hash::hex;
use crate::hashset::{BundleHead, BundleWriter, ExportFormat, ListWriter};
use crate::store::{BankStore, Snapshot};
use crate::trust;
use minisign::PublicKey;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// So many deltas lead on from a bundle before there is a new one.
const MOST_BEHIND_WHOLE: usize = 64;
/// A bundle is written anew where the deltas behind it have more than a quarter of its bytes, and more than these.
const SMALL: u64 = 64 << 10;
/// So many deltas are kept for subscribers that come seldom.
const MOST_KEPT: usize = 64;
/// So many entries may always be taken back.
const ALWAYS: u64 = 10;
/// Between two reports to the observer.
const ITEMS_A_REPORT: u64 = 1_000;

/// How a feed is published.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FeedOptions {
    /// The bank whose active entries are published.
    pub bank: BankName,
    /// What the feed is called; without it as the bank.
    pub name: Option<BankName>,
    /// The file with the secret key, of minisign's.
    pub secret_key: PathBuf,
    /// The key's password, where it has one.
    pub password: Option<String>,
    /// For how many seconds the head is good. A week unless told.
    pub expires_after: u64,
    /// How many seconds a file stays after the last head that named it. A day unless told.
    pub grace: u64,
    /// It is published even if much of it is taken back.
    pub accept_shrink: bool,
    /// The largest share of the feed's entries, in per cent, that one publication may take back.
    pub max_shrink: u8,
    /// Where the time comes from.
    pub clock: Clock,
}

impl FeedOptions {
    /// A bank by this key, and what else is meant unless told.
    #[must_use]
    pub fn new(bank: BankName, secret_key: impl Into<PathBuf>) -> Self {
        Self {
            bank,
            name: None,
            secret_key: secret_key.into(),
            password: None,
            expires_after: 7 * DAY,
            grace: DAY,
            accept_shrink: false,
            max_shrink: 10,
            clock: Clock::system(),
        }
    }
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FeedOutcome {
    /// What the feed is called.
    pub name: BankName,
    /// The public key that it is signed by, as text.
    pub public_key: String,
    /// The sequence of its head.
    pub sequence: u64,
    /// Until when the head is good: seconds since 1970-01-01 UTC.
    pub expires: u64,
    /// Entries of the feed.
    pub items: u64,
    /// Entries that are new or changed.
    pub given: u64,
    /// Entries that are taken back.
    pub taken_back: u64,
    /// Files that were written, beside the head.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Old files that were removed.
    pub removed: u64,
    /// A bundle with all entries was written.
    pub is_whole: bool,
    /// What was published before cannot be read any more: subscribers take the whole bundle, and what it lacks.
    pub is_anew: bool,
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}

/// A publication while it goes on.
struct Sending<'a> {
    shelf: &'a dyn Shelf,
    observer: &'a dyn Observer,
    options: &'a FeedOptions,
    folder: &'a Path,
    name: BankName,
    bank: Bank,
    snapshot: Snapshot<'a>,
    items: u64,
}

/// What changed since the last publication.
struct Changes {
    file: File,
    given: u64,
    taken_back: u64,
    /// Entries of the feed before, and now.
    before: u64,
    now: u64,
}

impl Sending<'_> {
    fn temporary(&self) -> io::Result<File> {
        tempfile::tempfile_in(self.folder)
    }

    /// Calls with each entry that goes out, and its line.
    fn each(
        &self,
        what: &str,
        mut take: impl FnMut(&ContentItem, &[u8]) -> Result<(), FeedError>,
    ) -> Result<u64, FeedError> {
        let (mut seen, mut given) = (0, 0);
        let mut line = Vec::new();
        for item in self.snapshot.items(self.bank.id) {
            let item = item?;
            if seen % ITEMS_A_REPORT == 0 {
                self.observer
                    .progress(Progress::items(what, seen, self.items));
                if self.observer.is_stopped() {
                    return Err(FeedError::Interrupted);
                }
            }
            seen += 1;
            if item.state != ContentState::Active {
                continue;
            }
            given += 1;
            line.clear();
            ListWriter::new(&mut line, ExportFormat::JsonLines, "")?.item(&item)?;
            take(&item, &line)?;
        }
        Ok(given)
    }

    /// The files of what was published last, or none where one of them is not as it was signed.
    fn published(&self, last: &FeedHead) -> Result<Option<Published>, FeedError> {
        let way = last.way_from(last.whole.state).unwrap_or_default();
        let whole = (last.whole_path(), &last.whole.sha256, last.whole.bytes);
        let deltas = way
            .iter()
            .map(|delta| (last.delta_path(delta), &delta.sha256, delta.bytes));
        let mut files = Vec::new();
        for (path, sha256, bytes) in std::iter::once(whole).chain(deltas) {
            self.observer
                .progress(Progress::step("reading what was published"));
            if self.observer.is_stopped() {
                return Err(FeedError::Interrupted);
            }
            if self.shelf.length(&path).map_err(FeedError::Shelf)? != Some(bytes) {
                return Ok(None);
            }
            let mut file = self.temporary()?;
            if !(self.shelf.copy(&path, bytes, &mut file)).map_err(FeedError::Shelf)?
                || digest(&mut file)? != (sha256.clone(), bytes)
            {
                return Ok(None);
            }
            files.push(file);
        }
        match Published::of(files) {
            Ok(published) => Ok(Some(published)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Holds what was published against the bank.
    fn changes(&self, mut published: Published) -> Result<Changes, FeedError> {
        let mut out = BufWriter::new(self.temporary()?);
        let (mut given, mut taken_back, mut before) = (0, 0, 0);
        let mut next = published.next()?;
        let mut take_back = |out: &mut BufWriter<File>, id: u64| -> io::Result<()> {
            taken_back += 1;
            let row = serde_json::json!({ "id": id.to_string(), "status": "withdrawn" });
            writeln!(out, "{row}")
        };
        let now = self.each("what changed", |item, line| {
            while let Some((id, _)) = next.as_ref().filter(|(id, _)| *id < item.id.0) {
                before += 1;
                take_back(&mut out, *id)?;
                next = published.next()?;
            }
            let is_there = next.as_ref().is_some_and(|(id, _)| *id == item.id.0);
            let is_same = is_there && next.as_ref().is_some_and(|(_, was)| was == line);
            if is_there {
                before += 1;
                next = published.next()?;
            }
            if !is_same {
                given += 1;
                out.write_all(line)?;
            }
            Ok(())
        })?;
        while let Some((id, _)) = next {
            before += 1;
            take_back(&mut out, id)?;
            next = published.next()?;
        }
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Changes {
            file,
            given,
            taken_back,
            before,
            now,
        })
    }

    /// Writes a bundle with all entries, signed; and how many there are.
    fn whole(&self, sequence: u64, key: &minisign::SecretKey) -> Result<(File, u64), FeedError> {
        let head = BundleHead {
            version: 1,
            name: self.name.to_string(),
            sequence,
            created: self.options.clock.now(),
            // The head expires; a bundle lasts as long as heads name it.
            expires: None,
            policy: exported(&self.bank.policy),
        };
        let mut file = self.temporary()?;
        let mut writer = BundleWriter::new(BufWriter::new(&file), &head)?;
        let items = self.each("entries written", |item, _| Ok(writer.item(item)?))?;
        writer.finish()?;
        sign_file(&mut file, &head, key)?;
        Ok((file, items))
    }

    /// Puts a file at the place, even if one of this name is there: it may be damaged.
    fn put(&self, path: &str, file: &mut File, bytes: u64) -> Result<(), FeedError> {
        if bytes > FeedHead::MOST_FILE {
            let most = FeedHead::MOST_FILE;
            return Err(FeedError::TooLarge { bytes, most });
        }
        if self.observer.is_stopped() {
            return Err(FeedError::Interrupted);
        }
        self.observer.progress(Progress::step("sending"));
        self.shelf.put(path, file).map_err(FeedError::Shelf)
    }

    /// Whether all files are there that a new subscriber needs.
    fn is_there(&self, last: &FeedHead) -> Result<bool, FeedError> {
        let way = last.way_from(last.whole.state).unwrap_or_default();
        let deltas = way
            .iter()
            .map(|delta| (last.delta_path(delta), delta.bytes));
        for (path, bytes) in deltas.chain([(last.whole_path(), last.whole.bytes)]) {
            if self.shelf.length(&path).map_err(FeedError::Shelf)? != Some(bytes) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The last head without the deltas that cannot be had any more.
    fn with_what_is_there(&self, mut last: FeedHead) -> Result<FeedHead, FeedError> {
        let mut missing = None;
        for (at, delta) in last.deltas.iter().enumerate() {
            let there = self.shelf.length(&last.delta_path(delta));
            if there.map_err(FeedError::Shelf)? != Some(delta.bytes) && delta.to <= last.whole.state
            {
                missing = Some(at);
            }
        }
        if let Some(at) = missing {
            last.deltas.drain(..=at);
        }
        Ok(last)
    }
}

/// Publishes a bank as a feed. When this returns, it is in force at the place.
///
/// Where nothing changed there is a new head only, which is good for longer.
///
/// # Errors
/// [`FeedError`].
pub fn publish(
    workspace: &Workspace,
    options: &FeedOptions,
    shelf: &dyn Shelf,
    observer: &dyn Observer,
) -> Result<FeedOutcome, FeedError> {
    let secret = trust::secret_key(&options.secret_key, options.password.as_deref())?;
    let public = PublicKey::from_secret_key(&secret);
    let public = public.map_err(|error| FeedError::Sign(Box::new(error)))?;
    let name = options.name.clone().unwrap_or_else(|| options.bank.clone());
    let store = BankStore::open_read_only(workspace.store())?;
    let bank = store.bank(&options.bank)?;
    let note_file = workspace.feeds();
    let _alone = Lock::take(&note_file.with_extension("lock"))?;
    let mut notes = read_notes(&note_file)?;
    let key = format!("{} {name}", public.to_base64());
    let note = notes.get(&key).cloned().unwrap_or_default();

    let file = FeedHead::file_of(&name);
    let over = (shelf.get(&file, FeedHead::MOST_BYTES)).map_err(FeedError::Shelf)?;
    let last = match &over {
        None => None,
        Some(bytes) => Some(
            FeedHead::read(bytes, &public).map_err(|source| FeedError::Other {
                file: file.clone(),
                source,
            })?,
        ),
    };
    let snapshot = store.snapshot()?;
    let revision = snapshot.revision;
    let mark = snapshot.mark()?;
    let sending = Sending {
        shelf,
        observer,
        options,
        folder: workspace.folder(),
        name: name.clone(),
        items: store.counts(bank.id)?.items,
        bank,
        snapshot,
    };
    let highest = last.as_ref().map_or(0, |last| last.sequence);
    let highest = highest.max(note.sequence);
    let sequence = (highest + 1).max(revision);
    let mut outcome = FeedOutcome {
        name: name.clone(),
        public_key: public.to_base64(),
        sequence,
        expires: options.clock.now().saturating_add(options.expires_after),
        items: note.items,
        given: 0,
        taken_back: 0,
        files: 0,
        bytes: 0,
        removed: 0,
        is_whole: false,
        is_anew: false,
    };
    // The same store, as it was when this head was sent.
    let is_known = over.as_deref().map(sha256) == Some(note.head) && note.revision == revision;
    let is_known = is_known && mark.is_some() && note.mark == mark;
    let mut head = match &last {
        Some(last) if is_known && sending.is_there(last)? => {
            sending.with_what_is_there(last.clone())?
        }
        last => sending.bring(last.as_ref(), &secret, &mut outcome)?,
    };
    head.sequence = sequence;
    head.issued = options.clock.now();
    head.expires = outcome.expires;
    let (retired, due) = retired(&head, last.as_ref(), options.grace);
    head.retired = retired;
    let bytes = head.signed(&secret).map_err(FeedError::Sign)?;
    let sent = Sent {
        sequence,
        head: sha256(&bytes),
        revision,
        mark,
        items: outcome.items,
    };
    // Before the head: whatever becomes of it, its sequence is not given to another one.
    notes.insert(key, sent);
    write_notes(&note_file, &notes)?;
    if !(shelf.replace(&file, &bytes, over.as_deref())).map_err(FeedError::Shelf)? {
        return Err(FeedError::Overtaken { file });
    }
    // It is in force: what fails from here on does not change that.
    match sending.clean(&head, &due) {
        Ok(removed) => outcome.removed = removed,
        Err(error) => tracing::warn!("old files stay there until the next publication: {error}"),
    }
    Ok(outcome)
}

impl Sending<'_> {
    /// Writes the files that bring a feed to what the bank has, and gives the head that names them.
    fn bring(
        &self,
        last: Option<&FeedHead>,
        secret: &minisign::SecretKey,
        outcome: &mut FeedOutcome,
    ) -> Result<FeedHead, FeedError> {
        let sequence = outcome.sequence;
        let published = match last {
            Some(last) => self.published(last)?,
            None => None,
        };
        let (mut deltas, mut whole) = (Vec::new(), None);
        if let (Some(last), Some(published)) = (last, published) {
            let mut changes = self.changes(published)?;
            outcome.items = changes.now;
            (outcome.given, outcome.taken_back) = (changes.given, changes.taken_back);
            let last = self.with_what_is_there(last.clone())?;
            if changes.given + changes.taken_back == 0 {
                return Ok(last);
            }
            let (gone, before) = (changes.taken_back, changes.before);
            let max_shrink = self.options.max_shrink;
            let most = ALWAYS.max(before.saturating_mul(u64::from(max_shrink)) / 100);
            if gone > most && !self.options.accept_shrink {
                let name = self.name.clone();
                return Err(FeedError::Shrinks {
                    name,
                    gone,
                    before,
                    max_shrink,
                });
            }
            let (sha256, bytes) = digest(&mut changes.file)?;
            let delta = FeedDelta {
                from: last.state,
                to: sequence,
                sha256,
                bytes,
                given: changes.given,
                taken_back: changes.taken_back,
            };
            self.put(&last.delta_path(&delta), &mut changes.file, bytes)?;
            (outcome.files, outcome.bytes) = (1, bytes);
            deltas = last.deltas;
            deltas.push(delta);
            let behind = deltas.iter().filter(|delta| delta.from >= last.whole.state);
            let (count, bytes) = behind.fold((0, 0_u64), |(count, bytes), delta| {
                (count + 1, bytes.saturating_add(delta.bytes))
            });
            if count <= MOST_BEHIND_WHOLE && bytes <= SMALL.max(last.whole.bytes / 4) {
                whole = Some(last.whole);
            }
        } else {
            outcome.is_anew = last.is_some();
        }
        let whole = match whole {
            Some(whole) => whole,
            None => self.put_whole(secret, outcome)?,
        };
        // Who is behind the oldest that is kept takes the bundle.
        let needed = deltas
            .iter()
            .filter(|delta| delta.from >= whole.state)
            .count();
        let kept = deltas.len().min(MOST_KEPT.max(needed));
        let mut kept = deltas.split_off(deltas.len() - kept);
        let mut bytes: u64 = kept.iter().map(|delta| delta.bytes).sum();
        while kept.len() > needed && bytes > SMALL.max(whole.bytes) {
            bytes -= kept.remove(0).bytes;
        }
        let mut head = FeedHead::new(self.name.clone(), sequence, whole);
        head.state = sequence;
        head.deltas = kept;
        Ok(head)
    }

    fn put_whole(
        &self,
        secret: &minisign::SecretKey,
        outcome: &mut FeedOutcome,
    ) -> Result<FeedFile, FeedError> {
        let (mut file, items) = self.whole(outcome.sequence, secret)?;
        let (sha256, bytes) = digest(&mut file)?;
        let whole = FeedFile {
            state: outcome.sequence,
            sha256,
            bytes,
            items,
        };
        let head = FeedHead::new(self.name.clone(), outcome.sequence, whole);
        self.put(&head.whole_path(), &mut file, bytes)?;
        outcome.files += 1;
        outcome.bytes += bytes;
        (outcome.items, outcome.is_whole) = (items, true);
        Ok(head.whole)
    }

    /// Removes files that are due, and what publications that were stopped left.
    fn clean(&self, head: &FeedHead, due: &BTreeSet<String>) -> Result<u64, ShelfError> {
        let folder = FeedHead::folder_of(&self.name);
        let stays: BTreeSet<String> = head
            .files()
            .chain(head.retired.iter().map(|file| file.file.clone()))
            .collect();
        let now = self.options.clock.now();
        let mut removed = 0;
        for (name, since) in self.shelf.list(&folder)? {
            let is_left = since.saturating_add(self.options.grace) <= now;
            if !stays.contains(&name) && (due.contains(&name) || is_left) {
                self.shelf.remove(&format!("{folder}/{name}"))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// What earlier heads named and this one does not: what stays for a while, and what has stayed long enough.
fn retired(
    head: &FeedHead,
    last: Option<&FeedHead>,
    grace: u64,
) -> (Vec<RetiredFile>, BTreeSet<String>) {
    let Some(last) = last else {
        return (Vec::new(), BTreeSet::new());
    };
    let now = head.issued;
    let named: BTreeSet<String> = head.files().collect();
    let mut since: BTreeMap<String, u64> = BTreeMap::new();
    since.extend(
        last.retired
            .iter()
            .map(|file| (file.file.clone(), file.since)),
    );
    since.extend(last.files().map(|file| (file, now)));
    let others = since.into_iter().filter(|(file, _)| !named.contains(file));
    let (due, stays): (Vec<_>, Vec<_>) =
        others.partition(|(_, since)| since.saturating_add(grace) <= now);
    let mut due: BTreeSet<String> = due.into_iter().map(|(file, _)| file).collect();
    let stays = stays.into_iter();
    let mut stays: Vec<RetiredFile> = stays
        .map(|(file, since)| RetiredFile { file, since })
        .collect();
    // The oldest go early where there are too many.
    stays.sort_by_key(|file| std::cmp::Reverse(file.since));
    let early = stays.split_off(stays.len().min(MOST_RETIRED));
    due.extend(early.into_iter().map(|file| file.file));
    (stays, due)
}
