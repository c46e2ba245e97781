//! The list of HMA's paths that are served here: for the router, the site map and the OpenAPI document.

use crate::service::hma::status::Site;
use crate::service::hma::{banks, compare, hash, lookup, status, types};
#[cfg(feature = "curation")]
use crate::service::hma::{curate, exchanges};
use crate::service::settings::Role;
use crate::service::state::{Roles, State};
use axum::routing::{MethodRouter, any, get, post};
#[cfg(feature = "curation")]
use axum::routing::{delete, put};
use axum::{Extension, Router};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How a path is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    #[cfg(feature = "curation")]
    Put,
    #[cfg(feature = "curation")]
    Delete,
    /// With a form that has a file.
    PostFile,
}

impl Method {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            #[cfg(feature = "curation")]
            Self::Put => "put",
            #[cfg(feature = "curation")]
            Self::Delete => "delete",
            Self::Post | Self::PostFile => "post",
        }
    }
}

/// A path.
pub(super) struct Route {
    pub(super) path: &'static str,
    pub(super) method: Method,
    /// The role that serves it; `None`: every listener does.
    pub(super) role: Option<Role>,
    pub(super) parameters: &'static [&'static str],
    pub(super) summary: &'static str,
    handler: fn() -> MethodRouter<Arc<State>>,
}

impl Route {
    pub(super) fn is_served(&self, roles: &Roles) -> bool {
        self.role.is_none_or(|role| roles.0.contains(&role))
    }
}

const LOOKUP: &[&str] = &["signal", "signal_type", "banks", "seed", "bypass_coinflip"];
const FILE: &[&str] = &["types", "banks", "seed", "bypass_coinflip"];

const fn route(
    (method, path): (Method, &'static str),
    role: Option<Role>,
    parameters: &'static [&'static str],
    summary: &'static str,
    handler: fn() -> MethodRouter<Arc<State>>,
) -> Route {
    Route {
        path,
        method,
        role,
        parameters,
        summary,
        handler,
    }
}

/// All paths.
pub(super) const ROUTES: &[Route] = &[
    route((Method::Get, "/"), None, &[], "to the status", || {
        get(status::root)
    }),
    route(
        (Method::Get, "/status"),
        None,
        &[],
        "alive, and the index to be relied on",
        || get(status::status),
    ),
    route((Method::Get, "/status/live"), None, &[], "alive", || {
        get(status::live)
    }),
    route((Method::Get, "/site-map"), None, &[], "these paths", || {
        get(status::site_map)
    }),
    route(
        (Method::Get, "/openapi/openapi.json"),
        None,
        &[],
        "this document",
        || get(status::openapi),
    ),
    route(
        (Method::Get, "/h/hash"),
        Some(Role::Hash),
        &["url"],
        "refused: no URL is fetched",
        || get(hash::by_url),
    ),
    route(
        (Method::PostFile, "/h/hash"),
        Some(Role::Hash),
        &["types"],
        "hash a file",
        || post(hash::by_file),
    ),
    route(
        (Method::Get, "/m/raw_lookup"),
        Some(Role::Match),
        &["signal", "signal_type", "banks", "include_distance"],
        "entries near a hash",
        || get(lookup::raw),
    ),
    route(
        (Method::Get, "/m/lookup"),
        Some(Role::Match),
        LOOKUP,
        "entries near a hash, by bank",
        || get(lookup::by_signal),
    ),
    route(
        (Method::PostFile, "/m/lookup"),
        Some(Role::Match),
        FILE,
        "entries near a file, by bank",
        || post(lookup::by_file),
    ),
    route(
        (Method::Get, "/m/index/status"),
        Some(Role::Match),
        &["signal_type"],
        "the index, by type of hash",
        || get(lookup::index_status),
    ),
    route(
        (Method::Post, "/m/compare"),
        Some(Role::Match),
        &[],
        "how far apart hashes are",
        || post(compare::compare),
    ),
    route(
        (Method::Get, "/c/banks"),
        Some(Role::Match),
        &[],
        "all banks",
        || get(banks::all).fallback(banks::of_curator),
    ),
    route(
        (Method::Get, "/c/bank/{bank_name}"),
        Some(Role::Match),
        &[],
        "one bank",
        || get(banks::one).fallback(banks::of_curator),
    ),
    route(
        (Method::Get, "/c/signal_type"),
        Some(Role::Match),
        &[],
        "types of hashes",
        || get(types::signal_types).fallback(banks::of_curator),
    ),
    route(
        (Method::Get, "/c/signal_type/index"),
        Some(Role::Match),
        &["signal_type"],
        "the index, by type of hash",
        || get(banks::index).fallback(banks::of_curator),
    ),
    route(
        (Method::Get, "/c/content_type"),
        Some(Role::Match),
        &[],
        "types of content",
        || get(types::content_types).fallback(banks::of_curator),
    ),
];

