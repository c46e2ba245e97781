//! A place for whole files of others: what is published there beside generations.

use crate::fleet::place::{PIECE, Place, Put};
use crate::fleet::{FleetError, local::of_file};
use crate::watch::Observer;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

impl Place {
    /// Refuses a store that does not keep its conditions: of two that make one object one must be refused.
    ///
    /// # Errors
    /// [`FleetError::NoConditions`]; what the store says.
    pub fn check(&self, observer: &dyn Observer) -> Result<(), FleetError> {
        self.probe(observer)
    }

    /// A small object; `None` where there is none.
    ///
    /// # Errors
    /// [`FleetError`]; [`FleetError::Unreadable`] where it has more than so many bytes.
    pub fn read(
        &self,
        object: &str,
        most: u64,
        observer: &dyn Observer,
    ) -> Result<Option<Vec<u8>>, FleetError> {
        Ok(self.get(object, most, observer)?.map(|(bytes, _)| bytes))
    }

    /// How many bytes an object has; `None` where there is none.
    ///
    /// # Errors
    /// What the store says.
    pub fn bytes_of(
        &self,
        object: &str,
        observer: &dyn Observer,
    ) -> Result<Option<u64>, FleetError> {
        self.length(object, observer)
    }

    /// Copies an object into a file, piece by piece; false where there is none.
    ///
    /// # Errors
    /// [`FleetError`]; [`FleetError::Unreadable`] where it has more than so many bytes.
    pub fn copy(
        &self,
        object: &str,
        most: u64,
        to: &mut File,
        observer: &dyn Observer,
    ) -> Result<bool, FleetError> {
        let Some(bytes) = self.length(object, observer)? else {
            return Ok(false);
        };
        if bytes > most {
            return Err(FleetError::Unreadable {
                problem: format!("{object} has more than {most} bytes"),
            });
        }
        let mut done = 0;
        while done < bytes {
            let end = bytes.min(done + PIECE);
            let piece = self.piece(object, done..end, observer)?;
            if piece.is_empty() {
                return Err(FleetError::Content {
                    object: object.to_owned(),
                });
            }
            to.write_all(&piece).map_err(of_file(Path::new(object)))?;
            done += piece.len() as u64;
        }
        Ok(true)
    }

    /// Writes a file as an object, whatever was there. It is there whole or not at all.
    ///
    /// # Errors
    /// [`FleetError`].
    pub fn write(
        &self,
        object: &str,
        from: &mut File,
        observer: &dyn Observer,
    ) -> Result<(), FleetError> {
        let path = Path::new(object);
        from.seek(SeekFrom::Start(0)).map_err(of_file(path))?;
        self.upload(object, observer, || {
            let mut piece = Vec::new();
            let read = Read::by_ref(from).take(PIECE).read_to_end(&mut piece);
            read.map_err(of_file(path))?;
            Ok(piece)
        })
    }

    /// Writes a small object over these bytes, or where there is none; false where something else is there.
    ///
    /// # Errors
    /// [`FleetError`].
    pub fn replace(
        &self,
        object: &str,
        bytes: &[u8],
        over: Option<&[u8]>,
        observer: &dyn Observer,
    ) -> Result<bool, FleetError> {
        let most = bytes.len().max(over.map_or(0, <[u8]>::len)) as u64;
        if self
            .length(object, observer)?
            .is_some_and(|there| there > most)
        {
            return Ok(false);
        }
        let there = self.get(object, most, observer)?;
        if there.as_ref().map(|(bytes, _)| bytes.as_slice()) != over {
            return Ok(false);
        }
        let version = there.as_ref().map(|(_, version)| version);
        let put = self.put(object, bytes.to_vec(), version, observer);
        if matches!(put, Ok(Put::Done)) {
            return Ok(true);
        }
        // A request whose answer was lost may have been done all the same.
        let is_ours = match self.length(object, observer)? {
            Some(length) if length == bytes.len() as u64 => {
                let now = self.get(object, most, observer)?;
                now.is_some_and(|(there, _)| there == bytes)
            }
            _ => false,
        };
        if !is_ours {
            put?;
        }
        Ok(is_ours)
    }

    /// The objects in a folder: the last part of each name, and since when it is there, in seconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// What the store says.
    pub fn names_in(
        &self,
        folder: &str,
        observer: &dyn Observer,
    ) -> Result<Vec<(String, u64)>, FleetError> {
        self.list(folder, observer)
    }

    /// Removes an object; one that is not there is removed.
    ///
    /// # Errors
    /// What the store says.
    pub fn take_away(&self, object: &str, observer: &dyn Observer) -> Result<(), FleetError> {
        self.remove(object, observer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Silent;
    use object_store::memory::InMemory;
    use object_store::path::Path as Key;

    #[test]
    fn a_file_goes_out_and_comes_back_and_only_what_is_known_is_written_over() {
        let place = Place::over(Box::new(InMemory::new()), Key::from("below")).unwrap();
        place.check(&Silent).unwrap();
        let long: Vec<u8> = (0..PIECE + 7).map(|at| (at % 251) as u8).collect();
        for bytes in [&long[..], b"short", b""] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            place.write("a/b", &mut file, &Silent).unwrap();
            let length = bytes.len() as u64;
            assert_eq!(place.bytes_of("a/b", &Silent).unwrap(), Some(length));
            let mut back = tempfile::tempfile().unwrap();
            assert!(place.copy("a/b", length, &mut back, &Silent).unwrap());
            back.seek(SeekFrom::Start(0)).unwrap();
            let mut found = Vec::new();
            back.read_to_end(&mut found).unwrap();
            assert!(found == bytes, "{length} bytes");
        }
        let mut back = tempfile::tempfile().unwrap();
        assert!(!place.copy("a/c", 9, &mut back, &Silent).unwrap());
        let replace = |bytes: &[u8], over: Option<&[u8]>| {
            place.replace("head", bytes, over, &Silent).unwrap()
        };
        assert!(replace(b"one", None));
        assert!(!replace(b"two", None), "there is one");
        assert!(!replace(b"two", Some(b"none")), "it is another");
        assert!(!replace(b"2", Some(b"1")), "it is longer");
        assert!(replace(b"two", Some(b"one")));
        assert_eq!(
            place.read("head", 3, &Silent).unwrap().as_deref(),
            Some(&b"two"[..])
        );
        assert!(place.read("head", 2, &Silent).is_err());
        let names = place.names_in("a", &Silent).unwrap();
        assert_eq!(
            names
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>(),
            ["b"]
        );
        place.take_away("a/b", &Silent).unwrap();
        place.take_away("a/b", &Silent).unwrap();
        assert_eq!(place.bytes_of("a/b", &Silent).unwrap(), None);
    }
}
