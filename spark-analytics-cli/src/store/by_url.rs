//! Stores by the URLs that name them.

use std::path::Path;
use std::sync::Arc;

use spark_analytics_core::{Dedup, Error, LocationCause, MemoryStore, Result, Store};
#[cfg(feature = "postgres")]
use spark_analytics_postgres::PostgresStore;
#[cfg(feature = "redb")]
use spark_analytics_redb::RedbStore;
#[cfg(feature = "sqlite")]
use spark_analytics_sqlite::SqliteStore;

#[cfg(feature = "sqlite")]
use crate::{output::progress, store::bare_copy};

/// Opens the store that a URL names, see `Place`.
///
/// # Errors
/// If the URL names no store, or the store cannot be opened.
pub async fn open_store(url: &str, dedup: Dedup) -> Result<Arc<dyn Store>> {
    HowToOpen { dedup, connections: None, cache_bytes: None }.open(url, true).await
}

/// How to open a store, whatever kind it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HowToOpen {
    pub(crate) dedup: Dedup,
    /// The maximum number of connections to PostgreSQL.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only PostgreSQL has them"))]
    pub(crate) connections: Option<u32>,
    /// The page caches of a store in a file, in bytes.
    #[cfg_attr(
        not(any(feature = "sqlite", feature = "redb")),
        allow(dead_code, reason = "only stores in files have them")
    )]
    pub(crate) cache_bytes: Option<usize>,
}

impl HowToOpen {
    /// Opens the store that a URL names, or creates it if that is allowed.
    ///
    /// # Errors
    /// If the URL names no store, or the store cannot be opened.
    #[cfg_attr(
        not(any(feature = "sqlite", feature = "redb", feature = "postgres")),
        allow(unused_variables, reason = "a store in memory is always created")
    )]
    pub(crate) async fn open(self, url: &str, may_create: bool) -> Result<Arc<dyn Store>> {
        match Place::of(url)? {
            Place::Memory => Ok(Arc::new(MemoryStore::new(self.dedup))),
            #[cfg(feature = "sqlite")]
            Place::Sqlite(path) => {
                if let Some(warning) = bare_copy::warning(path).filter(|_| may_create) {
                    progress::say(&warning);
                }
                let mut options = SqliteStore::options().dedup(self.dedup);
                if let Some(bytes) = self.cache_bytes {
                    options = options.cache_bytes(bytes);
                }
                Ok(match may_create {
                    true => Arc::new(options.open(path).await?),
                    false => Arc::new(options.open_existing(path).await?),
                })
            }
            #[cfg(feature = "redb")]
            Place::Redb(path) => {
                let mut options = RedbStore::options().dedup(self.dedup);
                if let Some(bytes) = self.cache_bytes {
                    options = options.cache_bytes(bytes);
                }
                Ok(match may_create {
                    true => Arc::new(options.open(path).await?),
                    false => Arc::new(options.open_existing(path).await?),
                })
            }
            #[cfg(feature = "postgres")]
            Place::Postgres(url) => {
                let mut options = PostgresStore::options().dedup(self.dedup);
                if let Some(connections) = self.connections {
                    options = options.connections(connections);
                }
                Ok(match may_create {
                    true => Arc::new(options.open(url).await?),
                    false => Arc::new(options.open_existing(url).await?),
                })
            }
            #[cfg(not(all(feature = "sqlite", feature = "redb", feature = "postgres")))]
            #[allow(unreachable_patterns, reason = "whichever feature is off")]
            place => Err(place.not_built_in()),
        }
    }
}

