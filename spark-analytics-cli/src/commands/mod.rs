//! One module for each sub-command.

pub(crate) mod apps;
pub(crate) mod attempt;
pub(crate) mod events;
pub(crate) mod forget;
pub(crate) mod generate;
pub(crate) mod import;
pub(crate) mod ingest;
pub(crate) mod inspect;
pub(crate) mod jobs;
pub(crate) mod logs;
mod private;
pub(crate) mod prune;
pub(crate) mod rejected;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod stages;
pub(crate) mod summary;
pub(crate) mod texts;
pub(crate) mod token;
pub(crate) mod work;
