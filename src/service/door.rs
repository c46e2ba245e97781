//! What holds for every request, whatever its path: its id, who may call, and what is said of every answer.
//!
//! Owned here: the order of the checks (a browser's request from another site, the caller's key, how often it calls, then the
//! path's own work), and the headers that every answer has. An answer to a question about an upload or a hash that says nothing else says `unjudged`, so
//! that no error reads as clean. Refuses to look at bodies.

use crate::service::caller::Caller;
use crate::service::fault::{Fault, Refused};
use crate::service::hma::message;
use crate::service::ids::{REQUEST_ID, RequestId};
use crate::service::settings::Role;
use crate::service::span::Asked;
use crate::service::state::State;
use axum::extract::{MatchedPath, Request, State as Shared};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;

/// The action, for whoever decides without reading the body.
pub(super) const ACTION: HeaderName = HeaderName::from_static("hashgate-action");
/// Where nginx goes on to.
pub(super) const ACCEL: HeaderName = HeaderName::from_static("x-accel-redirect");
/// The actions of several uploads, in their order.
pub(super) const ACTIONS: HeaderName = HeaderName::from_static("hashgate-actions");
/// What [`ACTION`] says where an upload, or a part of it, was not judged.
pub(super) const UNJUDGED: &str = "unjudged";
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether two slashes in a path count as one, as clients rely on that join addresses by hand.
pub(super) fn one_slash(uri: &Uri) -> Option<Uri> {
    if !uri.path().contains("//") {
        return None;
    }
    let mut path = String::with_capacity(uri.path().len());
    for c in uri.path().chars() {
        if !(c == '/' && path.ends_with('/')) {
            path.push(c);
        }
    }
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    path.parse().ok()
}

/// A page of another site made a browser send this.
fn is_cross_site(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text(&FETCH_SITE) {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(&ORIGIN) else {
        return false;
    };
    let of_origin = origin.split_once("://").map(|(_, host)| host);
    of_origin.is_none() || of_origin != text(&HOST)
}

/// Marks a request that came over TCP.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByTcp;

/// Whether a request names this node by an address, as `localhost`, by one of these names, or not at all. A page can make a
/// name of its own mean this machine, and then calls as if it were of the same site.
fn is_own_name(request: &Request, hosts: &[String]) -> bool {
    let header = request
        .headers()
        .get(HOST)
        .map(|host| host.to_str().unwrap_or("?"));
    let named = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    header.into_iter().chain(named).all(|host| {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        name.is_empty()
            || name.eq_ignore_ascii_case("localhost")
            || bare.parse::<IpAddr>().is_ok()
            || hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
    })
}

/// Whether a path is asked about an upload or a hash, so that its answer must say if there was no judgement.
fn judges(path: &str) -> bool {
    path == "/v1/check" || path == "/v1/match" || path.starts_with("/v1/authz/")
}

/// The faults of a path in the form that its clients read.
pub(super) fn refuse(path: &str, fault: Fault) -> Response {
    let is_of_hma = path == "/c"
        || ["/h/", "/m/", "/c/"]
            .iter()
            .any(|begin| path.starts_with(begin));
    match is_of_hma {
        true => message(&fault),
        false => fault.into_response(),
    }
}

/// What a path asks of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Nothing: it tells nothing but that the process is there.
    Nothing,
    /// Some key, whatever its scopes.
    Any,
    /// A key with this scope.
    Scope(Role),
    /// A key with one of these scopes.
    Either(Role, Role),
}

/// Whether a path is one of ours that only who keeps banks may ask for.
fn is_curation(path: &str) -> bool {
    const FIRST: [&str; 6] = ["banks", "jobs", "audit", "store", "publish", "lint"];
    let below = path.strip_prefix("/v1/").unwrap_or_default();
    FIRST.contains(&below.split('/').next().unwrap_or_default())
}

