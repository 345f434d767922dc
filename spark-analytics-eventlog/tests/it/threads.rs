//! Readers can be sent to other threads.

use spark_analytics_eventlog::{Discovered, Follower, LogError, LogFile, LogReader, Polled};

fn is_sent<T: Send + 'static>() {}
fn is_shared<T: Send + Sync + 'static>() {}
fn is_an_error<T: std::error::Error + Send + Sync + 'static>() {}

#[test]
fn readers_are_sent_and_results_shared() {
    is_sent::<LogReader>();
    is_sent::<Follower>();
    is_shared::<LogFile>();
    is_shared::<Discovered>();
    is_shared::<Polled>();
    is_an_error::<LogError>();
}
