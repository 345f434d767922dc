//! An asynchronous stream of chunks as a blocking reader that reads ahead.

use std::future::Future;
use std::io::{self, Read};
use std::pin::pin;

use async_channel::Receiver;
use futures_util::{Stream as Chunks, TryStreamExt};

/// Maximum number of chunks that wait; clients make each at most a few hundred KiB long.
const CHUNKS_AHEAD: usize = 32;

/// Reads what another thread fetches. Dropping it ends the fetch.
pub(super) struct Stream<B> {
    chunks: Receiver<io::Result<B>>,
    chunk: Option<B>,
    at: usize,
    left: u64,
}

impl<B: AsRef<[u8]> + Send + 'static> Stream<B> {
    /// A reader of `length` bytes, and the future that fetches them, to be spawned.
    pub(super) fn new(
        length: u64,
        chunks: impl Chunks<Item = io::Result<B>> + Send,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, receiver) = async_channel::bounded(CHUNKS_AHEAD);
        let fetch = async move {
            let mut chunks = pin!(chunks);
            loop {
                let (chunk, is_last) = match chunks.try_next().await {
                    Ok(Some(chunk)) => (Ok(chunk), false),
                    Ok(None) => return,
                    Err(error) => (Err(error), true),
                };
                if sender.send(chunk).await.is_err() || is_last {
                    return;
                }
            }
        };
        (Self { chunks: receiver, chunk: None, at: 0, left: length }, fetch)
    }
}

impl<B: AsRef<[u8]>> Read for Stream<B> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.left > 0 && !out.is_empty() {
            let bytes = self.chunk.as_ref().map_or(&[][..], AsRef::as_ref);
            let mut rest = &bytes[self.at..];
            if let read @ 1.. = rest.read(out)? {
                self.at += read;
                self.left = self.left.saturating_sub(read as u64);
                return Ok(read);
            }
            self.at = 0;
            self.chunk = None;
            let chunk = self.chunks.recv_blocking().map_err(|_| {
                let reason = format!("the connection ended {} bytes early", self.left);
                io::Error::new(io::ErrorKind::UnexpectedEof, reason)
            })?;
            self.chunk = Some(chunk?);
        }
        Ok(0)
    }
}
