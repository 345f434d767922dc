//! A server, an attack on it, and the observations of healthy clients meanwhile.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use rustls::{ClientConfig, RootCertStore};

use crate::healthy::{self, Seen};
use crate::wire::Wire;
use crate::{is_full, sized};

/// The maximum memory of the server during any attack, in MiB.
fn most_mib() -> u64 {
    sized(300, 768) as u64
}

/// The program to attack: one given by its path, or that of this build.
fn program() -> OsString {
    let beside = env!("CARGO_BIN_EXE_spark-analytics").into();
    std::env::var_os("HOSTILE_SERVER").unwrap_or(beside)
}

/// A server under attack.
pub(crate) struct Target {
    child: Child,
    /// Where its store is.
    folder: PathBuf,
    pub(crate) address: SocketAddr,
    /// The server's limit of connections.
    pub(crate) connections: usize,
    /// The certificate that clients trust, if the server uses TLS.
    tls: Option<Arc<ClientConfig>>,
}

impl Target {
    fn start(folder: &Path, tls: Option<Arc<ClientConfig>>, form: Form) -> Self {
        // Few enough open files that small attacks reach the limit; at full size as many as possible.
        let connections = sized(300, 10_000);
        let mut limit =
            if is_full() { String::new() } else { format!("ulimit -n {};", connections + 124) };
        if let Some(mib) = form.mib {
            limit += &format!("ulimit -d {};", mib * 1024);
        }
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{limit} exec \"$0\" \"$@\"")]).arg(program());
        command.args(["serve", "--listen", "127.0.0.1:0", "--store", form.store]);
        command.args(["--log", "error", "--host", "x"]);
        if tls.is_some() {
            command.args(["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
        }
        let mut child = command.current_dir(folder).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("://").unwrap().1.parse().unwrap();
        Self { child, folder: folder.to_owned(), address, connections, tls }
    }

    /// Imports an event log into the server's store, from another process.
    pub(crate) fn import(&self, name: &str, log: &str) {
        fs::write(self.folder.join(name), log).unwrap();
        let mut command = Command::new(program());
        command.args(["import", name, "--store", "sqlite:test.db", "--quiet"]);
        let done = command.current_dir(&self.folder).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// A connection of a well-behaved client.
    pub(crate) fn open(&self) -> Wire {
        match &self.tls {
            Some(config) => Wire::open_tls(self.address, Arc::clone(config)),
            None => Wire::open(self.address),
        }
    }

    /// A value of the server's `/proc/PID/status` by its name, in MiB.
    fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the attack continues.
pub(crate) struct Lasts<'a> {
    began: OnceLock<Instant>,
    /// The number of requests of each healthy client.
    asked: &'a [AtomicUsize; 2],
}

/// Fewer requests would not be conclusive.
const FEWEST: usize = 100;

impl Lasts<'_> {
    pub(crate) fn on(&self) -> bool {
        let lasted = self.began.get_or_init(Instant::now).elapsed();
        let are_few = || self.asked.iter().any(|asked| asked.load(Ordering::Relaxed) < FEWEST);
        lasted < Duration::from_millis(sized(1_000, 10_000) as u64)
            || lasted < Duration::from_secs(60) && are_few()
    }
}

/// Attacks a separate server while one healthy client keeps its connection and another opens a new one for each request.
/// Every request of theirs must get the right response, 99 of 100 in time.
pub(crate) fn attack(name: &str, attack: impl FnOnce(&Target, &Lasts<'_>) + Send) {
    run(name, Form::default(), attack);
}

/// The same with a server on another store.
pub(crate) fn attack_on(
    store: &'static str,
    name: &str,
    attack: impl FnOnce(&Target, &Lasts<'_>) + Send,
) {
    run(name, Form { store, ..Form::default() }, attack);
}

/// The same with a server that may have this much data, in MiB. Where an allocation fails, a program is killed.
pub(crate) fn attack_within(
    name: &str,
    mib: usize,
    attack: impl FnOnce(&Target, &Lasts<'_>) + Send,
) {
    run(name, Form { mib: Some(mib), ..Form::default() }, attack);
}

/// The same with a server that uses TLS.
pub(crate) fn attack_tls(name: &str, attack: impl FnOnce(&Target, &Lasts<'_>) + Send) {
    run(name, Form { is_tls: true, ..Form::default() }, attack);
}

/// How a server is started.
#[derive(Clone, Copy)]
struct Form {
    is_tls: bool,
    /// The limit of its data, in MiB.
    mib: Option<usize>,
    store: &'static str,
}

impl Default for Form {
    fn default() -> Self {
        Self { is_tls: false, mib: None, store: "sqlite:test.db" }
    }
}

fn run(name: &str, form: Form, attack: impl FnOnce(&Target, &Lasts<'_>) + Send) {
    // One attack at a time, so that each has the machine to itself.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let tls = form.is_tls.then(|| certify(folder.path()));
    let mut target = Target::start(folder.path(), tls, form);
    let (is_over, asked) = (AtomicBool::new(false), [const { AtomicUsize::new(0) }; 2]);
    let began = Instant::now();
    let (kept, new) = thread::scope(|scope| {
        let over = || is_over.load(Ordering::Relaxed);
        let target = &target;
        let asked = &asked;
        let kept = scope.spawn(move || healthy::kept(target, &asked[0], over));
        let new = scope.spawn(move || healthy::new(target, &asked[1], over));
        let attacker =
            scope.spawn(move || attack(target, &Lasts { began: OnceLock::new(), asked }));
        let attacked = attacker.join();
        is_over.store(true, Ordering::Relaxed);
        attacked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (kept.join().unwrap(), new.join().unwrap())
    });
    let (peak, after) = (target.memory("VmHWM:"), target.memory("VmRSS:"));
    assert_eq!(target.child.try_wait().unwrap(), None, "{name}: the server has ended");
    let seconds = began.elapsed().as_secs_f64();
    let row = format!("{name:<52} {seconds:>6.1} {kept} {new} {peak:>6} {after:>6}\n");
    let _ = std::io::stdout().write_all(row.as_bytes());
    let most = std::env::var("HOSTILE_P99_MS").map_or(2_000, |most| most.parse().unwrap());
    for Seen { p99, count, again, median, .. } in [kept, new] {
        assert!(count >= FEWEST, "{name}: only {count} requests of a healthy client");
        assert!(p99 < Duration::from_millis(most), "{name}: 99 of 100 within {p99:?}");
        assert!(median < Duration::from_secs(1), "{name}: half of them within {median:?}");
        // Connections are evicted only for keeping the server waiting.
        assert!(again <= count / sized(5, 100), "{name}: {again} of {count} asked again");
    }
    assert!(peak < most_mib(), "{name}: the server took {peak} MiB");
}

/// Writes a certificate to the files that the server reads. A client that uses the result trusts only this certificate.
fn certify(folder: &Path) -> Arc<ClientConfig> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(config.unwrap().with_root_certificates(roots).with_no_client_auth())
}
