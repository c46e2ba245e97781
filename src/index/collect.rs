//! Where hits go: all of them, or the nearest so many.

use crate::index::Hit;
use std::collections::BTreeSet;

/// Takes the hits of one query.
pub(super) trait Collect {
    /// Farther hashes than this need not be looked for any more.
    fn radius(&self) -> u32;
    /// Takes a hit. `false` says that no greater hit can count any more.
    fn push(&mut self, hit: Hit) -> bool;
    /// Remembers this place.
    fn mark(&mut self);
    /// Forgets the hits since the place; they will be pushed again.
    fn roll_back(&mut self);
}

/// Takes all hits.
pub(super) struct All {
    radius: u32,
    mark: usize,
    pub(super) hits: Vec<Hit>,
}

impl All {
    pub(super) fn new(radius: u32) -> Self {
        Self {
            radius,
            mark: 0,
            hits: Vec::new(),
        }
    }
}

impl Collect for All {
    fn radius(&self) -> u32 {
        self.radius
    }

    fn push(&mut self, hit: Hit) -> bool {
        self.hits.push(hit);
        true
    }

    fn mark(&mut self) {
        self.mark = self.hits.len();
    }

    fn roll_back(&mut self) {
        self.hits.truncate(self.mark);
    }
}

/// Takes all hits, as long as they are few.
pub(super) struct Few {
    all: All,
    most: usize,
    /// Whether there were more: then those that it has are not all.
    pub(super) is_over: bool,
}

impl Few {
    pub(super) fn new(radius: u32, most: usize) -> Self {
        Self {
            all: All::new(radius),
            most,
            is_over: false,
        }
    }

    /// The hits, in their order.
    pub(super) fn hits(&mut self) -> &[Hit] {
        self.all.hits.sort_unstable();
        &self.all.hits
    }
}

impl Collect for Few {
    fn radius(&self) -> u32 {
        self.all.radius
    }

    fn push(&mut self, hit: Hit) -> bool {
        self.is_over |= self.all.hits.len() >= self.most;
        !self.is_over && self.all.push(hit)
    }

    fn mark(&mut self) {
        self.all.mark();
    }

    /// What was too much once will be again.
    fn roll_back(&mut self) {
        self.all.roll_back();
    }
}

/// Tells each hit to somebody and keeps none.
pub(super) struct Tell<F> {
    radius: u32,
    tell: F,
}

impl<F: FnMut(Hit)> Tell<F> {
    pub(super) const fn new(radius: u32, tell: F) -> Self {
        Self { radius, tell }
    }
}

impl<F: FnMut(Hit)> Collect for Tell<F> {
    fn radius(&self) -> u32 {
        self.radius
    }

    fn push(&mut self, hit: Hit) -> bool {
        (self.tell)(hit);
        true
    }

    /// What is pushed again is told again.
    fn mark(&mut self) {}
    fn roll_back(&mut self) {}
}

/// As [`Tell`], but gives up after so many hits.
pub(super) struct Brief<F> {
    told: Tell<F>,
    left: usize,
}

impl<F: FnMut(Hit)> Brief<F> {
    pub(super) const fn new(radius: u32, most: usize, tell: F) -> Self {
        Self {
            told: Tell::new(radius, tell),
            left: most,
        }
    }

    /// Whether no hit was left out.
    pub(super) const fn is_complete(&self) -> bool {
        self.left > 0
    }
}

impl<F: FnMut(Hit)> Collect for Brief<F> {
    fn radius(&self) -> u32 {
        self.told.radius
    }

    fn push(&mut self, hit: Hit) -> bool {
        self.left = self.left.saturating_sub(1);
        self.is_complete() && self.told.push(hit)
    }

    fn mark(&mut self) {}
    fn roll_back(&mut self) {}
}

/// Takes the first `limit` hits in their order; the radius shrinks as it fills.
pub(super) struct Nearest {
    radius: u32,
    limit: usize,
    pub(super) hits: BTreeSet<Hit>,
}

impl Nearest {
    /// `limit` must not be 0.
    pub(super) fn new(radius: u32, limit: usize) -> Self {
        Self {
            radius,
            limit,
            hits: BTreeSet::new(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.hits.len() >= self.limit
    }
}

impl Collect for Nearest {
    fn radius(&self) -> u32 {
        match self.hits.last() {
            Some(last) if self.is_full() => self.radius.min(u32::from(last.distance.0)),
            _ => self.radius,
        }
    }

    fn push(&mut self, hit: Hit) -> bool {
        if self.is_full() && self.hits.last().is_some_and(|last| *last < hit) {
            return false;
        }
        self.hits.insert(hit);
        if self.hits.len() > self.limit {
            self.hits.pop_last();
        }
        true
    }

    /// A set takes what is pushed again for what it has.
    fn mark(&mut self) {}
    fn roll_back(&mut self) {}
}
