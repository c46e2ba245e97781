//! A GIF's blocks (GIF89a specification, appendix B), one after the other.

use crate::media::canvas::After;

/// What stands before all blocks.
pub(super) struct Screen<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Three bytes a colour; empty where there is none.
    pub(super) table: &'a [u8],
}

pub(super) enum Block<'a> {
    Image(Image<'a>),
    /// Says how the next frame is shown.
    Control(Control),
    /// Nothing to be seen.
    Other,
    Trailer,
}

pub(super) struct Image<'a> {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) interlaced: bool,
    pub(super) table: Option<&'a [u8]>,
    pub(super) code_size: u8,
    /// The compressed pixels, in sub-blocks.
    pub(super) data: &'a [u8],
    /// Whether the end of the sub-blocks is there.
    pub(super) is_whole: bool,
}

impl Image<'_> {
    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

#[derive(Clone, Copy)]
pub(super) struct Control {
    pub(super) after: After,
    pub(super) transparent: Option<u8>,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            after: After::Keep,
            transparent: None,
        }
    }
}

/// The screen, and the blocks behind it.
pub(super) fn screen(bytes: &[u8]) -> Option<(Screen<'_>, &[u8])> {
    let (&[w0, w1, h0, h1, flags, _, _], rest) = bytes.get(6..)?.split_first_chunk::<7>()?;
    let (table, rest) = table(rest, flags)?;
    let screen = Screen {
        width: two(w0, w1),
        height: two(h0, h1),
        table: table.unwrap_or_default(),
    };
    Some((screen, rest))
}

/// The next block and what follows it; `None` at the end, inside a block, and at what is no block.
pub(super) fn next(bytes: &[u8]) -> Option<(Block<'_>, &[u8])> {
    match bytes {
        [0x3b, rest @ ..] => Some((Block::Trailer, rest)),
        // An empty sub-block too many.
        [0, rest @ ..] => Some((Block::Other, rest)),
        [0x21, 0xf9, chain @ ..] => Some((control(chain), after_chain(chain)?)),
        [0x21, _, chain @ ..] => Some((Block::Other, after_chain(chain)?)),
        [0x2c, x0, x1, y0, y1, w0, w1, h0, h1, flags, rest @ ..] => {
            let (table, rest) = table(rest, *flags)?;
            let (&code_size, data) = rest.split_first()?;
            let behind = after_chain(data);
            let image = Image {
                x: two(*x0, *x1),
                y: two(*y0, *y1),
                width: two(*w0, *w1),
                height: two(*h0, *h1),
                interlaced: flags & 0x40 != 0,
                table,
                code_size,
                data,
                is_whole: behind.is_some(),
            };
            Some((Block::Image(image), behind.unwrap_or(data)))
        }
        _ => None,
    }
}

/// A colour table that bit 7 of `flags` announces and bits 0 to 2 size, and what follows it.
fn table(bytes: &[u8], flags: u8) -> Option<(Option<&[u8]>, &[u8])> {
    if flags & 0x80 == 0 {
        return Some((None, bytes));
    }
    let (table, rest) = bytes.split_at_checked(3 << ((flags & 7) + 1))?;
    Some((Some(table), rest))
}

/// What a control block says; nothing where it is shorter than it has to be.
fn control(chain: &[u8]) -> Block<'_> {
    let &[length, flags, _, _, transparent, ..] = chain else {
        return Block::Other;
    };
    if length < 4 {
        return Block::Other;
    }
    let after = match flags >> 2 & 7 {
        2 => After::Clear,
        3 | 4 => After::Restore,
        _ => After::Keep,
    };
    Block::Control(Control {
        after,
        transparent: (flags & 1 != 0).then_some(transparent),
    })
}

/// What follows a chain of sub-blocks and the empty one that ends it.
fn after_chain(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let (&size, rest) = bytes.split_first()?;
        bytes = rest.get(usize::from(size)..)?;
        if size == 0 {
            return Some(bytes);
        }
    }
}

fn two(low: u8, high: u8) -> u32 {
    u32::from(u16::from_le_bytes([low, high]))
}
