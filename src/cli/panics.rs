//! What is told of panics: nothing of those that become an outcome of one input, all of others.

use crate::guard::is_guarded;
use std::panic;

/// From here on, a panic that is caught prints nothing.
pub(crate) fn be_quiet_about_caught_ones() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |told| {
        if !is_guarded() {
            usual(told);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::catch_unwind;
    use std::process::Command;

    const CHILD: &str = "HASHGATE_TEST_OF_PANICS";

    /// A hook is one for the whole process, so this runs itself once more, as a child.
    #[test]
    fn a_caught_panic_prints_nothing_and_another_does() {
        if std::env::var_os(CHILD).is_some() {
            be_quiet_about_caught_ones();
            assert!(catch_unwind(|| panic!("this one was caught")).is_err());
            let other = std::thread::spawn(|| panic!("this one was not caught")).join();
            assert!(other.is_err());
            return;
        }
        let test = "cli::panics::tests::a_caught_panic_prints_nothing_and_another_does";
        let ran = Command::new(std::env::current_exe().expect("this test"))
            .args([test, "--exact", "--nocapture"])
            .env(CHILD, "1")
            .env("RUST_BACKTRACE", "1")
            .output()
            .expect("it runs");
        let (out, err) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        assert!(ran.status.success(), "{out}{err}");
        assert!(out.contains("1 passed"), "the child ran no test: {out}");
        assert!(err.contains("this one was not caught"), "{err}");
        assert!(!err.contains("this one was caught"), "{err}");
    }
}
