//! Parameters as HMA reads them: the first of a name counts, unknown ones do not matter, true has many spellings.

use crate::service::hma::Refusal;
use axum::extract::Query;
use axum::http::Uri;

/// Most parameters that are looked at.
const MOST: usize = 64;

/// What stands behind the `?`.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of(uri: &Uri) -> Result<Self, Refusal> {
        let read: Result<Query<Vec<(String, String)>>, _> = Query::try_from_uri(uri);
        let Query(all) = read.map_err(|error| Refusal::bad(error.body_text()))?;
        match all.len() > MOST {
            true => Err(Refusal::bad(format!("more than {MOST} parameters"))),
            false => Ok(Self(all)),
        }
    }

    /// The first value of this name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.0.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }

    /// A parameter that must be there.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or(Refusal::missing(name))
    }

    /// Yes or no; no where it is absent.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, Refusal> {
        let Some(given) = self.get(name) else {
            return Ok(false);
        };
        match given.to_ascii_lowercase().as_str() {
            "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
            "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
            _ => Err(Refusal::Parameter {
                name,
                kind: "bool_parsing",
                said: "Input should be a valid boolean, unable to interpret input",
            }),
        }
    }

    /// A list, joined by commas; `None` where it is absent or empty.
    pub(super) fn list(&self, name: &str) -> Option<Vec<&str>> {
        let text = self.get(name).filter(|text| !text.is_empty())?;
        Some(text.split(',').collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Parameters {
        let uri = format!("/m/lookup?{query}").parse().expect("an address");
        Parameters::of(&uri).expect("parameters")
    }

    #[test]
    fn the_first_counts_and_lists_are_split() {
        let read = of("a=1&a=2&banks=X,Y%2CZ&empty=&unknown");
        assert_eq!(read.get("a"), Some("1"));
        assert_eq!(read.list("banks"), Some(vec!["X", "Y", "Z"]));
        assert_eq!((read.list("empty"), read.list("none")), (None, None));
        assert_eq!(read.required("url"), Err(Refusal::missing("url")));
    }

    #[test]
    fn true_has_many_spellings_and_what_is_none_is_said() {
        for yes in ["1", "true", "True", "TRUE", "yes", "on", "t", "y"] {
            assert_eq!(of(&format!("x={yes}")).flag("x"), Ok(true), "{yes}");
        }
        for no in ["0", "false", "False", "no", "off"] {
            assert_eq!(of(&format!("x={no}")).flag("x"), Ok(false), "{no}");
        }
        assert_eq!(of("y=1").flag("x"), Ok(false));
        assert!(of("x=2").flag("x").is_err());
    }
}
