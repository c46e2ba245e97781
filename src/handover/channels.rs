//! Where matches are reported, by country.

use crate::handover::HandoverError;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The table that is built in.
const BUILT_IN: &str = include_str!("channels.json");

/// A place to report to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Two letters (ISO 3166), or [`Channel::ANYWHERE`].
    pub country: String,
    /// How it is called.
    pub name: String,
    /// `hotline`, `police` or `directory`.
    pub kind: String,
    /// Its address on the web; empty where it could not be verified.
    pub web: String,
    /// Languages that it takes reports in (ISO 639).
    pub languages: Vec<String>,
    /// What there is to know about it.
    pub note: String,
    /// What the entry was taken from.
    pub source: String,
}

impl Channel {
    /// The country of a channel that takes reports from any country.
    pub const ANYWHERE: &'static str = "*";

    /// Whether it takes reports from any country.
    #[must_use]
    pub fn is_anywhere(&self) -> bool {
        self.country == Self::ANYWHERE
    }
}

/// Which channels are meant: those of a country or all, with those of a table of one's own.
///
/// ```
/// use hashgate::handover::Place;
/// let channels = Place::of_country("PK").channels()?;
/// assert_eq!(channels[0].country, "PK");
/// assert!(channels[1].is_anywhere(), "those for any country come last");
/// # Ok::<(), hashgate::handover::HandoverError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// Two letters (ISO 3166); all countries where there is none.
    pub country: Option<String>,
    /// A JSON file with further channels, in the form of the table that is built in.
    pub further: Option<PathBuf>,
}

impl Place {
    /// All countries.
    #[must_use]
    pub fn everywhere() -> Self {
        Self::default()
    }

    /// A country, by its two letters.
    #[must_use]
    pub fn of_country(country: impl Into<String>) -> Self {
        Self {
            country: Some(country.into()),
            further: None,
        }
    }

    /// With the channels of a file, which come first.
    #[must_use]
    pub fn with(mut self, further: impl Into<PathBuf>) -> Self {
        self.further = Some(further.into());
        self
    }

    /// The channels of the country, those that were added first, and those for any country behind them;
    /// without a country all.
    ///
    /// # Errors
    /// [`HandoverError::Country`]; where the file of further channels cannot be read.
    pub fn channels(&self) -> Result<Vec<Channel>, HandoverError> {
        let mut all = match &self.further {
            Some(path) => read(path)?,
            None => Vec::new(),
        };
        all.extend(parse(BUILT_IN.as_bytes(), Path::new("channels.json"))?);
        if let Some(country) = &self.country {
            if country.len() != 2 || !country.chars().all(|c| c.is_ascii_alphabetic()) {
                return Err(HandoverError::Country {
                    given: country.clone(),
                });
            }
            all.retain(|one| one.is_anywhere() || one.country.eq_ignore_ascii_case(country));
            all.sort_by_key(Channel::is_anywhere);
        }
        Ok(all)
    }
}

fn read(path: &Path) -> Result<Vec<Channel>, HandoverError> {
    let text = std::fs::read(path).map_err(|source| HandoverError::Io {
        doing: "read",
        path: path.to_owned(),
        source,
    })?;
    parse(&text, path)
}

fn parse(text: &[u8], path: &Path) -> Result<Vec<Channel>, HandoverError> {
    serde_json::from_slice(text).map_err(|source| HandoverError::Table {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_says_what_is_not_verified() {
        let all = Place::everywhere().channels().unwrap();
        assert!(!all.is_empty());
        for one in &all {
            assert!(!one.name.is_empty() && !one.source.is_empty(), "{one:?}");
            assert!(!one.languages.is_empty());
            assert!(["hotline", "police", "directory"].contains(&one.kind.as_str()));
            assert!(one.web.is_empty() || one.web.starts_with("https://"));
            assert!(
                !one.web.is_empty() || one.note.contains("not verified"),
                "{one:?}"
            );
        }
    }

    #[test]
    fn a_country_has_its_own_channels_first() {
        let of = |country| -> Vec<String> {
            let found = Place::of_country(country).channels().unwrap();
            found.into_iter().map(|one| one.country).collect()
        };
        assert_eq!(of("pk"), ["PK", "*"]);
        assert_eq!(of("AQ"), ["*"]);
        assert!(Place::of_country("Pakistan").channels().is_err());
    }
}
