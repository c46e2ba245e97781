//! The limits of `table.tsv` as constants. Made by `HASHGATE_RENEW=1 cargo test --test rules`: change the table,
//! not this file.

/// The number of this version of the rules.
pub const VERSION: u32 = 3;
/// The first eight bytes of the SHA-256 of all names and values.
pub const DIGEST: [u8; 8] = [0x48, 0xe0, 0xa2, 0x66, 0x19, 0xaf, 0x61, 0xb3];
/// Flatness up to which a picture is as rich as photos are; hundredths flat.
pub const EVIDENCE_RICH: u8 = 20;
/// Flatness from which a picture is as plain as drawings are; hundredths flat.
pub const EVIDENCE_PLAIN: u8 = 40;
/// Share apart up to which a rich picture is verified; share of weight.
pub const EVIDENCE_RICH_APART: f32 = 0.15;
/// Share apart up to which a plain picture is verified; share of weight.
pub const EVIDENCE_PLAIN_APART: f32 = 0.06;
/// Distance within which a guess at a plain picture, or at a small part, is near; bits.
pub const EVIDENCE_PLAIN_GUESS: u16 = 24;
/// Distance within which a guess meets an entry that is a pattern; bits.
pub const EVIDENCE_PATTERNED_GUESS: u16 = 20;
/// Share apart up to which a fitted guess at a rich picture is verified; share of weight.
pub const EVIDENCE_RICH_FITTED: f32 = 0.13;
/// What a fitted guess at a plain picture must score, before what spoke for the entry is taken off; score.
pub const EVIDENCE_PLAIN_FITTED: f32 = 1.25;
/// How much of what spoke for an entry before fitting is taken off the score that is asked for; score for a score.
pub const EVIDENCE_SPEAKS: f32 = 0.631;
/// Flatness from which, and up to which, a fitted guess goes over from rich to plain; hundredths flat.
pub const EVIDENCE_FITTED_FLATNESS: [u8; 2] = [30, 40];
/// In how many bits a hash of something round differs at most from itself turned over a diagonal; bits.
pub const EVIDENCE_CONCENTRIC: u32 = 64;
/// Size of an index beyond which what is plain needs more; hashes.
pub const MANY_HELD: u64 = 200000;
/// Flatness from which a guess that is near does not block in a large index, but is reviewed; hundredths flat.
pub const MANY_STOPS_FLATNESS: u8 = 20;
/// Distance beyond which a plain picture that is turned, mirrored or laid over black does not block in a large index, but is reviewed; bits.
pub const MANY_TURNED_STOPS: u16 = 16;
/// Flatness from which a guess is nearly empty; hundredths flat.
pub const MANY_EMPTY: u8 = 90;
/// Distance within which a guess at what is nearly empty is near in a large index; bits.
pub const MANY_EMPTY_GUESS: u16 = 16;
/// How far out a small part, or a fitted guess at what is not rich, may verify an entry in a large index; bits.
pub const MANY_VERIFIED_BITS: u16 = 44;
/// Flatness from which a fitted guess is very flat; hundredths flat.
pub const MANY_FITTED_FLATNESS: u8 = 70;
/// Share apart up to which a fitted guess at what is very flat is verified in a large index; share of weight.
pub const MANY_FITTED_APART: f32 = 0.065;
/// Less of an upload is a small part of it; share of the upload.
pub const LOOK_SMALL: f32 = 0.2;
/// Less of an upload is so little that patterns are met in it; share of the upload.
pub const LOOK_MINOR: f32 = 0.3;
/// Pictures of a file of which guesses are made; pictures.
pub const LOOK_MOST_GUESSED: usize = 16;
/// A picture within so many bits of one of which guesses were made tells nothing new; bits.
pub const LOOK_SAME_PICTURE: u16 = 8;
/// Flatness from which a guess that is near does not block, but is reviewed; small parts of any picture neither; hundredths flat.
pub const STOPS_FLATNESS: u8 = 40;
/// Distance beyond which a guess that is near does not block, but is reviewed; bits.
pub const STOPS_GUESS: u16 = 24;
/// How far out entries lie that the picture itself, or mirrored, is fitted to; bits.
pub const NEAR_FAR: u16 = 72;
/// Entries that are noted for fitting; entries.
pub const NEAR_MOST_NOTED: usize = 12;
/// Sizes of an index up to which the first, and the second, effort at fitting is made; hashes.
pub const NEAR_EFFORT_HELD: [u64; 2] = [50000, 200000];
/// Entries that are fitted for one input, by the size of the index; entries.
pub const NEAR_EFFORT_ENTRIES: [usize; 3] = [3, 2, 1];
/// How alike an entry must be to be fitted, by the size of the index; score.
pub const NEAR_EFFORT_SCORE: [f64; 3] = [0.5, 0.6, 0.66];
/// Entries that are noted for a second hash; entries.
pub const NEARLY_MOST_NOTED: usize = 16;
/// How much less of a score is enough where a second hash speaks too; score.
pub const NEARLY_LESS: f64 = 0.08;
/// Flatness from which no second hash is asked; hundredths flat.
pub const NEARLY_TOO_FLAT: u8 = 60;
/// Entries of one input about which a second hash is asked; entries.
pub const SECOND_MOST_ASKED: usize = 8;
/// How near a second hash must be; bits of 64.
pub const SECOND_WITHIN: u16 = 8;
/// Taken off the score before fitting, for the share that was left out in boxes; score for a share.
pub const LIBERTIES_COVERED: f64 = 1.07;
/// Taken off the score before fitting, for the share of the upload that was left out; score for a share.
pub const LIBERTIES_LEFT_OUT: f64 = 0.2;
/// Taken off the score before fitting, where the guess is turned or mirrored; score.
pub const LIBERTIES_TURNED: f64 = 0.16;
/// Two entries within so many bits, in any of the eight ways, are one picture; bits.
pub const RIVALS_SAME: u32 = 60;
/// Of two entries that one plain guess fits within so much of each other, neither counts; score.
pub const RIVALS_NEARLY: f64 = 0.1;
/// From this score on a fitted guess has no rival; score.
pub const RIVALS_VERY_WELL: f64 = 0.95;
/// How many bits a hash from coefficients is taken to be off; bits.
pub const DOUBTS_MARGIN: u16 = 8;
/// How far a score is taken to be off where the hash is from coefficients; score.
pub const DOUBTS_SCORE_MARGIN: f64 = 0.08;
/// How far a quality from coefficients is taken to be off; quality.
pub const DOUBTS_QUALITY_MARGIN: u8 = 3;
/// Sizes of an index up to which each radius of terms.widest_bits holds; hashes.
pub const TERMS_WIDEST_HELD: [u64; 3] = [100000, 2000000, 20000000];
/// How far out an entry may lie and be verified, by the size of the index; bits.
pub const TERMS_WIDEST_BITS: [u16; 4] = [60, 48, 40, 0];
/// Size of an index up to which every guess is asked about beyond the banks' thresholds; hashes.
pub const TERMS_BEYOND_ALL_HELD: u64 = 50000;
/// Placements that are tried for one entry; placements.
pub const FIT_MOST_LOOKS: usize = 90;
/// Boxes that are left out; boxes.
pub const FIT_MOST_BOXES: usize = 2;
/// How much the boxes may cover together; share of the original.
pub const FIT_MOST_COVERED: f32 = 0.3;
/// An entry that is still so far apart after two rounds is a stranger's; share of weight.
pub const FIT_HOPELESS: f32 = 0.22;
/// How much around a part of a picture is looked at; share of a side.
pub const FIT_AROUND: f32 = 0.06;
/// Half of this is how much a step must bring the entry nearer, three times this a box; share of weight.
pub const FIT_BETTER: f32 = 0.004;
/// How far the place of an original is first moved: larger, right, down, wider, higher, turned, tilted twice; shares of a side; radians the sixth.
pub const FIT_STEPS: [f32; 8] = [0.02, 0.016, 0.016, 0.03, 0.03, 0.018, 0.05, 0.05];
/// Sides of the square boxes that are tried: stickers; samples of 64.
pub const FIT_SQUARES: [f32; 3] = [13.0, 19.0, 26.0];
/// Widths of the long boxes that are tried: texts and bars; samples of 64.
pub const FIT_LINES: [f32; 3] = [26.0, 40.0, 56.0];
/// Height of the long boxes; samples of 64.
pub const FIT_LINE_HEIGHT: f32 = 9.0;
/// How far cells of one ground may lie apart; steps of 255.
pub const RECTANGLES_SAME_GROUND: f32 = 7.0;
/// The same where the picture itself begins with nearly the colour of its border; steps of 255.
pub const RECTANGLES_VERY_SAME: f32 = 1.2;
/// One cell in so many of a line of ground may be of another colour; cells.
pub const RECTANGLES_OTHERS: usize = 50;
/// Least side of a picture within a picture; share of a side.
pub const RECTANGLES_LEAST_SIDE: f32 = 0.12;
/// Least area of a picture within a picture; share of the area.
pub const RECTANGLES_LEAST_AREA: f32 = 0.03;
/// How near the edges of two rectangles lie that are taken for one; share of a side.
pub const RECTANGLES_SAME_WITHIN: f32 = 0.004;
/// Straight edges that are kept in each direction; lines.
pub const RECTANGLES_MOST_LINES: usize = 14;
/// Pieces that are cut out along the ground; pieces.
pub const RECTANGLES_MOST_PIECES: usize = 64;
/// Cells of a line that are added up before its best stretch is looked for; cells.
pub const RECTANGLES_PIECE: usize = 8;
/// What a straight edge must have for it; share of a line.
pub const RECTANGLES_PEAK: f32 = 0.05;
/// What the picture's own edge counts as; share.
pub const RECTANGLES_OWN_EDGE: f32 = 0.2;
/// From which step on a cell is not flat, where rectangles are ranked; steps of 255.
pub const RECTANGLES_RICH_STEP: f32 = 2.0;
/// What each side of an enclosed rectangle must have for it; share of a side.
pub const RECTANGLES_LEAST_SUPPORT: f32 = 0.06;
/// Cells of a patch that differ by less are flat; steps of 255.
pub const FLATNESS_STEP: f32 = 0.75;
/// Over how much of it what a crop took is made up as a ramp to the mean; share of what is seen.
pub const RAMP_FIRST: f32 = 0.25;
/// The same for another guess; bits in which the two differ depend on what nobody saw; share of what is seen.
pub const RAMP_OTHER: f32 = 2.0;
/// Sides of the cells of a small picture, the largest first that leaves enough of them; pixels.
pub const THUMBNAIL_CELLS: [usize; 3] = [8, 4, 2];
/// Shorter side from which cells are not finer than 4 pixels; pixels.
pub const THUMBNAIL_COARSE_FROM: usize = 800;
/// Cells along the shorter side of a small picture, at least; cells.
pub const LUMA_WANTED: usize = 256;
/// Cells along the longer side of a small picture, at most; cells.
pub const LUMA_MOST: usize = 640;
/// Variants of one picture; variants.
pub const VARIANTS_MOST: usize = 1600;
/// Crops of the same on all sides that are undone; thousandths of a side.
pub const PLAN_UNCROP_EVEN: &[u16] = &[25, 50, 75, 100, 125, 150];
/// Crops of the same at both ends of one direction; the last two are what makes a square of 4:3 and of 3:2; thousandths of a side.
pub const PLAN_UNCROP_ONE_WAY: &[u16] = &[25, 50, 100, 125, 167];
/// Crops at one side; thousandths of a side.
pub const PLAN_UNCROP_ONE_SIDE: &[u16] = &[50, 100, 150, 200];
/// Crops at two sides that meet; thousandths of a side.
pub const PLAN_UNCROP_CORNER: &[u16] = &[50, 100, 200, 250];
/// thorough: crops of the same at both ends of a direction; thousandths of a side.
pub const PLAN_THOROUGH_UNCROP_EVEN: &[u16] = &[25, 50, 75, 100, 125, 150, 200];
/// thorough: crops at one end of a direction; thousandths of a side.
pub const PLAN_THOROUGH_UNCROP_ONE_SIDE: &[u16] = &[50, 75, 100, 150, 200, 250, 300];
/// Turns whose corners were filled, to either side; tenths of a degree.
pub const PLAN_TURNS_KEPT: &[i16] = &[10, 20, 30, 40, 50, 70, 90];
/// Turns cut to what is all picture, to either side; tenths of a degree.
pub const PLAN_TURNS_CUT: &[i16] = &[15, 30, 45, 70, 100];
/// Turns that made the picture larger, to either side; tenths of a degree.
pub const PLAN_TURNS_GROWN: &[i16] = &[20, 30, 40, 50, 70, 90];
/// thorough: turns whose corners were filled; tenths of a degree.
pub const PLAN_THOROUGH_TURNS_KEPT: &[i16] =
    &[5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 130, 150];
