//! `POST /api/v1/logs/batch`: many events, taken while they come.

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
    Event, EventSplitter, EventText, InvalidEvent, MAX_EVENT_BYTES, MAX_REJECTED, Queue, Receipt,
    Rejection, SplitError, Timestamp,
};
use tokio::task::yield_now;
use utoipa::IntoParams;

use crate::problem::Problem;
use crate::request::body::Pieces;
use crate::request::encoding::{Media, encoding, media};
use crate::request::params::{Params, short};
use crate::routes::ingest::read;
use crate::server::connections::{Full, Slot};
use crate::state::App;
use report::{BatchOutcome, Taken};

/// A commit takes this many events, or as many as have this many bytes.
const COMMIT_EVENTS: usize = 1_000;
const COMMIT_BYTES: usize = 4 << 20;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BatchParams {
    /// `only` lists in `results` what was rejected and nothing else.
    #[param(pattern = "^only$", example = "only")]
    errors: Option<String>,
}

/// Takes many events: a JSON array, or one event a line.
///
/// What is bad is reported and kept at `/api/v1/logs/rejected`, what is good is taken. The events are
/// committed in parts as they come: if the body turns out too large, damaged or cut, what was taken before
/// stays, and the answer says how much that is. Sending all of it again is safe. So a batch ends that has more
/// than 10,000 elements to reject. A server that publishes to a queue answers with 202, and events that are in the
/// queue are `queued`.
#[utoipa::path(
    post,
    path = "/api/v1/logs/batch",
    tag = "logs",
    params(
        BatchParams,
        ("Content-Encoding" = Option<String>, Header, description = "`gzip` or `zstd`, or nothing", pattern = "^(identity|gzip|zstd)$")
    ),
    request_body(content(
        (Vec<crate::request::json_names::WireEvent> = "application/json"),
        (String = "application/x-ndjson"),
    )),
    responses(
        (status = 200, description = "What became of each event", body = BatchOutcome),
        (status = 202, description = "What became of each event, by a server that publishes to a queue", body = BatchOutcome),
        (status = 400, description = "Not a batch, too much of it is rejected, or it was damaged on the way", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A page of another site asks", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not come in time", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Another media type or encoding", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The store failed; sending again is safe", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too much waits to be stored, or the queue takes no event now; see Retry-After", body = Problem, content_type = "application/problem+json"),
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
            let detail = format!("`errors` can only be `only`, not `{}`", short(other));
            return Err(Problem::bad_request(detail));
        }
    };
    let splitter = match media(request.headers())? {
        Media::Json => EventSplitter::array(),
        Media::Lines => EventSplitter::lines(),
    };
    let encoding = encoding(request.headers())?;
    let options = &app.options;
    let (limit, wait) = (options.batch_bytes, options.body_timeout);
    let slot = request.extensions().get::<Arc<Slot>>().cloned();
    let mut pieces = Pieces::new(request, encoding, limit, wait);
    let mut taking = Taking::new(&app, errors_only, slot);
    let read = taking.take(&mut pieces, splitter).await;
    if let Err(problem) = &read {
        taking.rejections.extend(problem.rejection(pieces.head()));
    }
    // Also what came before the body went wrong is taken.
    let committed = taking.commit().await;
    match read.and(committed).and_then(|()| taking.check()) {
        Ok(()) => Ok((taking.status(), Json(taking.outcome()))),
        Err(problem) => Err(problem.after(taking.outcome.counts)),
    }
}

/// A batch under way.
struct Taking<'a> {
    app: &'a App,
    errors_only: bool,
    /// What holds the bytes of all this, if it is served by [`serve`](crate::serve).
    slot: Option<Arc<Slot>>,
    /// How many elements came.
    elements: usize,
    outcome: BatchOutcome,
    events: Vec<Event>,
    /// For each of `events` its index in the batch, and its place in `raw`.
    places: Vec<Place>,
    /// The texts of `events`: it may turn out that one has to be kept as rejected.
    raw: Vec<u8>,
    rejections: Vec<Rejection>,
    /// What the reasons of all that was rejected take.
    reason_bytes: usize,
    end: Option<End>,
}

/// An event's index in the batch, and where in `raw` its text is.
type Place = (usize, Range<usize>);

/// Of what a batch has one too many.
#[derive(Clone, Copy)]
enum End {
    Elements,
    Rejected,
}

impl<'a> Taking<'a> {
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

