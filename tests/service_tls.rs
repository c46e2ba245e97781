//! The service behind its own certificate.
#![cfg(feature = "tls")]

mod common;
mod service_support;

use common::wait_until;
use service_support::{Node, png, publish_known};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A pair of these names, in the node's folder.
fn put(pair: &str, folder: &Path) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
    for ending in ["key", "crt"] {
        let from = data.join(format!("{pair}.{ending}"));
        // As whoever renews one does: beside it, and over it.
        let new = folder.join(format!("new.{ending}"));
        std::fs::copy(from, &new).expect("a copy");
        std::fs::rename(new, folder.join(format!("node.{ending}"))).expect("a name");
    }
}

fn certificate(pair: &str) -> CertificateDer<'static> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
    CertificateDer::from_pem_file(data.join(format!("{pair}.crt"))).expect("a certificate")
}

/// Asks by TLS, believing this certificate alone.
fn ask(at: SocketAddr, pair: &str, request: &[u8]) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(pair)).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let session = ClientConnection::new(Arc::new(config), name).expect("a session");
    let stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut stream = StreamOwned::new(session, stream);
    stream.write_all(request)?;
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        // The other end may close without a word.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(answer),
        read => read.map(|_| answer),
    }
}

const LIVE: &[u8] = b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn node() -> Node {
    let folder = tempfile::tempdir().expect("a folder");
    publish_known(&folder.path().join("index"), 1);
    put("a", folder.path());
    let mut command = Node::command(folder.path());
    command
        .arg("--tls-cert")
        .arg(folder.path().join("node.crt"));
    command.arg("--tls-key").arg(folder.path().join("node.key"));
    command.args(["--listen", "127.0.0.1:0", "--wait", "600000"]);
    Node::run(folder, command)
}

fn folder(node: &Node) -> std::path::PathBuf {
    node.index().parent().expect("a folder").to_owned()
}

#[test]
fn what_is_asked_by_tls_is_answered_and_nothing_is_without() {
    let node = node();
    wait_until(
        || ask(node.at, "a", LIVE).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")),
        "it answers",
    );
    let picture = png(1);
    let mut request = format!(
        "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        picture.len()
    )
    .into_bytes();
    request.extend_from_slice(&picture);
    let ready = b"GET /v1/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    wait_until(
        || ask(node.at, "a", ready).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")),
        "it is ready",
    );
    let answer = ask(node.at, "a", &request).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.to_lowercase().contains("hashgate-action: block"),
        "{answer}"
    );

    // Who does not know the certificate is not served, and neither is who speaks plainly.
    assert!(ask(node.at, "b", LIVE).is_err());
    let mut plain = TcpStream::connect(node.at).expect("a connection");
    plain.write_all(LIVE).expect("it is sent");
    plain
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a limit");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1"), "{answer:?}");

    // Who begins and says nothing holds neither others nor the end up.
    let _silent = TcpStream::connect(node.at).expect("a connection");
    assert!(ask(node.at, "a", LIVE).is_ok());
    assert_eq!(node.stop(), 0);
}

#[test]
fn a_new_certificate_comes_into_force_and_a_bad_one_does_not() {
    let node = node();
    wait_until(|| ask(node.at, "a", LIVE).is_ok(), "it answers");
    put("b", &folder(&node));
    wait_until(
        || ask(node.at, "b", LIVE).is_ok(),
        "the new one is in force",
    );
    assert!(ask(node.at, "a", LIVE).is_err());
    std::fs::write(folder(&node).join("node.crt"), "nonsense").expect("it is written");
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(ask(node.at, "b", LIVE).is_ok(), "the one before stays");
    assert_eq!(node.stop(), 0);
}

#[test]
fn what_cannot_be_used_is_said_before_anything_is_served() {
    let folder = tempfile::tempdir().expect("a folder");
    publish_known(&folder.path().join("index"), 1);
    put("a", folder.path());
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
    let of = |name: &str| folder.path().join(name);
    std::fs::write(of("empty"), "").expect("it is written");
    for (certificate, key, says) in [
        (of("none"), of("node.key"), "none"),
        (of("empty"), of("node.key"), "no certificate"),
        (of("node.crt"), of("node.crt"), "node.crt"),
        (of("node.crt"), data.join("b.key"), "do not go together"),
    ] {
        let mut command = Node::command(folder.path());
        command
            .arg("--check")
            .arg("--tls-cert")
            .arg(certificate)
            .arg("--tls-key")
            .arg(key);
        let ran = command.output().expect("it runs");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{says}: {said}");
    }
    let mut half = Node::command(folder.path());
    let ran = half
        .arg("--tls-cert")
        .arg(of("node.crt"))
        .output()
        .expect("it runs");
    assert_eq!(ran.status.code(), Some(2));
}
