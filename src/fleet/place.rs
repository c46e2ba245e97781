//! An object store, as far as publishing needs one: whole objects, with conditions, and nothing that waits for ever.

use crate::fleet::FleetError;
use crate::watch::Observer;
use futures_util::StreamExt;
use object_store::path::Path as Key;
use object_store::{
    Error, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    UpdateVersion,
};
use std::future::Future;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// How long a store may say nothing.
const SILENT: Duration = Duration::from_secs(60);
/// How often the wish to stop is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(100);
/// Bytes that are fetched, or sent, at a time.
pub(super) const PIECE: u64 = 8 << 20;

/// What tells one state of an object from another.
#[derive(Debug, Clone)]
pub(super) struct Version(UpdateVersion);

/// A bucket, or a part of one.
pub struct Place {
    store: Box<dyn ObjectStore>,
    below: Key,
    runtime: Runtime,
    #[cfg(test)]
    pub(super) faults: Faults,
}

/// What goes wrong in tests.
#[cfg(test)]
#[derive(Default)]
pub(super) struct Faults {
    /// Requests that succeed until one fails, and all after it; none does where this is `None`.
    pub(super) fails_after: Option<std::cell::Cell<u64>>,
    /// Conditions are forgotten.
    pub(super) forgets: bool,
    /// What happens right before the next conditional write of `HEAD`.
    pub(super) before_head: std::cell::Cell<Option<Box<dyn FnOnce()>>>,
    /// How many requests there were.
    pub(super) requests: std::cell::Cell<u64>,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Place({}, {})", self.store, self.below)
    }
}

/// Whether a condition held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    Done,
    /// The object is there, or is another than was meant.
    Refused,
}

/// What comes, however much the store said that it would be; `None` where it is more than so many bytes.
async fn bounded(found: object_store::GetResult, most: u64) -> Result<Option<Vec<u8>>, Error> {
    let mut stream = found.into_stream();
    let mut all = Vec::new();
    while let Some(part) = stream.next().await {
        all.extend_from_slice(&part?);
        if all.len() as u64 > most {
            return Ok(None);
        }
    }
    Ok(Some(all))
}

