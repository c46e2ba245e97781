//! The column families of the history.

pub(in crate::store) const META: &str = "meta";
pub(in crate::store) const UPLOADS: &str = "uploads";
/// The column families.
pub(in crate::store) const FAMILIES: [&str; 2] = [META, UPLOADS];
