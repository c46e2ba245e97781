//! Floor 1: keys that vouch for what others bring, and signatures by them.
//!
//! Signatures are minisign's (<https://jedisct1.github.io/minisign/>): keys that `minisign` makes sign and verify here, and the
//! other way round. Refuses to know what is signed, and to keep a secret key longer than a call.

mod line;

pub use line::{LineError, SignatureError, sign_line, signature, signed_line};

use minisign::{PublicKey, PublicKeyBox, SecretKey, SecretKeyBox};
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The secret key has a password, and none was given.
    #[error("{} has a password, and none was given", path.display())]
    Password {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no secret key, or the password is another.
    #[error("{}: {source}", path.display())]
    NotASecretKey {
        /// The file.
        path: PathBuf,
        /// What minisign said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// What was given is neither a public key nor a file that can be read.
    #[error("{given:?} is no public key and no file with one")]
    NoPublicKey {
        /// What was given.
        given: String,
        /// What the system said of a file of that name.
        source: io::Error,
    },
    /// The file holds no public key.
    #[error("{given} holds no public key of minisign")]
    NotAPublicKey {
        /// The file.
        given: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// The secret key in a file of minisign's. The password is of use where the key has one.
///
/// # Errors
/// [`KeyError`]: it cannot be read, is none, or needs a password.
pub fn secret_key(path: &Path, password: Option<&str>) -> Result<SecretKey, KeyError> {
    let text = fs::read_to_string(path).map_err(|source| KeyError::Read {
        path: path.to_owned(),
        source,
    })?;
    let wrong = |error| KeyError::NotASecretKey {
        path: path.to_owned(),
        source: Box::new(error),
    };
    let read = || SecretKeyBox::from_string(&text).map_err(wrong);
    if let Ok(key) = read()?.into_unencrypted_secret_key() {
        return Ok(key);
    }
    let password = password.ok_or_else(|| KeyError::Password {
        path: path.to_owned(),
    })?;
    read()?
        .into_secret_key(Some(password.to_owned()))
        .map_err(wrong)
}

/// A public key, given as text or as the name of a file that holds it.
///
/// # Errors
/// [`KeyError::NoPublicKey`] and [`KeyError::NotAPublicKey`].
pub fn public_key(given: &str) -> Result<PublicKey, KeyError> {
    if let Ok(key) = PublicKey::from_base64(given) {
        return Ok(key);
    }
    let file = fs::read_to_string(given).map_err(|source| KeyError::NoPublicKey {
        given: given.to_owned(),
        source,
    })?;
    let key = PublicKeyBox::from_string(&file).and_then(PublicKeyBox::into_public_key);
    key.map_err(|error| KeyError::NotAPublicKey {
        given: given.to_owned(),
        source: Box::new(error),
    })
}
