//! Logs in object stores, and single files on web servers.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::future::Future;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientConfigKey, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt,
    ObjectStoreScheme, RetryConfig,
};
use tokio::runtime::Runtime;
use url::{Position, Url};

use super::folder::{self, Entry};
use super::names;
use super::stream::Stream;
use super::{Discovered, Limits, Location, LogKind, needs_feature};

/// The object store of a URL, and the runtime of its requests.
#[derive(Debug)]
pub(super) struct Remote {
    store: Arc<dyn ObjectStore>,
    /// Its URL up to the keys, without a trailing `/`.
    base: String,
    runtime: Option<Runtime>,
}

/// Retries of a failed request, with growing delays of about three seconds in total.
const RETRIES: usize = 5;
/// Reading a large log may take this long, and its connection may still be lost at the end.
const LONGEST_READ: Duration = Duration::from_hours(24);
/// A connection that delivers nothing for this long counts as lost.
const READ_TIMEOUT: &str = "60 seconds";
const TIMEOUT: &str = "24 hours";

/// Finds logs as `local::find` does; a `/` in a key separates folders.
pub(super) fn find(url: &str, Limits { depth, .. }: Limits) -> Discovered {
    let mut found = Discovered::default();
    let listed = Remote::open(url).and_then(|(remote, path, scheme)| {
        let objects = remote.objects(&path, &scheme)?;
        Ok((Arc::new(remote), path, objects))
    });
    match listed {
        Ok((remote, path, objects)) => sort_out(&remote, &path, objects, depth, &mut found),
        Err(error) => found.fail(&without_secrets(url), &error),
    }
    found.sort();
    found
}

/// Adds the logs among the objects below a key, or the object with that key.
fn sort_out(
    remote: &Arc<Remote>,
    start: &Path,
    objects: Vec<ObjectMeta>,
    depth: usize,
    found: &mut Discovered,
) {
    let mut folders: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    let start = start.as_ref();
    for object in objects {
        let entry = remote.entry(&object);
        let key = object.location.as_ref();
        if key == start {
            found.logs.push(entry.log());
            continue;
        }
        let below = key.strip_prefix(start).unwrap_or(key).trim_start_matches('/');
        let folder = &key[..key.len() - entry.name.len()];
        if !below.split('/').any(names::is_left_alone) {
            folders.entry(folder.trim_end_matches('/').to_owned()).or_default().push(entry);
        }
    }
    // Some tools create an empty object for each folder.
    let parents: BTreeSet<String> = folders.keys().map(|folder| remote.url(folder)).collect();
    let mut rolling: Vec<String> = Vec::new();
    for (folder, mut files) in folders {
        files.retain(|file| file.size > 0 || !parents.contains(&file.path));
        let is_within =
            |outer: &String| folder.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
        let below = folder.strip_prefix(start).unwrap_or(&folder).trim_start_matches('/');
        let level = below.split('/').filter(|name| !name.is_empty()).count();
        if level > depth || rolling.iter().any(is_within) {
            continue;
        }
        let url = remote.url(&folder);
        if folder::is_rolling(&url, &files) {
            rolling.push(folder);
        }
        let before = found.logs.len();
        folder::sort_out(&url, &url, files, found);
        if level >= depth {
            let logs = found.logs.split_off(before);
            found.logs.extend(logs.into_iter().filter(|log| log.kind != LogKind::File));
        }
    }
}

impl Remote {
    fn open(url: &str) -> io::Result<(Self, Path, ObjectStoreScheme)> {
        let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidInput, reason);
        let url = Url::parse(url).map_err(|error| invalid(error.to_string()))?;
        if url.password().is_some() || url.query().is_some() {
            // Both would appear in messages, and requests would omit the query.
            return Err(invalid(
                "the URL of a log must not contain a password or a query (`?`)".to_owned(),
            ));
        }
        let (scheme, path) =
            ObjectStoreScheme::parse(&url).map_err(|error| invalid(error.to_string()))?;
        // rustls leaves the choice of a cryptography provider to the program. This has no effect if the program
        // has installed one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = store(&scheme, &url)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("event logs")
            .enable_all()
            .build()?;
        let mut base = url[..Position::BeforePath].to_owned();
        let keys = url.path().trim_matches('/');
        // In https://s3.….amazonaws.com/bucket/key the bucket does not belong to the key.
        let bucket = keys.len().saturating_sub(path.as_ref().len());
        if bucket > 0 && keys.ends_with(path.as_ref()) {
            base = format!("{base}/{}", keys[..bucket].trim_end_matches('/'));
        }
        Ok((Self { store, base, runtime: Some(runtime) }, path, scheme))
    }

    /// The objects below a key, or else the object with that key.
    fn objects(&self, path: &Path, scheme: &ObjectStoreScheme) -> io::Result<Vec<ObjectMeta>> {
        let (store, path) = (Arc::clone(&self.store), path.clone());
        let is_web = *scheme == ObjectStoreScheme::Http;
        self.run(async move {
            let listed: Result<Vec<_>, _> = match is_web {
                true => Ok(Vec::new()),
                false => store.list(Some(&path)).try_collect().await,
            };
            match listed {
                Ok(objects) if !objects.is_empty() => Ok(objects),
                listed if path.as_ref().is_empty() => listed,
                // Reading may be permitted where listing is not.
                listed => match (store.head(&path).await, listed) {
                    (Ok(object), _) => Ok(vec![object]),
                    (Err(_), Err(error)) | (Err(error), Ok(_)) => Err(error),
                },
            }
        })?
        .map_err(with_causes)
    }

    /// Reads an object from a byte offset.
    pub(super) fn read(&self, path: &Path, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let (store, path) = (Arc::clone(&self.store), path.clone());
        let range = (offset > 0).then_some(GetRange::Offset(offset));
        let options = GetOptions { range, ..GetOptions::default() };
        let result = self.run(async move { store.get_opts(&path, options).await })?;
        let result = result.map_err(with_causes)?;
        let length = result.range.end - result.range.start;
        let (stream, rest) = Stream::new(length, result.into_stream().map_err(with_causes));
        self.runtime()?.spawn(rest);
        Ok(Box::new(stream))
    }

    /// Runs a request to completion from any thread, including one of another runtime.
    fn run<T: Send + 'static>(
        &self,
        request: impl Future<Output = T> + Send + 'static,
    ) -> io::Result<T> {
        let (sender, receiver) = std::sync::mpsc::channel();
        self.runtime()?.spawn(async move {
            let _ = sender.send(request.await);
        });
        receiver.recv().map_err(io::Error::other)
    }

    fn runtime(&self) -> io::Result<&Runtime> {
        self.runtime.as_ref().ok_or_else(|| io::Error::other("the requests have been stopped"))
    }

    fn url(&self, key: &str) -> String {
        format!("{}/{key}", self.base)
    }

    fn entry(self: &Arc<Self>, object: &ObjectMeta) -> Entry {
        let key = object.location.as_ref();
        Entry {
            name: names::last(key).to_owned(),
            path: self.url(key),
            canonical: self.url(key),
            size: object.size,
            modified: SystemTime::from(object.last_modified),
            location: Location::Remote(Arc::clone(self), object.location.clone()),
            identity: None,
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // Within another runtime, waiting for the thread would panic.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A URL for messages.
fn without_secrets(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) if url.password().is_some() || url.query().is_some() => {
            let _ = url.set_password(None);
            url.set_query(None);
            url.into()
        }
        _ => url.to_owned(),
    }
}

