//! The contract of every store, one named test each.
//!
//! [`conformance!`](crate::conformance!) generates the tests for a [`Fixture`]; each function here is one of
//! them, and panics if the store violates the contract.

mod applications;
mod events;
mod facts;
mod faults;
mod jobs;
mod logs;
mod prune;
mod rejected;
mod removal;
mod rollups;

pub use applications::*;
pub use events::*;
pub use facts::*;
pub use faults::*;
pub use jobs::*;
pub use logs::*;
pub use prune::*;
pub use rejected::*;
pub use removal::*;
pub use rollups::*;

use std::sync::Arc;

use spark_analytics_core::{Dedup, Event, Job, JobKey, Receipt, Store, Timestamp};

use crate::Fixture;

/// Generates the conformance tests of a store as a module with the given name.
///
/// The second argument is the type of a [`Fixture`](crate::Fixture). The laws are among the tests, as
/// properties over generated histories; seeds of failures are saved beside the calling file.
///
/// ```
/// use spark_analytics_conformance::{InMemory, conformance};
///
/// conformance!(memory, InMemory);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance {
    ($name:ident, $fixture:ty) => {
        $crate::conformance!(@tests $name, $fixture,
            [an_empty_store_knows_nothing
             an_empty_batch_does_nothing
             a_recorded_event_is_listed_under_its_id
             events_are_listed_by_time_page_by_page
             sending_again_returns_the_first_id
             greater_content_wins_in_either_order
             one_identity_twice_in_a_batch_is_handled_in_sequence
             tasks_ending_in_one_millisecond_count_apart
             tasks_ending_in_one_millisecond_count_once_by_time
             unusual_texts_and_numbers_are_read_back_unchanged
             a_batch_of_many_jobs_and_tasks_is_accepted
             a_job_has_figures_once_start_and_end_are_known
             a_late_task_changes_a_finished_job
             a_job_lasts_from_its_earliest_start_to_its_latest_end
             equal_job_ids_in_different_applications_are_different_jobs
             jobs_are_listed_in_each_order
             durations_of_any_length_are_ordered
             a_job_moves_in_each_order_when_its_figures_change
             jobs_are_filtered
             a_rollup_is_kept_for_each_day_and_user
             a_late_end_moves_a_job_to_its_new_day
             sums_beyond_64_bits_are_exact
             every_number_of_a_rollup_equals_a_count_by_hand
             impossible_durations_are_left_out
             jobs_with_tasks_are_counted
             a_log_takes_precedence_over_events_once_it_has_the_end
             reading_a_log_again_changes_nothing
             the_greater_of_two_facts_wins
             a_later_run_replaces_an_earlier_one
             runs_of_two_users_are_not_mixed
             a_batch_of_logs_equals_one_by_one
             the_sources_of_logs_are_recorded
             applications_are_listed_page_by_page
             facts_are_read_without_the_rest
             ranges_of_facts_have_the_facts_within_their_bounds
             pruned_events_are_removed_and_figures_stay
             the_prune_day_only_moves_forward
             ids_are_never_reused
             old_applications_lose_their_facts_and_keep_their_figures
             pruned_jobs_stay_in_rollups_and_never_count_again
             a_prune_of_logs_keeps_recent_applications
             a_forgotten_application_leaves_no_trace
             a_forgotten_application_is_refused_and_another_run_is_accepted
             forgetting_a_run_lets_the_one_that_it_replaced_return
             one_attempt_is_forgotten_and_the_others_stay
             an_unknown_application_cannot_be_forgotten
             removed_data_stays_removed_in_a_reopened_store
             nothing_reappears_while_it_is_forgotten
             a_dropped_removal_leaves_applications_whole
             rejected_input_is_listed_newest_first
             only_the_newest_rejected_input_is_kept
             a_reopened_store_holds_what_it_held
             concurrent_callers_lose_nothing
             a_dropped_call_is_stored_whole_or_not_at_all]);
    };
    (@tests $name:ident, $fixture:ty, [$($test:ident)*]) => {
        mod $name {
            $(
                #[test]
                fn $test() {
                    $crate::conformance::$test::<$fixture>();
                }
            )*

            #[test]
            fn figures_do_not_depend_on_arrival() {
                $crate::laws::figures_do_not_depend_on_arrival::<$fixture>(file!());
            }

            #[test]
            fn pruning_changes_no_figure() {
                $crate::laws::pruning_changes_no_figure::<$fixture>(file!());
            }

            #[test]
            fn nothing_removed_counts_again() {
                $crate::laws::nothing_removed_counts_again::<$fixture>(file!());
            }
        }
    };
}

/// Runs a test on a fresh store of the default rule.
fn with_store<F: Fixture, R: Future<Output = ()>>(test: impl FnOnce(Arc<dyn Store>) -> R) {
    with_rule::<F, R>(Dedup::WithTask, test);
}

fn with_rule<F: Fixture, R: Future<Output = ()>>(
    dedup: Dedup,
    test: impl FnOnce(Arc<dyn Store>) -> R,
) {
    F::block_on(async {
        let fixture = F::new(dedup);
        let store = fixture.open().await.expect("opens");
        test(Arc::clone(&store)).await;
        store.close().await.expect("closes");
    });
}

/// An instant `seconds` after 2024-03-30T10:00:00Z.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_711_792_800 + seconds) * 1_000_000)
}

fn start(key: &JobKey, seconds: i64, user: &str) -> Event {
    Event::job_start(key.clone(), at(seconds), user).expect("valid")
}

fn task(key: &JobKey, seconds: i64, task_id: &str, duration_ms: i64, successful: bool) -> Event {
    Event::task_end(key.clone(), at(seconds), "ada", task_id, duration_ms, successful)
        .expect("valid")
}

fn end(key: &JobKey, seconds: i64, result: &str) -> Event {
    Event::job_end(key.clone(), at(seconds), "ada", at(seconds), result).expect("valid")
}

/// A whole job of one user: a start, a task and an end.
fn whole_job(key: &JobKey, from: i64, to: i64, user: &str, result: &str) -> Vec<Event> {
    vec![start(key, from, user), task(key, from + 1, "t1", 1_000, true), end(key, to, result)]
}

async fn send(store: &Arc<dyn Store>, events: Vec<Event>) -> Vec<Receipt> {
    store.ingest(events).await.expect("takes a batch")
}

async fn figures(store: &Arc<dyn Store>, key: &JobKey) -> Option<Job> {
    store.job(key).await.expect("reads").and_then(|record| record.figures(key))
}
