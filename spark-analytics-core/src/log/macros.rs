//! How other crates create facts, whose fields may become more.

/// Creates a fact with the given fields; the others have their defaults, or those of `..base`.
///
/// Facts may get more fields, and so cannot be written as struct literals outside this crate.
///
/// ```
/// use spark_analytics_core::log::{LogJob, fact};
///
/// let job = fact!(LogJob { job_id: 7, ended: true });
/// let other = fact!(LogJob { job_id: 8, ..job.clone() });
/// assert_eq!((other.job_id, other.ended, job.job_id), (8, true, 7));
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __fact {
    ($fact:ty { $($field:ident $(: $value:expr)?),* $(,)? }) => {
        $crate::__fact!($fact { $($field $(: $value)?,)* ..<$fact>::default() })
    };
    ($fact:ty { $($field:ident $(: $value:expr)?,)* ..$base:expr }) => {{
        let mut fact: $fact = $base;
        $($crate::__fact!(@set fact.$field $(= $value)?);)*
        fact
    }};
    (@set $fact:ident.$field:ident = $value:expr) => { $fact.$field = $value };
    (@set $fact:ident.$field:ident) => { $fact.$field = $field };
}
