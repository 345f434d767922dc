//! Figures: task totals, histograms, jobs and daily roll-ups, and their JSON form.

pub(crate) mod fold;
pub(crate) mod histogram;
pub(crate) mod job;
mod json;
pub(crate) mod labels;
pub(crate) mod result;
pub(crate) mod rollup;
pub(crate) mod tasks;

pub use json::{
    ApplicationFigures, JobFigures, JobLine, Quantiles, StageFigures, TaskFigures, TotalFigures,
};
