//! How far a reader that goes by times leaps where an answer cannot be read.

/// Steps that grow fourfold, in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Leap {
    step: u64,
}

impl Leap {
    /// The time to go on from, behind `from`; `None` where that would be in the future.
    pub(super) fn over(&mut self, from: u64, now: u64) -> Option<u64> {
        self.step = self.step.saturating_mul(4).max(1);
        let to = from.checked_add(self.step)?;
        if to <= now {
            return Some(to);
        }
        // The last step ends now.
        (from < now).then_some(now)
    }

    /// An answer could be read.
    pub(super) fn landed(&mut self) {
        self.step = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_grows_and_never_leads_into_the_future() {
        let mut leap = Leap::default();
        let (mut at, mut steps) = (0, 0);
        while let Some(to) = leap.over(at, 1_700_000_000) {
            assert!(to > at && to <= 1_700_000_000);
            (at, steps) = (to, steps + 1);
        }
        assert_eq!((at, steps), (1_700_000_000, 17));
        leap.landed();
        assert_eq!(leap.over(5, 100), Some(6));
    }
}