/// An error with its causes, which the message of the object store leaves out.
fn with_causes(error: object_store::Error) -> io::Error {
    let kind = match error {
        object_store::Error::NotFound { .. } => io::ErrorKind::NotFound,
        _ => io::ErrorKind::Other,
    };
    let mut text = error.to_string();
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    match missing_credentials(&text) {
        Some(advice) => {
            io::Error::new(kind, format!("no credentials were found: {advice} ({text})"))
        }
        None => io::Error::new(kind, text),
    }
}

/// What to set if a client without credentials has asked the metadata service of the virtual machine for some, which
/// failed.
fn missing_credentials(error: &str) -> Option<&'static str> {
    const SERVICES: [(&str, &str); 4] = [
        ("169.254.169.254/latest/", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ("169.254.169.254/metadata/", "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_KEY"),
        ("169.254.169.254/computeMetadata/", "set GOOGLE_SERVICE_ACCOUNT"),
        ("metadata.google.internal", "set GOOGLE_SERVICE_ACCOUNT"),
    ];
    SERVICES.iter().find(|(service, _)| error.contains(service)).map(|(_, advice)| *advice)
}

/// Builds a client with credentials from the environment.
fn store(scheme: &ObjectStoreScheme, url: &Url) -> io::Result<Arc<dyn ObjectStore>> {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(2),
        base: 2.0,
    };
    let retry = RetryConfig { backoff, max_retries: RETRIES, retry_timeout: LONGEST_READ };
    macro_rules! build {
        ($builder:expr, $key:path) => {
            $builder
                .with_retry(retry)
                .with_config($key(ClientConfigKey::Timeout), TIMEOUT)
                .with_config($key(ClientConfigKey::ReadTimeout), READ_TIMEOUT)
                .build()
                .map(|store| Arc::new(store) as Arc<dyn ObjectStore>)
                .map_err(with_causes)
        };
    }
    match scheme {
        #[cfg(feature = "s3")]
        ObjectStoreScheme::AmazonS3 => {
            use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
            build!(AmazonS3Builder::from_env().with_url(url.as_str()), AmazonS3ConfigKey::Client)
        }
        #[cfg(feature = "gs")]
        ObjectStoreScheme::GoogleCloudStorage => {
            use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
            let builder = GoogleCloudStorageBuilder::from_env().with_url(url.as_str());
            build!(builder, GoogleConfigKey::Client)
        }
        #[cfg(feature = "az")]
        ObjectStoreScheme::MicrosoftAzure => {
            use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
            let builder = MicrosoftAzureBuilder::from_env().with_url(url.as_str());
            build!(builder, AzureConfigKey::Client)
        }
        #[cfg(feature = "http")]
        ObjectStoreScheme::Http => {
            use object_store::http::HttpBuilder;
            let builder = HttpBuilder::new()
                .with_url(&url[..Position::BeforePath])
                .with_config(ClientConfigKey::AllowHttp, "true");
            build!(builder, std::convert::identity)
        }
        other => {
            let _ = (url, retry);
            let feature = match other {
                ObjectStoreScheme::AmazonS3 => "s3",
                ObjectStoreScheme::GoogleCloudStorage => "gs",
                ObjectStoreScheme::MicrosoftAzure => "az",
                ObjectStoreScheme::Http => "http",
                _ => return Err(io::Error::other("this kind of URL is not supported")),
            };
            Err(needs_feature(feature))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_metadata_service_says_that_there_are_no_credentials() {
        let error = "Error performing PUT http://169.254.169.254/latest/api/token in 3s";
        let advice = missing_credentials(error).unwrap_or_default();
        assert!(advice.contains("AWS_ACCESS_KEY_ID"));
        assert_eq!(missing_credentials("connection refused"), None);
    }
}
