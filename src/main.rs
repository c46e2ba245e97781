//! The command `hashgate`: parses, calls, maps the result to an exit code.

fn main() -> std::process::ExitCode {
    // Executed to decode in isolation: before a thread, an argument or a log is looked at.
    #[cfg(all(feature = "isolated", target_os = "linux"))]
    if let Some(code) = hashgate::gate::isolated::serve_if_asked() {
        std::process::exit(code);
    }
    hashgate::cli::main()
}
