//! Lists, read from the store and sent piece by piece, so that the memory of an answer is that of one piece, however
//! long the list, and reads of others take their turns between two pieces.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use axum::BoxError;
use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::time::{Duration, Instant, sleep};

use super::permits::{Cost, Permit, run};
use crate::problem::Problem;
use crate::request::cursor::Cursor;
use crate::request::page::Page;
use crate::server::connections::{Full, Slot};
use crate::server::one_request::{CHUNK_BYTES, counted};
use crate::state::{App, Shared};

/// How many jobs, stages, executors or applications are read at a time. One takes less than 1 KB in general, and at most
/// about 400 KB: texts of 64 KiB from an event log, and thousands of different durations.
pub(crate) const FACTS_AT_A_TIME: usize = 128;
/// How often to look again for room for a piece that was read.
const ROOM_INTERVAL: Duration = Duration::from_millis(10);

/// The rows of a list, in its order.
pub(crate) trait Rows: Send + Sync + 'static {
    type Cursor: Cursor + Clone + Send + Sync;
    type Row: Send;
    /// A row as the answer has it.
    type Shown: Serialize;

    /// How many rows are read at a time. With the longest row, it bounds the memory of a read.
    fn at_a_time(&self) -> usize;

    /// Reads rows after a place in the list.
    fn read(
        &self,
        app: &Shared,
        after: Option<&Self::Cursor>,
        limit: usize,
    ) -> impl Future<Output = spark_analytics_core::Result<Vec<Self::Row>>> + Send;

    /// The place of a row in the list.
    fn cursor(&self, app: &Shared, row: &Self::Row) -> Self::Cursor;

    fn shown(row: Self::Row) -> Self::Shown;
}

/// A list without cursors, read piece by piece.
pub(crate) trait Pieces: Send + Sync + 'static {
    /// Where a piece begins.
    type Start: Send;

    /// Reads the piece that begins here, as part of the answer, and says where the next one begins.
    fn read(
        &self,
        app: &Shared,
        start: Self::Start,
    ) -> impl Future<Output = Result<(Vec<u8>, Option<Self::Start>), BoxError>> + Send;
}

/// Who reads, and for which connection.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) app: App,
    slot: Option<Arc<Slot>>,
}

impl FromRequestParts<App> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self { app: Arc::clone(app), slot: parts.extensions.get().cloned() })
    }
}

impl Reader {
    /// Answers with a page: `frame` is the answer without rows and without a next page. If the store fails after the
    /// first piece, or its pieces have waited too long for permits, the page ends early, with the cursor of the next one.
    pub(crate) async fn list<R: Rows>(
        self,
        cost: Cost,
        rows: R,
        page: Page<R::Cursor>,
        frame: &impl Serialize,
    ) -> Result<Response, Problem> {
        /// Where the rows and the cursor belong. No text in JSON contains this: its quotes would be escaped.
        const GAP: &str = r#"[],"next":null"#;
        let frame = serde_json::to_string(frame).map_err(unexpected)?;
        let (head, tail) =
            frame.split_once(GAP).ok_or_else(|| unexpected("the answer has no rows"))?;
        let mut listing = Listing {
            patience: self.app.permits.wait(),
            reader: self,
            cost,
            rows: Arc::new(rows),
            after: page.after,
            left: page.limit,
            is_begun: false,
            tail: tail.to_owned(),
            is_over: false,
        };
        let (first, permit) = listing.read(format!("{head}[").into()).await?;
        let body = if listing.is_over {
            Body::from(first)
        } else {
            listing.hold(first.len()).await?;
            into_body(listing, first)
        };
        drop(permit);
        Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
    }

    /// The body of an answer whose first piece has been read. If a later one cannot be read, the connection is closed, so
    /// that the client sees that the answer is incomplete.
    pub(crate) async fn stream<P: Pieces>(
        self,
        first: Vec<u8>,
        start: P::Start,
        pieces: P,
    ) -> Result<Body, Full> {
        self.hold(first.len(), self.app.permits.wait()).await?;
        let rest = Rest { reader: self, pieces: Arc::new(pieces), start: Some(start) };
        Ok(into_body(rest, first.into()))
    }

