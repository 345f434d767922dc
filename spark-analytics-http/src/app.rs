//! The router and what its handlers share.

use std::num::NonZero;
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;
use std::time::SystemTime;

use axum::body::Bytes;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use spark_analytics_core::{Analytics, Store, Timestamp};
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Access;
use crate::observe::observe;
use crate::options::Options;
use crate::origins::{cors, refuse_strangers};
use crate::problem::Problem;
use crate::rejections::Rejections;
use crate::status::LastReady;
use crate::tokens::Role;
use crate::{applications, batch, docs, history, ingest, jobs, logs, status, summary};
use spark_analytics_core::Queue;

/// What every handler is given.
pub(crate) type App = Arc<Shared>;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) analytics: Analytics,
    /// What takes events in place of the store, if anything does.
    pub(crate) queue: Option<Arc<dyn Queue>>,
    pub(crate) options: Options,
    pub(crate) rejections: Rejections,
    /// The description of the API, once it was asked for.
    pub(crate) document: OnceLock<Bytes>,
    pub(crate) ready: LastReady,
    /// How many batches may be parsed at once: as many as there are cores, in turn, so that those under
    /// way do not stand in a line before every other request.
    pub(crate) turns: Semaphore,
}

/// The HTTP API over a store: a router to [`serve`](crate::serve) or to mount in one's own service.
///
/// Figures are asked of the store at each request, so wrap it in
/// [`Cached`](spark_analytics_core::Cached) first. The router must run on tokio. It reports each
/// answer as a `tracing` event of this crate.
///
/// ```
/// use std::sync::Arc;
///
/// use axum::{Router, routing::get};
/// use spark_analytics_core::{Analytics, MemoryStore, Store};
/// use spark_analytics_http::{Options, router};
///
/// let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
/// let analytics = Analytics::new(store);
/// let service: Router = Router::new()
///     .route("/mine", get(async || "a route of one's own"))
///     .merge(router(analytics, &Options::default()));
/// ```
pub fn router(analytics: Analytics, options: &Options) -> Router {
    over(analytics, None, options)
}

/// The same API, but events go into a queue, from which others take them into the store.
///
/// Those that are in the queue are answered with 202: their figures follow. So events are taken while the
/// store is down; what is read is still asked of it, and what is no event is kept in it if it can. `/ready` tells
/// whether the queue takes events.
pub fn router_with_queue(analytics: Analytics, queue: Arc<dyn Queue>, options: &Options) -> Router {
    over(analytics, Some(queue), options)
}

fn over(analytics: Analytics, queue: Option<Arc<dyn Queue>>, options: &Options) -> Router {
    let rejections = Rejections::new(Arc::clone(analytics.store()), queue.is_none());
    let turns = Semaphore::new(available_parallelism().map_or(1, NonZero::get));
    let (options, access) = (options.clone(), options.access.as_ref());
    let app = Arc::new(Shared {
        analytics,
        queue,
        options,
        rejections,
        document: OnceLock::new(),
        ready: LastReady::default(),
        turns,
    });
    let mut router = Router::from(api(access))
        .merge(docs::ui_files())
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), refuse_strangers));
    if !app.options.origins.is_empty() {
        router = router.layer(cors(&app.options.origins));
    }
    router.layer(middleware::from_fn_with_state(Arc::clone(&app), observe)).with_state(app)
}

/// Each route with its description: what is served and what is documented cannot differ. Nor can who may ask for it.
pub(crate) fn api(access: Option<&Access>) -> OpenApiRouter<App> {
    let open = OpenApiRouter::with_openapi(docs::head())
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
        .merge(history::api());
    let write = OpenApiRouter::new().routes(routes!(ingest::ingest)).routes(routes!(batch::batch));
    let admin = OpenApiRouter::new().routes(routes!(logs::rejected));
    let guard = |role, routes| match access {
        Some(access) => access.guard_described(role, routes),
        None => routes,
    };
    open.merge(guard(Role::Read, read))
        .merge(guard(Role::Write, write))
        .merge(guard(Role::Admin, admin))
}

async fn unknown_route(uri: Uri) -> Problem {
    let detail = format!("there is nothing at {}; /docs lists what there is", uri.path());
    Problem::new(StatusCode::NOT_FOUND, detail)
}

/// The router adds `Allow` to what this answers.
async fn wrong_method(method: Method, uri: Uri) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let detail = format!("{} does not take {method}; Allow says what it takes", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).into_response()
}

/// This instant: the core knows no clock.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}