    async fn take(
        &mut self,
        pieces: &mut Pieces,
        mut splitter: EventSplitter,
    ) -> Result<(), Problem> {
        loop {
            self.hold(pieces.own_bytes())?;
            // A body may be there as a whole: others are served between its pieces.
            yield_now().await;
            let piece = pieces.next().await?;
            let turn = self.app.parsing.acquire().await;
            let split = if piece.is_empty() {
                splitter.finish(|element| self.add(element))
            } else {
                splitter.feed(piece, |element| self.add(element))
            };
            drop(turn);
            self.check()?;
            split.map_err(|error| Problem::bad_request(malformed(error)))?;
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

    /// Counts what the batch holds, besides the bytes that reading it takes.
    fn hold(&self, reading: usize) -> Result<(), Full> {
        let Some(slot) = &self.slot else { return Ok(()) };
        let results = self.outcome.results.taken.capacity() * size_of::<Option<Taken>>();
        let rejected: usize = self.rejections.iter().map(|rejection| rejection.raw.len()).sum();
        // Each stands in the answer; in `rejections` it does once more.
        let reasons = 2 * self.reason_bytes;
        // Events have their text, too.
        slot.hold(reading + 2 * self.raw.len() + results + rejected + reasons)
    }

    fn add(&mut self, element: EventText<'_>) {
        if self.elements == self.app.options.batch_events {
            self.end = self.end.or(Some(End::Elements));
        }
        if self.end.is_some() {
            return;
        }
        let event = if element.bytes > MAX_EVENT_BYTES {
            Err(InvalidEvent::TooLarge { bytes: element.bytes }.to_string())
        } else {
            read(element.text)
        };
        let index = self.elements;
        match event {
            Ok(event) => {
                let start = self.raw.len();
                self.raw.extend_from_slice(element.text);
                self.places.push((index, start..self.raw.len()));
                self.events.push(event);
            }
            Err(reason) => {
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
            self.outcome.results.taken.push(None);
        }
    }

    fn reject(&mut self, index: usize, reason: Cow<'static, str>) {
        self.outcome.counts.rejected += 1;
        self.reason_bytes += size_of::<(usize, Cow<'static, str>)>() + reason.len();
        self.outcome.results.rejected.push((index, reason));
    }

    /// Stores or queues what has come and fills its results.
    async fn commit(&mut self) -> Result<(), Problem> {
        let events = mem::take(&mut self.events);
        let places = mem::take(&mut self.places);
        let taken = match &self.app.queue {
            Some(queue) => self.queue(&**queue, events, places).await,
            None => self.store(events, places).await,
        };
        self.raw.clear();
        self.app.rejections.keep(mem::take(&mut self.rejections)).await;
        taken
    }

    async fn store(&mut self, events: Vec<Event>, places: Vec<Place>) -> Result<(), Problem> {
        let receipts = self.app.analytics.ingest(events).await?;
        for (receipt, (index, raw)) in receipts.into_iter().zip(places) {
            self.settle(receipt, index, raw);
        }
        Ok(())
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
            self.take_at(index, Taken::Queued);
        }
        Ok(())
    }

    fn take_at(&mut self, index: usize, taken: Taken) {
        if let Some(place) = self.outcome.results.taken.get_mut(index) {
            *place = Some(taken);
        }
    }

    fn settle(&mut self, receipt: Receipt, index: usize, raw: Range<usize>) {
        let counts = &mut self.outcome.counts;
        match receipt {
            Receipt::Recorded(_) => counts.recorded += 1,
            Receipt::Duplicate(_) => counts.duplicate += 1,
            Receipt::Replaced(_) => counts.replaced += 1,
            Receipt::TooOld => {
                self.rejections.push(Rejection::new(
                    Timestamp::from(SystemTime::now()),
                    InvalidEvent::TooOld.to_string(),
                    &self.raw[raw],
                ));
                self.reject(index, InvalidEvent::TooOld.to_string().into());
                if self.outcome.counts.rejected > MAX_REJECTED {
                    self.end = Some(End::Rejected);
                }
                return;
            }
        }
        self.take_at(index, Taken::Stored(receipt));
    }

    fn check(&self) -> Result<(), Problem> {
        match self.end {
            None => Ok(()),
            Some(End::Elements) => {
                Err(Problem::too_large("the batch", self.app.options.batch_events, "events"))
            }
            Some(End::Rejected) => Err(Problem::bad_request(format!(
                "the batch has more than {MAX_REJECTED} elements that were rejected; correct it, or \
                 leave them out"
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
        // Events that turned out too old were rejected later than what is no event.
        self.outcome.results.rejected.sort_by_key(|(index, _)| *index);
        self.outcome
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
        _ => "the body is no batch of events",
    }
}
