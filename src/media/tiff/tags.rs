//! The numbers of the tags that are read.

pub(super) const WIDTH: u16 = 256;
pub(super) const HEIGHT: u16 = 257;
pub(super) const BITS: u16 = 258;
pub(super) const COMPRESSION: u16 = 259;
pub(super) const PHOTOMETRIC: u16 = 262;
pub(super) const FILL_ORDER: u16 = 266;
pub(super) const STRIP_OFFSETS: u16 = 273;
pub(super) const ORIENTATION: u16 = 274;
pub(super) const SAMPLES: u16 = 277;
pub(super) const ROWS_PER_STRIP: u16 = 278;
pub(super) const STRIP_COUNTS: u16 = 279;
pub(super) const PLANAR: u16 = 284;
pub(super) const FAX_3_OPTIONS: u16 = 292;
pub(super) const PREDICTOR: u16 = 317;
pub(super) const COLOUR_MAP: u16 = 320;
pub(super) const TILE_WIDTH: u16 = 322;
pub(super) const TILE_HEIGHT: u16 = 323;
pub(super) const TILE_OFFSETS: u16 = 324;
pub(super) const TILE_COUNTS: u16 = 325;
/// SubIFDs.
pub(super) const BELOW: u16 = 330;
pub(super) const INK_SET: u16 = 332;
pub(super) const EXTRA_SAMPLES: u16 = 338;
pub(super) const SAMPLE_FORMAT: u16 = 339;
pub(super) const INDEXED: u16 = 346;
pub(super) const JPEG_TABLES: u16 = 347;
/// JPEGInterchangeFormat, and its length.
pub(super) const JPEG_AT: u16 = 513;
pub(super) const JPEG_BYTES: u16 = 514;
pub(super) const LUMA_WEIGHTS: u16 = 529;
pub(super) const SUBSAMPLING: u16 = 530;
pub(super) const BLACK_AND_WHITE: u16 = 532;
/// The ICC profile of the colours.
pub(super) const PROFILE: u16 = 34_675;
