//! Code that the fuzz targets share.

mod cursor;
mod held;
mod log;
mod request;
mod reset;
mod split;
mod sqlite;
mod wire_event;

pub use cursor::any_cursor;
pub use held::{events, later_log, log};
pub use log::{behind, whole_and_in_pieces};
pub use request::request;
pub use split::whole_and_split;
pub use sqlite::damaged_row as damaged_sqlite_row;
pub use wire_event::read_and_written;
