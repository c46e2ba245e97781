//! Bundles that can be trusted: made keys, signatures, expiry, and no way back to an older one.
//!
//! Signatures are minisign's: keys that `minisign` makes sign and verify here, and the other way round.
//! Which bundle of each name was taken last stands in the workspace ([`Workspace::bundles`]): an older one is
//! refused. Owned elsewhere: the form of the file (`hashset`), and what its items do to a bank (`import`).
//!
//! [`TrustError`] names the cause and keeps its own causes as sources: show it with them.

use crate::curation::Workspace;
use crate::hashset::{
    Bundle, BundleError, BundleHead, Compression, decompress, inspect_bundle, signature_line,
};
use crate::trust::{self, KeyError};
use crate::{clock, files};
use minisign::{KeyPair, PError, PublicKey, SecretKey};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Why keys were not made, or a bundle was not signed or is not trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// A file could not be opened, read or written.
    #[error("cannot {what} {}", path.display())]
    File {
        /// What was tried: `open`, `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is wrong is in this file.
    #[error("{}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<Self>,
    },
    /// Reading or writing failed on the way.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bundle is not whole.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The bundle is compressed, so that nothing can be written into it.
    #[error("{} is compressed: unpack it, sign it, and compress it again", path.display())]
    Compressed {
        /// The bundle.
        path: PathBuf,
    },
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key was not made, or did not sign.
    #[error("{0}")]
    Minisign(Box<dyn Error + Send + Sync>),
    /// It must be signed, and is not.
    #[error("it is not signed")]
    NotSigned,
    /// Nobody said whose signature is trusted.
    #[error("it is a bundle, and whose signature is trusted is not said")]
    NoSigner,
    /// Its signature has not the form of one.
    #[error("its signature cannot be read")]
    UnreadableSignature {
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Its signature does not hold.
    #[error("its signature is not by this key, or it was changed")]
    WrongSignature {
        /// What minisign said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Its time is over.
    #[error("it expired at {}: ask for a newer one", clock::time(*at))]
    Expired {
        /// When: seconds since 1970-01-01 UTC.
        at: u64,
    },
    /// A newer one of its name was taken before.
    #[error(
        "it is older than what was taken of {name:?} before: its sequence is {sequence}, that was {last}"
    )]
    Older {
        /// What the bundle calls itself.
        name: String,
        /// Its sequence.
        sequence: u64,
        /// The sequence that was taken last.
        last: u64,
    },
    /// The note of what was taken cannot be understood.
    #[error("{} is damaged: mend or remove it", path.display())]
    DamagedNote {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl TrustError {
    fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            what,
            path: path.to_owned(),
            source,
        }
    }

    fn in_file(self, path: &Path) -> Self {
        Self::InFile {
            path: path.to_owned(),
            source: Box::new(self),
        }
    }
}

fn minisign_failed(error: PError) -> TrustError {
    TrustError::Minisign(Box::new(error))
}

/// Whose bundles are taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Trust {
    /// Nobody's: a bundle is refused.
    #[default]
    None,
    /// Those that this key signed: a file of minisign's with a public key, or the key itself as text.
    SignedBy(String),
    /// Anybody's, signed or not: whoever brings the file vouches for it.
    Unsigned,
}

/// A pair of keys that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewKeys {
    /// The file with the public key.
    pub public_file: PathBuf,
    /// The public key as text.
    pub public_key: String,
}

