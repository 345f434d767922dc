//! HTTP as raw bytes on a socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// A wait longer than this counts as endless.
const LONG: Duration = Duration::from_secs(60);

/// A connection on which a test sends bytes and reads responses.
pub(crate) struct Wire(BufReader<Stream>);

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self(BufReader::new(Stream::Plain(connect(address))))
    }

    pub(crate) fn open_tls(address: SocketAddr, config: Arc<ClientConfig>) -> Self {
        let name = ServerName::from(address.ip());
        let stream =
            StreamOwned::new(ClientConnection::new(config, name).unwrap(), connect(address));
        Self(BufReader::new(Stream::Tls(Box::new(stream))))
    }

    /// Sends bytes; the server may have closed the connection already.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        match self.0.get_mut() {
            Stream::Plain(stream) => stream.write_all(bytes.as_ref()),
            Stream::Tls(stream) => stream.write_all(bytes.as_ref()).and_then(|()| stream.flush()),
        }
        .is_ok()
    }

    /// Closes the sending half of the connection.
    pub(crate) fn shut(&mut self) {
        if let Stream::Tls(stream) = self.0.get_mut() {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        let _ = self.0.get_ref().socket().shutdown(Shutdown::Write);
    }

    pub(crate) fn set_nonblocking(&self) {
        self.0.get_ref().socket().set_nonblocking(true).unwrap();
    }

    /// The head and the body of a response; `None` if the connection is closed.
    pub(crate) fn answer(&mut self) -> Option<(u16, String, String)> {
        let (mut head, mut length, mut is_chunked) = (String::new(), 0, false);
        loop {
            let before = head.len();
            if self.0.read_line(&mut head).ok()? == 0 {
                return None;
            }
            let line = head[before..].trim_end();
            if let Some((name, value)) = line.split_once(": ") {
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.parse().unwrap();
                }
                is_chunked |= name.eq_ignore_ascii_case("transfer-encoding");
            }
            if line.is_empty() && head.starts_with("HTTP/1.1 1") {
                head.clear();
            } else if line.is_empty() {
                break;
            }
        }
        let body = if is_chunked { self.chunks()? } else { self.bytes(length)? };
        let status = head.get(9..12)?.parse().ok()?;
        Some((status, head, String::from_utf8_lossy(&body).into_owned()))
    }

    fn bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    /// A body in chunks, to its end.
    fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).ok()?;
            let length = usize::from_str_radix(line.trim_end(), 16).ok()?;
            body.extend(self.bytes(length)?);
            self.bytes(2)?;
            if length == 0 {
                return Some(body);
            }
        }
    }

    /// The status and the body of the response to a request.
    pub(crate) fn ask(&mut self, request: &str) -> (u16, String) {
        self.try_ask(request).unwrap_or_else(|| panic!("no answer to {request}"))
    }

    /// The same; `None` if the connection is closed.
    pub(crate) fn try_ask(&mut self, request: &str) -> Option<(u16, String)> {
        let answer = if self.send(request) { self.answer() } else { None };
        answer.map(|(status, _, body)| (status, body))
    }

    /// Everything that arrives until the server closes the connection.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                panic!("it never closes")
            }
            _ => String::from_utf8_lossy(&rest).into_owned(),
        }
    }

    /// Whether the server has closed the connection, which must be non-blocking.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.0.get_mut().read(&mut [0; 4096]) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

impl Stream {
    const fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_write_timeout(Some(LONG)).unwrap();
    stream
}

/// The end of task number `task` of a job.
pub(crate) fn event(job: usize, task: usize) -> String {
    format!(
        r#"{{"event":"SparkListenerTaskEnd","job_id":{job},"timestamp":"2024-03-30T10:12:50.120Z","user":"ada","task_id":"task_{job}_{task}","duration_ms":{task},"successful":true}}"#
    )
}

/// A request that sends a batch.
pub(crate) fn batch(query: &str, encoding: Option<&str>, body: &[u8]) -> Vec<u8> {
    let encoding = encoding.map_or(String::new(), |name| format!("Content-Encoding: {name}\r\n"));
    let head = format!(
        "POST /api/v1/logs/batch{query} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n\
         {encoding}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}