/// The paths of a curator; what of them reads answers by the store, where else the index does.
#[cfg(feature = "curation")]
const CURATOR: &[Route] = {
    const ROLE: Option<Role> = Some(Role::Curate);
    const BANKS: &str = "/c/banks";
    const BANK: &str = "/c/bank/{bank_name}";
    const ENTRY: &str = "/c/bank/{bank_name}/content/{content_id}";
    const SHOWN: &[&str] = &["include_signals", "include_metadata"];
    &[
        route((Method::Get, BANKS), ROLE, &[], "all banks", || {
            get(curate::all)
        }),
        route((Method::Post, BANKS), ROLE, &[], "make a bank", || {
            post(curate::create)
        }),
        route((Method::Get, BANK), ROLE, &[], "one bank", || {
            get(curate::one)
        }),
        route((Method::Put, BANK), ROLE, &[], "change a bank", || {
            put(curate::change)
        }),
        route((Method::Delete, BANK), ROLE, &[], "delete a bank", || {
            delete(curate::remove)
        }),
        route(
            (Method::PostFile, "/c/bank/{bank_name}/content"),
            ROLE,
            &["types"],
            "add a file's hashes",
            || post(curate::add_file),
        ),
        route(
            (Method::Post, "/c/bank/{bank_name}/signal"),
            ROLE,
            &[],
            "add hashes",
            || post(curate::add_signals),
        ),
        route((Method::Get, ENTRY), ROLE, SHOWN, "an entry", || {
            get(curate::entry)
        }),
        route((Method::Put, ENTRY), ROLE, &[], "disable an entry", || {
            put(curate::change_entry)
        }),
        route(
            (Method::Delete, ENTRY),
            ROLE,
            &[],
            "delete an entry",
            || delete(curate::remove_entry),
        ),
    ]
};

/// What a curator sets besides.
#[cfg(feature = "curation")]
const TYPES: &[Route] = &[route(
    (Method::Put, "/c/signal_type/{signal_type_name}"),
    Some(Role::Curate),
    &[],
    "for which part of the questions a type counts",
    || put(types::set_signal_type),
)];