/// thorough: turns cut to what is all picture; tenths of a degree.
pub const PLAN_THOROUGH_TURNS_CUT: &[i16] = &[10, 20, 30, 40, 50, 70, 100];
/// thorough: turns that made the picture larger; tenths of a degree.
pub const PLAN_THOROUGH_TURNS_GROWN: &[i16] = &[20, 30, 40, 50, 60, 70, 80, 90, 100, 110];
/// By how much the far edge is shorter at each end; thousandths of a side.
pub const PLAN_PERSPECTIVES: &[u16] = &[50];
/// thorough: the same; thousandths of a side.
pub const PLAN_THOROUGH_PERSPECTIVES: &[u16] = &[25, 50, 100];
/// Margins of one width that are cut away though no edge shows them; share of the shorter side.
pub const PLAN_MARGINS: &[f32] = &[0.025, 0.05, 0.08];
/// thorough: the same; share of the shorter side.
pub const PLAN_THOROUGH_MARGINS: &[f32] = &[0.02, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.125, 0.15];
/// Captions above or below that are cut away though no edge shows them; share of the height.
pub const PLAN_BANDS: &[f32] = &[0.05, 0.09, 0.13, 0.17, 0.21, 0.25];
/// thorough: the same; share of the height.
pub const PLAN_THOROUGH_BANDS: &[f32] = &[
    0.03, 0.05, 0.07, 0.09, 0.11, 0.13, 0.15, 0.17, 0.19, 0.21, 0.23, 0.25, 0.28, 0.31,
];
/// Crops that are not the same at both ends: pairs, each along x with each along y; thousandths of a side.
pub const PLAN_UNCROP_UNEVEN: &[u16] = &[100, 20, 20, 100, 60, 60];
/// Bands above and below that are not looked at: pairs; thousandths of the height.
pub const PLAN_COVERS: &[u16] = &[150, 0, 0, 150, 150, 150, 0, 250];
/// thorough: the same; thousandths of the height.
pub const PLAN_THOROUGH_COVERS: &[u16] = &[
    150, 0, 0, 150, 150, 150, 0, 250, 250, 0, 200, 200, 100, 100, 330, 0, 0, 330,
];
/// Shapes that pictures commonly have: pairs; width and height.
pub const PLAN_SHAPES: &[u16] = &[1, 1, 4, 3, 3, 2, 16, 9, 5, 4, 3, 4, 2, 3, 9, 16, 4, 5];
/// Crops of the middle that are kept of a known picture; share of a side.
pub const PLAN_KNOWN_MARGINS: &[f32] = &[0.05, 0.1, 0.15, 0.2, 0.25];
/// Crops at the sides and corners that are kept of a known picture; share of a side.
pub const PLAN_KNOWN_CUTS: &[f32] = &[0.1, 0.2, 0.35, 0.5];
/// Crops that are undone of a rectangle that was found; thousandths of a side.
pub const PLAN_REGION_UNCROPS: &[u16] = &[25, 50];
/// thorough: turns of a rectangle that was found; tenths of a degree.
pub const PLAN_REGION_TURNS: &[i16] = &[-30, -15, 15, 30];
/// Rectangles that are looked for, standard and thorough; rectangles.
pub const PLAN_RECTANGLES: [usize; 2] = [10, 20];
