//! The sets of modifications that can be asked for, by name.

use super::catalogue::catalogue;
use super::modification::{Modification, Tier};
use std::str::FromStr;

/// The modifications that an evaluation makes, in the order of the catalogue.
///
/// Read from `quick`, `standard`, `full`, or a list of names and families joined by commas:
///
/// ```
/// use hashgate::evaluate::Modifications;
/// let some: Modifications = "jpeg_50,crop_centre".parse()?;
/// assert!(some.iter().any(|one| one.name() == "crop_centre_10"));
/// assert!("sharks".parse::<Modifications>().is_err());
/// # Ok::<(), hashgate::evaluate::ModificationsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Modifications(Vec<Modification>);

/// A text that names no modifications.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is no modification; give quick, standard, full, or names and families joined by \
     commas: {known}"
)]
pub struct ModificationsError {
    /// What was given.
    pub given: String,
    /// The families that there are.
    pub known: String,
}

impl Modifications {
    /// The modifications.
    pub fn iter(&self) -> impl Iterator<Item = &Modification> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none; there always are some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn up_to(tier: Tier) -> Self {
        Self(catalogue().into_iter().filter(|m| m.tier <= tier).collect())
    }
}

impl FromStr for Modifications {
    type Err = ModificationsError;

    fn from_str(text: &str) -> Result<Self, ModificationsError> {
        match text {
            "quick" => return Ok(Self::up_to(Tier::Quick)),
            "standard" => return Ok(Self::up_to(Tier::Standard)),
            "full" => return Ok(Self::up_to(Tier::Full)),
            _ => {}
        }
        let all = catalogue();
        let named: Vec<&str> = text.split(',').map(str::trim).collect();
        for name in &named {
            if !all.iter().any(|m| m.name == *name || m.family == *name) {
                let mut known: Vec<&str> = all.iter().map(|m| m.family).collect();
                known.dedup();
                return Err(ModificationsError {
                    given: (*name).to_owned(),
                    known: known.join(", "),
                });
            }
        }
        let chosen = all.into_iter();
        let chosen = chosen.filter(|m| {
            named
                .iter()
                .any(|name| m.name == *name || m.family == *name)
        });
        Ok(Self(chosen.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_select_themselves() {
        let all = catalogue();
        let names: BTreeSet<&str> = all.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names.len(), all.len());
        for one in &all {
            let chosen: Modifications = one.name.parse().unwrap();
            assert!(chosen.iter().any(|m| m == one), "{one}");
        }
    }

    #[test]
    fn the_sets_lie_in_each_other() {
        let [quick, standard, full] = ["quick", "standard", "full"].map(|name| {
            let set: Modifications = name.parse().unwrap();
            set.iter().map(|m| m.name.clone()).collect::<BTreeSet<_>>()
        });
        assert!(quick.is_subset(&standard) && standard.is_subset(&full));
        assert!(quick.len() < standard.len() && standard.len() < full.len());
        assert_eq!(full.len(), catalogue().len());
    }

    #[test]
    fn strengths_are_readable_in_names() {
        let one: Modifications = "brightness_minus_20,gamma_0p5".parse().unwrap();
        assert_eq!(one.len(), 2);
        let error = "crop_middle".parse::<Modifications>().unwrap_err();
        assert!(error.to_string().contains("crop_centre"), "{error}");
    }
}
