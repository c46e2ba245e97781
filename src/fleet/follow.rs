//! A generation comes in: `HEAD` is believed or not, what lacks is fetched, and the copy comes into force.

use crate::clock;
use crate::files::{self, Lock, create_folder};
use crate::fleet::FleetError;
use crate::fleet::head::{self, Head, blob, sha256};
use crate::fleet::local::{beside, digest, locked, of_file, read_note, write_note};
use crate::fleet::place::{PIECE, Place};
use crate::hash::hex;
use crate::index::{AdoptError, MANIFEST_FILE, Parts, adopt};
use crate::trust;
use crate::watch::{Observer, Progress};
use minisign::PublicKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How a folder follows a place.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FollowOptions {
    /// The index folder. It is made where it is missing; nobody else may write into it.
    pub folder: PathBuf,
    /// Whose `HEAD` is believed: public keys of minisign's, as text or as files that hold them.
    pub keys: Vec<String>,
}

impl FollowOptions {
    /// Into this folder, believing this key.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, key: impl Into<String>) -> Self {
        Self {
            folder: folder.into(),
            keys: vec![key.into()],
        }
    }
}

/// What a look at the place came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Followed {
    /// The generation in force.
    pub generation: u64,
    /// The sequence of its `HEAD`.
    pub sequence: u64,
    /// Whether it was put in force by this look.
    pub is_new: bool,
    /// How many files were fetched.
    pub fetched: usize,
    /// Their bytes.
    pub fetched_bytes: u64,
    /// When its `HEAD` was signed: seconds since 1970-01-01 UTC.
    pub issued: u64,
    /// When it expires, or expired.
    pub expires: u64,
    /// Whether it has. The folder answers all the same; somebody should look why nothing newer comes.
    pub is_expired: bool,
}

/// The last `HEAD` that was seen by a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    sequence: u64,
    sha256: String,
}

/// Whose `HEAD` is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct InForce {
    key: String,
    issued: u64,
}

/// What is known of what came: beside the index folder, so that a folder that is emptied takes no memory away.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// By public key.
    seen: BTreeMap<String, Seen>,
    /// Whose `HEAD` is in force, and when it was signed.
    #[serde(default)]
    in_force: Option<InForce>,
    /// SHA-256 of each segment that is in the folder.
    files: BTreeMap<String, String>,
}

impl Note {
    /// Whether the `HEAD` in force is the one with this SHA-256.
    fn holds(&self, sha256: &str) -> bool {
        let key = self.in_force.as_ref().map(|is| &is.key);
        let seen = key.and_then(|key| self.seen.get(key));
        seen.is_some_and(|seen| seen.sha256 == sha256)
    }
}

/// One who follows a place.
#[derive(Debug)]
pub struct Follower {
    folder: PathBuf,
    note_file: PathBuf,
    keys: Vec<PublicKey>,
    note: Note,
    /// The `HEAD` in force, as its bytes' SHA-256 and what it says.
    pub(super) in_force: Option<(String, Head)>,
}

impl Follower {
    /// Reads the keys, and what was seen before (`FOLDER.followed`).
    ///
    /// # Errors
    /// [`FleetError::Key`]; [`FleetError::Note`] and [`FleetError::File`] of what was seen before.
    pub fn begin(options: &FollowOptions) -> Result<Self, FleetError> {
        let keys = options.keys.iter().map(|key| trust::public_key(key));
        let note_file = beside(&options.folder, ".followed");
        Ok(Self {
            folder: options.folder.clone(),
            keys: keys.collect::<Result<_, _>>()?,
            note: read_note(&note_file)?,
            note_file,
            in_force: None,
        })
    }

