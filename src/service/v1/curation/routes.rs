//! Which of our paths a node that keeps banks serves, and by what.

use crate::service::state::State;
use crate::service::v1::curation::{banks, imports, items, keeping};
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;

/// The paths, added to those of a listener that serves the role `curate`.
pub(in crate::service) fn add(router: Router<Arc<State>>) -> Router<Arc<State>> {
    let bank = get(banks::show).patch(banks::change).delete(banks::remove);
    let item = get(items::show).patch(items::change).delete(items::remove);
    router
        .route("/v1/banks", get(banks::all).post(banks::create))
        .route("/v1/banks/{bank}", bank)
        .route("/v1/banks/{bank}/items", get(items::list).post(items::add))
        .route("/v1/banks/{bank}/items/{id}", item)
        .route("/v1/banks/{bank}/withdraw", post(items::withdraw))
        .route("/v1/banks/{bank}/reinstate", post(items::reinstate))
        .route("/v1/banks/{bank}/imports", post(imports::begin))
        .route("/v1/jobs", get(imports::all))
        .route("/v1/jobs/{job}", get(imports::job).delete(imports::stop))
        .route("/v1/jobs/{job}/commit", post(imports::commit))
        .route("/v1/audit", get(keeping::audit))
        .route("/v1/store", get(keeping::store))
        .route("/v1/publish", post(keeping::publish))
        .route("/v1/lint", post(keeping::lint))
}
