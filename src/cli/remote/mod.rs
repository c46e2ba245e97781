//! Commands that go through a node which keeps the banks (`--server`).
//!
//! Owned here: where the node's address and key come from, and what of a command's arguments becomes which request. What
//! comes back is printed by the commands themselves, so that it reads the same. Refuses to take a key as an argument: others on this
//! machine see those.

mod banks;
mod import;
mod keeping;
mod node;

pub(crate) use banks::{create, delete, list, set, show, turn};
pub(crate) use import::{Sent, import};
pub(crate) use keeping::{audit, publish, say_status, status};
pub(crate) use node::{ServerArgs, said};
