//! Handles and errors can be sent to other threads.

use spark_analytics_http::{
    Access, Api, ApiOptions, BadOrigin, BadToken, BadTokens, Origin, Role, ServeOptions, Tokens,
};

fn is_shared<T: Send + Sync + 'static>() {}
fn is_an_error<T: std::error::Error + Send + Sync + Clone + 'static>() {}

#[test]
fn handles_and_options_are_shared_by_threads() {
    is_shared::<Access>();
    is_shared::<Api>();
    is_shared::<ApiOptions>();
    is_shared::<Origin>();
    is_shared::<Role>();
    is_shared::<ServeOptions>();
    is_shared::<Tokens>();
}

#[test]
fn every_error_can_be_boxed() {
    is_an_error::<BadOrigin>();
    is_an_error::<BadToken>();
    is_an_error::<BadTokens>();
}