    /// Counts the bytes of a piece against the memory that the server holds for its clients, in place of the previous
    /// ones, once there is room for them.
    async fn hold(&self, bytes: usize, within: Duration) -> Result<(), Full> {
        let Some(slot) = &self.slot else { return Ok(()) };
        let until = Instant::now() + within;
        while let Err(full) = slot.reserve(counted(bytes)) {
            if Instant::now() >= until {
                return Err(full);
            }
            sleep(ROOM_INTERVAL).await;
        }
        Ok(())
    }

    /// The client has received the last piece, and waits for the next.
    fn continues(&self) {
        self.release();
        if let Some(slot) = &self.slot {
            slot.response_continues();
        }
    }

    /// The next piece has been read.
    fn is_ready(&self) {
        if let Some(slot) = &self.slot {
            slot.response_ready();
        }
    }

    fn release(&self) {
        if let Some(slot) = &self.slot {
            // Reserving less never fails.
            let _ = slot.reserve(0);
        }
    }
}

/// The rest of a list.
struct Listing<R: Rows> {
    /// How much longer the answer may wait for permits and memory, all its pieces together.
    patience: Duration,
    reader: Reader,
    cost: Cost,
    rows: Arc<R>,
    after: Option<R::Cursor>,
    /// How many more rows the page may have.
    left: usize,
    /// Whether a row has been read.
    is_begun: bool,
    /// The JSON behind the cursor of the next page.
    tail: String,
    /// Whether the end of the answer has been read.
    is_over: bool,
}

/// Rows as JSON.
struct Piece<C> {
    json: Vec<u8>,
    rows: usize,
    last: Option<C>,
    end: End,
}

enum End {
    /// More rows of the page may follow.
    Open,
    /// The page is full, and a row follows.
    Full,
    /// It was the last row of the list.
    Last,
}

/// Why a piece cannot be read.
enum Unread {
    Busy(super::permits::Busy),
    Failed(spark_analytics_core::Error),
    Unserializable(serde_json::Error),
}

impl<R: Rows> Listing<R> {
    /// Adds the next piece to the JSON, and the end if it is the last. The permit is to be kept until the memory of the
    /// piece is counted elsewhere.
    async fn read(&mut self, mut json: Vec<u8>) -> Result<(Bytes, Permit), Unread> {
        let app = &self.reader.app;
        let asked = Instant::now();
        let permit = app.permits.take_within(self.cost, self.patience).await;
        self.patience = self.patience.saturating_sub(asked.elapsed());
        let permit = permit.map_err(Unread::Busy)?;
        let (app, rows, after) = (Arc::clone(app), Arc::clone(&self.rows), self.after.clone());
        let (left, is_begun) = (self.left, self.is_begun);
        let read = async move {
            // One row more than the page has shows that another page follows.
            let limit = rows.at_a_time().min(left + 1);
            let read = rows.read(&app, after.as_ref(), limit).await.map_err(Unread::Failed)?;
            piece(&*rows, &app, read, left, limit, is_begun).map_err(Unread::Unserializable)
        };
        let (piece, permit) = run(permit, read).await;
        let piece = piece?;
        self.left -= piece.rows;
        self.is_begun |= piece.rows > 0;
        self.after = piece.last.or(self.after.take());
        json.extend(piece.json);
        match piece.end {
            End::Open => {}
            End::Full => json.extend(self.close(true)),
            End::Last => json.extend(self.close(false)),
        }
        json.shrink_to_fit();
        Ok((json.into(), permit))
    }

    async fn hold(&mut self, bytes: usize) -> Result<(), Full> {
        let asked = Instant::now();
        self.reader.hold(bytes, self.patience).await?;
        self.patience = self.patience.saturating_sub(asked.elapsed());
        Ok(())
    }

