//! The flags that say who may ask a program, and where it may listen.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use clap::builder::FalseyValueParser;
use spark_analytics_http::{Access, Tokens};

/// Who may ask.
#[derive(Args, Debug)]
pub(crate) struct AccessArgs {
    /// A file of tokens, of which a request then needs one: NAME ROLE SHA256 in a line, as `spark-analytics token new` writes
    /// it. It is read again at SIGHUP.
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// Listen on an address of other machines without tokens.
    #[arg(long, value_parser = FalseyValueParser::new())]
    insecure: bool,
}

/// Tokens with the file that they are from.
#[derive(Clone, Debug)]
pub(crate) struct TokenFile {
    path: PathBuf,
    /// By which routes ask for them.
    pub(crate) access: Access,
}

/// More than the most tokens with the longest names take.
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
                    "it does not listen on {listen} without tokens, for whoever reaches that address could ask \
                     anything: give --tokens FILE, listen on 127.0.0.1, or say --insecure if something else \
                     keeps others out"
                );
            }
            tracing::warn!(%listen, "whoever reaches this address may ask anything: there are no tokens");
        }
        Ok(None)
    }
}

impl TokenFile {
    /// Takes what the file says now; if something is wrong with it, the former tokens stay.
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
        bail!("the tokens in {shown} are wrong: the file is longer than {LONGEST_FILE} bytes");
    }
    Tokens::parse(&text).with_context(|| format!("the tokens in {shown} are wrong"))
}
