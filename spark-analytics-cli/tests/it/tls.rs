//! The server over TLS, with a real client.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use crate::program::{Program, get, new_token, server};
use rcgen::{CertificateParams, KeyPair};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

const TLS: [&str; 4] = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];

/// Writes a certificate with a new key for a name to the files that the server reads.
fn certify(folder: &Path, name: &str) -> String {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    fs::write(folder.join("cert.pem"), &certificate).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    certificate
}

/// A client that trusts only this certificate.
fn trusting(certificate: &str) -> Agent {
    let certificate = Certificate::from_pem(certificate.as_bytes()).unwrap();
    let roots = RootCerts::new_with_certs(&[certificate]);
    let tls = TlsConfig::builder().root_certs(roots).build();
    Agent::config_builder().http_status_as_error(false).tls_config(tls).build().into()
}

#[test]
fn clients_that_trust_the_certificate_are_answered_as_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let certificate = certify(folder, "localhost");
    let (token, line) = new_token(folder, "a", "read");
    fs::write(folder.join("tokens"), line).unwrap();
    let (program, url) = server(folder, &[&TLS[..], &["--tokens", "tokens"]].concat(), &[]);
    let port = url.strip_prefix("https://127.0.0.1:").unwrap();
    let url = format!("https://localhost:{port}/api/v1/analytics/jobs");
    let agent = trusting(&certificate);
    assert_eq!(get(&agent, &url, &token).status(), 200);
    assert_eq!(get(&agent, &url, "").status(), 401);

    let other = certify(folder, "localhost");
    assert!(trusting(&other).get(&url).call().is_err(), "it has another certificate");
    let _ = program.stop();
}

#[test]
fn curl_is_answered_with_every_safe_version_of_tls() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), "localhost");
    let (program, url) = server(folder.path(), &TLS, &[]);
    let url = format!("{}/health", url.replace("127.0.0.1", "localhost"));
    let curl = |more: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--noproxy", "*", "--cacert", "cert.pem"]);
        command.args(more).arg(&url).current_dir(folder.path()).output()
    };
    // Without curl only the other tests run.
    if curl(&[]).is_ok() {
        for version in [&["--tlsv1.3"][..], &["--tlsv1.2", "--tls-max", "1.2"]] {
            let output = curl(version).unwrap();
            assert_eq!(output.stdout, br#"{"status":"healthy"}"#, "{output:?}");
        }
        assert!(!curl(&["--tls-max", "1.1"]).unwrap().status.success());
    }
    program.stop();
}

#[test]
fn a_hangup_reloads_the_certificate_and_keeps_the_old_one_if_the_file_is_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let first = certify(folder.path(), "localhost");
    let (mut program, url) = server(folder.path(), &TLS, &[]);
    let url = format!("{}/health", url.replace("127.0.0.1", "localhost"));
    let is_trusted = |certificate: &str| trusting(certificate).get(&url).call().is_ok();

    let key = fs::read(folder.path().join("key.pem")).unwrap();
    let second = certify(folder.path(), "localhost");
    let of_second = fs::read(folder.path().join("key.pem")).unwrap();
    fs::write(folder.path().join("key.pem"), key).unwrap();
    program.signal("-HUP");
    let message = program.says("ERROR");
    assert!(message.contains("cannot serve with cert.pem and key.pem: "), "{message}");
    assert!(message.ends_with("; the former certificate stays"), "{message}");
    assert_eq!((is_trusted(&first), is_trusted(&second)), (true, false));

    fs::write(folder.path().join("key.pem"), of_second).unwrap();
    program.signal("-HUP");
    program.says("the certificate was read again");
    assert_eq!((is_trusted(&first), is_trusted(&second)), (false, true));
    program.stop();
}

#[test]
fn a_client_without_tls_gets_an_alert_and_a_silent_one_does_not_delay_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), "localhost");
    let (program, url) = server(folder.path(), &TLS, &[]);
    let address = url.strip_prefix("https://").unwrap();
    let mut plain = TcpStream::connect(address).unwrap();
    plain.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert_eq!(answer.first(), Some(&21), "a record of TLS with an alert: {answer:?}");

    let mut silent = TcpStream::connect(address).unwrap();
    let said = program.stop();
    assert!(!said.contains("still in progress"), "{said}");
    assert_eq!(silent.read(&mut [0]).unwrap_or_default(), 0);
}

#[test]
fn an_unusable_certificate_prevents_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    certify(path, "localhost");
    fs::rename(path.join("key.pem"), path.join("other.pem")).unwrap();
    certify(path, "localhost");
    fs::write(path.join("text"), "no certificate").unwrap();
    for (certificate, key, code, expected) in [
        ("none", "key.pem", 1, "cannot read none: No such file"),
        (
            "text",
            "key.pem",
            1,
            "cannot serve with text and key.pem: the certificate cannot be read",
        ),
        ("cert.pem", "cert.pem", 1, "the key cannot be read: it must be unencrypted PEM"),
        ("cert.pem", "other.pem", 1, "the certificate and key cannot be used: "),
        ("cert.pem", "", 2, "--tls-key"),
    ] {
        let key = if key.is_empty() { vec![] } else { vec!["--tls-key", key] };
        let arguments =
            ["--listen", "127.0.0.1:0", "--store", "memory:", "--tls-cert", certificate];
        let arguments = [&arguments[..], &key].concat();
        let (ended, said) = Program::start("serve", path, &arguments, &[]).ended();
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.starts_with("error: ") && said.contains(expected), "{said}");
    }
}

#[test]
fn the_documented_certificates_are_trusted_by_the_sender_that_names_their_authority() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/http.md");
    let page = fs::read_to_string(page).unwrap();
    let recipe = page.split("```sh\nopenssl").nth(1).unwrap().split("```").next().unwrap();
    let made = Command::new("sh")
        .args(["-ec", &format!("openssl{recipe}")])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let (program, url) = server(folder, &TLS, &[]);
    let url = format!("{url}/api/v1/logs/ingest");
    let event = r#"{"event":"SparkListenerJobStart","job_id":1,"timestamp":1711792363,"user":"a"}"#;
    fs::write(folder.join("events"), format!("{event}\n{event}\n")).unwrap();
    let send = |more: &[&str], variables: &[(&str, &str)]| {
        let arguments = ["send", "--file", "events", "--url", &url, "--delay", "0"];
        let arguments = [&arguments[..], more].concat();
        Program::start("cli", folder, &arguments, variables).ended()
    };
    for (more, variables) in
        [(&["--ca-cert", "ca.pem"][..], &[][..]), (&[], &[("SSL_CERT_FILE", "ca.pem")])]
    {
        let (code, said) = send(more, variables);
        assert_eq!(code, Some(0), "{said}");
    }
    // It is not asked again.
    let (code, said) = send(&[], &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("FAILED     1\n") && said.contains("invalid peer certificate"), "{said}");
    let (code, said) = send(&["--ca-cert", "server.csr"], &[]);
    assert!(code == Some(1) && said.contains("server.csr has no certificate"), "{said}");
    let _ = program.stop();
}
