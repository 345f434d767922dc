#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod cached;
mod counts;
mod days;
mod link;
mod options;
mod scripts;
mod touched;
mod value;
mod write;

pub use cached::RedisCached;
pub use counts::Counts;
pub use options::RedisOptions;
