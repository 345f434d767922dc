//! Redis that is slow, down, full or restarted.

#[path = "../services/support.rs"]
mod support;

use std::time::{Duration, Instant};

use spark_analytics_core::{MemoryStore, Store};
use spark_analytics_redis::RedisCached;
use support::*;

/// The time that a read may take in addition to the store, which answers immediately here.
const EXTRA: Duration = Duration::from_millis(50);

/// The duration of the quickest of three reads, because a busy machine delays some of them.
async fn quickest<T>(read: impl AsyncFn() -> T) -> Duration {
    let mut quickest = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        read().await;
        quickest = quickest.min(start.elapsed());
    }
    quickest
}

#[tokio::test]
async fn the_store_answers_without_redis() {
    let store = MemoryStore::default();
    let cached = RedisCached::open(store, "redis://127.0.0.1:1", "test").await.unwrap();
    cached.ingest(vec![start(1, 1, "ada"), end(1, 1)]).await.unwrap();
    assert_eq!(
        (tasks_of(&cached, 1).await, jobs_on(&cached, 1, 1, None).await),
        (Some(0), vec![1])
    );
    let counts = cached.counts();
    assert!(!counts.is_available);
    assert_eq!((counts.hits, counts.misses, counts.bypassed), (0, 0, 2));
}

#[tokio::test]
async fn an_invalid_url_is_refused_without_revealing_its_password() {
    for url in ["postgres://u:geheim@host/x", "redis://:geheim@host:99999", "geheim", ""] {
        let error = RedisCached::open(MemoryStore::default(), url, "test").await.unwrap_err();
        assert!(!error.to_string().contains("geheim"), "{error}");
        assert!(error.to_string().contains("redis://"), "{error}");
    }
    let url = "redis://:geheim@127.0.0.1:1";
    let cached = RedisCached::open(MemoryStore::default(), url, "test").await.unwrap();
    assert!(!format!("{cached:?}").contains("geheim"));
}

