//! The connection to Redis. No read or write waits for it: it is suspended when Redis fails, and resumed in the background.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisError, RedisResult, Script};
use tokio::runtime::Handle;
use tokio::time::{error::Elapsed, sleep, timeout};

use crate::counts::Counters;

/// What a call to Redis is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To look up or fill entries. A read makes at most two such calls, so they delay it by less than 50 ms.
    Read,
    /// To invalidate entries.
    Write,
}

impl Purpose {
    const fn limit(self) -> Duration {
        match self {
            Self::Read => Duration::from_millis(20),
            Self::Write => Duration::from_millis(250),
        }
    }
}

/// The limit for connecting. Only the caller that opens the cache waits for it.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// The pause before Redis is tried again: the first one and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

#[derive(Debug)]
pub(crate) struct Link {
    client: Client,
    /// The key of the epoch: without its value all other keys are unreachable.
    epoch: String,
    runtime: Handle,
    state: Mutex<State>,
    nonce: (u64, AtomicU64),
    pub(crate) counters: Counters,
}

/// Redis is read while `serves_reads`; otherwise a task retries until it is available again.
#[derive(Default)]
struct State {
    serves_reads: bool,
    /// Whether writes may invalidate entries: a server too slow for reads may be fast enough for this.
    takes_writes: bool,
    /// Whether Redis was ever in use.
    was_used: bool,
    /// Whether Redis may hold stale entries that this process should have invalidated: all entries must be
    /// invalidated before Redis is read again.
    must_flush: bool,
    is_recovering: bool,
    connection: Option<MultiplexedConnection>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("serves_reads", &self.serves_reads).finish_non_exhaustive()
    }
}

impl Link {
    /// Tries to connect once; if that fails, keeps trying in the background.
    pub(crate) async fn connect(client: Client, epoch: String) -> Arc<Self> {
        let link = Arc::new(Self {
            client,
            epoch,
            runtime: Handle::current(),
            state: Mutex::default(),
            nonce: (RandomState::new().hash_one(std::process::id()), AtomicU64::new(0)),
            counters: Counters::default(),
        });
        if let Err(reason) = link.try_again().await {
            tracing::warn!(%reason, "Redis cannot be reached: reads come from the store");
            link.suspend(&mut link.lock(), &reason);
        }
        link
    }

    pub(crate) fn is_available(&self) -> bool {
        self.lock().serves_reads
    }

    /// A text that no other call in any process returns.
    pub(crate) fn nonce(&self) -> String {
        format!("{:x}-{:x}", self.nonce.0, self.nonce.1.fetch_add(1, Ordering::Relaxed))
    }

    /// Runs a script with a nonce and the arguments. Returns `None` if Redis is unavailable, fails or times out.
    pub(crate) async fn call<T: FromRedisValue>(
        self: &Arc<Self>,
        purpose: Purpose,
        script: &Script,
        args: &[&[u8]],
    ) -> Option<T> {
        let mut connection = self.connection(purpose)?;
        let mut call = script.prepare_invoke();
        call.key(&self.epoch).arg(self.nonce());
        for arg in args {
            call.arg(*arg);
        }
        let answer = timeout(purpose.limit(), call.invoke_async(&mut connection)).await;
        self.judge(purpose, answer)
    }

    /// Invalidates all entries. If that fails, Redis is not read until it has been done.
    pub(crate) async fn flush(self: &Arc<Self>) {
        let distrust = Distrust::new(self, true);
        let Some(mut connection) = self.connection(Purpose::Write) else { return };
        let limit = Purpose::Write.limit();
        let answer = timeout(limit, self.delete_epoch(&mut connection)).await;
        if self.judge(Purpose::Write, answer).is_some() {
            self.counters.flushes.add(1);
            distrust.disarm();
        }
    }

    fn connection(&self, purpose: Purpose) -> Option<MultiplexedConnection> {
        let state = self.lock();
        let is_usable = match purpose {
            Purpose::Read => state.serves_reads,
            Purpose::Write => state.takes_writes,
        };
        state.connection.clone().filter(|_| is_usable)
    }

