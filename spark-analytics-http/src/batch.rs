//! `POST /api/v1/logs/batch`: many events, taken while they come.

use std::mem;
use std::ops::Range;

use axum::Json;
use axum::extract::{Request, State};
use serde::{Deserialize, Serialize};
use spark_analytics_core::{
    Event, EventSplitter, EventText, InvalidEvent, MAX_EVENT_BYTES, Receipt, Rejection, SplitError,
};
use utoipa::{IntoParams, ToSchema};

use crate::app::{App, now};
use crate::body::{self, Media, Pieces};
use crate::ingest::{TOO_OLD, read};
use crate::params::{Params, short};
use crate::problem::Problem;

/// A commit takes this many events, or as many as have this many bytes.
const COMMIT_EVENTS: usize = 1_000;
const COMMIT_BYTES: usize = 4 << 20;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BatchParams {
    /// `only` lists in `results` what was rejected and nothing else.
    #[param(example = "only")]
    errors: Option<String>,
}

/// How many events of a batch came out how.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Counts {
    /// New events.
    pub(crate) recorded: usize,
    /// Events that were known.
    pub(crate) duplicate: usize,
    /// Events that took the place of one with the same identity and less content.
    pub(crate) replaced: usize,
    /// Elements that are no event or one before the prune day.
    pub(crate) rejected: usize,
}

/// What became of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchOutcome {
    #[serde(flatten)]
    counts: Counts,
    /// One for each element, in their order.
    results: Vec<ElementOutcome>,
}

/// What became of one element of a batch.
#[derive(Debug, Serialize, ToSchema)]
struct ElementOutcome {
    /// Which element, from 0; blank lines do not count.
    index: usize,
    /// `recorded`, `duplicate`, `replaced` or `rejected`.
    #[schema(example = "recorded")]
    outcome: &'static str,
    /// The id that the event is stored under; null if it was rejected.
    log_id: Option<i64>,
    /// Why it was rejected, else null.
    detail: Option<Box<str>>,
}

/// Takes many events: a JSON array, or one event a line.
///
/// What is bad is reported and kept at `/api/v1/logs/rejected`, what is good is taken. The events are
/// committed in parts as they come: if the body turns out too large, damaged or cut, what was taken before
/// stays, and the answer says how much that is. Sending all of it again is safe.
#[utoipa::path(
    post,
    path = "/api/v1/logs/batch",
    tag = "logs",
    params(
        BatchParams,
        ("Content-Encoding" = Option<String>, Header, description = "`gzip` or `zstd`")
    ),
    request_body(content(
        (Vec<crate::docs::WireEvent> = "application/json"),
        (String = "application/x-ndjson"),
    )),
    responses(
        (status = 200, description = "What became of each event", body = BatchOutcome),
        (status = 400, description = "Not a batch, or damaged on the way", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not come in time", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Another media type or encoding", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The store failed; sending again is safe", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too much waits to be stored; see Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn batch(
    State(app): State<App>,
    Params(params): Params<BatchParams>,
    request: Request,
) -> Result<Json<BatchOutcome>, Problem> {
    let errors_only = match params.errors.as_deref() {
        None => false,
        Some("only") => true,
        Some(other) => {
            let detail = format!("`errors` can only be `only`, not `{}`", short(other));
            return Err(Problem::bad_request(detail));
        }
    };
    let splitter = match body::media(request.headers())? {
        Media::Json => EventSplitter::array(),
        Media::Lines => EventSplitter::lines(),
    };
    let encoding = body::encoding(request.headers())?;
    let options = &app.options;
    let (limit, wait) = (options.batch_bytes, options.body_timeout);
    let pieces = Pieces::new(request, encoding, limit, wait).await?;
    let mut taking = Taking::new(&app);
    let read = taking.take(pieces, splitter).await;
    // Also what came before the body went wrong is taken.
    let committed = taking.commit().await;
    match read.and(committed) {
        Ok(()) => Ok(Json(taking.outcome(errors_only))),
        Err(problem) => Err(problem.after(taking.counts)),
    }
}

/// A batch under way.
struct Taking<'a> {
    app: &'a App,
    counts: Counts,
    results: Vec<ElementOutcome>,
    events: Vec<Event>,
    /// For each of `events` the result that it will fill, and its place in `raw`.
    places: Vec<(usize, Range<usize>)>,
    /// The texts of `events`: it may turn out that one has to be kept as rejected.
    raw: Vec<u8>,
    rejections: Vec<Rejection>,
    /// Whether an element came that is one too many.
    is_full: bool,
}

