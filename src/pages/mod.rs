//! Floor 1: what reports are drawn with: numbers and names as people read them, tables, charts, pages.
//!
//! Owned here: how things look. Everything is drawn from plain data (numbers, text, rows), and what goes
//! into a page is escaped here, so that a hostile file name stays text. A page holds all it shows: no
//! script, no font and no picture is fetched from elsewhere. Refused: to know what the figures mean, to
//! read or write files, to know of terminals and arguments. Each report composes its own page.
//!
//! Nothing here leaves the crate: what is public are the reports that use it.
#![cfg_attr(
    not(feature = "cli"),
    expect(dead_code, reason = "without the command fewer reports are drawn")
)]

pub(crate) mod chart;
pub(crate) mod lint;
pub(crate) mod name;
pub(crate) mod number;
pub(crate) mod page;
pub(crate) mod plot;
#[cfg(feature = "evaluate")]
pub(crate) mod table;
