//! The program `hashgate-worker`: one upload, or the coded pictures of one, decoded in a locked process. `hashgate`
//! executes it where it stands beside, and services name it; nobody calls it by hand. It is small, so that it starts
//! soon: `hashgate` itself does the same work, and takes longer to begin.

fn main() -> std::process::ExitCode {
    #[cfg(target_os = "linux")]
    if let Some(code) = hashgate::gate::isolated::serve_if_asked() {
        std::process::exit(code);
    }
    eprintln!(
        "hashgate-worker: it is executed by a program of the same version that has something to decode"
    );
    std::process::ExitCode::from(2)
}
