//! Floor 1: hashes, computed. Pixels or bytes in, values of floor 0 out.
//!
//! | module | input | signal types |
//! | --- | --- | --- |
//! | [`pdq`] | RGB8 or grey pixels | `pdq`, with its quality and its dihedral hashes |
//! | [`digest`] | a file's bytes | `md5`, `sha1`, `sha256` |
//! | [`mod@imagehash`] | RGB8 pixels | `ahash`, `dhash`, `phash`, as Python's imagehash gives them |
//! | `imghash` (feature `decode`) | RGB8 pixels | `blockhash`, `imghash_mean`, `imghash_gradient`, `imghash_dct` |
//!
//! [`variants`] makes the PDQ hashes that an original of a changed picture may have.
//!
//! [`thumbnail`] is no hash: a small luma picture, for whoever asks for other forms of a picture.
//!
//! This room refuses to decode (that is `media`), to know about orientation, animation or
//! transparency, and to keep any pixel beyond the call that it was given to.

pub mod digest;
pub mod imagehash;
#[cfg(feature = "decode")]
pub mod imghash;
pub mod pdq;
mod shape;
pub mod thumbnail;
pub mod variants;

pub use digest::digests;
pub use imagehash::imagehash;
#[cfg(feature = "decode")]
pub use imghash::{imghash, imghashes};
pub use pdq::{PdqHashed, PdqHasher};
pub use shape::ShapeError;