    /// Looks at the place, and brings its generation into force where that is not the one in force.
    ///
    /// Stopped anywhere, the folder holds the generation of before or the new one, and the next look goes on.
    ///
    /// # Errors
    /// [`FleetError`]: `HEAD` is not believed, or something could not be fetched. What is in force still is.
    pub fn look(&mut self, place: &Place, observer: &dyn Observer) -> Result<Followed, FleetError> {
        create_folder(&self.folder).map_err(of_file(&self.folder))?;
        // One at a time: another follower of this folder may have seen more.
        let _alone = Lock::take(&beside(&self.folder, ".followed.lock")).map_err(locked)?;
        self.note = read_note(&self.note_file)?;
        let found = place.get(head::HEAD, head::MOST_BYTES, observer)?;
        let (bytes, _) = found.ok_or(FleetError::Empty)?;
        let digest = sha256(&bytes);
        let now = clock::now();
        // Only while the note says so too: another follower of this folder may have brought a newer one into force.
        let is_in_force = |taken: &&(String, Head)| taken.0 == digest && self.note.holds(&digest);
        if let Some((_, head)) = self.in_force.as_ref().filter(is_in_force) {
            return Ok(followed(head, now));
        }
        let (head, key) = Head::read(&bytes, &self.keys)?;
        let seen = Seen {
            sequence: head.sequence,
            sha256: digest.clone(),
        };
        let key = key.to_base64();
        self.believe(&key, &seen, &head, now)?;
        let (fetched, fetched_bytes) = self.bring(place, &head, (&key, seen), observer)?;
        let told = Followed {
            is_new: true,
            fetched,
            fetched_bytes,
            ..followed(&head, now)
        };
        self.in_force = Some((digest, head));
        Ok(told)
    }

    /// Whether this `HEAD` may follow what was seen.
    fn believe(&self, key: &str, seen: &Seen, head: &Head, now: u64) -> Result<(), FleetError> {
        let before = self.note.seen.get(key);
        match before {
            Some(before) if seen.sequence < before.sequence => {
                return Err(FleetError::Older {
                    sequence: seen.sequence,
                    seen: before.sequence,
                });
            }
            Some(before) if seen.sequence == before.sequence && seen.sha256 != before.sha256 => {
                let sequence = seen.sequence;
                return Err(FleetError::Twofold { sequence });
            }
            _ => {}
        }
        // From another key than the one in force nothing comes back that was there before, and nothing that is older.
        if let Some(in_force) = self.note.in_force.as_ref().filter(|is| is.key != key)
            && (before == Some(seen) || head.issued < in_force.issued)
        {
            return Err(FleetError::Older {
                sequence: seen.sequence,
                seen: before.map_or(seen.sequence, |before| before.sequence),
            });
        }
        // What was taken in time stays in force; what is first seen too late may be what somebody kept back.
        if before != Some(seen) && head.expires <= now {
            return Err(FleetError::Expired { at: head.expires });
        }
        Ok(())
    }

