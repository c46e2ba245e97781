//! Numbers and boxes out of bytes that may be anything (ISO/IEC 14496-12, clause 4.2).
//!
//! Every reader gives `None` where the bytes end before what is asked for. Nothing here takes memory.

/// What is left to read.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

/// Four letters that name a box, a kind of item or a brand.
pub(super) type Four = [u8; 4];

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn four(&mut self) -> Option<Four> {
        self.array()
    }

    /// A number of 0, 2, 4 or 8 bytes; 0 bytes are the number 0.
    pub(super) fn sized(&mut self, bytes: u8) -> Option<u64> {
        match bytes {
            0 => Some(0),
            2 => self.u16().map(u64::from),
            4 => self.u32().map(u64::from),
            8 => self.u64(),
            _ => None,
        }
    }

    /// A number of two bytes, or of four where the box's version says so.
    pub(super) fn id(&mut self, is_long: bool) -> Option<u32> {
        if is_long {
            self.u32()
        } else {
            self.u16().map(u32::from)
        }
    }

    /// Version and flags, with which many boxes begin.
    pub(super) fn version(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        Some(((word >> 24) as u8, word & 0x00ff_ffff))
    }

    /// The boxes that these bytes hold.
    pub(super) fn boxes(self) -> Boxes<'a> {
        Boxes(self)
    }
}

/// The boxes in a stretch of bytes, one after another. A box that reaches beyond the end is given as the
/// bytes that are there.
pub(super) struct Boxes<'a>(Bytes<'a>);

impl<'a> Iterator for Boxes<'a> {
    type Item = (Four, Bytes<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let size = self.0.u32()?;
        let kind = self.0.four()?;
        let (header, size) = match size {
            0 => (8, None),
            1 => (16, Some(self.0.u64()?)),
            size => (8, Some(u64::from(size))),
        };
        let there = self.0.0.len();
        let length = match size {
            None => there,
            // A box shorter than its own header: nothing behind it can be trusted.
            Some(size) => usize::try_from(size.checked_sub(header)?)
                .unwrap_or(usize::MAX)
                .min(there),
        };
        Some((kind, Bytes(self.0.take(length)?)))
    }
}

/// The first box of a kind.
pub(super) fn first<'a>(inside: Bytes<'a>, wanted: &Four) -> Option<Bytes<'a>> {
    inside
        .boxes()
        .find_map(|(kind, body)| (&kind == wanted).then_some(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_of_each_kind_of_size_are_found() {
        let mut bytes = Vec::new();
        bytes.extend(b"\0\0\0\x0cabcd1234");
        bytes.extend(b"\0\0\0\x01long\0\0\0\0\0\0\0\x12xy");
        bytes.extend(b"\0\0\0\0rest to the end");
        let found: Vec<_> = Bytes(&bytes)
            .boxes()
            .map(|(kind, body)| (kind, body.0.to_vec()))
            .collect();
        assert_eq!(
            found,
            [
                (*b"abcd", b"1234".to_vec()),
                (*b"long", b"xy".to_vec()),
                (*b"rest", b" to the end".to_vec()),
            ]
        );
    }

    #[test]
    fn boxes_that_lie_about_their_size_end_the_search() {
        for bytes in [
            &b"\0\0\0\x07abcd"[..],
            b"\0\0\0\x01abcd\0\0\0\0\0\0\0\x0f",
            b"\0\0\0\x01abcd\0",
            b"\0\0\0",
            b"",
        ] {
            assert_eq!(Bytes(bytes).boxes().count(), 0, "{bytes:?}");
        }
        let beyond = b"\xff\xff\xff\xffabcd12";
        let bodies: Vec<_> = Bytes(beyond).boxes().map(|(_, body)| body.0).collect();
        assert_eq!(bodies, [b"12"]);
    }
}
