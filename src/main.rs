//! The command `hashgate`: parses, calls, maps the result to an exit code.

fn main() -> std::process::ExitCode {
    hashgate::cli::main()
}