impl<'a> Taking<'a> {
    const fn new(app: &'a App) -> Self {
        Self {
            app,
            counts: Counts { recorded: 0, duplicate: 0, replaced: 0, rejected: 0 },
            results: Vec::new(),
            events: Vec::new(),
            places: Vec::new(),
            raw: Vec::new(),
            rejections: Vec::new(),
            is_full: false,
        }
    }

    async fn take(
        &mut self,
        mut pieces: Pieces,
        mut splitter: EventSplitter,
    ) -> Result<(), Problem> {
        loop {
            let piece = pieces.next().await?;
            let split = if piece.is_empty() {
                splitter.finish(|element| self.add(element))
            } else {
                splitter.feed(piece, |element| self.add(element))
            };
            if self.is_full {
                let limit = self.app.options.batch_events;
                return Err(Problem::too_large("the batch", limit, "events"));
            }
            if let Err(error) = split {
                let detail = malformed(error);
                self.rejections.push(Rejection::new(now(), detail, piece));
                return Err(Problem::bad_request(detail));
            }
            if piece.is_empty() {
                return Ok(());
            }
            if self.events.len() >= COMMIT_EVENTS
                || self.rejections.len() >= COMMIT_EVENTS
                || self.raw.len() >= COMMIT_BYTES
            {
                self.commit().await?;
            }
        }
    }

    fn add(&mut self, element: EventText<'_>) {
        let index = self.results.len();
        self.is_full |= index == self.app.options.batch_events;
        if self.is_full {
            return;
        }
        let event = if element.bytes > MAX_EVENT_BYTES {
            Err(InvalidEvent::TooLarge { bytes: element.bytes }.to_string())
        } else {
            read(element.text)
        };
        self.results.push(ElementOutcome { index, outcome: "", log_id: None, detail: None });
        match event {
            Ok(event) => {
                let start = self.raw.len();
                self.raw.extend_from_slice(element.text);
                self.places.push((index, start..self.raw.len()));
                self.events.push(event);
            }
            Err(reason) => {
                self.rejections.push(Rejection::new(now(), reason.as_str(), element.text));
                self.reject(index, reason);
            }
        }
    }

    fn reject(&mut self, index: usize, reason: String) {
        self.counts.rejected += 1;
        self.results[index].outcome = "rejected";
        self.results[index].detail = Some(reason.into_boxed_str());
    }

    /// Stores what has come and fills its results.
    async fn commit(&mut self) -> Result<(), Problem> {
        let events = mem::take(&mut self.events);
        let places = mem::take(&mut self.places);
        let ingested = self.app.analytics.ingest(events).await;
        if let Ok(receipts) = &ingested {
            for (receipt, (index, raw)) in receipts.iter().zip(places) {
                self.settle(*receipt, index, raw);
            }
        }
        self.raw.clear();
        self.app.rejections.keep(mem::take(&mut self.rejections)).await;
        ingested.map(|_| ()).map_err(Problem::from)
    }

    fn settle(&mut self, receipt: Receipt, index: usize, raw: Range<usize>) {
        let (count, outcome, id) = match receipt {
            Receipt::Recorded(id) => (&mut self.counts.recorded, "recorded", id),
            Receipt::Duplicate(id) => (&mut self.counts.duplicate, "duplicate", id),
            Receipt::Replaced(id) => (&mut self.counts.replaced, "replaced", id),
            Receipt::TooOld => {
                self.rejections.push(Rejection::new(now(), TOO_OLD, &self.raw[raw]));
                return self.reject(index, TOO_OLD.to_owned());
            }
        };
        *count += 1;
        self.results[index].outcome = outcome;
        self.results[index].log_id = Some(id);
    }

    fn outcome(self, errors_only: bool) -> BatchOutcome {
        let mut results = self.results;
        if errors_only {
            results.retain(|result| result.detail.is_some());
        }
        BatchOutcome { counts: self.counts, results }
    }
}

/// Why a body as a whole is no batch, and what to send.
const fn malformed(error: SplitError) -> &'static str {
    match error {
        SplitError::NotAnArray => {
            "the body must be a JSON array of events; a single event goes to /api/v1/logs/ingest, \
             lines of events are sent as application/x-ndjson"
        }
        SplitError::AfterArray => "something follows the end of the JSON array",
        SplitError::Unfinished => "the body ends before its JSON array does",
    }
}
