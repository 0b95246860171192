//! The name of a copy: the stack, `drill` and the time.

use jiff::Timestamp;

/// The name of a copy that is asked for at that time.
#[must_use]
pub fn name(stack: &str, at: Timestamp) -> String {
    format!("{stack}-drill-{}", at.strftime("%Y%m%d-%H%M%S"))
}

/// Whether a drill of that stack made this name.
pub(super) fn is_ours(stack: &str, name: &str) -> bool {
    let digits = |text: &str, number: usize| text.len() == number && text.bytes().all(|byte| byte.is_ascii_digit());
    let time = name.strip_prefix(stack).and_then(|rest| rest.strip_prefix("-drill-"));
    time.and_then(|time| time.split_once('-')).is_some_and(|(day, time)| digits(day, 8) && digits(time, 6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_were_made_here_are_a_drills() {
        let made = name("hostedehr", "2026-11-30T04:05:06Z".parse().unwrap());
        assert_eq!(made, "hostedehr-drill-20261130-040506");
        assert!(is_ours("hostedehr", &made));
        for other in
            ["hostedehr-database-server", "hostedehr-drill-", "hostedehr-drill-20261130", "hostedehr-drill-20261130-04050", "drill"]
        {
            assert!(!is_ours("hostedehr", other), "{other}");
        }
        assert!(!is_ours("hosted", &made) && !is_ours("hostedehr-drill", &made));
    }
}
