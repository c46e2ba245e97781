//! The side that decodes: locked first, then it reads its job, and answers.

use super::job::{Answer, Failure, Kind, MOST_WORDS, READY, read};
use super::lock::{Allowed, lock};
use crate::guard::catch_unwind;

#[cfg(feature = "avif")]
use super::av1::decode;

#[cfg(not(feature = "avif"))]
fn decode(
    _: &crate::media::coded::Coded<'_>,
    _: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<(), Failure> {
    let words = "coded in no way that is built in".to_owned();
    Err(Failure(Kind::Unsupported, words))
}

/// Locks this process, decodes what standard input holds, and answers on standard output. Gives the exit code.
pub(super) fn serve(allowed: Allowed) -> i32 {
    // Nothing of a picture, and no words of a panic, leave this process but by its answers.
    std::panic::set_hook(Box::new(|_| ()));
    if let Err(why) = lock(allowed) {
        return fail(Kind::Unlocked, &why);
    }
    if !write(&READY) {
        return 1;
    }
    let job = input();
    let Some(streams) = job.as_deref().and_then(read) else {
        return fail(Kind::Damaged, "no job was given");
    };
    for stream in &streams {
        let decoded = catch_unwind(std::panic::AssertUnwindSafe(|| {
            decode(stream, &mut |samples| {
                write(&Answer::Picture(stream.width, stream.height).write()) && write(samples)
            })
        }));
        match decoded {
            Ok(Ok(())) => {}
            Ok(Err(Failure(kind, words))) => return fail(kind, &words),
            Err(_) => return fail(Kind::Damaged, "the decoder failed on it"),
        }
    }
    i32::from(!write(&Answer::Done.write()))
}

fn fail(kind: Kind, words: &str) -> i32 {
    let words = words.as_bytes();
    let words = words.get(..MOST_WORDS).unwrap_or(words);
    let answer = Answer::Failure(kind, words.len() as u32);
    i32::from(!(write(&answer.write()) && write(words)))
}

/// All of standard input, by nothing but `read`.
fn input() -> Option<Vec<u8>> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match rustix::io::read(rustix::stdio::stdin(), &mut buffer[..]) {
            Ok(0) => return Some(all),
            Ok(read) => all.extend_from_slice(buffer.get(..read)?),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

/// Writes to standard output, by nothing but `write`.
fn write(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), bytes) {
            Ok(0) => return false,
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
    true
}