/// What a path asks of a caller, by its beginning: also where there is no such path, so that nobody learns which there are.
fn needs(path: &str, method: &Method) -> Needs {
    match path {
        "/"
        | "/status"
        | "/status/live"
        | "/site-map"
        | "/v1/live"
        | "/v1/ready"
        | "/v1/openapi.json"
        | "/openapi/openapi.json" => Needs::Nothing,
        "/v1/check" => Needs::Scope(Role::Gate),
        "/v1/match" => Needs::Scope(Role::Match),
        "/v1/hash" => Needs::Scope(Role::Hash),
        "/v1/decisions" => Needs::Scope(Role::Admin),
        "/v1/uploads" => Needs::Scope(Role::Remember),
        "/metrics" => Needs::Scope(Role::Metrics),
        "/c" => Needs::Scope(Role::Match),
        _ if is_curation(path) => Needs::Scope(Role::Curate),
        _ if path.starts_with("/v1/authz/") => Needs::Scope(Role::Gate),
        _ if path.starts_with("/h/") => Needs::Scope(Role::Hash),
        _ if path.starts_with("/m/") => Needs::Scope(Role::Match),
        // How exchanges are set is nobody's business who only looks hashes up.
        _ if path.starts_with("/c/exchange") => Needs::Scope(Role::Curate),
        // Entries show whole hashes.
        _ if path.starts_with("/c/") && (!method.is_safe() || path.contains("/content/")) => {
            Needs::Scope(Role::Curate)
        }
        _ if path.starts_with("/c/") => Needs::Either(Role::Match, Role::Curate),
        _ => Needs::Any,
    }
}

/// What a key without the scope is told: on HMA's paths the words that its clients look for.
fn no_scope(path: &str) -> String {
    let said = "this key's scopes do not cover this path";
    let what = match path.split('/').nth(1) {
        Some("c") => "Curating",
        Some("m") => "Matching",
        Some("h") => "Hashing",
        _ => return said.to_owned(),
    };
    format!("{what} is disabled, missing role: {said}")
}

/// The key that a request brings.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (kind, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    kind.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Whether a caller may ask this: the scopes that it has then.
fn admit(
    state: &State,
    (path, method): (&str, &Method),
    (headers, id): (&HeaderMap, &str),
) -> Result<Caller, Fault> {
    let Some(ring) = &state.ring else {
        return Ok(Caller {
            request: id.into(),
            ..Caller::anybody()
        });
    };
    let needs = needs(path, method);
    let key = bearer(headers).map(|text| ring.find(text));
    let scopes = match &key {
        Some(Some(key)) => key.scopes.clone(),
        // A key that is not good is no reason to be taken for nobody.
        Some(None) if needs != Needs::Nothing => {
            let detail = "this key is not known, or was revoked";
            return Err(Fault::new(StatusCode::UNAUTHORIZED, "bad-key", detail));
        }
        _ => state.settings.anonymous.clone(),
    };
    let key = key.flatten();
    let caller = Caller {
        key: key.as_ref().map(|key| key.name.clone()),
        request: id.into(),
        scopes,
    };
    let scopes = &caller.scopes;
    let may = match needs {
        Needs::Nothing => return Ok(caller),
        Needs::Any => !scopes.is_empty(),
        Needs::Scope(role) => scopes.contains(&role),
        Needs::Either(one, other) => scopes.contains(&one) || scopes.contains(&other),
    };
    if !may && key.is_none() {
        let detail = "Authentication required: send `Authorization: Bearer KEY`";
        return Err(Fault::new(StatusCode::UNAUTHORIZED, "no-key", detail));
    }
    if !may {
        return Err(Fault::new(StatusCode::FORBIDDEN, "scope", no_scope(path)));
    }
    ring.count(key.as_ref()).map_err(|seconds| Fault {
        retry_after: Some(seconds),
        ..Fault::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate",
            "this caller asks more often than it may",
        )
    })?;
    Ok(caller)
}

/// The trace that a request belongs to, by its header `traceparent` (W3C Trace Context), where that is one: for the log.
fn trace(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = given.split('-');
    let mut hex = |digits: usize| {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let part = parts.next()?;
        (part.len() == digits && part.bytes().all(is_hex)).then_some(part)
    };
    let (version, trace, parent, _) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    let is_whole = parts.next().is_none() || version != "00";
    (is_whole && version != "ff" && !is_zero(trace) && !is_zero(parent)).then_some(given)
}

