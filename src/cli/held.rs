//! Who holds a store that a command would write to: the node that keeps its banks, by name.

use crate::curation::Workspace;
use crate::curation::add::AddError;
use crate::curation::banks::BankError;
use crate::curation::import::ImportError;
use crate::curation::withdraw::TurnError;
use crate::store::StoreError;
use serde::Deserialize;
use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// Most bytes of the file that names the node.
const MOST: u64 = 64 << 10;

/// What a node writes down of itself.
#[derive(Deserialize)]
struct Holder {
    process: u32,
    listening: Vec<String>,
}

/// Which node holds the store that an error is about, and how to go through it. `None` where it is about something else, or nobody says
/// that it holds it.
pub(crate) fn by_whom(error: &anyhow::Error) -> Option<String> {
    let folder = error.chain().find_map(locked)?;
    let workspace = Workspace::at(folder.parent()?).ok()?;
    let mut text = String::new();
    let file = File::open(workspace.curator()).ok()?;
    file.take(MOST).read_to_string(&mut text).ok()?;
    let holder: Holder = serde_json::from_str(&text).ok()?;
    if !is_alive(holder.process) {
        return None;
    }
    let process = holder.process;
    Some(match holder.listening.first() {
        Some(at) => format!(
            "; `hashgate serve` (process {process}) keeps these banks: go through it by --server {}",
            url(at)
        ),
        None => format!("; `hashgate serve` (process {process}) keeps these banks"),
    })
}

/// The store's folder, where an error says that another holds it.
fn locked<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a Path> {
    let error = match cause.downcast_ref() {
        Some(BankError::Store(error)) => Some(error),
        _ => None,
    };
    let error = error.or(match cause.downcast_ref() {
        Some(TurnError::Store(error)) => Some(error),
        _ => None,
    });
    let error = error.or(match cause.downcast_ref() {
        Some(AddError::Store(error)) => Some(error),
        _ => None,
    });
    let error = error.or(match cause.downcast_ref() {
        Some(ImportError::Store(error)) => Some(error),
        _ => None,
    });
    match error.or(cause.downcast_ref())? {
        StoreError::Locked { folder } => Some(folder),
        _ => None,
    }
}

#[cfg(unix)]
fn is_alive(process: u32) -> bool {
    let process = i32::try_from(process)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let told = process.map(rustix::process::test_kill_process);
    matches!(told, Some(Ok(()) | Err(rustix::io::Errno::PERM)))
}

#[cfg(not(unix))]
fn is_alive(_: u32) -> bool {
    true
}

/// An address that a node listens at, as it is called from this machine.
fn url(at: &str) -> String {
    match at.parse::<SocketAddr>() {
        Ok(mut address) => {
            if address.ip().is_unspecified() {
                address.set_ip(match address.is_ipv4() {
                    true => Ipv4Addr::LOCALHOST.into(),
                    false => Ipv6Addr::LOCALHOST.into(),
                });
            }
            format!("http://{address}")
        }
        Err(_) => at.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_this_machine_can_call() {
        for (at, shown) in [
            ("127.0.0.1:8710", "http://127.0.0.1:8710"),
            ("0.0.0.0:8710", "http://127.0.0.1:8710"),
            ("[::]:8710", "http://[::1]:8710"),
            ("unix:/run/a.sock", "unix:/run/a.sock"),
        ] {
            assert_eq!(url(at), shown);
        }
    }

    #[test]
    fn an_error_is_about_a_store_that_is_held_however_deep_that_is() {
        let held = || StoreError::Locked {
            folder: "home/store".into(),
        };
        for error in [
            anyhow::Error::from(held()),
            BankError::from(held()).into(),
            TurnError::from(held()).into(),
            AddError::from(held()).into(),
            ImportError::from(held()).into(),
            anyhow::Error::from(BankError::from(held())).context("above"),
        ] {
            let folder = error.chain().find_map(locked);
            assert_eq!(folder, Some(Path::new("home/store")), "{error:#}");
        }
        let missing = StoreError::Missing {
            folder: "home/store".into(),
        };
        assert_eq!(locked(&BankError::from(missing)), None);
        assert_eq!(by_whom(&anyhow::anyhow!("something else")), None);
    }
}
