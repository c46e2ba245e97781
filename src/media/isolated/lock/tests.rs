//! A locked process is asked to break out in every way that comes to mind: this test program executed again.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

use super::*;

/// Names what [`attempt`] tries; only in a process made for it.
const VARIABLE: &str = "HASHGATE_TEST_ATTEMPT";

fn ended(attempt: &str) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "media::isolated::lock::tests::attempt",
            "--exact",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(VARIABLE, attempt)
        // As the client does: a trace is read from files, which is a breach.
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

/// Not a test: what a locked process does. It exits with 9 where it got through.
#[test]
#[ignore = "executed by the tests beside it, in a process of its own"]
fn attempt() {
    let Ok(what) = std::env::var(VARIABLE) else {
        return;
    };
    let allowed = Allowed {
        memory: 1 << 30,
        seconds: 2,
    };
    if let Err(why) = lock(allowed) {
        panic!("not locked: {why}");
    }
    let got_through = match what.as_str() {
        "open" => std::fs::File::open("/etc/hostname").is_ok(),
        "create" => std::fs::write("/tmp/hashgate-attempt", "").is_ok(),
        "list" => std::fs::read_dir("/").is_ok(),
        "connect" => std::net::TcpStream::connect("127.0.0.1:9").is_ok(),
        "listen" => std::net::UdpSocket::bind("127.0.0.1:0").is_ok(),
        "execute" => Command::new("/bin/true").status().is_ok(),
        "thread" => std::thread::Builder::new().spawn(|| ()).is_ok(),
        "pipe" => std::io::pipe().is_ok(),
        "signal" => rustix::process::kill_process(getpid(), Signal::TERM).is_ok(),
        "limits" => {
            let more = Rlimit {
                current: Some(1000),
                maximum: Some(1000),
            };
            setrlimit(Resource::Nofile, more).is_ok()
        }
        "read" => rustix::io::read(rustix::stdio::stdout(), &mut [0; 8][..]).is_ok(),
        "code" => rustix::process::getppid().is_some(),
        "memory" => {
            let mut all = Vec::new();
            for _ in 0..64 {
                all.push(std::hint::black_box(vec![1_u8; 64 << 20]));
            }
            true
        }
        "time" => {
            let mut number = 1_u64;
            loop {
                number = std::hint::black_box(number.wrapping_mul(3));
            }
        }
        "work" => {
            let sum: usize = (0..1000).map(|n| vec![n; 1000].len()).sum();
            let written = rustix::io::write(rustix::stdio::stdout(), b"").is_ok();
            let read = rustix::io::read(rustix::stdio::stdin(), &mut [0; 8][..]) == Ok(0);
            std::process::exit(if sum == 1_000_000 && written && read {
                7
            } else {
                8
            });
        }
        other => panic!("{other} is not known"),
    };
    std::process::exit(if got_through { 9 } else { 10 });
}

#[test]
fn what_decoding_needs_is_left() {
    assert_eq!(ended("work").code(), Some(7));
}

#[test]
fn every_way_out_ends_the_process() {
    for attempt in [
        "open", "create", "list", "connect", "listen", "execute", "thread", "pipe", "signal",
        "limits", "read", "code",
    ] {
        assert_eq!(ended(attempt).signal(), Some(libc::SIGSYS), "{attempt}");
    }
}

#[test]
fn more_memory_or_time_than_is_allowed_ends_the_process_and_is_no_breach() {
    assert_eq!(ended("memory").signal(), Some(libc::SIGABRT));
    assert_eq!(ended("time").signal(), Some(libc::SIGXCPU));
}
