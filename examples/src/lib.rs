//! The examples are the files beside this folder. Its tests run the Rust of the repository's first page.
#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