/// The paths of exchanges.
#[cfg(feature = "curation")]
const EXCHANGES: &[Route] = {
    const ROLE: Option<Role> = Some(Role::Curate);
    const ALL: &str = "/c/exchanges";
    const ONE: &str = "/c/exchange/{exchange_name}";
    const API: &str = "/c/exchanges/api/{api_name}";
    &[
        route((Method::Get, ALL), ROLE, &[], "all exchanges", || {
            get(exchanges::all)
        }),
        route((Method::Post, ALL), ROLE, &[], "make an exchange", || {
            post(exchanges::create)
        }),
        route(
            (Method::Get, "/c/exchanges/apis"),
            ROLE,
            &[],
            "the kinds of exchange",
            || get(exchanges::apis),
        ),
        route((Method::Get, API), ROLE, &[], "a kind of exchange", || {
            get(exchanges::api)
        }),
        route(
            (Method::Post, API),
            ROLE,
            &[],
            "set what proves who asks",
            || post(exchanges::set_api),
        ),
        route(
            (Method::Get, "/c/exchanges/api/{api_name}/schema"),
            ROLE,
            &[],
            "what a kind of exchange is told",
            || get(exchanges::schema),
        ),
        route((Method::Get, ONE), ROLE, &[], "an exchange", || {
            get(exchanges::one)
        }),
        route(
            (Method::Get, "/c/exchange/{exchange_name}/status"),
            ROLE,
            &[],
            "what its fetches did",
            || get(exchanges::status),
        ),
        route((Method::Put, ONE), ROLE, &[], "fetch it or not", || {
            put(exchanges::change)
        }),
        route(
            (Method::Delete, ONE),
            ROLE,
            &[],
            "delete an exchange",
            || delete(exchanges::remove),
        ),
    ]
};

/// The paths that these roles serve.
fn served(roles: &Roles) -> Vec<&'static Route> {
    #[cfg(feature = "curation")]
    let more = [CURATOR, TYPES, EXCHANGES].into_iter().flatten();
    #[cfg(not(feature = "curation"))]
    let more = std::iter::empty();
    let more: Vec<&Route> = more
        .filter(|route: &&Route| route.is_served(roles))
        .collect();
    let is_answered_better = |route: &&Route| more.iter().any(|better| better.path == route.path);
    let mut served: Vec<&Route> = ROUTES
        .iter()
        .filter(|route| route.is_served(roles) && !is_answered_better(route))
        .collect();
    served.extend(&more);
    served
}

/// The patterns of these paths, as HMA writes them.
fn patterns(served: &[&Route]) -> Value {
    let served = served.iter();
    let patterns = served.map(|route| route.path.replace('{', "<").replace('}', ">"));
    let patterns: BTreeSet<String> = patterns.collect();
    json!(patterns)
}

/// These paths as an OpenAPI document.
fn openapi(served: &[&Route]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in served {
        let ways = paths.entry(route.path).or_insert_with(|| json!({}));
        let in_path = route.path.split('{').skip(1);
        let in_path = in_path.filter_map(|rest| rest.split('}').next());
        let in_path = in_path.map(|name| (name, "path", true));
        let in_query = route.parameters.iter().map(|name| (*name, "query", false));
        let parameters: Vec<Value> = in_path
            .chain(in_query)
            .map(|(name, place, required)| {
                let schema = json!({ "type": "string" });
                json!({ "name": name, "in": place, "required": required, "schema": schema })
            })
            .collect();
        let mut way = json!({
            "summary": route.summary,
            "parameters": parameters,
            "responses": { "200": { "description": "see the page on the service" } },
        });
        if route.method == Method::PostFile {
            let file = json!({ "type": "string", "format": "binary" });
            let form = json!({ "type": "object", "properties": { "photo": file, "video": file } });
            let content = json!({ "multipart/form-data": { "schema": form } });
            way["requestBody"] = json!({ "content": content });
        }
        ways[route.method.name()] = way;
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Open Media Match API", "version": "1.1.7" },
        "paths": paths,
    })
}

/// A router with HMA's paths of these roles.
pub(in crate::service) fn add(mut router: Router<Arc<State>>, roles: &Roles) -> Router<Arc<State>> {
    let served = served(roles);
    let site = Arc::new(Site {
        patterns: patterns(&served),
        openapi: openapi(&served),
    });
    for route in served {
        router = router.route(route.path, (route.handler)());
    }
    for path in ["/c", "/c/", "/c/{*rest}"] {
        if roles.0.contains(&Role::Curate) {
            router = router.route(path, any(banks::not_kept));
        } else if roles.0.contains(&Role::Match) {
            router = router.route(path, any(banks::of_curator));
        }
    }
    router.layer(Extension(site))
}
