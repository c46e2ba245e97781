//! hashset
