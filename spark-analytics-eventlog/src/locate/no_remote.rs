//! The place of `remote` in builds without any feature for URLs.

use std::io;

use super::{Discovered, Limits, needs_feature};

/// Reports the feature that reading the URL needs.
pub(super) fn find(url: &str, _: Limits) -> Discovered {
    let error = match url.split_once("://").map_or("", |(scheme, _)| scheme) {
        "s3" | "s3a" => needs_feature("s3"),
        "gs" => needs_feature("gs"),
        "az" | "adl" | "azure" | "abfs" | "abfss" => needs_feature("az"),
        "http" | "https" => needs_feature("http"),
        _ => io::Error::other("this kind of URL is not supported"),
    };
    let mut found = Discovered::default();
    found.fail(url, &error);
    found
}