    /// The end of the answer.
    fn close(&mut self, has_more: bool) -> Vec<u8> {
        let next = self.after.as_ref().filter(|_| has_more).map(Cursor::encode);
        // A cursor needs no escaping.
        let next = next.map_or_else(|| "null".to_owned(), |next| format!("\"{next}\""));
        self.is_over = true;
        format!(r#"],"next":{next}{}"#, self.tail).into()
    }

    async fn next_or_end(&mut self) -> Bytes {
        let before = (self.after.clone(), self.left);
        let reason = match self.read(Vec::new()).await {
            Ok((piece, permit)) => match self.hold(piece.len()).await {
                Ok(()) => {
                    drop(permit);
                    return piece;
                }
                Err(full) => Problem::from(full),
            },
            Err(unread) => Problem::from(unread),
        };
        tracing::warn!(reason = reason.detail(), "a page ended early");
        (self.after, self.left) = before;
        self.close(true).into()
    }
}

impl<R: Rows> Source for Listing<R> {
    fn reader(&self) -> &Reader {
        &self.reader
    }

    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        if self.is_over {
            return None;
        }
        Some(Ok(self.next_or_end().await))
    }
}

/// The rest of a list without cursors.
struct Rest<P: Pieces> {
    reader: Reader,
    pieces: Arc<P>,
    start: Option<P::Start>,
}

impl<P: Pieces> Source for Rest<P> {
    fn reader(&self) -> &Reader {
        &self.reader
    }

    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        let start = self.start.take()?;
        Some(self.read(start).await.inspect_err(|error| {
            tracing::warn!(%error, "an answer is incomplete");
        }))
    }
}

impl<P: Pieces> Rest<P> {
    async fn read(&mut self, start: P::Start) -> Result<Bytes, BoxError> {
        let app = Arc::clone(&self.reader.app);
        let permit = app.permits.take(Cost::Expensive).await?;
        let wait = app.permits.wait();
        let pieces = Arc::clone(&self.pieces);
        let (read, permit) = run(permit, async move { pieces.read(&app, start).await }).await;
        let (piece, next) = read?;
        self.start = next;
        let held = self.reader.hold(piece.len(), wait).await;
        drop(permit);
        held.map_err(|full| Problem::from(full).detail().to_owned())?;
        Ok(piece.into())
    }
}

/// What the rest of an answer is read from.
trait Source: Send + 'static {
    fn reader(&self) -> &Reader;

    /// The next piece of the answer; `None` after the last.
    fn next(&mut self) -> impl Future<Output = Option<Result<Bytes, BoxError>>> + Send;
}

/// An answer that is being sent.
struct Sent<S: Source> {
    source: S,
    /// What is left of the piece read last.
    piece: Bytes,
}

fn into_body<S: Source>(source: S, first: Bytes) -> Body {
    let sent = Sent { source, piece: first };
    Body::from_stream(stream::unfold(sent, |mut sent| async {
        while sent.piece.is_empty() {
            sent.source.reader().continues();
            let next = sent.source.next().await;
            sent.source.reader().is_ready();
            match next? {
                Ok(piece) => sent.piece = piece,
                Err(error) => return Some((Err(error), sent)),
            }
        }
        let count = sent.piece.len().min(CHUNK_BYTES);
        Some((Ok(sent.piece.split_to(count)), sent))
    }))
}

impl<S: Source> Drop for Sent<S> {
    fn drop(&mut self) {
        self.source.reader().release();
    }
}

/// The rows that were read as JSON, as far as they belong to the page.
fn piece<R: Rows>(
    rows: &R,
    app: &Shared,
    mut read: Vec<R::Row>,
    left: usize,
    limit: usize,
    mut is_begun: bool,
) -> serde_json::Result<Piece<R::Cursor>> {
    let end = match read.len() {
        count if count > left => End::Full,
        count if count < limit => End::Last,
        _ => End::Open,
    };
    read.truncate(left);
    let last = read.last().map(|row| rows.cursor(app, row));
    let mut piece = Piece { json: Vec::new(), rows: read.len(), last, end };
    for row in read {
        if is_begun {
            piece.json.push(b',');
        }
        is_begun = true;
        serde_json::to_writer(&mut piece.json, &R::shown(row))?;
    }
    Ok(piece)
}

impl From<Unread> for Problem {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Busy(busy) => busy.into(),
            Unread::Failed(error) => error.into(),
            Unread::Unserializable(error) => unexpected(error),
        }
    }
}

fn unexpected(error: impl ToString) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}
