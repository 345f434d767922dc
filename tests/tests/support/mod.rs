//! Helpers that the test binaries of this package share. Each uses some of them.
#![allow(dead_code)]

pub(crate) mod again;
pub(crate) mod contested;
pub(crate) mod gives_up;
#[cfg(unix)]
pub(crate) mod killed;
pub(crate) mod on_file;
#[cfg(unix)]
pub(crate) mod plain_user;
pub(crate) mod random;
pub(crate) mod small_disk;
