//! The examples are the files beside this folder. Its tests run the Rust of the first page and of the page on embedding.
#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
struct Embedding;