    fn judge<T>(
        self: &Arc<Self>,
        purpose: Purpose,
        answer: Result<RedisResult<T>, Elapsed>,
    ) -> Option<T> {
        let error = match answer {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        self.counters.errors.add(1);
        let mut state = self.lock();
        match error {
            None => {
                state.takes_writes &= purpose == Purpose::Read;
                self.suspend(&mut state, &"it did not respond in time");
            }
            Some(error) if is_loss(&error) => {
                state.takes_writes = false;
                self.suspend(&mut state, &error);
            }
            // Redis responds but refuses the call, for example because it is full.
            Some(error) => tracing::debug!(%error, "Redis refused a call"),
        }
        None
    }

    fn suspend(self: &Arc<Self>, state: &mut State, reason: &dyn fmt::Display) {
        if std::mem::replace(&mut state.serves_reads, false) {
            tracing::warn!(%reason, "Redis is not used for now: reads come from the store");
        }
        if !std::mem::replace(&mut state.is_recovering, true) {
            self.runtime.spawn(recover(Arc::downgrade(self)));
        }
    }

    /// Pings Redis, over a new connection if necessary, and invalidates all entries if that is due.
    async fn try_again(&self) -> Result<(), RedisError> {
        let held = self.lock().connection.clone();
        let held = match held {
            Some(mut held) => self.ping(&mut held).await.is_ok().then_some(held),
            None => None,
        };
        let is_new = held.is_none();
        let mut connection = match held {
            Some(held) => held,
            None => {
                self.lose();
                self.open().await?
            }
        };
        {
            // A restarted server may have restored entries from before the last writes.
            let mut state = self.lock();
            state.must_flush |= is_new && state.was_used;
        }
        loop {
            {
                let mut state = self.lock();
                if !state.must_flush {
                    let was_used = std::mem::replace(&mut state.was_used, true);
                    state.connection = Some(connection);
                    (state.serves_reads, state.takes_writes) = (true, true);
                    state.is_recovering = false;
                    if was_used {
                        tracing::info!("Redis is used again");
                    }
                    return Ok(());
                }
                state.must_flush = false;
            }
            if let Err(error) = self.delete_epoch(&mut connection).await {
                self.lock().must_flush = true;
                return Err(error);
            }
            self.counters.flushes.add(1);
        }
    }

    fn lose(&self) {
        let mut state = self.lock();
        (state.connection, state.takes_writes) = (None, false);
    }

    async fn open(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_LIMIT))
            .set_response_timeout(Some(CONNECT_LIMIT));
        let mut connection =
            self.client.get_multiplexed_async_connection_with_config(&config).await?;
        self.ping(&mut connection).await?;
        Ok(connection)
    }

    async fn ping(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        redis::cmd("PING").query_async(connection).await
    }

    async fn delete_epoch(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        redis::cmd("DEL").arg(&self.epoch).query_async(connection).await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_loss(error: &RedisError) -> bool {
    error.is_io_error() || error.is_connection_dropped() || error.is_unrecoverable_error()
}

async fn recover(link: Weak<Link>) {
    let (mut pause, longest) = PAUSES;
    loop {
        sleep(pause).await;
        pause = longest.min(pause * 2);
        let Some(link) = link.upgrade() else { return };
        if link.try_again().await.is_ok() {
            return;
        }
    }
}

/// Unless disarmed, dropping it suspends the use of Redis until all entries have been invalidated.
#[derive(Debug)]
pub(crate) struct Distrust<'a> {
    link: &'a Arc<Link>,
    is_armed: bool,
}

impl<'a> Distrust<'a> {
    pub(crate) const fn new(link: &'a Arc<Link>, is_armed: bool) -> Self {
        Self { link, is_armed }
    }

    pub(crate) fn disarm(mut self) {
        self.is_armed = false;
    }
}

impl Drop for Distrust<'_> {
    fn drop(&mut self) {
        if self.is_armed {
            let mut state = self.link.lock();
            state.must_flush = true;
            state.takes_writes = false;
            self.link.suspend(&mut state, &"entries that a write made stale could not be removed");
        }
    }
}