#[tokio::test]
async fn a_redis_that_hangs_delays_one_read_briefly_and_no_others() {
    let server = Server::start().await;
    let (store, namespace) = (MemoryStore::default(), namespace());
    let cached = adapter(store.clone(), &server.url(), &namespace).await;
    let other = adapter(store.clone(), &server.url(), &namespace).await;
    assert_eq!(tasks_of(&cached, 1).await, None);

    let mut first = Duration::MAX;
    for _ in 0..3 {
        until(async || cached.counts().is_available).await;
        server.signal("STOP");
        let start = Instant::now();
        assert_eq!(tasks_of(&cached, 1).await, None);
        first = first.min(start.elapsed());
        assert!(!cached.counts().is_available);
        server.signal("CONT");
    }
    assert!(first < EXTRA, "{first:?}");

    until(async || cached.counts().is_available && other.counts().is_available).await;
    server.signal("STOP");
    cached.ingest(vec![task(1, 1, "t")]).await.unwrap();
    assert_eq!(tasks_of(&cached, 1).await, Some(1), "a process reads its own writes");
    assert!(quickest(async || tasks_of(&cached, 1).await).await < Duration::from_millis(5));
    let counts = cached.counts();
    assert!(counts.errors > 0 && counts.bypassed > 0, "{counts:?}");

    server.signal("CONT");
    until(async || cached.counts().is_available).await;
    assert_eq!(
        tasks_of(&cached, 1).await,
        Some(1),
        "the entry that could not be invalidated is gone"
    );
    assert!(cached.counts().flushes > 0);
    until(async || other.counts().is_available).await;
    assert_eq!(tasks_of(&other, 1).await, Some(1));
    let hits = cached.counts().hits;
    until(async || {
        tasks_of(&cached, 1).await;
        cached.counts().hits > hits
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_was_killed_is_used_again_once_it_is_back() {
    let mut server = Server::start().await;
    let (store, namespace) = (MemoryStore::default(), namespace());
    let cached = adapter(store.clone(), &server.url(), &namespace).await;
    cached.ingest(vec![start(1, 1, "ada"), end(1, 1)]).await.unwrap();
    assert_eq!(
        (tasks_of(&cached, 1).await, jobs_on(&cached, 1, 2, None).await),
        (Some(0), vec![1, 0])
    );
    server.kill();
    cached.ingest(vec![task(1, 1, "t"), end(1, 2)]).await.unwrap();
    assert_eq!(
        (tasks_of(&cached, 1).await, jobs_on(&cached, 1, 2, None).await),
        (Some(1), vec![0, 1])
    );
    assert!(quickest(async || jobs_on(&cached, 1, 2, None).await).await < Duration::from_millis(5));
    server.start_again().await;
    until(async || cached.counts().is_available).await;
    let hits = cached.counts().hits;
    until(async || {
        assert_eq!(
            (tasks_of(&cached, 1).await, jobs_on(&cached, 1, 2, None).await),
            (Some(1), vec![0, 1])
        );
        cached.counts().hits > hits
    })
    .await;
}

/// A server that is killed and restores a snapshot holds entries from before the last writes.
#[tokio::test]
async fn entries_that_a_restarted_redis_restored_are_not_read() {
    let mut server = Server::start().await;
    let (store, namespace) = (MemoryStore::default(), namespace());
    let cached = adapter(store.clone(), &server.url(), &namespace).await;
    assert_eq!(tasks_of(&cached, 1).await, None);
    assert_eq!(tasks_of(&cached, 1).await, None);
    assert_eq!(cached.counts().hits, 1);
    server.command(&["SAVE"]).await.expect("saves");
    cached.ingest(vec![task(1, 1, "t")]).await.unwrap();
    server.kill();
    server.start_again().await;
    until(async || {
        assert_eq!(tasks_of(&cached, 1).await, Some(1));
        cached.counts().hits > 1
    })
    .await;
}

#[tokio::test]
async fn reads_stay_exact_while_redis_is_full() {
    let server = Server::start().await;
    let (store, namespace) = (MemoryStore::default(), namespace());
    let cached = adapter(store.clone(), &server.url(), &namespace).await;
    let other = adapter(store.clone(), &server.url(), &namespace).await;
    assert_eq!((tasks_of(&other, 1).await, jobs_on(&other, 1, 1, None).await), (None, vec![0]));
    server.command(&["CONFIG", "SET", "maxmemory", "1"]).await.expect("sets");
    assert_eq!(tasks_of(&other, 1).await, None);
    assert_eq!(other.counts().hits, 1, "existing entries are still read");

    cached.ingest(vec![start(1, 1, "ada"), end(1, 1), task(1, 1, "t")]).await.unwrap();
    for reader in [&cached, &other] {
        assert_eq!(
            (tasks_of(reader, 1).await, jobs_on(reader, 1, 1, None).await),
            (Some(1), vec![1])
        );
    }
    assert!(quickest(async || tasks_of(&other, 1).await).await < EXTRA);
    let errors = other.counts().errors;
    assert!(errors > 0, "{:?}", other.counts());

    server.command(&["CONFIG", "SET", "maxmemory", "0"]).await.expect("sets");
    until(async || {
        assert_eq!(
            (tasks_of(&other, 1).await, jobs_on(&other, 1, 1, None).await),
            (Some(1), vec![1])
        );
        other.counts().hits > 1
    })
    .await;
}

#[tokio::test]
async fn lost_keys_leave_nothing_stale() {
    let server = Server::start().await;
    let (store, namespace) = (MemoryStore::default(), namespace());
    let cached = adapter(store.clone(), &server.url(), &namespace).await;
    for n in 0..50 {
        cached.ingest(vec![start(1, 1, "ada"), end(1, n)]).await.unwrap();
        assert_same(&cached, &store, &[1.into()], 0, 50).await;
        if n % 5 == 0 {
            server.command(&["FLUSHALL"]).await.expect("flushes");
        }
        assert_same(&cached, &store, &[1.into()], 0, 50).await;
    }
    // Every key expires by itself.
    let keys = server.command(&["EVAL", "local n = 0 for _, k in ipairs(redis.call('KEYS', '*')) do if redis.call('PTTL', k) < 0 then n = n + 1 end end return n", "0"]).await;
    assert_eq!(keys.as_deref(), Some("int(0)"));
}

#[tokio::test]
async fn a_redis_without_tls_is_bypassed() {
    let server = Server::start().await;
    let url = server.url().replace("redis:", "rediss:");
    let cached = RedisCached::open(MemoryStore::default(), &url, "test").await.unwrap();
    cached.ingest(vec![task(1, 1, "t")]).await.unwrap();
    assert_eq!(tasks_of(&cached, 1).await, Some(1));
    assert!(!cached.counts().is_available);
}
