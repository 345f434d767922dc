//! `POST /api/v1/logs/batch`: many events, stored while they arrive.

pub(crate) mod report;

use std::borrow::Cow;
use std::mem;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use spark_analytics_core::{
    Error, Event, EventSplitter, EventText, InvalidEvent, MAX_REJECTED, Queue, Receipt, Rejection,
    SplitError, Timestamp,
};
use tokio::task::yield_now;
use utoipa::IntoParams;

use crate::problem::Problem;
use crate::request::body::Chunks;
use crate::request::encoding::{Media, encoding, media};
use crate::request::params::{Params, short};
use crate::server::connections::{Full, Slot};
use crate::state::App;
use report::{Accepted, BatchOutcome};

/// Events are committed once this many, or this many bytes of them, have arrived.
const COMMIT_EVENTS: usize = 1_000;
const COMMIT_BYTES: usize = 4 << 20;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BatchParams {
    /// With `only`, `results` lists rejected elements and nothing else.
    #[param(pattern = "^only$")]
    errors: Option<String>,
}

/// Ingests many events: a JSON array, or one event per line.
///
/// Valid events are accepted; invalid elements are reported, and kept at `/api/v1/logs/rejected`. An event log that Spark
/// wrote is refused as a whole. Events are committed
/// in parts as they arrive: if the body turns out to be too large, damaged or truncated, the events accepted before
/// stay, and the response counts them. Sending the whole batch again is safe. A batch also ends when more than 10,000 of
/// its elements are rejected. A server that publishes to a queue answers with 202, and reports events that are in the
/// queue as `queued`.
#[utoipa::path(
    post,
    path = "/api/v1/logs/batch",
    tag = "logs",
    params(
        BatchParams,
        ("Content-Encoding" = Option<String>, Header, description = "`gzip`, `zstd` or none", pattern = "^(identity|gzip|zstd)$")
    ),
    request_body(content(
        (Vec<crate::request::json_names::WireEvent> = "application/json"),
        (String = "application/x-ndjson"),
    )),
    responses(
        (status = 200, description = "The outcome of each event", body = BatchOutcome),
        (status = 202, description = "The outcome of each event, from a server that publishes to a queue", body = BatchOutcome),
        (status = 400, description = "The body is not a batch or is damaged, or too many of its elements are rejected", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A page of another origin sent the request", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not arrive in time", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Unsupported media type or encoding", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The store failed; retrying is safe", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many events are waiting to be stored, or the queue does not accept events now; see Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn batch(
    State(app): State<App>,
    Params(params): Params<BatchParams>,
    request: Request,
) -> Result<(StatusCode, Json<BatchOutcome>), Problem> {
    let errors_only = match params.errors.as_deref() {
        None => false,
        Some("only") => true,
        Some(other) => {
            let detail = format!("`errors` must be `only`, not `{}`", short(other));
            return Err(Problem::bad_request(detail));
        }
    };
    let splitter = match media(request.headers())? {
        Media::Json => EventSplitter::array(),
        Media::Lines => EventSplitter::lines(),
    };
    let encoding = encoding(request.headers())?;
    let options = &app.options;
    let (limit, timeout) = (options.batch_bytes, options.body_timeout);
    let slot = request.extensions().get::<Arc<Slot>>().cloned();
    let mut chunks = Chunks::new(request, encoding, limit, timeout);
    let mut progress = Progress::new(&app, errors_only, slot);
    let read = progress.read(&mut chunks, splitter).await;
    if let Err(problem) = &read {
        progress.rejections.extend(problem.rejection(chunks.head()));
    }
    // Events that arrived before the problem are accepted too.
    let committed = progress.commit().await;
    match read.and(committed).and_then(|()| progress.check()) {
        Ok(()) => Ok((progress.status(), Json(progress.outcome()))),
        Err(problem) => Err(problem.with_accepted(progress.outcome.counts)),
    }
}

/// A batch in progress.
struct Progress<'a> {
    app: &'a App,
    errors_only: bool,
    /// Accounts for the memory of the batch, if [`serve`](crate::serve) serves the router.
    slot: Option<Arc<Slot>>,
    /// How many elements have arrived.
    elements: usize,
    outcome: BatchOutcome,
    events: Vec<Event>,
    /// For each of `events`, its index in the batch and its place in `raw`.
    places: Vec<Place>,
    /// The texts of `events`, because the store may still reject one.
    raw: Vec<u8>,
    rejections: Vec<Rejection>,
    /// The memory of the reasons of all rejections.
    reason_bytes: usize,
    end: Option<End>,
}

/// The index of an event in the batch, and the range of its text in `raw`.
type Place = (usize, Range<usize>);

/// Why a batch ends early: it is an event log, or has too many elements of one kind.
#[derive(Clone, Copy)]
enum End {
    EventLog,
    Elements,
    Rejected,
}

impl<'a> Progress<'a> {
    fn new(app: &'a App, errors_only: bool, slot: Option<Arc<Slot>>) -> Self {
        let mut outcome = BatchOutcome::default();
        outcome.counts.queued = app.queue.as_ref().map(|_| 0);
        Self {
            app,
            errors_only,
            slot,
            elements: 0,
            outcome,
            events: Vec::new(),
            places: Vec::new(),
            raw: Vec::new(),
            rejections: Vec::new(),
            reason_bytes: 0,
            end: None,
        }
    }

    async fn read(
        &mut self,
        chunks: &mut Chunks,
        mut splitter: EventSplitter,
    ) -> Result<(), Problem> {
        loop {
            self.reserve(chunks.own_bytes())?;
            // The body may have arrived as a whole: let other requests run between its chunks.
            yield_now().await;
            let chunk = chunks.next().await?;
            let is_end = chunk.is_empty();
            let permit = self.app.parsing.acquire().await;
            let split = if is_end {
                splitter.finish(|element| self.add(element))
            } else {
                splitter.feed(chunk, |element| self.add(element))
            };
            drop(permit);
            self.check()?;
            if let Err(error) = split {
                return Err(malformed(error, chunks.head()));
            }
            if is_end {
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

    /// Reserves memory for the batch, in addition to what reading it takes.
    fn reserve(&self, reading: usize) -> Result<(), Full> {
        let Some(slot) = &self.slot else { return Ok(()) };
        let results = self.outcome.results.accepted.capacity() * size_of::<Option<Accepted>>();
        let rejected: usize = self.rejections.iter().map(|rejection| rejection.raw.len()).sum();
        // Each is in the response, and in `rejections` as well.
        let reasons = 2 * self.reason_bytes;
        // Events contain their text, too.
        slot.reserve(reading + 2 * self.raw.len() + results + rejected + reasons)
    }

    fn add(&mut self, element: EventText<'_>) {
        if self.elements == self.app.options.batch_events {
            self.end = self.end.or(Some(End::Elements));
        }
        if self.end.is_some() {
            return;
        }
        let index = self.elements;
        match element.event() {
            Ok(event) => {
                let start = self.raw.len();
                self.raw.extend_from_slice(element.text);
                self.places.push((index, start..self.raw.len()));
                self.events.push(event);
            }
            Err(InvalidEvent::OfEventLog) if index == 0 => {
                self.end = Some(End::EventLog);
                return;
            }
            Err(error) => {
                let reason = error.to_string();
                if self.outcome.counts.rejected >= MAX_REJECTED {
                    self.end = Some(End::Rejected);
                    return;
                }
                self.rejections.push(Rejection::new(
                    Timestamp::from(SystemTime::now()),
                    reason.as_str(),
                    element.text,
                ));
                self.reject(index, reason.into());
            }
        }
        self.elements += 1;
        if !self.errors_only {
            self.outcome.results.accepted.push(None);
        }
    }

    fn reject(&mut self, index: usize, reason: Cow<'static, str>) {
        self.outcome.counts.rejected += 1;
        self.reason_bytes += size_of::<(usize, Cow<'static, str>)>() + reason.len();
        self.outcome.results.rejected.push((index, reason));
    }

    /// Stores or queues the events that have arrived, and fills in their results.
    async fn commit(&mut self) -> Result<(), Problem> {
        let events = mem::take(&mut self.events);
        let places = mem::take(&mut self.places);
        let committed = match &self.app.queue {
            Some(queue) => self.queue(&**queue, events, places).await,
            None => self.store(events, places).await,
        };
        self.raw.clear();
        self.app.rejections.keep(mem::take(&mut self.rejections)).await;
        committed
    }

    async fn store(&mut self, events: Vec<Event>, places: Vec<Place>) -> Result<(), Problem> {
        let outcomes = self.app.analytics.ingest_each(events).await?;
        let mut failed = Ok(());
        for (outcome, (index, raw)) in outcomes.into_iter().zip(places) {
            match outcome {
                Ok(receipt) => self.settle(receipt, index, raw),
                Err(error @ Error::Refused { .. }) => self.refuse(&error.to_string(), index, raw),
                Err(error) => failed = failed.and(Err(error.into())),
            }
        }
        failed
    }

    async fn queue(
        &mut self,
        queue: &dyn Queue,
        events: Vec<Event>,
        places: Vec<Place>,
    ) -> Result<(), Problem> {
        if events.is_empty() {
            return Ok(());
        }
        queue.publish(events).await?;
        self.outcome.counts.queued = self.outcome.counts.queued.map(|count| count + places.len());
        for (index, _) in places {
            self.accept(index, Accepted::Queued);
        }
        Ok(())
    }

    fn accept(&mut self, index: usize, accepted: Accepted) {
        if let Some(place) = self.outcome.results.accepted.get_mut(index) {
            *place = Some(accepted);
        }
    }

    fn settle(&mut self, receipt: Receipt, index: usize, raw: Range<usize>) {
        let counts = &mut self.outcome.counts;
        match receipt {
            Receipt::Recorded(_) => counts.recorded += 1,
            Receipt::Duplicate(_) => counts.duplicate += 1,
            Receipt::Replaced(_) => counts.replaced += 1,
            Receipt::TooOld => {
                return self.refuse(&InvalidEvent::TooOld.to_string(), index, raw);
            }
        }
        self.accept(index, Accepted::Stored(receipt));
    }

    /// Rejects an event that the store did not accept.
    fn refuse(&mut self, reason: &str, index: usize, raw: Range<usize>) {
        let now = Timestamp::from(SystemTime::now());
        self.rejections.push(Rejection::new(now, reason, &self.raw[raw]));
        self.reject(index, reason.to_owned().into());
        if self.outcome.counts.rejected > MAX_REJECTED {
            self.end = Some(End::Rejected);
        }
    }

    fn check(&self) -> Result<(), Problem> {
        match self.end {
            None => Ok(()),
            Some(End::EventLog) => Err(InvalidEvent::OfEventLog.into()),
            Some(End::Elements) => {
                Err(Problem::too_large("the batch", self.app.options.batch_events, "events"))
            }
            Some(End::Rejected) => Err(Problem::bad_request(format!(
                "more than {MAX_REJECTED} elements of the batch were rejected; correct or remove them"
            ))),
        }
    }

    fn status(&self) -> StatusCode {
        match self.app.queue {
            Some(_) => StatusCode::ACCEPTED,
            None => StatusCode::OK,
        }
    }

    fn outcome(mut self) -> BatchOutcome {
        // Events that are too old were rejected later than elements that are not events.
        self.outcome.results.rejected.sort_by_key(|(index, _)| *index);
        self.outcome
    }
}

/// Why a body as a whole, of which this is the beginning, is not a batch, and what to send instead.
fn malformed(error: SplitError, head: &[u8]) -> Problem {
    let detail = match error {
        SplitError::NotAnArray => match Event::from_bytes(head) {
            Err(error @ InvalidEvent::OfEventLog) => return error.into(),
            _ => {
                "the body must be a JSON array of events; send a single event to /api/v1/logs/ingest, and \
                 lines of events as application/x-ndjson"
            }
        },
        SplitError::AfterArray => "unexpected data after the end of the JSON array",
        SplitError::Unfinished => "the body ends before its JSON array",
        _ => "the body is not a batch of events",
    };
    Problem::bad_request(detail)
}
