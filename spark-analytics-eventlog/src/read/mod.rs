//! From bytes to facts: blocks of lines, parsed on several threads and applied in order.

pub(crate) mod archive;
pub(crate) mod blocks;
mod form;
pub(crate) mod parse;
pub(crate) mod pipeline;
pub(crate) mod reader;
pub(crate) mod state;
mod unread;