/// The location of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// `memory:`, gone when the program ends.
    Memory,
    /// `sqlite:PATH` or `sqlite://PATH`, a file of SQLite.
    Sqlite(&'a Path),
    /// `redb:PATH` or `redb://PATH`, a file of redb.
    Redb(&'a Path),
    /// `postgres://…` or `postgresql://…`, a database of PostgreSQL.
    Postgres(&'a str),
}

impl<'a> Place<'a> {
    /// The place that a URL names. `sqlite://a.db` is `a.db` here, `sqlite:///a.db` is `/a.db`.
    ///
    /// # Errors
    /// [`Error::Location`] for a URL of another kind, and for one without a path.
    pub(crate) fn of(url: &'a str) -> Result<Self> {
        let (kind, rest) = url.split_once(':').unwrap_or((url, ""));
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if matches!(kind, "sqlite" | "redb") && (path == "~" || path.starts_with("~/")) {
            return Err(Error::location(
                LocationCause::Invalid,
                format!(
                    "`{url}` begins with ~, which a shell replaces only at the beginning of an argument: write \
                     {kind}:$HOME{}",
                    &path[1..]
                ),
            ));
        }
        match (kind, path) {
            ("memory", "") if url == "memory:" => Ok(Self::Memory),
            ("sqlite" | "redb", ":memory:") => Err(Error::location(
                LocationCause::Invalid,
                format!("`{url}` names no file; for a store in memory use memory:"),
            )),
            ("sqlite", path) if !path.is_empty() => Ok(Self::Sqlite(Path::new(path))),
            ("redb", path) if !path.is_empty() => Ok(Self::Redb(Path::new(path))),
            ("postgres" | "postgresql", _) if rest.starts_with("//") => Ok(Self::Postgres(url)),
            _ => {
                let shown = without_password(url);
                // A path without the kind of the store.
                let hint = match (kind == url && !url.is_empty(), url.ends_with(".redb")) {
                    (false, _) => String::new(),
                    (true, true) => format!(", such as redb:{shown}"),
                    (true, false) => format!(", such as sqlite:{shown}"),
                };
                Err(Error::location(
                    LocationCause::Invalid,
                    format!(
                        "`{shown}` names no store; use sqlite:PATH, redb:PATH, postgres://… or memory:{hint}"
                    ),
                ))
            }
        }
    }

    /// The error of a store whose feature is off.
    #[cfg(not(all(feature = "sqlite", feature = "redb", feature = "postgres")))]
    fn not_built_in(self) -> Error {
        let (kind, feature) = match self {
            Self::Memory => ("`memory:`", "default"),
            Self::Sqlite(_) => ("`sqlite:`", "sqlite"),
            Self::Redb(_) => ("`redb:`", "redb"),
            Self::Postgres(_) => ("`postgres://`", "postgres"),
        };
        Error::location(LocationCause::NotBuiltIn, crate::flags::missing_feature(kind, feature))
    }

    /// The file of the store, if it has one.
    pub(crate) const fn file(self) -> Option<&'a Path> {
        match self {
            Self::Memory | Self::Postgres(_) => None,
            Self::Sqlite(path) | Self::Redb(path) => Some(path),
        }
    }
}

/// A URL that is safe to print: without its password, and without its query, which may contain one too. The URL of a
/// file is returned as it is.
pub(crate) fn without_password(url: &str) -> String {
    if url.starts_with("sqlite:") || url.starts_with("redb:") {
        return url.to_owned();
    }
    let (kind, rest) = match url.split_once("://") {
        Some((kind, rest)) => (format!("{kind}://"), rest),
        // Text that is not a URL may contain a password too.
        None => (String::new(), url),
    };
    // A password may contain an @ or a ? that should have been escaped.
    let (user, host) = match rest.rsplit_once('@') {
        Some((credentials, host)) => match credentials.split_once(':') {
            Some((user, _)) => (format!("{user}:…@"), host),
            None => (format!("{credentials}@"), host),
        },
        None => (String::new(), rest),
    };
    let cut = |text: &str| text.split_once('?').map(|(before, _)| format!("{before}?…"));
    match cut(&user) {
        Some(user) => format!("{kind}{user}"),
        None => format!("{kind}{user}{}", cut(host).unwrap_or_else(|| host.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_slashes_before_a_path_are_not_part_of_it() {
        for (rest, path) in [
            ("a.db", "a.db"),
            ("//a.db", "a.db"),
            ("/a.db", "/a.db"),
            ("///a.db", "/a.db"),
            ("//folder/a.db", "folder/a.db"),
            ("a//b.db", "a//b.db"),
        ] {
            let path = Path::new(path);
            assert_eq!(Place::of(&format!("sqlite:{rest}")).unwrap(), Place::Sqlite(path));
            assert_eq!(Place::of(&format!("redb:{rest}")).unwrap(), Place::Redb(path));
        }
        assert_eq!(Place::of("memory:").unwrap(), Place::Memory);
    }

    #[test]
    fn a_password_is_not_printed() {
        for (url, printed) in [
            ("postgres://ada:se/c@ret@db:5432/spark", "postgres://ada:…@db:5432/spark"),
            ("postgres://ada@db/spark", "postgres://ada@db/spark"),
            ("postgres://ada:what?@db/spark", "postgres://ada:…@db/spark"),
            ("postgres://db/spark?user=ada&password=secret", "postgres://db/spark?…"),
            ("postgres://db/spark?user=ada&password=se@cret", "postgres://db/spark?…"),
            ("mysql://db/spark?password=s:e@cret", "mysql://db/spark?…"),
            ("ada:secret@db", "ada:…@db"),
            ("sqlite:a.db", "sqlite:a.db"),
            ("sqlite:ada:1@b?.db", "sqlite:ada:1@b?.db"),
        ] {
            assert_eq!(without_password(url), printed);
        }
        let error = Place::of("mysql://ada:secret@db").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_url_that_names_neither_a_file_nor_memory_is_refused() {
        for url in ["sqlite::memory:", "sqlite://:memory:", "redb::memory:"] {
            let error = Place::of(url).unwrap_err().to_string();
            assert!(error.ends_with("for a store in memory use memory:"), "{error}");
        }
        for url in
            ["", "a.db", "memory", "memory:a", "memory://", "sqlite:", "redb://", "mongodb:a"]
        {
            let error = Place::of(url).unwrap_err().to_string();
            assert!(error.contains("names no store"), "{error}");
        }
    }
}