/// Makes a pair of keys to sign bundles with. The secret key has no password and goes to this file, the
/// public key to the file beside it whose name has `.pub` at its end. Neither may be there yet; both are
/// closed to other users.
///
/// # Errors
/// [`TrustError::File`] where one of them cannot be written or is there.
pub fn make_keys(secret_file: &Path) -> Result<NewKeys, TrustError> {
    let mut public_file = secret_file.as_os_str().to_owned();
    public_file.push(".pub");
    let public_file = PathBuf::from(public_file);
    let pair = KeyPair::generate_unencrypted_keypair().map_err(minisign_failed)?;
    let write = |path: &Path, text: String| {
        let written = files::create_new(path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.map_err(TrustError::file("write", path))
    };
    let secret = pair.sk.to_box(Some("hashgate secret key"));
    write(secret_file, secret.map_err(minisign_failed)?.into_string())?;
    let public = pair.pk.to_box().map_err(minisign_failed)?;
    write(&public_file, public.into_string())?;
    Ok(NewKeys {
        public_file,
        public_key: pair.pk.to_base64(),
    })
}

/// The bundle of a file, whole, and the file; of one that is compressed what is in it, in a file
/// without a name.
fn open(path: &Path) -> Result<(Bundle, File), TrustError> {
    let file = File::open(path).map_err(TrustError::file("open", path))?;
    let read = || -> Result<(Bundle, File), TrustError> {
        let file = match compression(&file)? {
            Compression::None => file.try_clone()?,
            _ => {
                let mut unpacked = tempfile::tempfile()?;
                io::copy(&mut decompress(&file)?, &mut unpacked)?;
                unpacked.seek(SeekFrom::Start(0))?;
                unpacked
            }
        };
        let bundle = inspect_bundle(BufReader::new(&file))?;
        Ok((bundle, file))
    };
    read().map_err(|error| error.in_file(path))
}

/// How a file is compressed, by its first bytes.
fn compression(mut file: &File) -> io::Result<Compression> {
    let mut front = Vec::new();
    file.take(4).read_to_end(&mut front)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(Compression::of(&front))
}

/// What a bundle says of itself. It is read to its end: its counts and its checksum hold. Whether its
/// signature is anybody's nobody has checked.
///
/// # Errors
/// [`TrustError`] where it cannot be read or is not whole.
pub fn inspect(bundle: &Path) -> Result<Bundle, TrustError> {
    open(bundle).map(|(bundle, _)| bundle)
}

/// Signs a bundle: the signature is written into it, in the place of one that is there. It is signed
/// when this returns, or as it was. `password` is of use where the secret key has one. Gives the comment
/// that the signature vouches for too: the bundle's name and sequence.
///
/// # Errors
/// [`TrustError::Compressed`]; [`TrustError::Key`] where a password is needed; and where a file cannot be
/// read or written, or does not hold what it should.
pub fn sign(
    bundle_file: &Path,
    secret_file: &Path,
    password: Option<&str>,
) -> Result<String, TrustError> {
    let (bundle, mut file) = open(bundle_file)?;
    if compression(&File::open(bundle_file)?)? != Compression::None {
        return Err(TrustError::Compressed {
            path: bundle_file.to_owned(),
        });
    }
    let key = trust::secret_key(secret_file, password)?;
    file.seek(SeekFrom::Start(0))?;
    let comment = bundle_comment(&bundle.head);
    let signed = BufReader::new((&file).take(bundle.signed_bytes));
    let signature =
        minisign::sign(None, &key, signed, Some(&comment), None).map_err(minisign_failed)?;
    let line = signature_line(&signature.into_string());
    let replaced = files::replace(bundle_file, |new| {
        file.seek(SeekFrom::Start(0))?;
        io::copy(&mut (&file).take(bundle.signed_bytes), new)?;
        new.write_all(line.as_bytes())
    });
    replaced.map_err(|error| TrustError::file("write", bundle_file)(error.source))?;
    Ok(comment)
}

/// Writes a signature behind a bundle that was just written and has none.
pub(super) fn sign_file(
    file: &mut File,
    head: &BundleHead,
    key: &SecretKey,
) -> Result<(), TrustError> {
    file.seek(SeekFrom::Start(0))?;
    let comment = bundle_comment(head);
    let signature = minisign::sign(None, key, BufReader::new(&*file), Some(&comment), None);
    let line = signature_line(&signature.map_err(minisign_failed)?.into_string());
    file.seek(SeekFrom::End(0))?;
    Ok(file.write_all(line.as_bytes())?)
}

/// What a bundle's signature vouches for beside its bytes.
fn bundle_comment(head: &BundleHead) -> String {
    format!("hashgate bundle {} sequence {}", head.name, head.sequence)
}

/// Whether a text is a public key itself, and no name of a file with one.
#[must_use]
pub fn is_public_key(text: &str) -> bool {
    PublicKey::from_base64(text).is_ok()
}

/// A public key as text: as it is given, or out of the file that is named.
///
/// # Errors
/// [`TrustError::Key`]: it is none.
pub fn public_key_text(given: &str) -> Result<String, TrustError> {
    Ok(trust::public_key(given)?.to_base64())
}

/// Checks that a bundle in a file is whole, signed by a key and in time.
///
/// # Errors
/// [`TrustError`]: what is wrong with it.
#[cfg(feature = "exchange")]
pub(super) fn checked(file: &mut File, key: &PublicKey, now: u64) -> Result<Bundle, TrustError> {
    file.seek(SeekFrom::Start(0))?;
    let bundle = inspect_bundle(BufReader::new(&*file))?;
    check(&bundle, file, key, now)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(bundle)
}

/// Checks a bundle's signature and its time.
fn check(bundle: &Bundle, file: &mut File, key: &PublicKey, now: u64) -> Result<(), TrustError> {
    let Some(signature) = &bundle.signature else {
        return Err(TrustError::NotSigned);
    };
    let signature =
        trust::signature(signature).map_err(|error| TrustError::UnreadableSignature {
            source: Box::new(error),
        })?;
    file.seek(SeekFrom::Start(0))?;
    let signed = BufReader::new((&*file).take(bundle.signed_bytes));
    minisign::verify(key, &signature, signed, true, false, false).map_err(|error| {
        TrustError::WrongSignature {
            source: Box::new(error),
        }
    })?;
    is_in_time(bundle, now)
}

fn is_in_time(bundle: &Bundle, now: u64) -> Result<(), TrustError> {
    match bundle.head.expires {
        Some(at) if at <= now => Err(TrustError::Expired { at }),
        _ => Ok(()),
    }
}

/// Checks that a bundle is whole, signed by a key and not expired. `public_key` is the key as text or a
/// file that holds it; `now` is seconds since 1970-01-01 UTC, as [`clock::now`] gives them.
///
/// # Errors
/// [`TrustError`]: what is wrong with it.
pub fn verify(bundle_file: &Path, public_key: &str, now: u64) -> Result<Bundle, TrustError> {
    let key = trust::public_key(public_key)?;
    let (bundle, mut file) = open(bundle_file)?;
    check(&bundle, &mut file, &key, now).map_err(|error| error.in_file(bundle_file))?;
    Ok(bundle)
}

/// Which sequence of each bundle's name was taken last.
///
/// # Errors
/// [`TrustError::DamagedNote`], and [`TrustError::File`] where the note cannot be read.
pub fn taken(workspace: &Workspace) -> Result<BTreeMap<String, u64>, TrustError> {
    let path = workspace.bundles();
    match fs::read(&path) {
        Ok(text) => {
            serde_json::from_slice(&text).map_err(|source| TrustError::DamagedNote { path, source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(TrustError::file("read", &path)(error)),
    }
}

/// Checks a bundle that is to be imported: whole, trusted, in time, and no older than the one of its
/// name that was taken last. Gives what it says of itself.
///
/// # Errors
/// [`TrustError`]: why it is not to be taken.
pub(super) fn accept(
    mut file: File,
    trust: &Trust,
    workspace: &Workspace,
    now: u64,
) -> Result<Bundle, TrustError> {
    file.seek(SeekFrom::Start(0))?;
    let bundle = inspect_bundle(BufReader::new(&file))?;
    match trust {
        Trust::SignedBy(key) => check(&bundle, &mut file, &trust::public_key(key)?, now)?,
        Trust::Unsigned => is_in_time(&bundle, now)?,
        Trust::None => return Err(TrustError::NoSigner),
    }
    let last = taken(workspace)?.get(&bundle.head.name).copied();
    if let Some(last) = last.filter(|&last| bundle.head.sequence < last) {
        return Err(TrustError::Older {
            name: bundle.head.name,
            sequence: bundle.head.sequence,
            last,
        });
    }
    Ok(bundle)
}

/// Notes that a bundle was taken: from now on an older one of its name is refused.
///
/// # Errors
/// [`TrustError`] where the note cannot be read or written.
pub(super) fn note_taken(bundle: &Bundle, workspace: &Workspace) -> Result<(), TrustError> {
    let path = workspace.bundles();
    let mut all = taken(workspace)?;
    all.insert(bundle.head.name.clone(), bundle.head.sequence);
    let written = files::replace(&path, |new| Ok(serde_json::to_writer(new, &all)?));
    written.map_err(|error| TrustError::file("write", &path)(error.source))
}
