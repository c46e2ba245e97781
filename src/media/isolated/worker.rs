//! The side that is asked: locked first, then it reads its job, and answers.

use super::job::{Answer, Failure, Kind, MOST_WORDS, READY};
use super::lock::{Allowed, lock};
use crate::guard::catch_unwind;

/// Locks this process, and hands what standard input holds to `work`, which answers. Gives the exit code.
pub(crate) fn serve(allowed: Allowed, work: impl FnOnce(&[u8]) -> Result<(), Failure>) -> i32 {
    // Nothing of a picture, and no words of a panic, leave this process but by its answers.
    std::panic::set_hook(Box::new(|_| ()));
    // Some decoders hand parts of their work to rayon: this thread does it, for there will be no other.
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread();
    if let Err(why) = alone.build_global() {
        return fail(Kind::Unlocked, &why.to_string());
    }
    if let Err(why) = lock(allowed) {
        return fail(Kind::Unlocked, &why);
    }
    if write(&READY).is_err() {
        return 1;
    }
    let Some(job) = input() else {
        return fail(Kind::Damaged, "no job was given");
    };
    let worked = catch_unwind(std::panic::AssertUnwindSafe(|| work(&job)));
    match worked {
        Ok(Ok(())) => 0,
        Ok(Err(Failure(kind, words))) => fail(kind, &words),
        Err(_) => fail(Kind::Damaged, "the decoder failed on it"),
    }
}

/// Decodes the streams of a job, and answers with their pictures.
#[cfg(feature = "avif")]
pub(super) fn decode(job: &[u8]) -> Result<(), Failure> {
    let no_job = || Failure(Kind::Damaged, "no job was given".to_owned());
    let mut pictures = super::av1::Pictures::new(super::job::read(job).ok_or_else(no_job)?);
    while let Some(picture) = pictures.next()? {
        write(&Answer::Picture(picture.width, picture.height).write())?;
        write(&picture.samples)?;
    }
    write(&Answer::Done.write())
}

#[cfg(not(feature = "avif"))]
pub(super) fn decode(_: &[u8]) -> Result<(), Failure> {
    let words = "coded in no way that is built in".to_owned();
    Err(Failure(Kind::Unsupported, words))
}

/// Answers with so many bytes.
pub(crate) fn answer(bytes: &[u8]) -> Result<(), Failure> {
    let length = u32::try_from(bytes.len());
    let length = length.map_err(|_| Failure(Kind::Memory, String::new()))?;
    write(&Answer::Bytes(length).write())?;
    write(bytes)
}

fn fail(kind: Kind, words: &str) -> i32 {
    let words = words.as_bytes();
    let words = words.get(..MOST_WORDS).unwrap_or(words);
    let answer = Answer::Failure(kind, words.len() as u32);
    let said = write(&answer.write()).and_then(|()| write(words));
    i32::from(said.is_err())
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

/// Writes to standard output, by nothing but `write`. Fails where nobody listens any more.
fn write(mut bytes: &[u8]) -> Result<(), Failure> {
    let nobody = || Failure(Kind::Damaged, "nobody listens".to_owned());
    while !bytes.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), bytes) {
            Ok(0) => return Err(nobody()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Err(nobody()),
        }
    }
    Ok(())
}
