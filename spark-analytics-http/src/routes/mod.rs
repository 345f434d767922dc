//! The handlers, a module for each group of routes. The router lists them all.

pub(crate) mod applications;
pub(crate) mod batch;
pub(crate) mod docs;
pub(crate) mod forget;
pub(crate) mod history;
pub(crate) mod ingest;
pub(crate) mod jobs;
pub(crate) mod logs;
pub(crate) mod start_page;
pub(crate) mod status;
pub(crate) mod summary;
