//! The Lua scripts, each of which Redis runs atomically.

use redis::Script;

macro_rules! script {
    ($name:literal) => {
        Script::new(concat!(
            include_str!("lua/common.lua"),
            include_str!(concat!("lua/", $name, ".lua"))
        ))
    };
}

#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) look_up_job: Script,
    pub(crate) fill_job: Script,
    pub(crate) look_up_days: Script,
    pub(crate) fill_days: Script,
    pub(crate) begin: Script,
    pub(crate) learn: Script,
    pub(crate) settle: Script,
    pub(crate) begin_logs: Script,
    pub(crate) settle_logs: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            look_up_job: script!("look_up_job"),
            fill_job: script!("fill_job"),
            look_up_days: script!("look_up_days"),
            fill_days: script!("fill_days"),
            begin: script!("begin"),
            learn: script!("learn"),
            settle: script!("settle"),
            begin_logs: script!("begin_logs"),
            settle_logs: script!("settle_logs"),
        }
    }
}
