//! What is wrong with a server that answers requests nevertheless.

use std::sync::{Arc, PoisonError, RwLock};

/// A problem of a service around the API, which `/ready` reports: the server answers, but something that feeds its store
/// does not work. All clones are the same.
///
/// ```
/// use spark_analytics_http::Degradation;
///
/// let import = Degradation::default();
/// import.set(Some("the folder of event logs cannot be read".to_owned()));
/// assert!(import.get().is_some());
/// import.set(None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Degradation(Arc<RwLock<Option<String>>>);

impl Degradation {
    /// Replaces the problem; `None` if there is not one any more.
    pub fn set(&self, problem: Option<String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    /// The problem, in a sentence.
    pub fn get(&self) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
