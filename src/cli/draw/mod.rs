//! What reports are drawn with: numbers, tables for a terminal, pages with plots.
//!
//! Owned here: how things look. Not asked: what they mean; each command says that itself.

pub(crate) mod chart;
pub(crate) mod number;
pub(crate) mod page;
pub(crate) mod plot;
pub(crate) mod table;
