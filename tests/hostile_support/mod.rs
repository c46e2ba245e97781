//! What hostile requests are made of.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of it"
)]

/// Numbers that follow from a seed.
pub struct Draw(pub u64);

impl Draw {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, most: usize) -> usize {
        (self.next() % most as u64) as usize
    }

    pub fn one<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// Bytes of which some are changed, cut off, or repeated.
    pub fn spoiled(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..=self.below(4) {
            let length = bytes.len().max(1);
            let at = self.below(length);
            match self.below(5) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at.min(bytes.len()), self.next() as u8),
                2 => {
                    let again = bytes[at.min(bytes.len())..].to_vec();
                    bytes.extend(again.into_iter().take(300));
                }
                3 => drop(bytes.splice(at.min(bytes.len())..at.min(bytes.len()), *b"\r\n\r\n")),
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << (self.next() % 8);
                    }
                }
            }
        }
        bytes
    }
}

/// Addresses of this machine and of private networks, in spellings that filters have missed.
pub const ADDRESSES: [&str; 22] = [
    "http://127.0.0.1:PORT/",
    "http://localhost:PORT/",
    "http://0:PORT/",
    "http://0.0.0.0:PORT/",
    "http://127.1:PORT/",
    "http://2130706433:PORT/",
    "http://0x7f000001:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://[::1]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[0:0:0:0:0:ffff:7f00:1]:PORT/",
    "http://user@127.0.0.1:PORT/",
    "http://github.com@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT%2f@github.com/",
    "http://127.0.0.1%00.github.com:PORT/",
    "http://127%E3%80%820%E3%80%820%E3%80%821:PORT/",
    "//127.0.0.1:PORT/",
    "http:127.0.0.1:PORT",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/_GET",
    "HTTP://LOCALHOST:PORT/",
];

pub const NUMBERS: [&str; 10] = [
    "-1",
    "0",
    "65536",
    "4294967296",
    "18446744073709551616",
    "99999999999999999999999999",
    "1e999",
    "NaN",
    "0x10",
    "%20",
];

/// What is sent, and what must not come back.
pub struct Hostile {
    pub bytes: Vec<u8>,
    pub method: &'static str,
}

/// A request with a body whose length is told as it is.
pub fn request(method: &'static str, path: &str, headers: &str, body: &[u8]) -> Hostile {
    let mut bytes = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    Hostile { bytes, method }
}

pub fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(400)]).into_owned()
}
