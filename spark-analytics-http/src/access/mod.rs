//! Who may call a route: the holders of a token with the role that the route requires.

pub(crate) mod hosts;
pub(crate) mod origins;
mod rate;
pub(crate) mod tokens;

use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;

use rate::{Rate, Used};
use tokens::{Role, Tokens};

use crate::openapi;
use crate::problem::Problem;
use crate::request::Caller;

/// Requires a token in `Authorization: Bearer TOKEN`, for [`ApiOptions::access`](crate::ApiOptions::access). Clones
/// share their tokens.
///
/// A request without a known token is answered with 401, one whose token has too low a role with 403, and one over
/// the rate limit of its token with 429, each with a problem. The access log names the token.
///
/// ```
/// use spark_analytics_http::{Access, ApiOptions, Role, Tokens};
///
/// let tokens = Tokens::parse(&Tokens::to_line("ci", Role::Write, "the token itself")?)?;
/// let options = ApiOptions::default().access(Access::new(tokens));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Access(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    rate: Option<Rate>,
    known: RwLock<Arc<Known>>,
}

#[derive(Debug)]
struct Known {
    tokens: Tokens,
    /// The use of each token, in their order.
    used: Vec<Used>,
}

impl Access {
    /// Admits these tokens, without a rate limit.
    pub fn new(tokens: Tokens) -> Self {
        Self::with(tokens, None)
    }

    /// Admits these tokens, each for `per_second` requests a second on average, and in a burst of as many after a
    /// pause of a second. A batch is one request.
    pub fn limited(tokens: Tokens, per_second: NonZeroU32) -> Self {
        Self::with(tokens, Some(Rate { per_second }))
    }

    fn with(tokens: Tokens, rate: Option<Rate>) -> Self {
        Self(Arc::new(Shared { rate, known: RwLock::new(Known::new(tokens)) }))
    }

    /// Replaces the tokens. Requests that were already admitted continue.
    pub fn replace(&self, tokens: Tokens) {
        *self.0.known.write().unwrap_or_else(PoisonError::into_inner) = Known::new(tokens);
    }

    /// Protects your own router with the same tokens: each of its routes requires this role.
    pub fn guard<S: Clone + Send + Sync + 'static>(
        &self,
        role: Role,
        router: Router<S>,
    ) -> Router<S> {
        router.route_layer(from_fn_with_state((self.clone(), role), check))
    }

    /// Like [`guard`](Self::guard), for routes with a description, which then mentions the token.
    pub(crate) fn guard_described<S: Clone + Send + Sync + 'static>(
        &self,
        role: Role,
        router: OpenApiRouter<S>,
    ) -> OpenApiRouter<S> {
        let mut router = router.route_layer(from_fn_with_state((self.clone(), role), check));
        openapi::require_token(router.get_openapi_mut(), role.name());
        router
    }

    fn admit(&self, headers: &HeaderMap, role: Role, now: Instant) -> Result<Caller, Refusal> {
        let sent = bearer(headers).ok_or(Refusal::NoToken)?;
        let known = Arc::clone(&self.0.known.read().unwrap_or_else(PoisonError::into_inner));
        let (at, token) = known.tokens.find(sent).ok_or(Refusal::Unknown)?;
        let caller = Caller(token.name.as_str().into());
        if let Some(rate) = self.0.rate
            && let Some(Err(wait)) = known.used.get(at).map(|used| used.count(rate, now))
        {
            return Err(Refusal::TooMany { caller, rate, wait });
        }
        if token.role < role {
            return Err(Refusal::Lacks { caller, has: token.role, role });
        }
        Ok(caller)
    }
}

/// Equal if they share their tokens.
impl PartialEq for Access {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Access {}

impl Known {
    fn new(tokens: Tokens) -> Arc<Self> {
        let now = Instant::now();
        let used = (0..tokens.len()).map(|_| Used::new(now)).collect();
        Arc::new(Self { tokens, used })
    }
}

/// Why a request is not admitted.
enum Refusal {
    NoToken,
    Unknown,
    Lacks { caller: Caller, has: Role, role: Role },
    TooMany { caller: Caller, rate: Rate, wait: Duration },
}

async fn check(
    State((access, role)): State<(Access, Role)>,
    request: Request,
    next: Next,
) -> Response {
    match access.admit(request.headers(), role, Instant::now()) {
        Ok(caller) => {
            let mut response = next.run(request).await;
            response.extensions_mut().insert(caller);
            response
        }
        Err(refusal) => refusal.into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (problem, challenge, caller) = match self {
            Self::NoToken => {
                let detail =
                    "this route requires a token: send it as `Authorization: Bearer TOKEN`";
                let problem = Problem::new(StatusCode::UNAUTHORIZED, detail);
                (problem, Some(String::new()), None)
            }
            Self::Unknown => {
                let problem = Problem::new(StatusCode::UNAUTHORIZED, "unknown token");
                (problem, Some(", error=\"invalid_token\"".to_owned()), None)
            }
            Self::Lacks { caller, has, role } => {
                let detail = format!(
                    "the token `{}` has the role `{has}`, but this route requires `{role}`",
                    caller.0
                );
                let challenge = format!(", error=\"insufficient_scope\", scope=\"{role}\"");
                (Problem::new(StatusCode::FORBIDDEN, detail), Some(challenge), Some(caller))
            }
            Self::TooMany { caller, rate, wait } => {
                let Rate { per_second } = rate;
                let detail = format!(
                    "the token `{}` exceeded its limit of {per_second} requests a second",
                    caller.0
                );
                let seconds = wait.as_millis().div_ceil(1_000);
                let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail)
                    .retry_after(u16::try_from(seconds).unwrap_or(u16::MAX));
                (problem, None, Some(caller))
            }
        };
        let mut response = problem.into_response();
        if let Some(challenge) = challenge
            && let Ok(value) =
                HeaderValue::try_from(format!("Bearer realm=\"spark-analytics\"{challenge}"))
        {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        if let Some(caller) = caller {
            response.extensions_mut().insert(caller);
        }
        response
    }
}
