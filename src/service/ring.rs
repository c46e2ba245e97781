//! The keys in force: the file followed, and how often each may still call.
//!
//! While the file cannot be read no key is good: a door whose list of keys is gone stays shut. Refuses to log what a caller
//! sent.

use crate::service::keys::{Key, KeyFile};
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

/// What tells one version of the file from another.
type Stamp = Option<(SystemTime, u64, u64, [i64; 3])>;

/// Tokens that are left to a caller, and when they were counted.
struct Bucket {
    tokens: f64,
    counted: Instant,
}

/// The keys, as the file has them now.
pub(super) struct Ring {
    path: PathBuf,
    keys: ArcSwap<KeyFile>,
    stamp: Mutex<Stamp>,
    buckets: Mutex<HashMap<String, Bucket>>,
    /// Requests a second of a caller whose key says nothing.
    rate: Option<u32>,
}

impl Ring {
    /// The keys of a file.
    ///
    /// # Errors
    /// As [`KeyFile::read`].
    pub(super) fn open(
        path: PathBuf,
        rate: Option<u32>,
    ) -> Result<Self, crate::service::keys::KeyError> {
        let stamp = stamp(&path);
        Ok(Self {
            keys: ArcSwap::from_pointee(KeyFile::read(&path)?),
            stamp: Mutex::new(stamp),
            buckets: Mutex::default(),
            path,
            rate,
        })
    }

    /// Reads the file again where it has changed.
    pub(super) fn look(&self) {
        let now = stamp(&self.path);
        let mut known = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == now && now.is_some() {
            return;
        }
        let read = KeyFile::read(&self.path).unwrap_or_else(|error| {
            if *known != now {
                tracing::warn!("no key is good until this is repaired: {error}");
            }
            KeyFile::default()
        });
        let names: Vec<&str> = read.keys.iter().map(|key| &*key.name).collect();
        self.buckets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|name, _| name.is_empty() || names.contains(&&**name));
        self.keys.store(Arc::new(read));
        *known = now;
    }

    /// The key with this text.
    pub(super) fn find(&self, text: &str) -> Option<Key> {
        self.keys.load().find(text).cloned()
    }

    /// Whether a caller may call once more; `None` is all that have no key, together.
    ///
    /// # Errors
    /// Seconds after which it may.
    pub(super) fn count(&self, key: Option<&Key>) -> Result<(), u64> {
        let Some(rate) = key.and_then(|key| key.rate).or(self.rate) else {
            return Ok(());
        };
        let name = key.map_or("", |key| &key.name);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let most = f64::from(rate);
        let bucket = buckets.entry(name.to_owned()).or_insert(Bucket {
            tokens: most,
            counted: now,
        });
        let since = now.saturating_duration_since(bucket.counted).as_secs_f64();
        bucket.tokens = (bucket.tokens + since * most).min(most);
        bucket.counted = now;
        match bucket.tokens >= 1.0 {
            true => {
                bucket.tokens -= 1.0;
                Ok(())
            }
            // A second fills it.
            false => Err(1),
        }
    }
}

#[cfg(unix)]
fn stamp(path: &std::path::Path) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::metadata(path).ok()?;
    // Its own time of change tells what a modification time that was set back does not.
    let changed = [file.ctime(), file.ctime_nsec(), i64::from(file.mode())];
    Some((file.modified().ok()?, file.len(), file.ino(), changed))
}

#[cfg(not(unix))]
fn stamp(path: &std::path::Path) -> Stamp {
    let file = std::fs::metadata(path).ok()?;
    Some((file.modified().ok()?, file.len(), 0, [0; 3]))
}
