//! The requests that read.

mod counts;
mod events;
mod search;

use std::sync::Arc;

use axum::extract::FromRef;
use kudos_core::Kinds;
use kudos_http::sse::EventStreams;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::events::EventHub;
use crate::service::QueryService;

/// What the handlers share.
#[derive(Clone)]
pub struct Queries {
    /// The reads.
    pub service: Arc<QueryService>,
    /// Where live events come from.
    pub hub: Arc<EventHub>,
    /// Where live events go.
    pub streams: EventStreams,
}

impl FromRef<Queries> for Arc<Kinds> {
    fn from_ref(queries: &Queries) -> Self {
        Arc::clone(queries.service.kinds())
    }
}

/// The routes of the search service.
pub fn routes(queries: Queries) -> OpenApiRouter {
    router().with_state(queries)
}

/// The description of these routes, for a process that serves others of the same API.
pub fn openapi() -> OpenApi {
    router().into_openapi()
}

fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new()
        .routes(routes!(counts::get_post))
        .routes(routes!(counts::get_counts))
        .routes(routes!(counts::get_reactors))
        .routes(routes!(counts::batch_get))
        .routes(routes!(search::search))
        .routes(routes!(events::events))
}