/// Checks what holds for every request, and adds what every answer has.
pub(super) async fn pass(
    Shared(state): Shared<Arc<State>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = state.ids.of(request.headers());
    let begun = Instant::now();
    let path = request.uri().path().to_owned();
    let served = request.extensions().get::<MatchedPath>();
    let served = served.map_or_else(|| "other".to_owned(), |served| served.as_str().to_owned());
    let method = request.method().clone();
    let trace = trace(request.headers()).map(str::to_owned);
    let asked = Asked {
        id: &id,
        method: method.as_str(),
        served: &served,
        trace: trace.as_deref(),
        is_traced: state.settings.traces.is_some(),
    };
    let span = asked.span();
    let by_tcp = request.extensions().get::<ByTcp>().is_some();
    let hosts = request.headers().get_all(HOST).iter().count();
    let mut response = if hosts > 1 {
        // RFC 9112, section 3.2: who checks one of them, and who acts by another, do not mean the same.
        refuse(&path, Fault::bad("a request has one header `Host`"))
    } else if is_cross_site(request.headers()) {
        let detail = "a page of another site made a browser send this: such requests are refused";
        refuse(
            &path,
            Fault::new(StatusCode::FORBIDDEN, "cross-site", detail),
        )
    } else if by_tcp && state.ring.is_none() && !is_own_name(&request, &state.settings.hosts) {
        let detail = "this node is called by an address or as `localhost`, or by a name in the setting `hosts`";
        refuse(&path, Fault::new(StatusCode::FORBIDDEN, "host", detail))
    } else {
        match admit(&state, (&path, &method), (request.headers(), &id)) {
            Ok(caller) => {
                let extensions = request.extensions_mut();
                extensions.insert(caller);
                extensions.insert(RequestId(id.as_str().into()));
                next.run(request).instrument(span.clone()).await
            }
            Err(fault) => refuse(&path, fault),
        }
    };
    let refused = response
        .extensions()
        .get::<Refused>()
        .map(|refused| refused.0);
    tracing::debug!(id, trace, %method, path = served, status = response.status().as_u16(), refused, "answered");
    let status = response.status();
    asked.answered(&span, status, refused);
    (state.metrics).answered(&served, status, refused, begun.elapsed());
    let headers = response.headers_mut();
    if judges(&path) {
        headers
            .entry(ACTION)
            .or_insert(HeaderValue::from_static(UNJUDGED));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn double_slashes_are_one() {
        let of =
            |text: &str| one_slash(&text.parse().expect("an address")).map(|uri| uri.to_string());
        assert_eq!(of("//c//banks?x=//"), Some("/c/banks?x=//".to_owned()));
        assert_eq!(of("/c/banks?x=//"), None);
    }

    #[test]
    fn a_trace_is_logged_only_if_it_is_one() {
        const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let of = |text: &str| {
            let value = HeaderValue::from_str(text).expect("a value");
            let name = HeaderName::from_static("traceparent");
            trace(&HeaderMap::from_iter([(name, value)])).map(str::to_owned)
        };
        assert_eq!(of(GOOD).as_deref(), Some(GOOD));
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_node_is_called_by_an_address_or_by_a_name_of_its_own() {
        let hosts = ["gate.example".to_owned()];
        for (host, own) in [
            ("127.0.0.1:8710", true),
            ("[::1]:8710", true),
            ("LOCALHOST", true),
            ("gate.example:80", true),
            ("evil.example:8710", false),
            ("evil.example", false),
        ] {
            let request = Request::builder()
                .header(HOST, host)
                .body(Default::default());
            assert_eq!(
                is_own_name(&request.expect("a request"), &hosts),
                own,
                "{host}"
            );
        }
    }

    #[test]
    fn a_browser_that_another_site_uses_is_known() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter();
            let pairs = pairs.map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            });
            pairs.collect::<HeaderMap>()
        };
        for (pairs, cross) in [
            (&[][..], false),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "same-site")], true),
            (
                &[("sec-fetch-site", "same-origin"), ("origin", "http://a")],
                false,
            ),
            (&[("origin", "http://a:1"), ("host", "a:1")], false),
            (&[("origin", "http://evil"), ("host", "a:1")], true),
            (&[("origin", "null"), ("host", "a:1")], true),
        ] {
            assert_eq!(is_cross_site(&headers(pairs)), cross, "{pairs:?}");
        }
    }
}
