//! Flags for access: tokens, and addresses to listen on.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use clap::builder::FalseyValueParser;
use spark_analytics_http::{Access, Tokens};

/// Who may call the program.
#[derive(Args, Debug)]
pub(crate) struct AccessArgs {
    /// A file of access tokens, one of which each request then needs. A line is NAME ROLE SHA256, as
    /// `spark-analytics token new` prints it. The file is read again on SIGHUP
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// Listen without tokens on an address that other machines can reach
    #[arg(long, value_parser = FalseyValueParser::new())]
    insecure: bool,
}

/// Tokens, and the file that they come from.
#[derive(Clone, Debug)]
pub(crate) struct TokenFile {
    path: PathBuf,
    /// Checks the tokens of requests.
    pub(crate) access: Access,
}

/// More than the maximum number of tokens takes with the longest names.
const LONGEST_FILE: u64 = 1 << 20;

impl AccessArgs {
    /// Reads the tokens, if there are any, with the requests a second that each may make.
    ///
    /// # Errors
    /// When the address can be reached from other machines and neither tokens nor `--insecure` are given; when
    /// the file cannot be read, or a line of it is wrong.
    pub(crate) fn open(
        self,
        listen: SocketAddr,
        rate_limit: Option<NonZeroU32>,
    ) -> anyhow::Result<Option<TokenFile>> {
        if let Some(path) = self.tokens {
            let tokens = read(&path)?;
            let access = match rate_limit {
                Some(per_second) => Access::limited(tokens, per_second),
                None => Access::new(tokens),
            };
            return Ok(Some(TokenFile { path, access }));
        }
        if !listen.ip().to_canonical().is_loopback() {
            if !self.insecure {
                bail!(
                    "it does not listen on {listen} without tokens, because anyone who can reach that address \
                     could call the API: give --tokens FILE, listen on 127.0.0.1, or pass --insecure if \
                     something else restricts access"
                );
            }
            tracing::warn!(%listen, "anyone who can reach this address may call the API: there are no tokens");
        }
        Ok(None)
    }
}

impl TokenFile {
    /// Reads the file again; if it is invalid, the former tokens stay in force.
    pub(crate) fn reload(&self) {
        match read(&self.path) {
            Ok(tokens) => {
                self.access.replace(tokens);
                tracing::info!(file = %self.path.display(), "the tokens were read again");
            }
            Err(error) => tracing::error!("{error:#}; the former tokens stay"),
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Tokens> {
    let mut text = String::new();
    let shown = path.display();
    File::open(path)
        .and_then(|file| file.take(LONGEST_FILE + 1).read_to_string(&mut text))
        .with_context(|| format!("cannot read the tokens in {shown}"))?;
    if text.len() as u64 > LONGEST_FILE {
        bail!("the tokens in {shown} are invalid: the file is longer than {LONGEST_FILE} bytes");
    }
    Tokens::parse(&text).with_context(|| format!("the tokens in {shown} are invalid"))
}
