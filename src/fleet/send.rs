//! A generation goes out: its files, then `HEAD`, then what nobody needs any more.

use crate::clock;
use crate::files::Lock;
use crate::fleet::FleetError;
use crate::fleet::head::{self, FileRecord, Head, MOST_RETIRED, Retired, blob, sha256};
use crate::fleet::local::{beside, digest, locked, of_file, read_note, write_note};
use crate::fleet::place::{PIECE, Place, Put};
use crate::hash::hex;
use crate::index::{MANIFEST_FILE, Parts};
use crate::trust;
use crate::watch::{Observer, Progress};
use minisign::PublicKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// How a generation goes out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SendOptions {
    /// The file with the secret key, of minisign's.
    pub secret_key: PathBuf,
    /// The key's password, where it has one.
    pub password: Option<String>,
    /// For how many seconds `HEAD` is good. A week unless told.
    pub expires_after: u64,
    /// How many seconds a file stays after the last `HEAD` that named it. A day unless told.
    pub grace: u64,
}

impl SendOptions {
    /// With this key, and what else is meant unless told.
    #[must_use]
    pub fn by(secret_key: impl Into<PathBuf>) -> Self {
        Self {
            secret_key: secret_key.into(),
            password: None,
            expires_after: 7 * clock::DAY,
            grace: clock::DAY,
        }
    }
}

/// What went out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The generation.
    pub generation: u64,
    /// The sequence of its `HEAD`.
    pub sequence: u64,
    /// How many files it has.
    pub files: usize,
    /// How many of them were not there yet.
    pub uploaded: usize,
    /// Their bytes.
    pub uploaded_bytes: u64,
    /// How many old files were removed.
    pub removed: usize,
}

/// What this machine knows of what it sent: beside the index folder.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    /// The highest sequence by each key.
    highest: BTreeMap<String, u64>,
    /// What was computed of files that do not change.
    files: BTreeMap<String, Known>,
}

/// What is known of a file as long as it looks like this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    bytes: u64,
    /// Nanoseconds since 1970-01-01 UTC.
    modified: u128,
    sha256: String,
}

/// A segment that is held open: what removes it does not take it away.
struct Held {
    record: FileRecord,
    file: File,
}

