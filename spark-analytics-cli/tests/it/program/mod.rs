//! A program as users run it, with all its output.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "it is a part of tests")]

pub(crate) mod secrets;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::Response;
use ureq::{Agent, Body};

/// How long a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program, which is killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

/// A command that runs a sub-command of the binary; for `cli` the arguments name it.
pub(crate) fn command(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spark-analytics"));
    if name != "cli" {
        command.arg(name);
    }
    command
}

impl Program {
    /// Sets only these environment variables.
    pub(crate) fn start(
        name: &str,
        folder: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = command(name);
        command.args(arguments).current_dir(folder).env_clear().envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (tell, lines) = channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let tell = tell.clone();
            thread::spawn(move || {
                let mut output = BufReader::new(output);
                let mut line = Vec::new();
                while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                    let _ = tell.send(String::from_utf8_lossy(&line).into_owned());
                    line.clear();
                }
            });
        }
        Self { child, lines, said: String::new() }
    }

    /// Waits for the next line of output that contains this text.
    pub(crate) fn says(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|error| {
                panic!("{error} waiting for `{text}`; it said {}", self.said);
            });
            self.said += &line;
            if line.contains(text) {
                return line.trim_end().to_owned();
            }
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Waits until the program exits; returns its exit code and all its output.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said += &line,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(error) => panic!("{error} waiting for its end; it said {}", self.said),
            }
        }
        (self.child.wait().unwrap().code(), std::mem::take(&mut self.said))
    }

    /// Stops the program; returns all its output.
    pub(crate) fn stop(self) -> String {
        self.signal("-TERM");
        let (code, said) = self.ended();
        assert_eq!(code, Some(0), "{said}");
        said
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server on a free port, with its URL.
pub(crate) fn server(
    folder: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Program, String) {
    let all = [&["--listen", "127.0.0.1:0", "--store", "memory:"], arguments].concat();
    let mut program = Program::start("serve", folder, &all, variables);
    let line = program.says("listening on ");
    (program, line.trim_start_matches("listening on ").to_owned())
}

/// A client that treats every status as a response.
pub(crate) fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).build().into()
}

/// Sends a GET, with a token if it is not empty.
pub(crate) fn get(agent: &Agent, url: &str, token: &str) -> Response<Body> {
    let request = agent.get(url);
    let request = match token {
        "" => request,
        token => request.header("authorization", format!("Bearer {token}")),
    };
    request.call().unwrap()
}

/// Creates a token with the program; returns the token and its line for the token file.
pub(crate) fn new_token(folder: &Path, name: &str, role: &str) -> (String, String) {
    let mut command = command("cli");
    command.args(["token", "new", "--name", name, "--role", role]).current_dir(folder).env_clear();
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stderr).trim_end().to_owned(), text(output.stdout))
}
