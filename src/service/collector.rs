//! Where traces are sent: the address of a collector, as an operator writes it.
//!
//! Owns what an address may be. Refuses TLS: a collector stands on this machine, or behind something on it.

use crate::service::unusable::SettingsError;
use std::fmt;
use std::str::FromStr;

/// A collector that takes traces by OTLP over HTTP, as JSON.
///
/// ```
/// use hashgate::service::Collector;
/// let collector: Collector = "http://127.0.0.1:4318".parse()?;
/// assert_eq!(collector.to_string(), "http://127.0.0.1:4318/v1/traces");
/// assert!("https://traces.example".parse::<Collector>().is_err());
/// # Ok::<(), hashgate::service::SettingsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    host: String,
    port: u16,
    path: String,
}

impl Collector {
    /// The path where none is said.
    const PATH: &str = "/v1/traces";

    /// The name or the address, an IP 6 one in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 4318 where none is said.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}{}", self.host, self.port, self.path)
    }
}

impl FromStr for Collector {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let bad = |said: &str| SettingsError::Word {
            name: "traces",
            problem: format!("{said}: give http://HOST:PORT of a collector (OTLP over HTTP)"),
        };
        let rest = match text.split_once("://") {
            Some(("http", rest)) => rest,
            Some(("https", _)) => {
                return Err(bad(
                    "TLS is not spoken to a collector, put one on this machine",
                ));
            }
            _ => return Err(bad("this is no such address")),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                let port = port.parse().map_err(|_| bad("the port is none"))?;
                (host, port)
            }
            _ => (authority, 4318),
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let is_host = match bare {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.len() <= 253 && host.chars().all(is_plain),
        };
        let is_path = path.len() <= 1_024 && path.chars().all(|c| is_plain(c) || c == '/');
        if !is_host || !is_path {
            return Err(bad("this is no such address"));
        }
        let path = match path.trim_end_matches('/') {
            "" => Self::PATH,
            path => path,
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_or_is_refused_with_what_to_write() {
        for (text, right) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://collector", "http://collector:4318/v1/traces"),
            ("http://[::1]:80/", "http://[::1]:80/v1/traces"),
            ("http://[::1]", "http://[::1]:4318/v1/traces"),
            (
                "http://a.b/otlp/v1/traces",
                "http://a.b:4318/otlp/v1/traces",
            ),
        ] {
            let read: Collector = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(read.to_string(), right);
        }
        for bad in [
            "",
            "127.0.0.1:4318",
            "https://a",
            "http://",
            "http://:4318",
            "http://a:b",
            "http://a:99999",
            "http://user@a",
            "http://a/?x=1",
            "http://a\r\nX: y",
            "http://[a]:1",
            "grpc://a:4317",
        ] {
            let said = bad.parse::<Collector>().expect_err(bad).to_string();
            assert!(said.contains("give http://HOST:PORT"), "{said}");
        }
    }
}
