//! Floor 1: asking other organisations' servers over HTTPS, one request after the other.
//!
//! Owned here: that only `https` is spoken (`http` to this machine alone, for tests), that every wait has an end, that no
//! answer is longer than it may be, that what the other side cannot do now is asked again a little later, and that no
//! address with a query, no header and no body is shown: they hold secrets. Refuses to follow a redirect, to take a
//! proxy from the environment, to keep cookies, and to know what is asked.

mod base;
mod client;
mod retry;

pub use base::{Base, BaseError};
pub use client::{Answer, Ask, Client, ClientOptions, Method, WebError};
