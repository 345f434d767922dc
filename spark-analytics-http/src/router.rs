//! Every route: its handler, its description, and the role that may call it.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use spark_analytics_core::{Analytics, Queue};
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Access;
use crate::access::hosts::refuse_other_hosts;
use crate::access::origins::{cors, refuse_cross_origin};
use crate::access::tokens::Role;
use crate::access_log::observe;
use crate::degradation::Degradation;
use crate::openapi;
use crate::options::ApiOptions;
use crate::problem::Problem;
use crate::reading::permits::Permits;
use crate::rejections::Rejections;
use crate::routes::{
    applications, batch, docs, forget, history, ingest, jobs, logs, start_page, status, summary,
};
use crate::state::{App, LastReady, Shared};

/// The HTTP API over a store, built into a router to [`serve`](crate::serve) or to mount in your own axum
/// service.
///
/// Every request for figures reads the store, so wrap it in [`Cached`](spark_analytics_core::Cached). The
/// router must run on tokio. It reports each response as a `tracing` event of this crate.
///
/// ```
/// use axum::{Router, routing::get};
/// use spark_analytics_core::{Analytics, MemoryStore, Store};
/// use spark_analytics_http::{Api, ApiOptions};
/// # use std::sync::Arc;
///
/// let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
/// let options = ApiOptions::default().batch_bytes(256 << 20);
/// let service: Router = Router::new()
///     .route("/mine", get(async || "a route of your own service"))
///     .merge(Api::new(Analytics::new(store)).options(options).into_router());
/// ```
#[derive(Debug)]
#[must_use = "it is a router only after `into_router`"]
pub struct Api {
    analytics: Analytics,
    queue: Option<Arc<dyn Queue>>,
    degradation: Degradation,
    options: ApiOptions,
}

impl Api {
    /// The API over the store of `analytics`, with the default options: open to everyone, and without a queue.
    pub fn new(analytics: Analytics) -> Self {
        let options = ApiOptions::default();
        Self { analytics, queue: None, degradation: Degradation::default(), options }
    }

    /// Publishes events to a queue, from which workers store them, instead of storing them.
    ///
    /// Events are answered with 202 once the queue has them; their figures follow later. The API therefore
    /// accepts events while the store is down. Reads still go to the store, rejected input is kept there if
    /// possible, and `/ready` reports whether the queue accepts events.
    pub fn queue(self, queue: Arc<dyn Queue>) -> Self {
        Self { queue: Some(queue), ..self }
    }

    /// Reports a problem of the service around the API at `/ready` while there is one.
    pub fn degradation(self, degradation: Degradation) -> Self {
        Self { degradation, ..self }
    }

    /// Replaces the options.
    pub fn options(self, options: ApiOptions) -> Self {
        Self { options, ..self }
    }

    /// The router with all routes and middleware. Its state is complete: it can be merged, nested or served.
    pub fn into_router(self) -> Router {
        let Self { analytics, queue, degradation, options } = self;
        let (routes, document) = routes(options.access.as_ref()).split_for_parts();
        let app = Arc::new(Shared {
            rejections: Rejections::new(Arc::clone(analytics.store()), queue.is_none()),
            document: openapi::to_json(document, options.access.is_some()),
            ready: LastReady::default(),
            permits: Permits::new(&options),
            parsing: Semaphore::new(available_parallelism().map_or(1, NonZero::get)),
            analytics,
            queue,
            degradation,
            options,
        });
        let origins = app.options.origins.clone();
        let mut router = routes
            .merge(docs::ui_files())
            .merge(start_page::no_icon())
            .fallback(unknown_route)
            .method_not_allowed_fallback(wrong_method);
        let cors = (!origins.is_empty()).then(|| cors(&origins));
        router = router.layer(middleware::from_fn_with_state(origins, refuse_cross_origin));
        if let Some(cors) = cors {
            router = router.layer(cors);
        }
        let hosts = app.options.hosts.clone();
        router = router.layer(middleware::from_fn_with_state(hosts, refuse_other_hosts));
        router.layer(middleware::from_fn_with_state(Arc::clone(&app), observe)).with_state(app)
    }
}

/// All routes by the role that may call them. Each comes with its description, so that the document cannot
/// differ from what is served.
fn routes(access: Option<&Access>) -> OpenApiRouter<App> {
    let open = OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(status::welcome))
        .routes(routes!(status::health))
        .routes(routes!(status::ready))
        .routes(routes!(docs::openapi))
        .routes(routes!(docs::ui));
    let read = OpenApiRouter::new()
        .routes(routes!(logs::events))
        .routes(routes!(jobs::job))
        .routes(routes!(jobs::list))
        .routes(routes!(summary::summary))
        .routes(routes!(applications::list))
        .routes(routes!(applications::application))
        .routes(routes!(applications::stages))
        .merge(history::routes());
    let write = OpenApiRouter::new().routes(routes!(ingest::ingest)).routes(routes!(batch::batch));
    let admin = OpenApiRouter::new()
        .routes(routes!(logs::rejected))
        .routes(routes!(forget::application))
        .routes(routes!(forget::attempt));
    let guard = |role, routes| match access {
        Some(access) => access.guard_described(role, routes),
        None => routes,
    };
    open.merge(guard(Role::Read, read))
        .merge(guard(Role::Write, write))
        .merge(guard(Role::Admin, admin))
}

async fn unknown_route(uri: Uri) -> Problem {
    let detail = format!("there is no route {}; see /docs for all routes", uri.path());
    Problem::new(StatusCode::NOT_FOUND, detail)
}

/// The router adds `Allow` to this response.
async fn wrong_method(method: Method, uri: Uri) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let detail =
        format!("{} does not support {method}; see the `Allow` header for its methods", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).into_response()
}
