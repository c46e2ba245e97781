//! What is asked of strangers: a plan.

use crate::evaluate::plan::Plan;

/// What is asked of strangers.
#[derive(Debug, Clone)]
pub struct StrangersPlan {
    /// How pictures are read, copies drawn, and what is asked by: of the modifications each is made of each upload, of the
    /// sets of variants each is asked by, and the policy is the list's.
    pub plan: Plan,
    /// Sizes of the list, in hashes, rising. Each list begins with the one before. At most [`StrangersPlan::MOST`].
    pub sizes: Vec<u64>,
    /// Most pictures that are asked about, evenly spread; `None` for all of the test split.
    pub uploads: Option<usize>,
}

impl StrangersPlan {
    /// Most hashes of a list.
    pub const MOST: u64 = 100_000_000;
}