/// Holds the files of the generation in force, and knows their digests.
fn hold(
    folder: &Path,
    note: &mut Note,
    observer: &dyn Observer,
) -> Result<(Parts, Vec<Held>), FleetError> {
    // A publisher may go on meanwhile: then the files of the generation before are gone.
    for _ in 0..10 {
        let parts = Parts::read(folder)?;
        let opened: Result<Vec<File>, io::Error> = parts
            .segments
            .iter()
            .map(|(name, _)| File::open(folder.join(name)))
            .collect();
        match opened {
            Ok(opened) => {
                let held = parts.segments.iter().zip(opened);
                let held = held.map(|((name, _), file)| known(folder, name, file, note, observer));
                let held = held.collect::<Result<Vec<Held>, FleetError>>()?;
                note.files
                    .retain(|name, _| parts.segments.iter().any(|(segment, _)| segment == name));
                return Ok((parts, held));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(of_file(folder)(error)),
        }
    }
    let gone = io::Error::new(io::ErrorKind::NotFound, "its segments are gone");
    Err(of_file(folder)(gone))
}

fn known(
    folder: &Path,
    name: &str,
    mut file: File,
    note: &mut Note,
    observer: &dyn Observer,
) -> Result<Held, FleetError> {
    let path = folder.join(name);
    let metadata = file.metadata().map_err(of_file(&path))?;
    let modified = metadata.modified().ok();
    let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified = modified.map_or(0, |time| time.as_nanos());
    let bytes = metadata.len();
    let before = note.files.get(name);
    let sha256 = match before.filter(|known| (known.bytes, known.modified) == (bytes, modified)) {
        Some(known) => known.sha256.clone(),
        None => digest(&mut file, &path, observer)?,
    };
    let kept = Known {
        bytes,
        modified,
        sha256: sha256.clone(),
    };
    note.files.insert(name.to_owned(), kept);
    let file_name = name.to_owned();
    Ok(Held {
        record: FileRecord {
            file: file_name,
            bytes,
            sha256,
        },
        file,
    })
}

/// Publishes the generation in force in a folder to a place. When this returns, it is in force there.
///
/// Only what the place lacks is sent. What is known of files and sequences stands beside the folder, in `FOLDER.sent`.
///
/// # Errors
/// [`FleetError`]; what was in force at the place still is, but where the answer to the last request was lost.
pub fn send(
    folder: &Path,
    place: &Place,
    options: &SendOptions,
    observer: &dyn Observer,
) -> Result<Sent, FleetError> {
    let secret = trust::secret_key(&options.secret_key, options.password.as_deref())?;
    let public = PublicKey::from_secret_key(&secret).map_err(|error| FleetError::Sign {
        source: Box::new(error),
    })?;
    let name = public.to_base64();
    place.probe(observer)?;
    let note_file = beside(folder, ".sent");
    let _alone = Lock::take(&beside(folder, ".sent.lock")).map_err(locked)?;
    let mut note: Note = read_note(&note_file)?;
    let (parts, mut held) = hold(folder, &mut note, observer)?;
    let before = place.get(head::HEAD, head::MOST_BYTES, observer)?;
    let keys = [public];
    let last = match &before {
        Some((bytes, _)) => Some(Head::read(bytes, &keys)?.0),
        None => None,
    };
    let manifest = FileRecord {
        file: MANIFEST_FILE.to_owned(),
        bytes: parts.manifest.len() as u64,
        sha256: sha256(&parts.manifest),
    };
    let records = held.iter().map(|held| held.record.clone()).collect();
    let now = clock::now();
    let mut head = Head::new(parts.generation, manifest, records);
    head.store_mark = parts.store_mark;
    head.issued = now;
    head.expires = now.saturating_add(options.expires_after);
    head.previous = before.as_ref().map(|(bytes, _)| sha256(bytes));
    // A place may show an older HEAD than was sent: what follows must be newer than both.
    let known = note.highest.get(&name).copied().unwrap_or(0);
    let highest = last.as_ref().map_or(0, |last| last.sequence).max(known);
    head.sequence = highest + 1;
    let (retired, due) = retired(&head, last.as_ref(), now, options.grace);
    head.retired = retired;

    let mut sent = Sent {
        generation: head.generation,
        sequence: head.sequence,
        files: head.files().count(),
        uploaded: 0,
        uploaded_bytes: 0,
        removed: 0,
    };
    let mut all_there = |sent: &mut Sent| -> Result<(), FleetError> {
        for held in &mut held {
            if upload(place, held, observer)? {
                sent.uploaded += 1;
                sent.uploaded_bytes += held.record.bytes;
            }
        }
        let object = blob(&head.manifest.sha256);
        if place.length(&object, observer)? != Some(head.manifest.bytes) {
            let mut bytes = Some(parts.manifest.clone());
            place.upload(&object, observer, || Ok(bytes.take().unwrap_or_default()))?;
            sent.uploaded += 1;
            sent.uploaded_bytes += head.manifest.bytes;
        }
        Ok(())
    };
    all_there(&mut sent)?;

    let ours = head.signed(&secret)?;
    let over = before.as_ref().map(|(_, version)| version);
    let put = place.put(head::HEAD, ours.clone(), over, observer);
    if !matches!(put, Ok(Put::Done)) {
        // A request whose answer was lost may have been done all the same.
        let there = place.get(head::HEAD, head::MOST_BYTES, observer)?;
        let there = there.map(|(bytes, _)| bytes);
        if there.as_ref() != Some(&ours) {
            put?;
            let other = there.and_then(|bytes| Head::read(&bytes, &keys).ok());
            let sequence = other.map_or(0, |(other, _)| other.sequence);
            return Err(FleetError::Overtaken { sequence });
        }
    }
    // It is in force: what fails from here on does not change that.
    note.highest.insert(name, head.sequence);
    let told = |what: &str, error: FleetError| {
        let error: &dyn std::error::Error = &error;
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
        tracing::warn!("{what}: {text}");
    };
    if let Err(error) = write_note(&note_file, &note) {
        told("what was sent could not be written down", error);
    }
    // A publisher before this one may have been cleaning up while this one found files of long ago.
    if let Err(error) = all_there(&mut sent) {
        told(
            "files of the generation may be missing there: publish again",
            error,
        );
    }
    let there = place.get(head::HEAD, head::MOST_BYTES, observer);
    if there.is_ok_and(|there| there.is_some_and(|(bytes, _)| bytes == ours)) {
        match clean(place, &head, &due, now, options.grace, observer) {
            Ok(removed) => sent.removed = removed,
            Err(error) => told("old files stay there until the next publish", error),
        }
    }
    Ok(sent)
}

/// What earlier ones named and this one does not: what stays for a while, and what has stayed long enough.
fn retired(
    head: &Head,
    last: Option<&Head>,
    now: u64,
    grace: u64,
) -> (Vec<Retired>, BTreeSet<String>) {
    let Some(last) = last else {
        return (Vec::new(), BTreeSet::new());
    };
    let named: BTreeSet<&str> = head.files().map(|file| file.sha256.as_str()).collect();
    let mut since: BTreeMap<&str, u64> = BTreeMap::new();
    for file in &last.retired {
        since.insert(&file.sha256, file.since);
    }
    for file in last.files() {
        since.insert(&file.sha256, now);
    }
    since.retain(|sha256, _| !named.contains(sha256));
    let mut stays: Vec<Retired> = Vec::new();
    let mut due = BTreeSet::new();
    for (sha256, since) in since {
        let sha256 = sha256.to_owned();
        if since.saturating_add(grace) <= now {
            due.insert(sha256);
        } else {
            stays.push(Retired { sha256, since });
        }
    }
    // The oldest go early where there are too many.
    stays.sort_by_key(|file| std::cmp::Reverse(file.since));
    let early = stays.split_off(stays.len().min(MOST_RETIRED));
    due.extend(early.into_iter().map(|file| file.sha256));
    (stays, due)
}

/// Sends a segment that the place lacks; says whether it did.
fn upload(place: &Place, held: &mut Held, observer: &dyn Observer) -> Result<bool, FleetError> {
    let FileRecord {
        file: name,
        bytes,
        sha256: digest,
    } = &held.record;
    let object = blob(digest);
    if place.length(&object, observer)? == Some(*bytes) {
        return Ok(false);
    }
    let path = Path::new(name);
    let file = &mut held.file;
    file.seek(SeekFrom::Start(0)).map_err(of_file(path))?;
    let mut hasher = Sha256::new();
    let mut done = 0;
    place.upload(&object, observer, || {
        let mut piece = Vec::new();
        let read = Read::by_ref(file).take(PIECE).read_to_end(&mut piece);
        done += read.map_err(of_file(path))? as u64;
        hasher.update(&piece);
        observer.progress(Progress::bytes("sending", done, *bytes));
        if (piece.len() as u64) < PIECE && hex::encode(&hasher.clone().finalize()) != *digest {
            // Under this name nothing else may ever lie.
            return Err(FleetError::Content {
                object: name.clone(),
            });
        }
        Ok(piece)
    })?;
    Ok(true)
}

/// Removes files that are due, and what publishers that were stopped left.
fn clean(
    place: &Place,
    head: &Head,
    due: &BTreeSet<String>,
    now: u64,
    grace: u64,
    observer: &dyn Observer,
) -> Result<usize, FleetError> {
    let named: BTreeSet<&str> = head.files().map(|file| file.sha256.as_str()).collect();
    let stays: BTreeSet<&str> = head
        .retired
        .iter()
        .map(|file| file.sha256.as_str())
        .collect();
    let mut removed = 0;
    for (name, since) in place.list("blobs", observer)? {
        let is_left = since.saturating_add(grace) <= now && !stays.contains(name.as_str());
        if !named.contains(name.as_str()) && (due.contains(&name) || is_left) {
            place.remove(&blob(&name), observer)?;
            removed += 1;
        }
    }
    Ok(removed)
}