    /// Fetches what lacks, and puts the generation in force.
    fn bring(
        &mut self,
        place: &Place,
        head: &Head,
        (key, seen): (&str, Seen),
        observer: &dyn Observer,
    ) -> Result<(usize, u64), FleetError> {
        let manifest = fetch_small(place, &head.manifest.sha256, head.manifest.bytes, observer)?;
        let parts = Parts::of(&self.folder.join(MANIFEST_FILE), manifest)?;
        let signed: BTreeMap<&str, (&str, u64)> = head
            .segments
            .iter()
            .map(|file| (file.file.as_str(), (file.sha256.as_str(), file.bytes)))
            .collect();
        let named = parts.segments.iter();
        let mut named = named.map(|(name, bytes)| (signed.get(name.as_str()).copied(), *bytes));
        let is_whole = named.all(|(signed, bytes)| signed.is_some_and(|(_, is)| is == bytes));
        if !is_whole || signed.len() != parts.segments.len() {
            return Err(FleetError::Unreadable {
                problem: "it does not name the segments of its manifest".to_owned(),
            });
        }
        self.vouch_for_what_is_there(&signed, observer)?;
        // Before it is in force: from here on nothing older is believed, whatever ends this process.
        self.note.seen.insert(key.to_owned(), seen);
        self.note.in_force = Some(InForce {
            key: key.to_owned(),
            issued: head.issued,
        });
        for (name, (sha256, _)) in &signed {
            self.note
                .files
                .insert((*name).to_owned(), (*sha256).to_owned());
        }
        write_note(&self.note_file, &self.note)?;
        let mut fetched_bytes = 0;
        let adopted = adopt(&self.folder, &parts, |name, to| {
            let Some((sha256, bytes)) = signed.get(name) else {
                return Ok(());
            };
            fetched_bytes += bytes;
            fetch(place, sha256, *bytes, to, observer)
        });
        let fetched = adopted.map_err(|error| match error {
            AdoptError::Bring(error) => error,
            AdoptError::Busy { lock } => FleetError::Adopt(AdoptError::Busy { lock }),
            AdoptError::Length {
                path,
                expected,
                got,
            } => FleetError::Adopt(AdoptError::Length {
                path,
                expected,
                got,
            }),
            AdoptError::Io { path, source } => FleetError::Adopt(AdoptError::Io { path, source }),
        })?;
        self.note
            .files
            .retain(|name, _| signed.contains_key(name.as_str()));
        write_note(&self.note_file, &self.note)?;
        Ok((fetched, fetched_bytes))
    }

    /// Segments of these names that are in the folder must be the ones that were signed.
    fn vouch_for_what_is_there(
        &self,
        signed: &BTreeMap<&str, (&str, u64)>,
        observer: &dyn Observer,
    ) -> Result<(), FleetError> {
        for (name, (sha256, _)) in signed {
            let path = self.folder.join(name);
            let mut file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(of_file(&path)(error)),
            };
            let known = self.note.files.get(*name).map(String::as_str);
            if known != Some(*sha256) && digest(&mut file, &path, observer)? != *sha256 {
                return Err(FleetError::OtherSegment { path });
            }
        }
        Ok(())
    }
}

fn followed(head: &Head, now: u64) -> Followed {
    Followed {
        generation: head.generation,
        sequence: head.sequence,
        is_new: false,
        fetched: 0,
        fetched_bytes: 0,
        issued: head.issued,
        expires: head.expires,
        is_expired: head.expires <= now,
    }
}

/// Most bytes of a manifest.
const MOST_MANIFEST: u64 = 64 << 20;

/// A manifest.
fn fetch_small(
    place: &Place,
    wanted: &str,
    bytes: u64,
    observer: &dyn Observer,
) -> Result<Vec<u8>, FleetError> {
    let object = blob(wanted);
    let found = place.get(&object, bytes.min(MOST_MANIFEST), observer)?;
    let found = found.map(|(found, _)| found);
    match found.filter(|found| sha256(found) == wanted) {
        Some(found) => Ok(found),
        None => Err(FleetError::Content { object }),
    }
}

/// A segment, into a new file, synced.
fn fetch(
    place: &Place,
    wanted: &str,
    bytes: u64,
    to: &Path,
    observer: &dyn Observer,
) -> Result<(), FleetError> {
    let object = blob(wanted);
    let mut file = files::create_new(to).map_err(of_file(to))?;
    let mut hasher = Sha256::new();
    let mut at = 0;
    while at < bytes {
        let until = (at + PIECE).min(bytes);
        let piece = place.piece(&object, at..until, observer)?;
        if piece.len() as u64 != until - at {
            return Err(FleetError::Content { object });
        }
        hasher.update(&piece);
        file.write_all(&piece).map_err(of_file(to))?;
        at = until;
        observer.progress(Progress::bytes("fetching", at, bytes));
    }
    if hex::encode(&hasher.finalize()) != wanted {
        return Err(FleetError::Content { object });
    }
    file.sync_all().map_err(of_file(to))
}