impl Place {
    /// The store at an address: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
    ///
    /// Credentials, regions and endpoints come from the environment, by the names that each cloud's own tools have
    /// (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`, …). An endpoint without TLS needs
    /// `AWS_ALLOW_HTTP=true`.
    ///
    /// # Errors
    /// [`FleetError::Address`]; [`FleetError::Runtime`].
    pub fn open(address: &str) -> Result<Self, FleetError> {
        let wrong = |source| FleetError::Address {
            address: address.to_owned(),
            source,
        };
        let (scheme, rest) = address.split_once("://").ok_or_else(|| wrong(None))?;
        let (bucket, below) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(wrong(None));
        }
        let whole = format!("{scheme}://{bucket}");
        let store: Box<dyn ObjectStore> = match scheme {
            "s3" => Box::new(
                object_store::aws::AmazonS3Builder::from_env()
                    .with_url(whole)
                    .build()
                    .map_err(|error| wrong(Some(error)))?,
            ),
            "gs" => Box::new(
                object_store::gcp::GoogleCloudStorageBuilder::from_env()
                    .with_url(whole)
                    .build()
                    .map_err(|error| wrong(Some(error)))?,
            ),
            "az" => Box::new(
                object_store::azure::MicrosoftAzureBuilder::from_env()
                    .with_url(whole)
                    .build()
                    .map_err(|error| wrong(Some(error)))?,
            ),
            _ => return Err(wrong(None)),
        };
        let below = Key::parse(below.trim_matches('/'));
        Self::over(
            store,
            below.map_err(|error| wrong(Some(Error::from(error))))?,
        )
    }

    /// A store of the caller's.
    ///
    /// # Errors
    /// [`FleetError::Runtime`].
    pub(super) fn over(store: Box<dyn ObjectStore>, below: Key) -> Result<Self, FleetError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self {
            store,
            below,
            runtime: runtime.map_err(|source| FleetError::Runtime { source })?,
            #[cfg(test)]
            faults: Faults::default(),
        })
    }

    fn key(&self, object: &str) -> Key {
        object
            .split('/')
            .fold(self.below.clone(), |key, part| key.join(part))
    }

    /// Waits for the store, as long as it says something in time and nobody wants to stop.
    fn wait<T>(
        &self,
        object: &str,
        observer: &dyn Observer,
        asked: impl Future<Output = Result<T, Error>>,
    ) -> Result<Result<T, Error>, FleetError> {
        #[cfg(test)]
        if self.faults.is_failing() {
            return Ok(Err(Error::Generic {
                store: "tests",
                source: "it fails".into(),
            }));
        }
        self.runtime.block_on(async {
            let mut asked = std::pin::pin!(asked);
            let mut waited = Duration::ZERO;
            loop {
                match tokio::time::timeout(LOOK, asked.as_mut()).await {
                    Ok(said) => return Ok(said),
                    Err(_) if observer.is_stopped() => return Err(FleetError::Interrupted),
                    Err(_) if waited >= SILENT => {
                        return Err(FleetError::Silent {
                            object: object.to_owned(),
                            seconds: SILENT.as_secs(),
                        });
                    }
                    Err(_) => waited += LOOK,
                }
            }
        })
    }

    fn ask<T>(
        &self,
        object: &str,
        observer: &dyn Observer,
        asked: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, FleetError> {
        self.wait(object, observer, asked)?
            .map_err(|source| FleetError::Store {
                object: object.to_owned(),
                source,
            })
    }

    /// A small object, and which state of it that is. `None`: there is none.
    pub(super) fn get(
        &self,
        object: &str,
        most: u64,
        observer: &dyn Observer,
    ) -> Result<Option<(Vec<u8>, Version)>, FleetError> {
        let key = self.key(object);
        let asked = async {
            let found = self.store.get_opts(&key, GetOptions::default()).await?;
            let version = Version(UpdateVersion {
                e_tag: found.meta.e_tag.clone(),
                version: found.meta.version.clone(),
            });
            match found.meta.size <= most {
                true => Ok((bounded(found, most).await?, version)),
                false => Ok((None, version)),
            }
        };
        match self.wait(object, observer, asked)? {
            Ok((Some(bytes), version)) => Ok(Some((bytes, version))),
            Ok((None, _)) => Err(FleetError::Unreadable {
                problem: format!("{object} has more than {most} bytes"),
            }),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(FleetError::Store {
                object: object.to_owned(),
                source,
            }),
        }
    }

    /// A part of an object.
    pub(super) fn piece(
        &self,
        object: &str,
        range: std::ops::Range<u64>,
        observer: &dyn Observer,
    ) -> Result<Vec<u8>, FleetError> {
        let key = self.key(object);
        let most = range.end.saturating_sub(range.start);
        let asked = async {
            let options = GetOptions::default().with_range(Some(range));
            bounded(self.store.get_opts(&key, options).await?, most).await
        };
        self.ask(object, observer, asked)?
            .ok_or_else(|| FleetError::Content {
                object: object.to_owned(),
            })
    }

    /// How many bytes an object has; `None` where there is none.
    pub(super) fn length(
        &self,
        object: &str,
        observer: &dyn Observer,
    ) -> Result<Option<u64>, FleetError> {
        let key = self.key(object);
        match self.wait(object, observer, self.store.head(&key))? {
            Ok(meta) => Ok(Some(meta.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(FleetError::Store {
                object: object.to_owned(),
                source,
            }),
        }
    }

    /// Writes an object where there is none yet (`over` is `None`), or over the state that is given.
    pub(super) fn put(
        &self,
        object: &str,
        bytes: Vec<u8>,
        over: Option<&Version>,
        observer: &dyn Observer,
    ) -> Result<Put, FleetError> {
        let mode = match over {
            #[cfg(test)]
            _ if self.faults.forgets => PutMode::Overwrite,
            None => PutMode::Create,
            Some(version) => PutMode::Update(version.0.clone()),
        };
        #[cfg(test)]
        if object == super::head::HEAD
            && let Some(meanwhile) = self.faults.before_head.take()
        {
            meanwhile();
        }
        let key = self.key(object);
        let options = PutOptions::from(mode);
        let asked = (self.store).put_opts(&key, PutPayload::from(bytes), options);
        match self.wait(object, observer, asked)? {
            Ok(_) => Ok(Put::Done),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(Put::Refused),
            // A store that has lost the object since says so in this way.
            Err(Error::NotFound { .. }) if over.is_some() => Ok(Put::Refused),
            Err(source) => Err(FleetError::Store {
                object: object.to_owned(),
                source,
            }),
        }
    }

    /// Writes an object in pieces, whatever was there. It is there whole or not at all.
    pub(super) fn upload(
        &self,
        object: &str,
        observer: &dyn Observer,
        mut next: impl FnMut() -> Result<Vec<u8>, FleetError>,
    ) -> Result<(), FleetError> {
        let key = self.key(object);
        let first = next()?;
        if (first.len() as u64) < PIECE {
            let asked = self.store.put(&key, PutPayload::from(first));
            return self.ask(object, observer, asked).map(drop);
        }
        let mut upload = self.ask(object, observer, self.store.put_multipart(&key))?;
        let mut piece = first;
        let sent = loop {
            if let Err(error) = self.ask(object, observer, upload.put_part(piece.into())) {
                break Err(error);
            }
            piece = match next() {
                Ok(piece) if piece.is_empty() => break Ok(()),
                Ok(piece) => piece,
                Err(error) => break Err(error),
            };
        };
        let sent = sent.and_then(|()| self.ask(object, observer, upload.complete()).map(drop));
        if sent.is_err() {
            // Pieces of what never became an object cost money.
            let _ = self
                .runtime
                .block_on(tokio::time::timeout(SILENT, upload.abort()));
        }
        sent
    }

    /// Removes an object; one that is not there is removed.
    pub(super) fn remove(&self, object: &str, observer: &dyn Observer) -> Result<(), FleetError> {
        let key = self.key(object);
        match self.wait(object, observer, self.store.delete(&key))? {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(FleetError::Store {
                object: object.to_owned(),
                source,
            }),
        }
    }

    /// The objects below a name: the last part of each name, and since when it is there, in seconds since 1970-01-01 UTC.
    pub(super) fn list(
        &self,
        below: &str,
        observer: &dyn Observer,
    ) -> Result<Vec<(String, u64)>, FleetError> {
        let key = self.key(below);
        let found = self.ask(below, observer, self.store.list_with_delimiter(Some(&key)))?;
        let told = |meta: ObjectMeta| {
            let name = meta.location.filename()?.to_owned();
            Some((name, u64::try_from(meta.last_modified.timestamp()).ok()?))
        };
        Ok(found.objects.into_iter().filter_map(told).collect())
    }

    /// Whether the store keeps its conditions: of two that make one object one must be refused, and so must whoever writes
    /// over a state that is gone.
    ///
    /// # Errors
    /// [`FleetError::NoConditions`]; what the store says.
    pub(super) fn probe(&self, observer: &dyn Observer) -> Result<(), FleetError> {
        let name = format!("probe/{}-{}", std::process::id(), crate::clock::now_ms());
        let tried = self.try_conditions(&name, observer);
        let removed = self.remove(&name, observer);
        tried.and(removed)
    }

    fn try_conditions(&self, name: &str, observer: &dyn Observer) -> Result<(), FleetError> {
        let broken = |what| FleetError::NoConditions { what };
        let put = |text: &str, over: Option<&Version>| {
            self.put(name, text.as_bytes().to_vec(), over, observer)
        };
        if put("1", None)? == Put::Refused {
            return Err(broken("it says that there is an object that nobody made"));
        }
        if put("2", None)? == Put::Done {
            return Err(broken("it made an object twice"));
        }
        let old = self.get(name, 1 << 10, observer)?;
        let (_, old) = old.ok_or_else(|| broken("an object that was made is not there"))?;
        if put("3", Some(&old))? == Put::Refused {
            return Err(broken("it refuses to replace the state that is there"));
        }
        if put("4", Some(&old))? == Put::Done {
            return Err(broken("it replaced a state that was gone"));
        }
        Ok(())
    }
}

#[cfg(test)]
impl Faults {
    fn is_failing(&self) -> bool {
        self.requests.set(self.requests.get() + 1);
        match &self.fails_after {
            Some(left) if left.get() == 0 => true,
            Some(left) => {
                left.set(left.get() - 1);
                false
            }
            None => false,
        }
    }
}
