//! Permits for reads under way. Expensive reads have few of their own, so that cheap reads and writes find a connection
//! to the store and a core, however many long lists are requested.

use std::future::{Future, pending};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::options::ApiOptions;
use crate::problem::Problem;
use crate::state::App;

/// A list of at most this many rows is cheap if they come one after another.
const SHORT_LIST: usize = 100;

/// What a read costs, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Few rows, each found by its key.
    Cheap,
    /// Many rows, or rows that are searched for.
    Expensive,
}

impl Cost {
    /// That of a list whose rows come one after another, by its limit.
    pub(crate) const fn of_list(limit: usize) -> Self {
        if limit > SHORT_LIST { Self::Expensive } else { Self::Cheap }
    }
}

/// The permits of a server.
#[derive(Debug)]
pub(crate) struct Permits {
    cheap: Arc<Semaphore>,
    expensive: Arc<Semaphore>,
    wait: Duration,
}

/// Permits one read; dropping it permits the read that has waited longest.
#[derive(Debug)]
#[must_use = "another read is permitted once this is dropped"]
pub(crate) struct Permit {
    cost: Cost,
    _permit: OwnedSemaphorePermit,
}

/// There was no permit in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server is busy with other reads; retry later, or ask for less")]
pub(crate) struct Busy;

impl Permits {
    pub(crate) fn new(options: &ApiOptions) -> Self {
        let permits =
            |count: usize| Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)));
        Self {
            cheap: permits(options.cheap_reads),
            expensive: permits(options.expensive_reads),
            wait: options.read_wait,
        }
    }

    /// A permit for a read. Waits for it in the order of arrival, but not longer than [`wait`](Self::wait).
    pub(crate) async fn take(&self, cost: Cost) -> Result<Permit, Busy> {
        self.take_within(cost, self.wait).await
    }

    /// The same, but waits no longer than this.
    pub(crate) async fn take_within(&self, cost: Cost, wait: Duration) -> Result<Permit, Busy> {
        let permits = match cost {
            Cost::Cheap => &self.cheap,
            Cost::Expensive => &self.expensive,
        };
        match timeout(wait, Arc::clone(permits).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Permit { cost, _permit: permit }),
            // The semaphores are never closed.
            Ok(Err(_)) | Err(_) => Err(Busy),
        }
    }

    /// How long a read may wait.
    pub(crate) const fn wait(&self) -> Duration {
        self.wait
    }
}

/// Runs a read to its end, even if its client leaves: the store may continue to work on it, and the permit must not be
/// given to another read meanwhile. Returns the permit with the result, which takes memory until it is dropped.
///
/// An expensive read has a thread of its own: it computes for longer than others should wait for a worker of the
/// runtime.
pub(crate) async fn run<T: Send + 'static>(
    permit: Permit,
    read: impl Future<Output = T> + Send + 'static,
) -> (T, Permit) {
    let runtime = Handle::current();
    let cost = permit.cost;
    let read = async move { (read.await, permit) };
    let read = match cost {
        Cost::Cheap => runtime.spawn(read),
        Cost::Expensive => {
            let of_thread = runtime.clone();
            runtime.spawn_blocking(move || of_thread.block_on(read))
        }
    };
    match read.await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(read) => read,
        Err(Ok(panic)) => resume_unwind(panic),
        // The runtime is shutting down, and this future with it.
        Err(Err(_)) => pending().await,
    }
}

/// The permit of a cheap read, held while its handler runs.
pub(crate) struct Cheap(#[expect(dead_code, reason = "held, not used")] Permit);

impl FromRequestParts<App> for Cheap {
    type Rejection = Busy;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, Busy> {
        app.permits.take(Cost::Cheap).await.map(Self)
    }
}

impl From<Busy> for Problem {
    fn from(busy: Busy) -> Self {
        Self::unavailable(busy.to_string(), 1)
    }
}

impl IntoResponse for Busy {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(wait: Duration) -> Permits {
        Permits::new(&ApiOptions::default().cheap_reads(1).expensive_reads(1).read_wait(wait))
    }

    #[tokio::test(start_paused = true)]
    async fn reads_of_one_kind_do_not_wait_for_the_other_and_none_waits_without_end() {
        let permits = permits(Duration::from_secs(5));
        let expensive = permits.take(Cost::Expensive).await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(permits.take(Cost::Expensive).await.unwrap_err(), Busy);
        assert_eq!(began.elapsed().as_secs(), 5);
        let cheap = permits.take(Cost::Cheap).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 5);
        drop((expensive, cheap));
        permits.take(Cost::Expensive).await.map(drop).unwrap();
    }

    #[tokio::test]
    async fn a_read_keeps_its_place_when_its_client_leaves() {
        let permits = permits(Duration::ZERO);
        let store = Arc::new(Semaphore::new(0));
        let permit = permits.take(Cost::Expensive).await.unwrap();
        let answers = Arc::clone(&store);
        let mut read = Box::pin(run(permit, async move { answers.acquire().await.map(drop) }));
        assert!(futures::poll!(&mut read).is_pending());
        drop(read);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(permits.take(Cost::Expensive).await.unwrap_err(), Busy);
        store.add_permits(1);
        while permits.take(Cost::Expensive).await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
