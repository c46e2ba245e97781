//! Addresses that are asked.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Where a server's interface begins: `https://HOST[:PORT][/PATH]`, or `http://` of this machine.
///
/// ```
/// use hashgate::web::Base;
/// let base: Base = "https://api.example.org/v1/".parse()?;
/// assert_eq!(base.to_string(), "https://api.example.org/v1");
/// assert!("http://127.0.0.1:8080".parse::<Base>().is_ok());
/// assert!("http://api.example.org".parse::<Base>().is_err());
/// assert!("https://user:secret@api.example.org".parse::<Base>().is_err());
/// # Ok::<(), hashgate::web::BaseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base(reqwest::Url);

/// A text that is no address that may be asked. It does not tell the text: it may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{problem}: give https://HOST, with a port and a path where there are some; http:// only of this machine"
)]
pub struct BaseError {
    /// What is wrong with it.
    pub problem: &'static str,
}

impl FromStr for Base {
    type Err = BaseError;

    fn from_str(text: &str) -> Result<Self, BaseError> {
        let bad = |problem| Err(BaseError { problem });
        if text.len() > 2_048 {
            return bad("an address of more than 2,048 bytes");
        }
        let Ok(mut url) = reqwest::Url::parse(text) else {
            return bad("no address");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return bad("an address with a user or a password in it");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return bad("an address with a query or a fragment");
        }
        match url.scheme() {
            "https" if url.host_str().is_some() => {}
            "http" if is_this_machine(&url) => {}
            "http" => return bad("an address without TLS"),
            _ => return bad("an address that is not https"),
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }
}

/// Whether the host is a loopback address, or `localhost`.
fn is_this_machine(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || plain.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

impl Base {
    /// The address of a path and its query behind this one.
    ///
    /// # Errors
    /// [`BaseError`] where it does not begin with `/`, or would lead anywhere else.
    pub fn join(&self, path: &str) -> Result<Base, BaseError> {
        let bad = |problem| Err(BaseError { problem });
        if !path.starts_with('/') || path.len() > 16_384 || path.contains(char::is_control) {
            return bad("a path that is none");
        }
        let text = format!("{}{path}", self.to_string().trim_end_matches('/'));
        match reqwest::Url::parse(&text) {
            Ok(url) if self.is_origin_of(&url) => Ok(Self(url)),
            _ => bad("a path that leads elsewhere"),
        }
    }

    /// The address of a path beside this one: in the place of the last part of its own path.
    ///
    /// # Errors
    /// [`BaseError`] where it would lead anywhere else.
    pub fn beside(&self, path: &str) -> Result<Base, BaseError> {
        let own = self.to_string();
        let (folder, _) = own.rsplit_once('/').unwrap_or_default();
        self.same_origin(&format!("{folder}/{path}"))
    }

    /// An absolute address, if it is of the same scheme, host and port as this one.
    ///
    /// # Errors
    /// [`BaseError`] where it is not.
    pub fn same_origin(&self, address: &str) -> Result<Base, BaseError> {
        match reqwest::Url::parse(address) {
            Ok(url) if address.len() <= 16_384 && self.is_origin_of(&url) => Ok(Self(url)),
            _ => Err(BaseError {
                problem: "an address of another server",
            }),
        }
    }

    fn is_origin_of(&self, url: &reqwest::Url) -> bool {
        let origin = |url: &reqwest::Url| {
            let host = url.host_str().map(str::to_owned);
            (url.scheme().to_owned(), host, url.port_or_known_default())
        };
        origin(&self.0) == origin(url) && url.username().is_empty() && url.password().is_none()
    }

    pub(super) fn url(&self) -> reqwest::Url {
        self.0.clone()
    }
}

/// Without its query, which may hold a secret.
impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        url.set_query(None);
        f.write_str(url.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_are_asked() {
        for good in [
            "https://report.cybertip.org/hashsharing",
            "https://example.org:8443",
            "http://127.0.0.1:1",
            "http://[::1]:8080/x",
            "http://localhost",
        ] {
            assert!(good.parse::<Base>().is_ok(), "{good}");
        }
        for bad in [
            "http://example.org",
            "http://127.0.0.1.example.org",
            "http://169.254.169.254/latest",
            "ftp://example.org",
            "file:///etc/passwd",
            "https://a:b@example.org",
            "https://example.org/?key=1",
            "https://example.org/#a",
            "https://",
            "example.org",
            "",
        ] {
            assert!(bad.parse::<Base>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_stays_at_its_server_and_a_query_is_not_shown() {
        let base: Base = "https://example.org/a".parse().unwrap();
        let at = base.join("/v2/entries?from=1&token=secret").unwrap();
        assert_eq!(
            at.url().as_str(),
            "https://example.org/a/v2/entries?from=1&token=secret"
        );
        assert_eq!(at.to_string(), "https://example.org/a/v2/entries");
        for bad in ["v2", "", "@other.example/", "/a\nb"] {
            assert!(base.join(bad).is_err(), "{bad:?}");
        }
        let beside = |text: &str| {
            let at: Base = text.parse().unwrap();
            at.beside("b/c").map(|at| at.to_string())
        };
        assert_eq!(
            beside("https://example.org/x/a").unwrap(),
            "https://example.org/x/b/c"
        );
        assert_eq!(
            beside("https://example.org/a").unwrap(),
            "https://example.org/b/c"
        );
        assert!(beside("https://example.org").is_err());
        assert!(base.same_origin("https://example.org/b?c").is_ok());
        for bad in [
            "https://other.example/b",
            "http://example.org/b",
            "https://example.org:444/b",
            "https://u@example.org/b",
        ] {
            assert!(base.same_origin(bad).is_err(), "{bad}");
        }
    }
}
