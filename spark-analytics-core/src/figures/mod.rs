//! The algebra: task totals, histograms, folds, figures of jobs, roll-ups.

pub(crate) mod fold;
pub(crate) mod histogram;
pub(crate) mod job;
pub(crate) mod rollup;
pub(crate) mod tasks;
