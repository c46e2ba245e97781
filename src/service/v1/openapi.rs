//! `/v1/openapi.json`: our own paths as an OpenAPI document, made from the functions that answer them.

use crate::service::fault::{Fault, Problem};
use crate::service::settings::Role;
use crate::service::state::Roles;
#[cfg(feature = "curation")]
use crate::service::v1::curation::{banks, imports, items, keeping, uploads};
use crate::service::v1::{check, hash, json, log, matching, metrics, status};
use axum::Extension;
use axum::http::StatusCode;
use axum::response::Response;
use utoipa::OpenApi;

/// The document. A verdict is described where it is written: see the page on the output.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "hashgate",
        description = "A node that judges uploads by a published index. Only 200 with the header Hashgate-Action none, report or allow lets an upload pass."
    ),
    paths(
        check::authz,
        check::check,
        matching::one,
        matching::many,
        hash::hash,
        status::live,
        status::ready,
        status::status,
        metrics::metrics,
        openapi
    ),
    components(schemas(Problem))
)]
struct Document;

/// What a listener of the role `admin` serves.
#[derive(OpenApi)]
#[openapi(paths(log::decisions))]
struct Log;

/// The paths of a node that keeps banks.
#[cfg(feature = "curation")]
#[derive(OpenApi)]
#[openapi(paths(
    banks::all,
    banks::show,
    banks::create,
    banks::change,
    banks::remove,
    items::list,
    items::add,
    items::show,
    items::change,
    items::remove,
    items::withdraw,
    items::reinstate,
    imports::begin,
    imports::all,
    imports::job,
    imports::commit,
    imports::stop,
    keeping::audit,
    keeping::store,
    keeping::publish,
    keeping::lint
))]
struct Keeping;

/// What a listener of the role `remember` serves.
#[cfg(feature = "curation")]
#[derive(OpenApi)]
#[openapi(paths(uploads::keep))]
struct Remembering;

/// The document as it is served: what only some nodes have is in it where this listener serves it.
#[utoipa::path(get, path = "/v1/openapi.json", responses((status = 200, description = "this document")))]
pub(in crate::service) async fn openapi(
    Extension(roles): Extension<Roles>,
) -> Result<Response, Fault> {
    let mut document = Document::openapi();
    for role in &*roles.0 {
        match role {
            Role::Admin => document.merge(Log::openapi()),
            #[cfg(feature = "curation")]
            Role::Curate => document.merge(Keeping::openapi()),
            #[cfg(feature = "curation")]
            Role::Remember => document.merge(Remembering::openapi()),
            _ => {}
        }
    }
    json(StatusCode::OK, &document)
}
