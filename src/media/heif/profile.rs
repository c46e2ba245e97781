//! What a file says of the colours of its primary picture.

use super::bytes::{Bytes, first};
use super::meta::Meta;
use super::properties::Property;
use crate::media::coded::Colour;

/// Items that stand for one another, one within the other.
const MOST_LINKS: u32 = 4;

/// What is said of colours.
pub(in crate::media) enum Profile<'a> {
    /// An ICC profile.
    Icc(&'a [u8]),
    /// Code points.
    Code(Colour),
}

/// What is said of the primary picture, or of the first one that it is made of. A profile goes before code points.
pub(in crate::media) fn profile(bytes: &[u8]) -> Option<Profile<'_>> {
    let meta = Meta::read(first(Bytes(bytes), b"meta")?)?;
    let mut id = meta.primary?;
    let mut code = None;
    for _ in 0..MOST_LINKS {
        for (property, _) in meta.properties_of(id) {
            match *property {
                Property::Profile(profile) => return Some(Profile::Icc(profile)),
                Property::Colour(colour) => code = code.or(Some(colour)),
                _ => {}
            }
        }
        match meta.items.get(&id).and_then(|item| item.made_of.first()) {
            Some(&next) => id = next,
            None => break,
        }
    }
    code.map(Profile::Code)
}
