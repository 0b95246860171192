//! When a fault strikes.

use super::Fault;
use crate::planes::aws::wire::Call;

/// Which calls a fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Only {
    All,
    Changes,
}

/// A fault and when it strikes. Rules are tried in the order of [`super::Faults::with`]; the first that strikes decides.
#[derive(Debug, Clone)]
pub struct Rule {
    pattern: String,
    only: Only,
    pub(super) fault: Fault,
    skip: u32,
    times: Option<u32>,
    chance: f64,
    seen: u32,
    pub(super) struck: u32,
}

impl Rule {
    /// The fault for each call whose `service.operation` matches the pattern, in which `*` stands for any text.
    #[must_use]
    pub fn new(pattern: &str, fault: Fault) -> Self {
        Self { pattern: pattern.to_owned(), only: Only::All, fault, skip: 0, times: None, chance: 1.0, seen: 0, struck: 0 }
    }

    /// Only for calls that change something.
    #[must_use]
    pub fn changes(self) -> Self {
        Self { only: Only::Changes, ..self }
    }

    /// Not for the first `calls` that match.
    #[must_use]
    pub fn after(self, calls: u32) -> Self {
        Self { skip: calls, ..self }
    }

    /// At most this often.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// With this probability, from 0 to 1.
    #[must_use]
    pub fn chance(self, chance: f64) -> Self {
        Self { chance, ..self }
    }

    pub(super) fn strikes(&mut self, call: &Call, dice: &mut Dice) -> bool {
        if (self.only == Only::Changes && call.is_read()) || !matches(&self.pattern, &call.to_string()) {
            return false;
        }
        self.seen += 1;
        let strikes = self.seen > self.skip
            && self.times.is_none_or(|times| self.struck < times)
            && (self.chance >= 1.0 || dice.roll() < self.chance);
        self.struck += u32::from(strikes);
        strikes
    }
}

/// `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text
            .strip_prefix(head)
            .is_some_and(|text| text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| matches(rest, &text[at..]))),
    }
}

/// SplitMix64: the same numbers for a seed, whatever the version of a crate.
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        // The upper 53 bits: all that an f64 holds exactly.
        #[allow(clippy::cast_precision_loss)]
        let fraction = ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, text, want) in [
            ("*", "ec2.CreateVpc", true),
            ("ec2.*", "ec2.CreateVpc", true),
            ("*.Create*", "ec2.CreateVpc", true),
            ("ec2.Create", "ec2.CreateVpc", false),
            ("ec2.*Vpc", "ec2.CreateVpcEndpoint", false),
            ("*Vpc*", "ec2.CreateVpc", true),
        ] {
            assert_eq!(matches(pattern, text), want, "{pattern} {text}");
        }
    }
}
